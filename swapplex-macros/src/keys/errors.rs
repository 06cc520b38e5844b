use std::fmt::Display;

use quote::ToTokens;

/// All errors of a struct, so that they are shown at once.
#[derive(Default)]
pub(super) struct Errors(Vec<syn::Error>);

impl Errors {
    /// An error that underlines `tokens`.
    pub(super) fn at(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.0.push(syn::Error::new_spanned(tokens, message));
    }

    pub(super) fn push(&mut self, error: syn::Error) {
        self.0.push(error);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn into_inner(self) -> Vec<syn::Error> {
        self.0
    }
}

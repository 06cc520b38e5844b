//! What is wrong with an item, and how that is told.

use std::fmt::Display;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

/// All errors of a struct, so that they are shown at once.
#[derive(Default)]
pub(crate) struct Errors(Vec<syn::Error>);

impl Errors {
    /// An error that underlines `tokens`.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.0.push(syn::Error::new_spanned(tokens, message));
    }

    pub(crate) fn push(&mut self, error: syn::Error) {
        self.0.push(error);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn into_inner(self) -> Vec<syn::Error> {
        self.0
    }
}

/// All errors. A failed macro at the top of a module would hide rustc's own errors in it, so each has a constant around.
pub(crate) fn tokens(errors: &[syn::Error]) -> TokenStream {
    errors
        .iter()
        .map(|error| {
            let error = error.to_compile_error();
            quote!(const _: () = { #error };)
        })
        .collect()
}

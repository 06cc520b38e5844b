//! `#[derive(Database)]`, in stages: [`attributes`] reads what the user wrote, [`prefix`] and [`url`] find what would show
//! only when the program runs, [`expand`] writes the implementation.

mod attributes;
mod expand;
mod prefix;
mod url;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use self::attributes::Declaration;
use crate::errors::{self, Errors};

pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let item = match syn::parse2::<DeriveInput>(item) {
        Ok(item) => item,
        Err(error) => return errors::tokens(&[error]),
    };
    let mut errors = Errors::default();
    let declaration = Declaration::read(&item, &mut errors);
    let mut tokens = if errors.len() == 0 {
        expand::database(&declaration)
    } else {
        expand::fallback(&declaration)
    };
    tokens.extend(errors::tokens(&errors.into_inner()));
    tokens
}

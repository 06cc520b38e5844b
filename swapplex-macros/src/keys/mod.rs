//! `#[derive(RedisKeys)]`, in stages: [`attributes`] reads what the user wrote, [`template`] takes the templates
//! apart, [`checks`] finds what rustc would not, [`expand`] writes the accessors, and [`fallback`] what keeps
//! errors from causing others.

mod attributes;
mod checks;
mod collisions;
mod docs;
mod duration;
mod expand;
mod fallback;
mod hash_tag;
mod template;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use self::attributes::Keyspace;
use crate::errors::{self, Errors};

pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let item = match syn::parse2::<DeriveInput>(item) {
        Ok(item) => item,
        Err(error) => return errors::tokens(&[error]),
    };
    let mut errors = Errors::default();
    let mut keyspace = Keyspace::read(&item, &mut errors);
    let families = checks::check(&mut keyspace, &mut errors);
    let mut tokens = expand::keyspace(&keyspace, &families);
    tokens.extend(errors::tokens(&errors.into_inner()));
    tokens
}

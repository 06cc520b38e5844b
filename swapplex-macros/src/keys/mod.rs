//! `#[derive(RedisKeys)]`, in stages: [`attributes`] reads what the user wrote, [`template`] takes the templates
//! apart, [`checks`] finds what rustc would not, [`expand`] writes the accessors, and [`fallback`] what keeps
//! errors from causing others. [`half_typed`] reads what only editors give to a derive.

mod attributes;
mod checks;
mod collisions;
mod docs;
mod duration;
mod expand;
mod fallback;
mod half_typed;
mod hash_tag;
mod template;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use self::attributes::Keyspace;
use crate::errors::{self, Errors};

pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let item = match syn::parse2::<DeriveInput>(item.clone()) {
        Ok(item) => item,
        Err(error) => match half_typed::read(item) {
            Some(item) => {
                errors.push(error);
                item
            }
            None => return errors::tokens(&[error]),
        },
    };
    let mut keyspace = Keyspace::read(&item, &mut errors);
    let families = checks::check(&mut keyspace, &mut errors);
    let mut tokens = expand::keyspace(&keyspace, &families);
    tokens.extend(errors::tokens(&errors.into_inner()));
    tokens
}

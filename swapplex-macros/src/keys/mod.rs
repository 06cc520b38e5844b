//! `#[derive(RedisKeys)]`, in stages: [`attributes`] reads what the user wrote, [`template`] takes the templates
//! apart, [`checks`] finds what rustc would not, [`expand`] writes the accessors, and [`fallback`] the errors along with
//! what keeps them from causing others.

mod attributes;
mod checks;
mod collisions;
mod docs;
mod duration;
mod errors;
mod expand;
mod fallback;
mod hash_tag;
mod options;
mod template;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use self::attributes::Keyspace;
use self::errors::Errors;

pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let item = match syn::parse2::<DeriveInput>(item) {
        Ok(item) => item,
        Err(error) => return fallback::errors(&[error]),
    };
    let mut errors = Errors::default();
    let mut keyspace = Keyspace::read(&item, &mut errors);
    let families = checks::check(&mut keyspace, &mut errors);
    let mut tokens = expand::keyspace(&keyspace, &families);
    tokens.extend(fallback::errors(&errors.into_inner()));
    tokens
}

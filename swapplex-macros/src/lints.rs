//! Which lints the user has silenced, or wants to hear of: what goes for an item goes for what it expands to.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Meta};

/// The lint levels among an item's attributes, for what is made of the item.
pub(crate) fn levels(attributes: &[Attribute]) -> TokenStream {
    attributes
        .iter()
        .filter_map(|attribute| {
            let path = attribute.path();
            if ["allow", "warn", "deny"]
                .into_iter()
                .any(|level| path.is_ident(level))
            {
                return Some(attribute.to_token_stream());
            }
            // The item itself is where the expectation is met; it need not be met again.
            match &attribute.meta {
                Meta::List(list) if path.is_ident("expect") => {
                    let lints = &list.tokens;
                    Some(quote!(#[allow(#lints)]))
                }
                _ => None,
            }
        })
        .collect()
}

/// The lint levels for an implementation: it names its type, deprecated or not.
pub(crate) fn of_implementation(attributes: &[Attribute]) -> TokenStream {
    let levels = levels(attributes);
    let allow = is_deprecated(attributes).then(|| quote!(#[allow(deprecated)]));
    quote!(#levels #allow)
}

pub(crate) fn is_deprecated(attributes: &[Attribute]) -> bool {
    attributes
        .iter()
        .any(|attribute| attribute.path().is_ident("deprecated"))
}

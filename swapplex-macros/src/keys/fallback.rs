//! What stands in for an accessor that was rejected, so that its callers don't fail as well.

use proc_macro2::TokenStream;
use quote::quote;

use super::attributes::{Family, Keyspace, Signature};
use super::expand;

/// An accessor that compiles, and is never run.
pub(super) fn accessor(
    keyspace: &Keyspace<'_>,
    family: &Family<'_>,
    signature: &Signature<'_>,
) -> TokenStream {
    let head = expand::head(keyspace, family, signature, docs(family).as_ref());
    let parameters = signature.parameters.iter().filter_map(|parameter| parameter.name);
    quote! {
        #head {
            #(_ = &#parameters;)*
            loop {}
        }
    }
}

/// What can be called with anything, where the signature is not known: a constant whose type holds the error.
pub(super) fn constant(family: &Family<'_>) -> TokenStream {
    let (visibility, name) = (&family.field.vis, family.name);
    let ty = family.untyped.as_ref().map(erroneous);
    let docs = docs(family);
    quote! {
        #docs
        #[allow(non_upper_case_globals)]
        #visibility const #name: #ty = loop {};
    }
}

/// A type that rustc knows to be wrong for the reason given, so that it says nothing of what is done with its values.
///
/// A failed macro that stands for a type itself leaves `()`, of which everything is said; one that stands for an
/// expression leaves an error, and an array's length is one. The tuple hides the methods of slices.
pub(super) fn erroneous(error: &syn::Error) -> TokenStream {
    let length = error.to_compile_error();
    quote!(([(); #length],))
}

fn docs(family: &Family<'_>) -> Option<TokenStream> {
    let has_docs = family
        .field
        .attrs
        .iter()
        .any(|attribute| attribute.path().is_ident("doc"));
    (!has_docs).then(|| quote!(#[doc = "Rejected."]))
}

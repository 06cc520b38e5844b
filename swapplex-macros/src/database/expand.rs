//! The implementation.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::attributes::Declaration;
use crate::lints;

/// The implementation of `Database`.
pub(super) fn database(declaration: &Declaration<'_>) -> TokenStream {
    let krate = &declaration.krate;
    let name = &declaration.item.ident;
    let lints = lints::of_implementation(&declaration.item.attrs);
    let source = source(declaration);
    let configure = declaration.configure.as_ref().map(|function| {
        // Underlines the function where its type is not this one.
        quote_spanned! {Span::mixed_site().located_at(function.span())=>
            let configure: fn(#krate::ClientBuilder) -> #krate::ClientBuilder = #function;
            let builder = configure(builder);
        }
    });
    let replay = declaration.replay.as_ref().map(
        |level| quote_spanned!(Span::mixed_site()=> let builder = builder.replay(#krate::Replay::#level);),
    );
    let on_connect = declaration.on_connect.as_ref().map(|hook| {
        quote_spanned! {Span::mixed_site().located_at(hook.span())=>
            let builder = builder.on_connect(#hook);
        }
    });
    quote_spanned! {Span::mixed_site()=>
        #[automatically_derived]
        #lints
        impl #krate::Database for #name {
            #[inline]
            fn client() -> &'static #krate::Client {
                static CLIENT: ::std::sync::OnceLock<#krate::Client> = ::std::sync::OnceLock::new();
                // By path, as a trait's `get_or_init(self, …)` would go before it; the builder's methods take `self` too.
                ::std::sync::OnceLock::get_or_init(&CLIENT, || {
                    let builder = #krate::Client::builder(#source);
                    #replay
                    #configure
                    #on_connect
                    builder.build()
                })
            }
        }
    }
}

fn source(declaration: &Declaration<'_>) -> TokenStream {
    let krate = &declaration.krate;
    if let Some(option) = &declaration.service_url {
        let bound = quote_spanned! {option.span()=> <Self as #krate::private::ServiceURL>::service_url };
        return quote!(#krate::config::Source::service_url(#bound));
    }
    let env = &declaration.env;
    if let Some(default) = &declaration.default {
        quote!(#krate::config::Source::env_or(#env, #default))
    } else {
        quote!(#krate::config::Source::env(#env))
    }
}

/// What stands in for a database that was rejected, so that its users don't fail as well. Never run.
pub(super) fn fallback(declaration: &Declaration<'_>) -> TokenStream {
    if !declaration.item.generics.params.is_empty() {
        return TokenStream::new();
    }
    let krate = &declaration.krate;
    let name = &declaration.item.ident;
    let lints = lints::of_implementation(&declaration.item.attrs);
    quote! {
        #[automatically_derived]
        #lints
        impl #krate::Database for #name {
            fn client() -> &'static #krate::Client {
                loop {}
            }
        }
    }
}

//! A struct that is still being typed. An editor expands it all the time, and what is complete in it is to stay known.

use proc_macro2::{TokenStream, TokenTree};
use syn::parse::discouraged::Speculative;
use syn::parse::{Parse as _, ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{Attribute, Data, DataStruct, DeriveInput, Field, Fields, FieldsNamed, Generics, Token, braced};

/// The struct without the fields that cannot be read. rustc gives a derive none of these.
pub(super) fn read(item: TokenStream) -> Option<DeriveInput> {
    parse.parse2(item).ok()
}

fn parse(input: ParseStream<'_>) -> syn::Result<DeriveInput> {
    let attrs = input.call(Attribute::parse_outer)?;
    let vis = input.parse()?;
    let struct_token = input.parse()?;
    let ident = input.parse()?;
    let mut generics: Generics = input.parse()?;
    generics.where_clause = input.parse()?;
    let content;
    let brace_token = braced!(content in input);
    let named = fields(&content)?;
    let fields = Fields::Named(FieldsNamed { brace_token, named });
    let data = Data::Struct(DataStruct {
        struct_token,
        fields,
        semi_token: None,
    });
    Ok(DeriveInput {
        attrs,
        vis,
        ident,
        generics,
        data,
    })
}

fn fields(content: ParseStream<'_>) -> syn::Result<Punctuated<Field, Token![,]>> {
    let mut fields = Punctuated::new();
    while !content.is_empty() {
        let ahead = content.fork();
        match ahead.call(Field::parse_named) {
            Ok(field) if ahead.is_empty() || ahead.peek(Token![,]) => {
                content.advance_to(&ahead);
                fields.push_value(field);
                fields.push_punct(Option::parse(content)?.unwrap_or_default());
            }
            // On to where another field may begin: each has an attribute.
            _ => {
                content.parse::<TokenTree>()?;
                while !content.is_empty() && !content.peek(Token![#]) {
                    content.parse::<TokenTree>()?;
                }
            }
        }
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    #[test]
    fn what_is_complete_is_read() {
        for half_typed in [
            quote!(b:),
            quote!(b: ,),
            quote!(pub),
            quote!(b: fn(id: u64) -> ,),
            quote!(b: fn(id: ) #[key("b")] b: fn() Counter,),
        ] {
            let item = quote! {
                pub struct Keys<T> where T: Display {
                    /// One.
                    #[key("a:{id}")]
                    a: fn(id: T) -> Hash<String, u64>,
                    #[key("b:{id}")]
                    #half_typed
                    #[key("c:{id}")]
                    c: fn(id: u64) -> Counter
                }
            };
            assert!(syn::parse2::<DeriveInput>(item.clone()).is_err(), "{item}");
            let names: Vec<String> = match read(item.clone()).map(|item| item.data) {
                Some(Data::Struct(data)) => data
                    .fields
                    .iter()
                    .filter_map(|field| field.ident.as_ref().map(ToString::to_string))
                    .collect(),
                _ => Vec::new(),
            };
            assert_eq!(names, ["a", "c"], "{item}");
        }
    }

    #[test]
    fn its_error_is_told_along_with_its_accessors() {
        let expansion = super::super::expand(quote! {
            struct Keys {
                #[key("a:{id}")]
                a: fn(id: u64) -> Counter,
                #[key("b:{id}")]
                b:
            }
        })
        .to_string();
        assert!(expansion.contains("fn a (id : u64)"), "{expansion}");
        assert_eq!(expansion.matches("compile_error").count(), 1, "{expansion}");
    }
}

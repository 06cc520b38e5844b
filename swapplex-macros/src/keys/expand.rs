//! The accessors.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Data, Fields, GenericParam, Type};

use super::attributes::{Cached, Duration, Family, Keyspace, Raw, Signature, span};
use super::checks::{Plan, Use};
use super::template::{Format, Piece, width};
use super::{docs, fallback};
use crate::lints;

/// Everything but the errors.
pub(super) fn keyspace(keyspace: &Keyspace<'_>, plans: &[Option<Plan>]) -> TokenStream {
    if keyspace.families.is_empty() {
        return TokenStream::new();
    }
    let mut checks_database = true;
    let accessors: TokenStream = keyspace
        .families
        .iter()
        .zip(plans)
        .map(|(family, plan)| {
            let Some(signature) = &family.signature else {
                return fallback::constant(family);
            };
            if family.is_rejected {
                return fallback::accessor(keyspace, family, signature);
            }
            let checks_database = std::mem::take(&mut checks_database);
            accessor(keyspace, family, signature, plan.as_ref(), checks_database)
        })
        .collect();
    let name = &keyspace.item.ident;
    let (parameters, arguments, bounds) = keyspace.item.generics.split_for_impl();
    let lints = lints::of_implementation(&keyspace.item.attrs);
    let fields = fields(keyspace);
    quote! {
        #lints
        impl #parameters #name #arguments #bounds {
            #accessors
        }
        #fields
    }
}

/// Uses the fields, which are there to be read by people.
fn fields(keyspace: &Keyspace<'_>) -> TokenStream {
    let krate = &keyspace.krate;
    let name = &keyspace.item.ident;
    let (parameters, arguments, bounds) = keyspace.item.generics.split_for_impl();
    let fields = match &keyspace.item.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => fields
                .named
                .iter()
                .filter_map(|field| field.ident.as_ref())
                .collect(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
    let lints = lints::of_implementation(&keyspace.item.attrs);
    let allow = keyspace
        .families
        .iter()
        .any(|family| lints::is_deprecated(&family.field.attrs))
        .then(|| quote!(#[allow(deprecated)]));
    quote! {
        #[automatically_derived]
        #lints
        #allow
        impl #parameters #krate::keys::private::Keyspace for #name #arguments #bounds {
            fn fields(&self) {
                #(_ = &self.#fields;)*
            }
        }
    }
}

/// What stands before an accessor's body; `docs` go behind what the user has written.
pub(super) fn head(
    keyspace: &Keyspace<'_>,
    family: &Family<'_>,
    signature: &Signature<'_>,
    docs: Option<&TokenStream>,
) -> TokenStream {
    let attributes = family.field.attrs.iter().filter(|attribute| {
        let path = attribute.path();
        path.is_ident("doc") || path.is_ident("deprecated")
    });
    let lints = lints::levels(&family.field.attrs);
    let (visibility, name) = (&family.field.vis, family.name);
    let lifetimes = &signature.lifetimes;
    let lifetimes = (!lifetimes.is_empty()).then(|| quote!(<#(#lifetimes),*>));
    let parameters = signature.parameters.iter().map(|parameter| {
        let ty = parameter.ty;
        if let Some(name) = parameter.name {
            quote!(#name: #ty)
        } else {
            quote!(_: #ty)
        }
    });
    let krate = &keyspace.krate;
    let database = database(keyspace);
    let key = if let Some(error) = &family.untyped {
        fallback::erroneous(error)
    } else {
        let shape = signature.shape;
        quote!(#krate::Key<#shape, #database>)
    };
    quote! {
        #(#attributes)*
        #lints
        #docs
        #visibility fn #name #lifetimes (#(#parameters),*) -> #key
    }
}

fn database(keyspace: &Keyspace<'_>) -> TokenStream {
    let krate = &keyspace.krate;
    if let Some(database) = &keyspace.database {
        quote!(#database)
    } else {
        quote!(#krate::EnvConnection)
    }
}

fn accessor(
    keyspace: &Keyspace<'_>,
    family: &Family<'_>,
    signature: &Signature<'_>,
    plan: Option<&Plan>,
    checks_database: bool,
) -> TokenStream {
    let krate = &keyspace.krate;
    let docs = plan.map(|plan| {
        let text = docs::of(keyspace, family, plan);
        let has_docs = family
            .field
            .attrs
            .iter()
            .any(|attribute| attribute.path().is_ident("doc"));
        let text = if has_docs { format!("\n\n{text}") } else { text };
        quote!(#[doc = #text])
    });
    let head = head(keyspace, family, signature, docs.as_ref());
    let assertions = assertions(keyspace, family, signature, plan, checks_database);
    let escaping = Ident::new("escaping", Span::mixed_site());
    let shadows = signature
        .parameters
        .iter()
        .zip(plan.map(|plan| plan.uses.as_slice()).unwrap_or_default())
        .filter_map(|(parameter, usage)| shadow(keyspace, parameter.name?, parameter.ty, *usage, &escaping));
    let raw = raw(family, signature);
    let prefix = keyspace
        .prefix
        .as_ref()
        .map(|prefix| prefix.value() + ":")
        .unwrap_or_default();
    let (key, pieces) = (
        Ident::new("key", Span::mixed_site()),
        Ident::new("pieces", Span::mixed_site()),
    );
    let direct = direct(keyspace, signature, plan, &prefix, &pieces);
    let template = template(family, signature);
    let policy = policy(keyspace, family);
    quote! {
        #head {
            #assertions
            #(_ = &#raw;)*
            let mut #key = #krate::keys::private::blank(#policy);
            let mut #pieces = #krate::keys::private::Pieces::of(&mut #key);
            #direct
            let #escaping = #krate::keys::private::Escaping::new();
            #(#shadows)*
            #krate::keys::private::Pieces::finish(#pieces, &#escaping, #prefix, ::core::format_args!(#template));
            #key
        }
    }
}

/// The parameters that `raw(…)` names, where it names them: a rename in an editor changes what is used.
fn raw(family: &Family<'_>, signature: &Signature<'_>) -> Vec<Ident> {
    let Some(Raw::Some(names)) = &family.raw else {
        return Vec::new();
    };
    names
        .iter()
        .filter_map(|name| {
            let mut parameter = signature
                .parameters
                .iter()
                .find_map(|parameter| {
                    parameter
                        .name
                        .filter(|parameter| parameter.unraw() == name.unraw())
                })?
                .clone();
            // It may be `r#type` there and `type` here, or only one of them from `macro_rules!`.
            parameter.set_span(parameter.span().located_at(name.span()));
            Some(parameter)
        })
        .collect()
}

/// Writes the key's pieces one by one, as far as that goes: see the runtime crate's `keys::pieces`.
///
/// By path: a method of a trait that the user has in scope for all types, and that takes `self`, would go before ours that
/// takes `&mut self`.
fn direct(
    keyspace: &Keyspace<'_>,
    signature: &Signature<'_>,
    plan: Option<&Plan>,
    prefix: &str,
    pieces: &Ident,
) -> TokenStream {
    let krate = &keyspace.krate;
    let writer = quote!(#krate::keys::private::Pieces);
    let (mut text, mut calls) = (prefix.to_owned(), TokenStream::new());
    for piece in plan.map(|plan| plan.pieces.as_slice()).unwrap_or_default() {
        match piece {
            Piece::Text(more) => text += more,
            Piece::Hole { name, spec } => {
                let (value, usage) = signature
                    .parameters
                    .iter()
                    .zip(plan.map(|plan| plan.uses.as_slice()).unwrap_or_default())
                    .find_map(|(parameter, usage)| {
                        let value = parameter.name.filter(|value| value.unraw() == name)?;
                        Some((
                            quote!((&#krate::keys::private::Parameter(&#value)).swapplex_piece()),
                            *usage,
                        ))
                    })
                    .filter(|_| width(spec).is_some())
                    .unwrap_or_else(|| (quote!(#krate::keys::private::Piece::Other), Use::Unused));
                let width = width(spec).unwrap_or_default();
                if !text.is_empty() {
                    calls.extend(quote!(#writer::text(&mut #pieces, #text);));
                    text.clear();
                }
                calls.extend(match usage {
                    Use::Escaped { separator, .. } => {
                        let separator = separator_byte(separator).unwrap_or(b':');
                        let separator = syn::LitByte::new(separator, Span::mixed_site());
                        quote!(#writer::escaped(&mut #pieces, #value, #separator, #width);)
                    }
                    Use::Raw { .. } | Use::Unused => quote!(#writer::raw(&mut #pieces, #value, #width);),
                });
            }
        }
    }
    if !text.is_empty() {
        calls.extend(quote!(#writer::text(&mut #pieces, #text);));
    }
    quote! {
        {
            #[allow(unused_imports)]
            use #krate::keys::private::{Known as _, Unknown as _};
            #calls
        }
    }
}

fn separator_byte(separator: Option<char>) -> Option<u8> {
    separator.and_then(|separator| u8::try_from(separator).ok())
}

/// The template, seen from where the parameters are: where `macro_rules!` wrote one and was given the other, its
/// placeholders still mean the parameters.
fn template(family: &Family<'_>, signature: &Signature<'_>) -> Option<syn::LitStr> {
    let mut template = family.template.clone()?;
    if let Some(name) = signature.parameters.iter().find_map(|parameter| parameter.name) {
        template.set_span(template.span().resolved_at(name.span()));
    }
    Some(template)
}

/// One error each, at the type, where it does not fit.
fn assertions(
    keyspace: &Keyspace<'_>,
    family: &Family<'_>,
    signature: &Signature<'_>,
    plan: Option<&Plan>,
    checks_database: bool,
) -> TokenStream {
    let mut assertions = TokenStream::new();
    if let (true, Some(database)) = (checks_database, &keyspace.database) {
        assertions.extend(assertion(keyspace, database, "is_database"));
    }
    if let Some(shape) = signature.shape {
        assertions.extend(assertion(keyspace, shape, "is_shape"));
        if family.cached.is_some() {
            assertions.extend(assertion(keyspace, shape, "is_cacheable"));
        }
    }
    let uses = plan.map(|plan| plan.uses.as_slice()).unwrap_or_default();
    for (parameter, usage) in signature.parameters.iter().zip(uses) {
        // An escaped one is told of where it is shadowed.
        if *usage == (Use::Raw { is_padded: true }) {
            assertions.extend(assertion(keyspace, parameter.ty, "is_number"));
        }
    }
    assertions
}

fn assertion(keyspace: &Keyspace<'_>, ty: &Type, function: &str) -> TokenStream {
    let function = private(keyspace, function, span(ty));
    quote_spanned!(span(ty)=> #function::<#ty>();)
}

/// Puts a parameter that is escaped when it is written in the place of the parameter.
fn shadow(
    keyspace: &Keyspace<'_>,
    name: &Ident,
    ty: &Type,
    usage: Use,
    escaping: &Ident,
) -> Option<TokenStream> {
    let Use::Escaped { format, separator } = usage else {
        return None;
    };
    let separator = if let Some(separator) = separator_byte(separator) {
        let separator = syn::LitByte::new(separator, Span::mixed_site());
        quote!(::core::option::Option::Some(#separator))
    } else {
        quote!(::core::option::Option::None)
    };
    let function = match format {
        Format::Display => "text",
        Format::Padded => "number",
        Format::Radix | Format::Mixed => "escaped",
    };
    let escaped = private(keyspace, function, span(ty));
    Some(quote_spanned!(span(ty)=> let #name = #escaped::<#ty>(&#name, &#escaping, #separator);))
}

/// An item of the runtime crate that an error, if there is one, is not to point at.
fn private(keyspace: &Keyspace<'_>, name: &str, span: Span) -> TokenStream {
    let span = before(span);
    let krate = respanned(keyspace.krate.clone(), span);
    let name = Ident::new(name, span);
    quote_spanned!(span=> #krate::keys::private::#name)
}

/// Right before what is at `span`: rustc underlines from there to where the expression ends, and an editor that is asked
/// what stands at `span` does not find what the expansion has put there.
fn before(span: Span) -> Span {
    if proc_macro::is_available() {
        span.unwrap().start().into()
    } else {
        span
    }
}

fn respanned(tokens: TokenStream, span: Span) -> TokenStream {
    tokens
        .into_iter()
        .map(|mut token| {
            token.set_span(span);
            token
        })
        .collect()
}

/// What goes for all keys of the family, in a block of its own: the template must not see the constant.
///
/// An item is evaluated wherever the struct is, used or not, but cannot name the struct's parameters or `Self`.
fn policy(keyspace: &Keyspace<'_>, family: &Family<'_>) -> TokenStream {
    let krate = &keyspace.krate;
    let ttl = family.ttl.as_ref().map(|ttl| {
        let ttl = positive(keyspace, ttl);
        quote!(.ttl(#ttl))
    });
    let cached = family.cached.as_ref().map(|limit| {
        if let Cached::AtMost(limit) = limit {
            let limit = positive(keyspace, limit);
            quote!(.cached_for(#limit))
        } else {
            quote!(.cached())
        }
    });
    let policy = quote!(#krate::keys::Policy::new() #ttl #cached);
    if names_parameter(keyspace, policy.clone()) {
        return quote!(const { &#policy });
    }
    quote! {{
        const __POLICY: #krate::keys::Policy = #policy;
        &__POLICY
    }}
}

/// Whether tokens may mean a parameter of the struct, or the struct as `Self`.
fn names_parameter(keyspace: &Keyspace<'_>, tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(name) => {
            name == "Self"
                || keyspace
                    .item
                    .generics
                    .params
                    .iter()
                    .any(|parameter| match parameter {
                        GenericParam::Type(ty) => name == ty.ident,
                        GenericParam::Const(constant) => name == constant.ident,
                        GenericParam::Lifetime(lifetime) => name == lifetime.lifetime.ident,
                    })
        }
        TokenTree::Group(group) => names_parameter(keyspace, group.stream()),
        _ => false,
    })
}

/// A duration that, where it is at fault, is where the error is.
fn positive(keyspace: &Keyspace<'_>, duration: &Duration) -> TokenStream {
    let value = &duration.value;
    if duration.is_checked {
        return value.clone();
    }
    let positive = private(keyspace, "positive", duration.span);
    quote_spanned!(duration.span=> #positive(#value))
}

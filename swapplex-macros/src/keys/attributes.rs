//! What the user wrote: the struct, its options, and each field's signature and template.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::parse::discouraged::Speculative;
use syn::spanned::Spanned;
use syn::{
    Attribute, Data, DeriveInput, Expr, Field, Fields, FnPtrVariadic, GenericParam, Lit, LitStr, Meta,
    NamedArg, Path, ReturnType, Token, Type, TypeFnPtr,
};

use super::duration;
use crate::errors::Errors;
use crate::options::{self, Names, each, once};

/// The struct as it was written.
pub(super) struct Keyspace<'a> {
    pub(super) item: &'a DeriveInput,
    pub(super) prefix: Option<LitStr>,
    pub(super) database: Option<Type>,
    pub(super) krate: TokenStream,
    pub(super) families: Vec<Family<'a>>,
}

/// One field: a family of keys.
pub(super) struct Family<'a> {
    pub(super) field: &'a Field,
    pub(super) name: &'a Ident,
    /// `None` where the field's type is something else.
    pub(super) signature: Option<Signature<'a>>,
    /// Why the signature is none, or has no shape: told where the type would be, so that callers have no other error.
    pub(super) untyped: Option<syn::Error>,
    pub(super) template: Option<LitStr>,
    pub(super) ttl: Option<Duration>,
    pub(super) cached: Option<Cached>,
    pub(super) raw: Option<Raw>,
    pub(super) is_rejected: bool,
}

pub(super) struct Signature<'a> {
    pub(super) lifetimes: Vec<&'a GenericParam>,
    pub(super) parameters: Vec<Parameter<'a>>,
    /// `None` where there is none.
    pub(super) shape: Option<&'a Type>,
}

pub(super) struct Parameter<'a> {
    /// `None` where there is none, or `_`.
    pub(super) name: Option<&'a Ident>,
    pub(super) ty: &'a Type,
}

/// A constant of the type `Duration`, and how it was written.
pub(super) struct Duration {
    pub(super) value: TokenStream,
    pub(super) written: String,
    pub(super) span: Span,
    /// Whether it is known to be one that Redis can count.
    pub(super) is_checked: bool,
}

/// For how long values may be kept on the client.
pub(super) enum Cached {
    UntilChanged,
    AtMost(Duration),
}

/// Which parameters are written as they are.
pub(super) enum Raw {
    All,
    Some(Vec<Ident>),
}

impl Raw {
    pub(super) fn holds(&self, name: &Ident) -> bool {
        match self {
            Self::All => true,
            Self::Some(names) => names.iter().any(|raw| raw.unraw() == name.unraw()),
        }
    }
}

const STRUCT: Names = Names {
    known: &["prefix", "database", "crate"],
    synonyms: &[
        ("namespace", "prefix"),
        ("connection", "database"),
        ("client", "database"),
        ("db", "database"),
        ("path", "crate"),
    ],
};

const FIELD: Names = Names {
    known: &["ttl", "cached", "raw"],
    synonyms: &[
        ("expires", "ttl"),
        ("expire", "ttl"),
        ("expiry", "ttl"),
        ("expiration", "ttl"),
        ("lifetime", "ttl"),
        ("timeout", "ttl"),
        ("ex", "ttl"),
        ("px", "ttl"),
        ("verbatim", "raw"),
        ("unescaped", "raw"),
    ],
};

impl<'a> Keyspace<'a> {
    pub(super) fn read(item: &'a DeriveInput, errors: &mut Errors) -> Self {
        let mut keyspace = Self {
            item,
            prefix: None,
            database: None,
            krate: quote!(::swapplex),
            families: Vec::new(),
        };
        for misplaced in named(&item.attrs, "key") {
            errors.at(
                misplaced,
                "`#[key(…)]` belongs above a field; what holds for all of them is an option of `#[swapplex(…)]`",
            );
        }
        keyspace.read_options(errors);
        let fields = match &item.data {
            Data::Struct(data) => match &data.fields {
                Fields::Named(fields) => Some(&fields.named),
                _ => None,
            },
            _ => None,
        };
        match fields {
            Some(fields) => {
                keyspace.families = fields
                    .iter()
                    .filter_map(|field| Family::read(field, errors))
                    .collect();
            }
            None => errors.at(
                &item.ident,
                "#[derive(RedisKeys)] expects a struct with named fields, one for each key",
            ),
        }
        keyspace
    }

    fn read_options(&mut self, errors: &mut Errors) {
        let mut krate = None;
        for attribute in named(&self.item.attrs, "swapplex") {
            let result = each(attribute, |input| {
                let name = input.call(Ident::parse_any)?;
                match name.to_string().as_str() {
                    "prefix" => {
                        let prefix = options::text(&name, "prefix = \"shop\"", input)?;
                        once(&mut self.prefix, "prefix", name.span(), prefix)
                    }
                    "database" => {
                        if !input.peek(Token![=]) {
                            let message = "`database` needs a value: `database = Sessions`";
                            return Err(syn::Error::new(name.span(), message));
                        }
                        input.parse::<Token![=]>()?;
                        if input.peek(Lit) {
                            let message = "expected a type that is a database: `database = Sessions`";
                            return Err(syn::Error::new(input.span(), message));
                        }
                        let database = input.parse()?;
                        once(&mut self.database, "database", name.span(), database)
                    }
                    "crate" => {
                        let path = options::text(&name, "crate = \"my_crate::swapplex\"", input)?;
                        let path = path.parse_with(Path::parse_mod_style)?;
                        once(&mut krate, "crate", name.span(), path)
                    }
                    _ => Err(STRUCT.unknown(&name)),
                }
            });
            if let Err(error) = result {
                errors.push(error);
            }
        }
        if let Some(path) = krate {
            self.krate = path.into_token_stream();
        }
    }
}

impl<'a> Family<'a> {
    fn read(field: &'a Field, errors: &mut Errors) -> Option<Self> {
        let before = errors.len();
        let (signature, untyped) = Signature::read(&field.ty, errors);
        let mut family = Self {
            field,
            name: field.ident.as_ref()?,
            signature,
            untyped,
            template: None,
            ttl: None,
            cached: None,
            raw: None,
            is_rejected: false,
        };
        for misplaced in named(&field.attrs, "swapplex") {
            errors.at(
                misplaced,
                "`#[swapplex(…)]` belongs above the struct; a field's options stand behind its template: \
                 `#[key(\"user:{id}\", ttl = \"15m\")]`",
            );
        }
        let mut attributes = named(&field.attrs, "key");
        match attributes.next() {
            Some(attribute) => {
                if let Err(error) = family.read_key(attribute) {
                    errors.push(error);
                }
            }
            None => errors.at(
                family.name,
                format!(
                    "`{0}` has no template: write `#[key(\"{0}:{{…}}\")]` above it",
                    family.name
                ),
            ),
        }
        for second in attributes {
            errors.at(second, "a field has one `#[key(…)]`; put all options into it");
        }
        family.is_rejected = errors.len() > before || family.untyped.is_some();
        Some(family)
    }

    fn read_key(&mut self, attribute: &Attribute) -> syn::Result<()> {
        const FORM: &str = "the template comes first: `#[key(\"user:{id}\")]`";
        let Meta::List(list) = &attribute.meta else {
            return Err(syn::Error::new_spanned(
                attribute,
                "expected the key's template: `#[key(\"user:{id}\")]`",
            ));
        };
        let mut place = 0;
        each(attribute, |input| {
            place += 1;
            if let Some(template) = literal(input) {
                if self.template.is_some() {
                    let message = "a second template: a field has one, a family of keys";
                    return Err(syn::Error::new(template.span(), message));
                }
                if place > 1 {
                    return Err(syn::Error::new(template.span(), FORM));
                }
                if template.value().is_empty() {
                    let message = "an empty template: write the key's text, such as `\"user:{id}\"`";
                    return Err(syn::Error::new(template.span(), message));
                }
                self.template = Some(template);
                return Ok(());
            }
            if place == 1 && !input.peek(syn::Ident::peek_any) {
                let value: Expr = input.parse()?;
                let message = "expected the key's template, a string literal: `#[key(\"user:{id}\")]`";
                return Err(syn::Error::new_spanned(value, message));
            }
            if place == 1 && (input.peek2(Token![!]) || input.peek2(Token![::])) {
                let value: Expr = input.parse()?;
                let message = "the template is a string literal, so that its placeholders can be seen: \
                               `#[key(\"user:{id}\")]`";
                return Err(syn::Error::new_spanned(value, message));
            }
            let name = input.call(Ident::parse_any)?;
            let text = name.to_string();
            if place == 1 && FIELD.known.contains(&text.as_str()) {
                return Err(syn::Error::new(name.span(), FORM));
            }
            if place == 1 {
                let message = "the template is a string literal, so that its placeholders can be seen: \
                               `#[key(\"user:{id}\")]`";
                return Err(syn::Error::new(name.span(), message));
            }
            self.read_option(&name, input)
        })?;
        if self.template.is_none() {
            return Err(syn::Error::new_spanned(
                list,
                "expected the key's template: `#[key(\"user:{id}\")]`",
            ));
        }
        Ok(())
    }

    fn read_option(&mut self, name: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        match name.to_string().as_str() {
            "ttl" => {
                let ttl = duration("ttl", &options::value(name, "ttl = \"15m\"", input)?)?;
                once(&mut self.ttl, "ttl", name.span(), ttl)
            }
            "cached" => {
                let limit = if input.is_empty() || input.peek(Token![,]) {
                    Cached::UntilChanged
                } else {
                    let value = options::value(name, "cached = \"30s\"", input)?;
                    Cached::AtMost(duration("cached", &value)?)
                };
                once(&mut self.cached, "cached", name.span(), limit)
            }
            "raw" => {
                let raw = if input.peek(syn::token::Paren) {
                    let names;
                    syn::parenthesized!(names in input);
                    let names = names.parse_terminated(Ident::parse_any, Token![,])?;
                    Raw::Some(names.into_iter().collect())
                } else {
                    Raw::All
                };
                once(&mut self.raw, "raw", name.span(), raw)
            }
            _ => Err(FIELD.unknown(name)),
        }
    }
}

impl<'a> Signature<'a> {
    fn read(ty: &'a Type, errors: &mut Errors) -> (Option<Self>, Option<syn::Error>) {
        let function = match ty {
            Type::FnPtr(function) => function,
            Type::Group(group) => return Self::read(&group.elem, errors),
            Type::Paren(paren) => return Self::read(&paren.elem, errors),
            _ => {
                let message = "expected the accessor's signature, such as `fn(id: u64) -> Value<String>`";
                return (None, Some(syn::Error::new_spanned(ty, message)));
            }
        };
        refuse(function, errors);
        let parameters: Vec<Parameter<'a>> = function.inputs.iter().map(Parameter::read).collect();
        for parameter in &parameters {
            if parameter.name.is_none() {
                let ty = parameter.ty.to_token_stream();
                errors.at(
                    parameter.ty,
                    format!("name this parameter, so that the template can refer to it: `id: {ty}`"),
                );
            }
        }
        let (shape, untyped) = match &function.output {
            ReturnType::Type(_, shape) => (Some(&**shape), None),
            ReturnType::Default => {
                let message = "say what the key holds: `-> Value<String>`, or another shape: `Counter`, `Hash<F, V>`, \
                               `Set<T>`, `List<T>`, `SortedSet<T>`, `Stream<F, V>`";
                (None, Some(syn::Error::new_spanned(ty, message)))
            }
        };
        let signature = Self {
            lifetimes: function
                .lifetimes
                .iter()
                .flat_map(|bound| &bound.lifetimes)
                .collect(),
            parameters,
            shape,
        };
        (Some(signature), untyped)
    }
}

impl<'a> Parameter<'a> {
    fn read(argument: &'a NamedArg) -> Self {
        Self {
            name: argument
                .name
                .as_ref()
                .map(|(name, _)| name)
                .filter(|name| *name != "_"),
            ty: &argument.ty,
        }
    }
}

/// What an accessor cannot be.
fn refuse(function: &TypeFnPtr, errors: &mut Errors) {
    // A variadic function is extern, and an extern one is often unsafe: one error says what to write.
    if let Some(FnPtrVariadic { dots, .. }) = &function.variadic {
        errors.at(dots, "an accessor cannot be variadic: name each parameter");
    } else if let Some(abi) = &function.abi {
        errors.at(abi, "an accessor cannot be extern: write `fn(…) -> …`");
    } else if let Some(token) = &function.unsafety {
        errors.at(token, "an accessor cannot be unsafe: write `fn(…) -> …`");
    }
}

/// A string literal, also one in the invisible group that `macro_rules!` puts it into.
fn literal(input: ParseStream<'_>) -> Option<LitStr> {
    let ahead = input.fork();
    let literal = ahead.parse::<LitStr>().ok()?;
    input.advance_to(&ahead);
    Some(literal)
}

fn duration(option: &str, value: &Expr) -> syn::Result<Duration> {
    if let Some(text) = options::string(value) {
        let written = text.value();
        return match duration::parse(&written) {
            Ok(millis) => Ok(Duration {
                value: quote!(::core::time::Duration::from_millis(#millis)),
                written,
                span: text.span(),
                is_checked: true,
            }),
            Err(message) => Err(syn::Error::new(text.span(), message)),
        };
    }
    if let Expr::Lit(literal) = value {
        let text = literal.to_token_stream();
        let message = match &literal.lit {
            Lit::Int(number) if number.suffix().is_empty() => {
                format!("a number of what? write `{option} = \"{text}s\"` for {text} seconds")
            }
            _ => format!("`{text}` is not a duration; write {}", duration::FORM),
        };
        return Err(syn::Error::new_spanned(value, message));
    }
    Ok(Duration {
        value: value.to_token_stream(),
        written: value.to_token_stream().to_string().replace(" :: ", "::"),
        span: value.span(),
        is_checked: false,
    })
}

/// Where a type is to be underlined.
pub(super) fn span(ty: &Type) -> Span {
    ty.span()
}

/// The attributes of that name.
fn named<'a>(attributes: &'a [Attribute], name: &str) -> impl Iterator<Item = &'a Attribute> {
    attributes
        .iter()
        .filter(move |attribute| attribute.path().is_ident(name))
}

//! What the user wrote: the type, and the options of its database.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Attribute, Data, DeriveInput, Expr, Lit, LitStr, Path, Token};

use super::{prefix, url};
use crate::errors::Errors;
use crate::options::{self, Names, each, once};

/// The database as it was declared.
pub(super) struct Declaration<'a> {
    pub(super) item: &'a DeriveInput,
    pub(super) krate: TokenStream,
    pub(super) env: Option<LitStr>,
    pub(super) default: Option<LitStr>,
    /// The option's name, where the type says itself where its server is.
    pub(super) service_url: Option<Ident>,
    /// What may be sent again: a variant of `Replay`.
    pub(super) replay: Option<Ident>,
    /// What changes the client's settings.
    pub(super) configure: Option<Expr>,
    /// What is run on each new connection.
    pub(super) on_connect: Option<Expr>,
}

const OPTIONS: Names = Names {
    known: &[
        "env",
        "default",
        "service_url",
        "replay",
        "configure",
        "on_connect",
        "crate",
    ],
    synonyms: &[
        ("prefix", "env"),
        ("env_prefix", "env"),
        ("url", "default"),
        ("default_url", "default"),
        ("env_url", "service_url"),
        ("retry", "replay"),
        ("retries", "replay"),
        ("settings", "configure"),
        ("builder", "configure"),
        ("with", "configure"),
        ("hook", "on_connect"),
        ("after_connect", "on_connect"),
        ("path", "crate"),
    ],
};

const ENV: &str = "env = \"SESSIONS\"";
const DEFAULT: &str = "default = \"redis://127.0.0.1:6379/1\"";
const REPLAY: &str = "replay = \"reads\"";
const CONFIGURE: &str = "configure = settings";
const ON_CONNECT: &str = "on_connect = set_up";

impl<'a> Declaration<'a> {
    pub(super) fn read(item: &'a DeriveInput, errors: &mut Errors) -> Self {
        let mut declaration = Self {
            item,
            krate: quote!(::swapplex),
            env: None,
            default: None,
            service_url: None,
            replay: None,
            configure: None,
            on_connect: None,
        };
        let mut krate = None;
        let before = errors.len();
        for attribute in &item.attrs {
            if attribute.path().is_ident("swapplex")
                && let Err(error) = declaration.read_options(attribute, &mut krate)
            {
                errors.push(error);
            }
        }
        if let Some(path) = krate {
            declaration.krate = path.into_token_stream();
        }
        if errors.len() == before {
            declaration.check(errors);
        }
        check_item(item, errors);
        declaration
    }

    fn read_options(&mut self, attribute: &Attribute, krate: &mut Option<Path>) -> syn::Result<()> {
        each(attribute, |input| {
            let name = input.call(Ident::parse_any)?;
            match name.to_string().as_str() {
                "env" => {
                    let env = options::text(&name, ENV, input)?;
                    once(&mut self.env, "env", name.span(), env)
                }
                "default" => {
                    let default = options::text(&name, DEFAULT, input)?;
                    once(&mut self.default, "default", name.span(), default)
                }
                "service_url" => {
                    flag(&name, input)?;
                    once(&mut self.service_url, "service_url", name.span(), name.clone())
                }
                "replay" => {
                    let level = level(&options::text(&name, REPLAY, input)?)?;
                    once(&mut self.replay, "replay", name.span(), level)
                }
                "configure" => {
                    let configure = function(&name, CONFIGURE, input)?;
                    once(&mut self.configure, "configure", name.span(), configure)
                }
                "on_connect" => {
                    let hook = function(&name, ON_CONNECT, input)?;
                    once(&mut self.on_connect, "on_connect", name.span(), hook)
                }
                "crate" => {
                    let path = options::text(&name, "crate = \"my_crate::swapplex\"", input)?;
                    let path = path.parse_with(Path::parse_mod_style)?;
                    once(krate, "crate", name.span(), path)
                }
                _ => Err(OPTIONS.unknown(&name)),
            }
        })
    }

    /// Whether the options make sense together, and each by itself.
    fn check(&self, errors: &mut Errors) {
        match (&self.service_url, &self.env) {
            (Some(_), Some(env)) => errors.at(
                env,
                "`service_url` and `env` both say where the server is; leave one out",
            ),
            (None, None) => errors.at(
                &self.item.ident,
                format!(
                    "nothing says which variables name this database's server: write `#[swapplex({ENV})]` for \
                     SESSIONS_URL, SESSIONS_HOST and so on, or `#[swapplex(service_url)]` for a type of env-url's"
                ),
            ),
            (None, Some(env)) => {
                if let Err(message) = prefix::check(&env.value()) {
                    errors.at(env, message);
                }
            }
            (Some(_), None) => {}
        }
        if let Some(default) = &self.default {
            if self.service_url.is_some() {
                errors.at(
                    default,
                    "`service_url` has a default of its own; leave this one out",
                );
            } else if let Err(message) = url::check(&default.value(), self.env.as_ref()) {
                errors.at(default, message);
            }
        }
    }
}

/// A database is a name: nothing of it can depend on a value or a parameter.
fn check_item(item: &DeriveInput, errors: &mut Errors) {
    let form = format!("write `struct {};`", item.ident);
    if !item.generics.params.is_empty() {
        errors.at(
            &item.generics,
            format!(
                "a database has one connection, which types that differ in a parameter would have to share: {form}, \
                 one for each"
            ),
        );
        return;
    }
    match &item.data {
        Data::Struct(data) if data.fields.is_empty() => {}
        Data::Struct(data) => errors.at(
            &data.fields,
            format!("a database is a name and is never made, so its fields would hold nothing: {form}"),
        ),
        Data::Enum(data) => errors.at(
            data.enum_token,
            format!("a database is a name, one per type, so it has no variants: {form}"),
        ),
        Data::Union(data) => errors.at(
            data.union_token,
            format!("a database is a name and is never made: {form}"),
        ),
    }
}

/// The levels of `Replay`, as they are written and as they are called.
const LEVELS: [(&str, &str); 5] = [
    ("never", "Never"),
    ("reads", "Reads"),
    ("idempotent", "Idempotent"),
    ("effects", "Effects"),
    ("always", "Always"),
];

/// The variant of `Replay` that is meant.
fn level(text: &LitStr) -> syn::Result<Ident> {
    let value = text.value();
    let known = LEVELS.iter().find(|(level, _)| *level == value);
    known
        .map(|(_, variant)| Ident::new(variant, text.span()))
        .ok_or_else(|| {
            let levels: Vec<String> = LEVELS.iter().map(|(level, _)| format!("`{level}`")).collect();
            syn::Error::new(
                text.span(),
                format!(
                    "`{value}` is no level of what may be sent again; there are {}",
                    levels.join(", ")
                ),
            )
        })
}

/// An option that has no value.
fn flag(name: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(());
    }
    Err(syn::Error::new(
        name.span(),
        format!("`{name}` takes no value: write `{name}` alone"),
    ))
}

/// A function behind `name =`.
fn function(name: &Ident, example: &str, input: ParseStream<'_>) -> syn::Result<Expr> {
    let value = options::value(name, example, input)?;
    match &value {
        Expr::Lit(literal) => {
            let form = match &literal.lit {
                Lit::Str(text) => format!("{name} = {}", text.value()),
                _ => example.to_owned(),
            };
            let message = format!("expected a function, not a literal: `{form}`");
            Err(syn::Error::new_spanned(value, message))
        }
        _ => Ok(value),
    }
}

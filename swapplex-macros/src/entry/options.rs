//! The attribute's options, by Tokio's names and with Tokio's messages.

use proc_macro2::{Span, TokenStream};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Error, Expr, ExprLit, Lit, Meta, MetaNameValue, Path, Result, Token};

use super::Kind;

const EXPECTED: &str = "expected one of: `flavor`, `worker_threads`, `start_paused`, `crate`, `name`.";

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavor {
    CurrentThread,
    MultiThread,
}

/// What to build.
pub(super) struct Options {
    pub(super) flavor: Flavor,
    pub(super) worker_threads: Option<usize>,
    pub(super) start_paused: Option<bool>,
    pub(super) name: Option<String>,
    pub(super) path: Option<Path>,
}

impl Options {
    /// What the function expands with if something was wrong: nothing that could fail by itself.
    pub(super) fn fallback(found: Self) -> Self {
        Self {
            flavor: Flavor::CurrentThread,
            worker_threads: None,
            start_paused: None,
            name: None,
            path: found.path,
        }
    }
}

/// The options as they were written, each with its place.
#[derive(Default)]
struct Written {
    flavor: Option<(Flavor, Span)>,
    worker_threads: Option<(usize, Span)>,
    start_paused: Option<(bool, Span)>,
    name: Option<(String, Span)>,
    path: Option<(Path, Span)>,
}

/// Reads all options, and gives all errors at once.
pub(super) fn parse(kind: Kind, tokens: TokenStream) -> (Options, Option<Error>) {
    let mut written = Written::default();
    let mut errors: Option<Error> = None;
    let mut note = |outcome: Result<()>| {
        if let Err(error) = outcome {
            match &mut errors {
                Some(errors) => errors.combine(error),
                None => errors = Some(error),
            }
        }
    };
    match Punctuated::<Meta, Token![,]>::parse_terminated.parse2(tokens) {
        Ok(metas) => metas.iter().for_each(|meta| note(written.read(kind, meta))),
        Err(error) => note(Err(error)),
    }
    note(written.check(kind));
    (written.finish(kind), errors)
}

impl Written {
    fn read(&mut self, kind: Kind, meta: &Meta) -> Result<()> {
        match meta {
            Meta::NameValue(option) => self.assign(option),
            Meta::Path(path) => Err(Error::new_spanned(path, bare(kind, path))),
            Meta::List(list) => Err(Error::new_spanned(list, "Unknown attribute inside the macro")),
        }
    }

    fn assign(&mut self, option: &MetaNameValue) -> Result<()> {
        let Some(name) = option.path.get_ident().map(ToString::to_string) else {
            return Err(Error::new_spanned(option, "Must have specified ident"));
        };
        let Expr::Lit(ExprLit { lit, .. }) = &option.value else {
            return Err(Error::new_spanned(&option.value, "Must be a literal"));
        };
        let span = lit.span();
        match name.as_str() {
            "flavor" => once(&mut self.flavor, &name, span, || {
                flavor(&string(lit, &name)?, span)
            }),
            "worker_threads" => once(&mut self.worker_threads, &name, span, || count(lit, &name)),
            "start_paused" => once(&mut self.start_paused, &name, span, || boolean(lit, &name)),
            "name" => once(&mut self.name, &name, span, || string(lit, &name)),
            "crate" => once(&mut self.path, &name, span, || path(lit, &name)),
            "core_threads" => Err(Error::new_spanned(
                option,
                "Attribute `core_threads` is renamed to `worker_threads`",
            )),
            "unhandled_panic" => {
                let message = "The `unhandled_panic` option is not supported: it is unstable in Tokio.";
                Err(Error::new_spanned(option, message))
            }
            _ => Err(Error::new_spanned(
                option,
                format!("Unknown attribute {name} is specified; {EXPECTED}"),
            )),
        }
    }

    /// Options that don't go together.
    fn check(&self, kind: Kind) -> Result<()> {
        let macro_name = kind.name();
        match self.flavor(kind) {
            Flavor::CurrentThread => match self.worker_threads {
                Some((_, span)) => Err(Error::new(
                    span,
                    format!(
                        "The `worker_threads` option requires the `multi_thread` runtime flavor. \
                         Use `#[{macro_name}(flavor = \"multi_thread\")]`"
                    ),
                )),
                None => Ok(()),
            },
            Flavor::MultiThread => match self.start_paused {
                Some((_, span)) => Err(Error::new(
                    span,
                    format!(
                        "The `start_paused` option requires the `current_thread` runtime flavor. \
                         Use `#[{macro_name}(flavor = \"current_thread\")]`"
                    ),
                )),
                None => Ok(()),
            },
        }
    }

    fn flavor(&self, kind: Kind) -> Flavor {
        match (self.flavor, kind) {
            (Some((flavor, _)), _) => flavor,
            (None, Kind::Main) => Flavor::MultiThread,
            (None, Kind::Test) => Flavor::CurrentThread,
        }
    }

    fn finish(self, kind: Kind) -> Options {
        Options {
            flavor: self.flavor(kind),
            worker_threads: self.worker_threads.map(|(threads, _)| threads),
            start_paused: self.start_paused.map(|(paused, _)| paused),
            name: self.name.map(|(name, _)| name),
            path: self.path.map(|(path, _)| path),
        }
    }
}

/// What to write instead of an option without a value.
fn bare(kind: Kind, path: &Path) -> String {
    let macro_name = kind.name();
    let Some(name) = path.get_ident().map(ToString::to_string) else {
        return "Must have specified ident".to_owned();
    };
    match name.as_str() {
        "multi_thread" | "threaded_scheduler" => {
            format!("Set the runtime flavor with #[{macro_name}(flavor = \"multi_thread\")].")
        }
        "current_thread" | "basic_scheduler" | "single_threaded" => {
            format!("Set the runtime flavor with #[{macro_name}(flavor = \"current_thread\")].")
        }
        "flavor" | "worker_threads" | "start_paused" | "crate" | "name" => {
            format!("The `{name}` attribute requires an argument.")
        }
        _ => format!("Unknown attribute {name} is specified; {EXPECTED}"),
    }
}

fn once<T>(
    slot: &mut Option<(T, Span)>,
    name: &str,
    span: Span,
    value: impl FnOnce() -> Result<T>,
) -> Result<()> {
    if slot.is_some() {
        return Err(Error::new(span, format!("`{name}` set multiple times.")));
    }
    *slot = Some((value()?, span));
    Ok(())
}

fn flavor(text: &str, span: Span) -> Result<Flavor> {
    let message = match text {
        "current_thread" => return Ok(Flavor::CurrentThread),
        "multi_thread" => return Ok(Flavor::MultiThread),
        "single_thread" => "The single threaded runtime flavor is called `current_thread`.".to_owned(),
        "basic_scheduler" => {
            "The `basic_scheduler` runtime flavor has been renamed to `current_thread`.".to_owned()
        }
        "threaded_scheduler" => {
            "The `threaded_scheduler` runtime flavor has been renamed to `multi_thread`.".to_owned()
        }
        _ => format!(
            "No such runtime flavor `{text}`. The runtime flavors are `current_thread` and `multi_thread`."
        ),
    };
    Err(Error::new(span, message))
}

fn count(lit: &Lit, name: &str) -> Result<usize> {
    let failed = format!("Failed to parse value of `{name}` as integer");
    let Lit::Int(number) = lit else {
        return Err(Error::new_spanned(lit, format!("{failed}.")));
    };
    match number.base10_parse() {
        Ok(0) => Err(Error::new_spanned(lit, format!("`{name}` may not be 0."))),
        Ok(count) => Ok(count),
        Err(error) => Err(Error::new_spanned(lit, format!("{failed}: {error}"))),
    }
}

fn boolean(lit: &Lit, name: &str) -> Result<bool> {
    match lit {
        Lit::Bool(boolean) => Ok(boolean.value),
        _ => Err(Error::new_spanned(
            lit,
            format!("Failed to parse value of `{name}` as bool."),
        )),
    }
}

fn string(lit: &Lit, name: &str) -> Result<String> {
    match lit {
        Lit::Str(string) => Ok(string.value()),
        _ => Err(Error::new_spanned(
            lit,
            format!("Failed to parse value of `{name}` as string."),
        )),
    }
}

fn path(lit: &Lit, name: &str) -> Result<Path> {
    let Lit::Str(string) = lit else {
        return Err(Error::new_spanned(
            lit,
            format!("Failed to parse value of `{name}` as path."),
        ));
    };
    string.parse().map_err(|_| {
        let text = string.value();
        Error::new_spanned(
            lit,
            format!("Failed to parse value of `{name}` as path: \"{text}\""),
        )
    })
}

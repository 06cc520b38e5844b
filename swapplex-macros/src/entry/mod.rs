//! `#[swapplex::main]` and `#[swapplex::test]`: options and function in, construction of a runtime out.

mod expand;
mod function;
mod options;

use proc_macro2::TokenStream;
use syn::{Attribute, Error, Meta};

use function::Function;
use options::Options;

/// Which of the two attributes is expanded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Main,
    Test,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Main => "swapplex::main",
            Self::Test => "swapplex::test",
        }
    }
}

pub(crate) fn expand(kind: Kind, options: TokenStream, item: TokenStream) -> TokenStream {
    let function = match syn::parse2::<Function>(item.clone()) {
        Ok(function) => function,
        Err(error) => return with_errors(item, Some(&error)),
    };
    let (options, mut errors) = options::parse(kind, options);
    for error in check(kind, &function) {
        match &mut errors {
            Some(errors) => errors.combine(error),
            None => errors = Some(error),
        }
    }
    // The function is always emitted, so that its callers don't fail as well, and half-typed code completes.
    let options = if errors.is_some() {
        Options::fallback(options)
    } else {
        options
    };
    with_errors(expand::function(kind, &options, function), errors.as_ref())
}

fn check(kind: Kind, function: &Function) -> Vec<Error> {
    let signature = &function.signature;
    if kind == Kind::Test
        && let Some(second) = function.attributes.iter().find(|attribute| is_test(attribute))
    {
        // Alone: if the other one has come first, it has taken the `async` away.
        let message = "second test attribute is supplied, consider removing or changing the order of your test attributes";
        return vec![Error::new_spanned(second, message)];
    }
    let mut errors = Vec::new();
    if signature.asyncness.is_none() {
        let message = "the `async` keyword is missing from the function declaration";
        errors.push(Error::new_spanned(signature.fn_token, message));
    }
    if kind == Kind::Main && signature.ident == "main" && !signature.inputs.is_empty() {
        let message = "the main function cannot accept arguments";
        errors.push(Error::new_spanned(&signature.ident, message));
    }
    errors
}

/// Whether this is the built-in `#[test]`, by its short name or by the prelude's path, which is what other test
/// attributes expand to.
fn is_test(attribute: &Attribute) -> bool {
    let Meta::Path(path) = &attribute.meta else {
        return false;
    };
    let segments: Vec<_> = path
        .segments
        .iter()
        .map(|segment| segment.ident.to_string())
        .collect();
    match segments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["test"] => path.leading_colon.is_none(),
        ["core" | "std", "prelude", _, "test"] => true,
        _ => false,
    }
}

fn with_errors(mut item: TokenStream, errors: Option<&Error>) -> TokenStream {
    item.extend(errors.map(Error::to_compile_error));
    item
}

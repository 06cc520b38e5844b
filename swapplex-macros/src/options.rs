//! What attributes of derives have in common: named options, each at most once.

use proc_macro2::{Ident, Span};
use syn::parse::ParseStream;
use syn::{Attribute, Expr, LitStr, Token};

/// The names of the options that an attribute takes, and what people write in place of them.
pub(crate) struct Names {
    pub(crate) known: &'static [&'static str],
    pub(crate) synonyms: &'static [(&'static str, &'static str)],
}

impl Names {
    /// What to say about an option that there is not.
    pub(crate) fn unknown(&self, name: &Ident) -> syn::Error {
        let text = name.to_string();
        let known: Vec<String> = self.known.iter().map(|name| format!("`{name}`")).collect();
        let message = format!("unknown option `{text}`; expected one of: {}", known.join(", "));
        let message = match self.guess(&text) {
            Some(guess) => format!("{message}; did you mean `{guess}`?"),
            None => message,
        };
        syn::Error::new(name.span(), message)
    }

    fn guess(&self, name: &str) -> Option<&'static str> {
        let name = name.to_lowercase();
        let synonym = self.synonyms.iter().find(|(synonym, _)| *synonym == name);
        synonym.map(|(_, known)| *known).or_else(|| {
            self.known
                .iter()
                .map(|known| (distance(&name, known), *known))
                .filter(|(distance, known)| *distance <= known.len() / 3 + 1 && *distance < known.len())
                .min()
                .map(|(_, known)| known)
        })
    }
}

/// How many characters have to be put in, left out or replaced to get from one name to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (at, from) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, to) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

/// Calls `read` for each of the attribute's options.
pub(crate) fn each(
    attribute: &Attribute,
    mut read: impl FnMut(ParseStream<'_>) -> syn::Result<()>,
) -> syn::Result<()> {
    attribute.parse_args_with(|input: ParseStream<'_>| {
        while !input.is_empty() {
            read(input)?;
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(())
    })
}

/// The value behind `name =`.
pub(crate) fn value(name: &Ident, example: &str, input: ParseStream<'_>) -> syn::Result<Expr> {
    if !input.peek(Token![=]) {
        return Err(syn::Error::new(
            name.span(),
            format!("`{name}` needs a value: `{example}`"),
        ));
    }
    input.parse::<Token![=]>()?;
    if input.is_empty() || input.peek(Token![,]) {
        return Err(syn::Error::new(
            name.span(),
            format!("`{name}` needs a value: `{example}`"),
        ));
    }
    input.parse()
}

/// A string literal behind `name =`.
pub(crate) fn text(name: &Ident, example: &str, input: ParseStream<'_>) -> syn::Result<LitStr> {
    let value = value(name, example, input)?;
    string(&value)
        .ok_or_else(|| syn::Error::new_spanned(&value, format!("expected a string literal: `{example}`")))
}

/// The string literal that an expression is, in a group or not.
pub(crate) fn string(value: &Expr) -> Option<LitStr> {
    match value {
        Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Str(text),
            ..
        }) => Some(text.clone()),
        Expr::Group(group) => string(&group.expr),
        _ => None,
    }
}

/// Sets an option, unless it is set.
pub(crate) fn once<T>(option: &mut Option<T>, name: &str, span: Span, value: T) -> syn::Result<()> {
    if option.is_some() {
        return Err(syn::Error::new(
            span,
            format!("`{name}` is given twice; leave one out"),
        ));
    }
    *option = Some(value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_and_synonyms_are_guessed() {
        let names = Names {
            known: &["ttl", "cached", "raw"],
            synonyms: &[("expires", "ttl")],
        };
        for (written, meant) in [
            ("tll", Some("ttl")),
            ("cache", Some("cached")),
            ("expires", Some("ttl")),
            ("rwa", Some("raw")),
            ("colour", None),
        ] {
            assert_eq!(names.guess(written), meant, "{written}");
        }
    }
}

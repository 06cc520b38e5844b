//! The annotated function: parsed as far as its body, which stays as it was written.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Result, Signature, Visibility, braced, token};

pub(super) struct Function {
    /// Outer ones, and those that stood inside the body, which can't stay in a block.
    pub(super) attributes: Vec<Attribute>,
    pub(super) visibility: Visibility,
    pub(super) signature: Signature,
    pub(super) brace: token::Brace,
    pub(super) body: TokenStream,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let signature = input.parse()?;
        let content;
        let brace = braced!(content in input);
        for mut inner in content.call(Attribute::parse_inner)? {
            inner.style = syn::AttrStyle::Outer;
            attributes.push(inner);
        }
        Ok(Self {
            attributes,
            visibility,
            signature,
            brace,
            body: content.parse()?,
        })
    }
}

impl Function {
    /// Where the last statement starts and ends. A body of the wrong type is reported where rustc would report it
    /// without the attribute.
    pub(super) fn last_statement(&self) -> (Span, Span) {
        let mut statement: Option<(Span, Span)> = None;
        let mut ended = false;
        for token in self.body.clone() {
            let span = token.span();
            statement = match statement {
                Some((start, _)) if !ended => Some((start, span)),
                _ => Some((span, span)),
            };
            ended = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == ';');
        }
        statement.unwrap_or_else(|| (Span::call_site(), Span::call_site()))
    }
}

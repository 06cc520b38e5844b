//! What the attribute turns the function into: its body as a future, and a runtime built to run it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{ReturnType, Type};

use super::Kind;
use super::function::Function;
use super::options::{Flavor, Options};

pub(super) fn function(kind: Kind, options: &Options, mut function: Function) -> TokenStream {
    let (start, end) = function.last_statement();
    function.signature.asyncness = None;

    let body = Ident::new("body", Span::mixed_site());
    let future = future(kind, &function, &body);
    let import = import(options, start);
    let builder = builder(options, start);
    // Spanned from the last statement's start to its end, where rustc then reports what doesn't fit the return type. The
    // explicit `return` keeps a body that never returns from being reported as unreachable.
    let run = quote_spanned! {end=>
        #[allow(
            clippy::expect_used,
            clippy::diverging_sub_expression,
            clippy::needless_return,
            clippy::unwrap_in_result
        )]
        {
            #import
            return #builder.expect("Failed building the Runtime").run(#body);
        }
    };

    let Function {
        attributes,
        visibility,
        signature,
        brace,
        ..
    } = &function;
    // Last, so that a test attribute further down sees it.
    let test = (kind == Kind::Test).then(|| quote!(#[::core::prelude::v1::test]));
    let mut tokens = quote! {
        #(#attributes)*
        #test
        #visibility #signature
    };
    brace.surround(&mut tokens, |tokens| {
        future.to_tokens(tokens);
        run.to_tokens(tokens);
    });
    tokens
}

/// The body as a local future whose output is checked against the function's type.
fn future(kind: Kind, function: &Function, name: &Ident) -> TokenStream {
    let content = &function.body;
    let mut block = TokenStream::new();
    function
        .brace
        .surround(&mut block, |tokens| content.to_tokens(tokens));

    let future = quote!(let #name = async #block;);
    let Some(output) = output(&function.signature.output) else {
        return future;
    };
    match kind {
        // The runtime's `run` is generic over the future: behind a pointer, all tests share one copy of it.
        Kind::Test => quote! {
            #future
            let #name: ::core::pin::Pin<&mut dyn ::core::future::Future<Output = #output>> = ::core::pin::pin!(#name);
        },
        Kind::Main => quote! {
            #future
            if false {
                let _: &dyn ::core::future::Future<Output = #output> = &#name;
            }
        },
    }
}

/// The output's type, if it can be written down.
fn output(output: &ReturnType) -> Option<TokenStream> {
    match output {
        ReturnType::Default => Some(quote!(())),
        ReturnType::Type(_, output) => nameable(output).then(|| output.to_token_stream()),
    }
}

fn nameable(output: &Type) -> bool {
    // By its tokens: an `impl Trait` may be anywhere in the type, and `!` is none.
    fn holds_impl(tokens: TokenStream) -> bool {
        tokens.into_iter().any(|token| match token {
            proc_macro2::TokenTree::Ident(ident) => ident == "impl",
            proc_macro2::TokenTree::Group(group) => holds_impl(group.stream()),
            _ => false,
        })
    }
    !matches!(output, Type::Never(_)) && !holds_impl(output.to_token_stream())
}

/// Apart from the expression below, whose tokens must all be located in the body.
fn import(options: &Options, span: Span) -> TokenStream {
    let path = options
        .path
        .as_ref()
        .map_or_else(|| quote!(::swapplex), ToTokens::to_token_stream);
    quote_spanned! {Span::call_site().located_at(span)=> use #path::runtime::Builder; }
}

fn builder(options: &Options, span: Span) -> TokenStream {
    let Options {
        flavor,
        worker_threads,
        start_paused,
        name,
        path: _,
    } = options;
    let constructor = match flavor {
        Flavor::CurrentThread => quote_spanned!(span=> new_current_thread),
        Flavor::MultiThread => quote_spanned!(span=> new_multi_thread),
    };
    // By path: a method of a trait that the user has in scope for all types, and that takes `self`, would go before ours
    // that takes `&mut self`.
    let mut builder = quote_spanned!(span=> Builder::enable_all(&mut Builder::#constructor()));
    if let Some(threads) = worker_threads {
        builder = quote_spanned!(span=> Builder::worker_threads(#builder, #threads));
    }
    if let Some(paused) = start_paused {
        builder = quote_spanned!(span=> Builder::start_paused(#builder, #paused));
    }
    if let Some(name) = name {
        builder = quote_spanned!(span=> Builder::name(#builder, #name));
    }
    quote_spanned!(span=> Builder::build(#builder))
}

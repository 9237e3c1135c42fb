//! `#[exportable]`: on an `impl`, or on a function.

use proc_macro::{Span, TokenStream, TokenTree};

use crate::arguments;
use crate::function;
use crate::methods;
use crate::tokens::{Fault, is_word, take_attributes};

pub fn exportable(arguments: TokenStream, input: TokenStream) -> Result<TokenStream, Fault> {
    let arguments = arguments::read(arguments)?;
    let mut item: Vec<TokenTree> = input.into_iter().collect();
    let attributes = take_attributes(&mut item);
    let attributes: TokenStream = attributes.into_iter().flat_map(|attribute| attribute.tokens).collect();
    if is_word(item.first(), "impl") {
        return methods::of_impl(arguments, attributes, item);
    }
    if item.iter().take(4).any(|token| is_word(Some(token), "fn")) {
        return function::of_function(arguments, attributes, item);
    }
    let span = item.first().map_or(Span::call_site(), TokenTree::span);
    let message =
        "`#[exportable]` stands before an `impl` or a function; a struct or an enum has `#[derive(Exportable)]`";
    Err(Fault::new(span, message))
}

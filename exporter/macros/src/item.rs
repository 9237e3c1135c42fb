//! `#[exportable]`: on an `impl`, or on a function.

use proc_macro::{Delimiter, Span, TokenStream, TokenTree};

use crate::casts::Names;
use crate::methods;
use crate::tokens::{Fault, as_group, code, is_word, split_at_commas};
use crate::{function, tokens};

/// What stands in the parentheses of `#[exportable(..)]`.
pub struct Arguments {
    pub names: Names,
    /// Imports from candle that the caller's file makes: `use candle_nn::ops::softmax`.
    pub imports: TokenStream,
}

pub fn exportable(arguments: TokenStream, input: TokenStream) -> Result<TokenStream, Fault> {
    let arguments = arguments_of(arguments)?;
    let mut item: Vec<TokenTree> = input.into_iter().collect();
    let attributes = tokens::take_attributes(&mut item);
    let attributes: TokenStream = attributes.into_iter().flat_map(|attribute| attribute.tokens).collect();
    if is_word(item.first(), "impl") {
        return methods::of_impl(arguments, attributes, item);
    }
    if item.iter().take(4).any(|token| is_word(Some(token), "fn")) {
        return function::of_function(arguments, attributes, item);
    }
    let span = item.first().map_or(Span::call_site(), TokenTree::span);
    let message = "`#[exportable]` stands before an `impl` or a function; a struct or an enum has `#[derive(Exportable)]`";
    Err(Fault::new(span, message))
}

fn arguments_of(tokens: TokenStream) -> Result<Arguments, Fault> {
    let mut arguments =
        Arguments { names: Names { types: vec![], functions: vec![] }, imports: TokenStream::new() };
    for part in split_at_commas(tokens) {
        let uses = as_group(part.get(1), Delimiter::Parenthesis);
        match uses {
            _ if is_word(part.first(), "use") => {
                arguments.imports.extend(part);
                arguments.imports.extend(code(";"));
            }
            Some(uses) if is_word(part.first(), "uses") => {
                for name in uses.stream() {
                    let TokenTree::Ident(name) = name else { continue };
                    let name = name.to_string();
                    let is_type = name.starts_with(char::is_uppercase);
                    if is_type { &mut arguments.names.types } else { &mut arguments.names.functions }.push(name);
                }
            }
            _ => {
                let message = "expected `uses(Type, function)`, or an import such as `use candle_nn::ops::softmax`";
                return Err(Fault::new(part[0].span(), message));
            }
        }
    }
    Ok(arguments)
}

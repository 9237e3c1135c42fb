//! What stands in the parentheses of `#[exportable(..)]`.

use proc_macro::{Delimiter, TokenStream, TokenTree};

use crate::rewrite::Names;
use crate::tokens::{Fault, as_group, code, is_word, split_at_commas};

/// Names that mean twins, and imports.
pub struct Arguments {
    pub names: Names,
    /// Imports from candle that the caller's file makes: `use candle_nn::ops::softmax`.
    pub imports: TokenStream,
}

/// Reads `uses(Type, function), use candle_nn::ops::softmax`.
pub fn read(tokens: TokenStream) -> Result<Arguments, Fault> {
    let mut arguments = Arguments { names: Names { types: vec![], functions: vec![] }, imports: TokenStream::new() };
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

//! Functions and closures, compiled a second time.

use proc_macro::{Delimiter, Group, TokenStream, TokenTree};

use crate::arguments::Arguments;
use crate::methods::{IMPORTS, Method, QUIET};
use crate::rewrite::{Names, for_twin};
use crate::tokens::{Fault, code, group, take_visibility};

/// A function, and a module of the same name with the twin in it.
pub fn of_function(
    mut arguments: Arguments,
    attributes: TokenStream,
    mut item: Vec<TokenTree>,
) -> Result<TokenStream, Fault> {
    let mut out = attributes;
    out.extend(item.iter().cloned());
    let visibility = take_visibility(&mut item);
    let method = Method::read(item)?;
    let name = method.name.clone();
    arguments.names.functions.push(name.to_string());
    let mut inside = code(IMPORTS);
    inside.extend(code("use super::*;"));
    inside.extend(for_twin(arguments.imports.clone(), &arguments.names));
    inside.extend(code("pub"));
    inside.extend(method.twin_called("twin", &arguments.names));
    out.extend(code(QUIET));
    out.extend(visibility);
    out.extend(code("mod"));
    out.extend([TokenTree::from(name), group(Delimiter::Brace, inside)]);
    Ok(out)
}

/// `Func::new(closure, twin)`.
pub fn func(closure: TokenStream) -> TokenStream {
    let names = Names { types: vec![], functions: vec![] };
    let mut twin = code(IMPORTS);
    twin.extend(for_twin(closure.clone(), &names));
    let mut arguments = closure;
    arguments.extend(code(","));
    arguments.extend(code(QUIET));
    arguments.extend([TokenTree::from(Group::new(Delimiter::Brace, twin))]);
    let mut out = code("::exporter::Func::new");
    out.extend([group(Delimiter::Parenthesis, arguments)]);
    out
}

//! `#[exportable] impl`: the methods as they are, and once more for the twin.

use proc_macro::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};

use crate::arguments::Arguments;
use crate::rewrite::{Names, for_twin};
use crate::tokens::{
    Fault, as_group, code, group, is_mark, is_word, mentions, split_at_commas, take_attributes, take_visibility,
};

/// What the caller's names mean for the twin. They stand before what the caller's file imports.
pub const IMPORTS: &str = concat!(
    "use ::exporter::twin::{IndexOp, Module, ModuleT, Tensor};",
    "use ::exporter::twin::candle_nn::{BatchNorm, Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d, Dropout};",
    "use ::exporter::twin::candle_nn::{Embedding, LayerNorm, Linear, PReLU, RmsNorm};",
);

/// The caller's code has passed its lints already.
pub const QUIET: &str = "#[allow(warnings, clippy::all, clippy::pedantic)]";

/// A function of an `impl`.
pub struct Method {
    pub name: Ident,
    /// Up to the parameters.
    head: Vec<TokenTree>,
    parameters: Vec<Vec<TokenTree>>,
    /// From the arrow up to the body.
    returns: Vec<TokenTree>,
    body: Group,
}

pub fn of_impl(
    mut arguments: Arguments,
    attributes: TokenStream,
    mut item: Vec<TokenTree>,
) -> Result<TokenStream, Fault> {
    let Some(TokenTree::Group(body)) = item.pop() else {
        return Err(Fault::new(Span::call_site(), "expected an `impl` with a body"));
    };
    if let Some(mark) = item.get(1).filter(|token| is_mark(Some(token), '<')) {
        return Err(Fault::new(mark.span(), "`#[exportable]` takes no `impl` with parameters"));
    }
    let of_trait = item.iter().position(|token| is_word(Some(token), "for"));
    let Some(TokenTree::Ident(name)) = item.last().cloned() else {
        return Err(Fault::new(
            body.span(),
            "`#[exportable]` takes an `impl` of a struct or an enum, without parameters",
        ));
    };
    arguments.names.types.push(name.to_string());

    let (mut kept, mut twins, mut entry) = (TokenStream::new(), TokenStream::new(), None);
    for mut tokens in items_of(body.stream()) {
        let found = take_attributes(&mut tokens);
        let (mut skipped, mut conditions) = (false, TokenStream::new());
        for attribute in found {
            match attribute.name.as_str() {
                "onnx" => skipped = true,
                "cfg" => {
                    conditions.extend(attribute.tokens.iter().cloned());
                    kept.extend(attribute.tokens);
                }
                _ => kept.extend(attribute.tokens),
            }
        }
        kept.extend(tokens.iter().cloned());
        if skipped {
            continue;
        }
        if !is_function(&tokens) {
            // A constant computes with numbers alone.
            twins.extend(conditions);
            twins.extend(tokens);
            continue;
        }
        let visibility = take_visibility(&mut tokens);
        let method = Method::read(tokens)?;
        if !method.has_twin(of_trait.is_some(), &name) {
            continue;
        }
        entry = entry.or(method.entry());
        twins.extend(conditions);
        twins.extend(visibility);
        twins.extend(method.twin(of_trait.is_some(), &arguments.names));
    }

    let mut inside = code(IMPORTS);
    inside.extend(for_twin(arguments.imports, &arguments.names));
    inside.extend(for_twin(item.iter().cloned().collect(), &arguments.names));
    inside.extend([group(Delimiter::Brace, twins)]);
    let mut out = attributes;
    out.extend(item);
    out.extend([group(Delimiter::Brace, kept)]);
    out.extend(code(QUIET));
    out.extend(code("const _: () ="));
    out.extend([group(Delimiter::Brace, inside)]);
    out.extend(code(";"));
    // Outside, where the type's name is the caller's, even if candle has one of that name.
    if let Some(call) = entry {
        let traits = "use ::exporter::twin::{Module as _, ModuleT as _};";
        let signature = "fn to_onnx(&self, graph: &mut ::exporter::GraphBuilder, x: ::exporter::Value) -> ::exporter::Result<::exporter::Value>";
        let body = format!("graph.run(self, |twin| {{ let x = ::exporter::twin::Tensor::from(x); {call} }})");
        out.extend(code(&format!("impl ::exporter::ToOnnx for {name} {{ {signature} {{ {traits} {body} }} }}")));
    }
    Ok(out)
}

/// The items of an `impl`, each with its attributes.
fn items_of(tokens: TokenStream) -> Vec<Vec<TokenTree>> {
    let mut items = vec![vec![]];
    for token in tokens {
        let item = items.last_mut().expect("it is never empty");
        let ends = match &token {
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace && is_function(item),
            token => is_mark(Some(token), ';'),
        };
        item.push(token);
        if ends {
            items.push(vec![]);
        }
    }
    items.retain(|item| !item.is_empty());
    items
}

fn is_function(tokens: &[TokenTree]) -> bool {
    let end = tokens.iter().position(|token| is_mark(Some(token), '=')).unwrap_or(tokens.len());
    tokens[..end].iter().any(|token| is_word(Some(token), "fn"))
}

impl Method {
    /// Reads `fn name(parameters) -> Type { body }`.
    pub fn read(mut tokens: Vec<TokenTree>) -> Result<Self, Fault> {
        let place = tokens.iter().position(|token| is_word(Some(token), "fn")).unwrap_or_default();
        let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
            (tokens.get(place + 1).cloned(), tokens.pop())
        else {
            return Err(Fault::new(Span::call_site(), "expected a function with a body"));
        };
        let is_parameters = |token: &TokenTree| as_group(Some(token), Delimiter::Parenthesis).is_some();
        let Some(place) = tokens.iter().skip(place).position(is_parameters).map(|found| found + place) else {
            return Err(Fault::new(name.span(), "expected parameters"));
        };
        let returns = tokens.split_off(place + 1);
        let Some(TokenTree::Group(parameters)) = tokens.pop() else { unreachable!("it was just found") };
        let parameters = split_at_commas(parameters.stream());
        Ok(Self { name, head: tokens, parameters, returns, body })
    }

    fn has_self(&self) -> bool {
        self.parameters.first().is_some_and(|first| first.iter().any(|token| is_word(Some(token), "self")))
    }

    /// What reads a checkpoint or makes the type has none; functions without `self` have one where they take tensors.
    fn has_twin(&self, of_trait: bool, owner: &Ident) -> bool {
        let makes_self = mentions(&self.returns, "Self") || mentions(&self.returns, &owner.to_string());
        let takes = |word| self.parameters.iter().any(|parameter| mentions(parameter, word));
        let reads = takes("VarBuilder") || takes("VarMap");
        of_trait || (!reads && !makes_self && (self.has_self() || takes("Tensor")))
    }

    /// The call of a `forward` with one tensor, which makes `ToOnnx`.
    fn entry(&self) -> Option<String> {
        let name = self.name.to_string();
        if !self.has_self() || !["forward", "forward_t"].contains(&name.as_str()) {
            return None;
        }
        let is_train = |parameter: &Vec<TokenTree>| {
            ["train", "_train"].iter().any(|word| is_word(parameter.first(), word)) && is_word(parameter.last(), "bool")
        };
        let train = match &self.parameters[1..] {
            [_] => "",
            [_, train] if is_train(train) => ", false",
            _ => return None,
        };
        let input = &self.parameters[1];
        if !is_word(input.last(), "Tensor") {
            return None;
        }
        let borrow = if input.iter().any(|token| is_mark(Some(token), '&')) { "&" } else { "" };
        Some(format!("twin.{name}({borrow}x{train})"))
    }

    fn twin(&self, of_trait: bool, names: &Names) -> TokenStream {
        let lengths = if of_trait { vec![] } else { self.lengths() };
        self.written(&self.name.to_string(), &lengths, names)
    }

    /// The twin of a function, under another name.
    pub fn twin_called(&self, name: &str, names: &Names) -> TokenStream {
        self.written(name, &self.lengths(), names)
    }

    fn written(&self, name: &str, lengths: &[String], names: &Names) -> TokenStream {
        let mut out = TokenStream::new();
        for token in &self.head {
            match token {
                TokenTree::Ident(ident) if ident.to_string() == self.name.to_string() => {
                    out.extend([TokenTree::from(Ident::new(name, ident.span()))]);
                }
                token => out.extend([token.clone()]),
            }
        }
        let mut parameters = TokenStream::new();
        for parameter in &self.parameters {
            if length_of(parameter).is_some_and(|name| lengths.contains(&name)) {
                parameters.extend(parameter[..parameter.len() - 1].iter().cloned());
                parameters.extend(code("impl ::core::convert::Into<::exporter::twin::Length>"));
            } else {
                parameters.extend(for_twin(parameter.iter().cloned().collect(), names));
            }
            parameters.extend(code(","));
        }
        out.extend([group(Delimiter::Parenthesis, parameters)]);
        out.extend(for_twin(self.returns.iter().cloned().collect(), names));
        let mut body = TokenStream::new();
        if self.has_self() {
            let by_value = !is_mark(self.parameters[0].first(), '&');
            let borrow = if by_value { "&self" } else { "&*self" };
            body.extend(code(&format!("let __inside = ::exporter::twin::enter({borrow});")));
        }
        for name in lengths {
            body.extend(code(&format!("let {name}: ::exporter::twin::Length = {name}.into();")));
        }
        let mut own = Group::new(Delimiter::Brace, for_twin(self.body.stream(), names));
        own.set_span(self.body.span());
        body.extend([TokenTree::from(own)]);
        out.extend([group(Delimiter::Brace, body)]);
        out
    }

    /// The parameters that are lengths: whole numbers that no index needs as such.
    fn lengths(&self) -> Vec<String> {
        let names = self.parameters.iter().filter_map(|parameter| length_of(parameter));
        names.filter(|name| !counts(self.body.stream(), name)).collect()
    }
}

/// The name of a parameter of type `usize`.
fn length_of(parameter: &[TokenTree]) -> Option<String> {
    match parameter {
        [name @ TokenTree::Ident(_), colon, r#type] if is_mark(Some(colon), ':') && is_word(Some(r#type), "usize") => {
            Some(name.to_string())
        }
        _ => None,
    }
}

/// Whether `name` alone is an index, or a bound of one: `&self.layers[..name]`.
fn counts(tokens: TokenStream, name: &str) -> bool {
    tokens.into_iter().any(|token| {
        let TokenTree::Group(group) = &token else { return false };
        let inside: Vec<TokenTree> = group.stream().into_iter().collect();
        let is_index = |token: &TokenTree| is_word(Some(token), name) || is_mark(Some(token), '.');
        let is_named = inside.iter().any(|token| is_word(Some(token), name));
        (group.delimiter() == Delimiter::Bracket && is_named && inside.iter().all(is_index))
            || counts(group.stream(), name)
    })
}

//! `#[derive(Exportable)]`: a struct or an enum with the same fields, over values of a graph.

use proc_macro::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};

use crate::tokens::{
    Attribute, Fault, as_group, code, group, is_mark, is_word, split_at_commas, take_attributes, take_visibility,
    twin_name,
};

/// The lints that the caller's own code has passed already.
const QUIET: &str = "#[doc(hidden)] #[allow(missing_docs, dead_code, non_camel_case_types, clippy::all)]";

/// One field: how it is declared, and what it is called in the checkpoint.
struct Field {
    visibility: Vec<TokenTree>,
    /// Nothing in a tuple.
    name: Option<Ident>,
    r#type: TokenStream,
    /// Taken as it is, without a twin.
    plain: bool,
    /// A layer with a `ToOnnx` of its own.
    layer: bool,
    rename: Option<String>,
}

pub fn derive(input: TokenStream) -> Result<TokenStream, Fault> {
    let mut tokens: Vec<TokenTree> = input.into_iter().collect();
    take_attributes(&mut tokens);
    let visibility = take_visibility(&mut tokens);
    let is_enum = is_word(tokens.first(), "enum");
    let Some(TokenTree::Ident(name)) = tokens.get(1).cloned() else {
        return Err(Fault::new(Span::call_site(), "expected a struct or an enum"));
    };
    if !is_enum && !is_word(tokens.first(), "struct") {
        return Err(Fault::new(name.span(), "`Exportable` is for structs and enums"));
    }
    if is_mark(tokens.get(2), '<') {
        let message = "`Exportable` takes no type with parameters: write `ToOnnx` for it by hand";
        return Err(Fault::new(name.span(), message));
    }
    let named = as_group(tokens.get(2), Delimiter::Brace).cloned();
    let tuple = as_group(tokens.get(2), Delimiter::Parenthesis).cloned();
    match (is_enum, named, tuple) {
        (true, Some(variants), _) => of_enum(&visibility, &name, &variants),
        (_, Some(fields), _) => of_struct(&visibility, &name, &fields),
        (_, _, Some(fields)) => of_tuple(&visibility, &name, &fields),
        _ => Ok(of_unit(&visibility, &name)),
    }
}

/// A struct without fields, whose methods have twins all the same.
fn of_unit(visibility: &[TokenTree], name: &Ident) -> TokenStream {
    let twin = twin_name(name);
    let mut out = code(QUIET);
    out.extend(code("#[derive(Clone)]"));
    out.extend(visibility.iter().cloned());
    out.extend(code(&format!("struct {twin};")));
    out.extend(implementation(name, &twin, code(&twin.to_string())));
    out.extend(scoped(&twin, "::core::option::Option::None"));
    out
}

/// An enum without fields is its own twin: others match on it.
fn of_itself(name: &Ident) -> TokenStream {
    code(&format!(
        "impl ::exporter::Exportable for {name} {{
            type Twin = Self;
            fn twin(&self, _: &::exporter::twin::Scope) -> Self {{ ::core::clone::Clone::clone(self) }}
        }}"
    ))
}

fn of_struct(visibility: &[TokenTree], name: &Ident, fields: &Group) -> Result<TokenStream, Fault> {
    let fields = fields_of(fields)?;
    let twin = twin_name(name);
    let (mut declared, mut made) = (TokenStream::new(), TokenStream::new());
    for field in &fields {
        declared.extend(declaration(field));
        let name = field.name.as_ref().expect("a field in braces has a name");
        made.extend(code(&format!("{name}: {},", making(field, &format!("&self.{name}"), &plain_name(name)))));
    }
    declared.extend(code("__scope: ::exporter::twin::Scope,"));
    made.extend(code("__scope: ::core::clone::Clone::clone(scope),"));
    let body = group(Delimiter::Brace, declared);
    let construction = [code(&twin.to_string()), TokenStream::from(group(Delimiter::Brace, made))];
    let mut out = declare(visibility, &format!("struct {twin}"), body);
    out.extend(implementation(name, &twin, construction.into_iter().collect()));
    out.extend(scoped(&twin, "::core::option::Option::Some(&self.__scope)"));
    Ok(out)
}

fn of_tuple(visibility: &[TokenTree], name: &Ident, fields: &Group) -> Result<TokenStream, Fault> {
    let fields = fields_of(fields)?;
    let twin = twin_name(name);
    let (mut declared, mut made) = (TokenStream::new(), TokenStream::new());
    for (index, field) in fields.iter().enumerate() {
        declared.extend(declaration(field));
        made.extend(code(&format!("{},", making(field, &format!("&self.{index}"), &index.to_string()))));
    }
    let mut body: TokenStream = group(Delimiter::Parenthesis, declared).into();
    body.extend(code(";"));
    let mut out = code(QUIET);
    out.extend(code("#[derive(Clone)]"));
    out.extend(visibility.iter().cloned());
    out.extend(code(&format!("struct {twin}")));
    out.extend(body);
    let construction = [code(&twin.to_string()), TokenStream::from(group(Delimiter::Parenthesis, made))];
    out.extend(implementation(name, &twin, construction.into_iter().collect()));
    out.extend(scoped(&twin, "::core::option::Option::None"));
    Ok(out)
}

fn of_enum(visibility: &[TokenTree], name: &Ident, variants: &Group) -> Result<TokenStream, Fault> {
    let twin = twin_name(name);
    let (mut declared, mut arms) = (TokenStream::new(), TokenStream::new());
    let mut has_fields = false;
    for mut tokens in split_at_commas(variants.stream()) {
        take_attributes(&mut tokens);
        let Some(TokenTree::Ident(variant)) = tokens.first().cloned() else { continue };
        let Some(TokenTree::Group(inside)) = tokens.get(1) else {
            declared.extend(code(&format!("{variant},")));
            arms.extend(code(&format!("{name}::{variant} => {twin}::{variant},")));
            continue;
        };
        has_fields = true;
        let fields = fields_of(inside)?;
        let alone = fields.len() == 1;
        let (mut pattern, mut made, mut kept) = (String::new(), String::new(), TokenStream::new());
        for (index, field) in fields.iter().enumerate() {
            kept.extend(declaration(field));
            // The only field of a variant has the name of the enum itself: a checkpoint does not know the variants.
            let scope = if alone { String::new() } else { field.name.as_ref().map_or(index.to_string(), plain_name) };
            let bound = format!("field{index}");
            let made_of = making(field, &bound, &scope);
            match &field.name {
                Some(name) => {
                    pattern += &format!("{name}: {bound},");
                    made += &format!("{name}: {made_of},");
                }
                None => {
                    pattern += &format!("{bound},");
                    made += &format!("{made_of},");
                }
            }
        }
        let (open, close) = if inside.delimiter() == Delimiter::Brace { ('{', '}') } else { ('(', ')') };
        declared.extend(code(&variant.to_string()));
        declared.extend([group(inside.delimiter(), kept)]);
        declared.extend(code(","));
        arms.extend(code(&format!("{name}::{variant}{open}{pattern}{close} => {twin}::{variant}{open}{made}{close},")));
    }
    if !has_fields {
        return Ok(of_itself(name));
    }
    let mut out = declare(visibility, &format!("enum {twin}"), group(Delimiter::Brace, declared));
    let construction = [code("match self"), TokenStream::from(group(Delimiter::Brace, arms))];
    out.extend(implementation(name, &twin, construction.into_iter().collect()));
    out.extend(scoped(&twin, "::core::option::Option::None"));
    Ok(out)
}

fn declare(visibility: &[TokenTree], head: &str, body: TokenTree) -> TokenStream {
    let mut out = code(QUIET);
    out.extend(code("#[derive(Clone)]"));
    out.extend(visibility.iter().cloned());
    out.extend(code(head));
    out.extend([body]);
    out
}

fn implementation(name: &Ident, twin: &Ident, construction: TokenStream) -> TokenStream {
    let mut inside = code(&format!("type Twin = {twin}; fn twin(&self, scope: &::exporter::twin::Scope) -> {twin}"));
    inside.extend([group(Delimiter::Brace, construction)]);
    let mut out = code(&format!("#[allow(clippy::all)] impl ::exporter::Exportable for {name}"));
    out.extend([group(Delimiter::Brace, inside)]);
    out
}

fn scoped(twin: &Ident, scope: &str) -> TokenStream {
    code(&format!(
        "impl ::exporter::twin::Scoped for {twin} {{
            fn scope(&self) -> ::core::option::Option<&::exporter::twin::Scope> {{ {scope} }}
        }}"
    ))
}

/// `visibility name: <Type as Exportable>::Twin,`
fn declaration(field: &Field) -> TokenStream {
    let mut out: TokenStream = field.visibility.iter().cloned().collect();
    if let Some(name) = &field.name {
        out.extend([TokenTree::from(name.clone())]);
        out.extend(code(":"));
    }
    if field.plain {
        out.extend(field.r#type.clone());
    } else if field.layer {
        out.extend(code("::exporter::twin::Layer<"));
        out.extend(field.r#type.clone());
        out.extend(code(">"));
    } else {
        out.extend(code("<"));
        out.extend(field.r#type.clone());
        out.extend(code("as ::exporter::Exportable>::Twin"));
    }
    out.extend(code(","));
    out
}

/// The expression that makes a field's twin.
fn making(field: &Field, from: &str, name: &str) -> String {
    if field.plain {
        return format!("::core::clone::Clone::clone({from})");
    }
    let name = field.rename.as_deref().unwrap_or(name);
    let scope = format!("&::exporter::twin::Scope::inner(scope, {name:?})");
    if field.layer {
        return format!("::exporter::twin::Layer::new(::core::clone::Clone::clone({from}), {scope})");
    }
    format!("::exporter::Exportable::twin({from}, {scope})")
}

fn fields_of(fields: &Group) -> Result<Vec<Field>, Fault> {
    let has_names = fields.delimiter() == Delimiter::Brace;
    let parts = split_at_commas(fields.stream());
    parts.into_iter().map(|tokens| field_of(tokens, has_names)).collect()
}

fn field_of(mut tokens: Vec<TokenTree>, has_name: bool) -> Result<Field, Fault> {
    let attributes = take_attributes(&mut tokens);
    let visibility = take_visibility(&mut tokens);
    let name = match tokens.first() {
        Some(TokenTree::Ident(name)) if has_name => Some(name.clone()),
        _ => None,
    };
    if has_name {
        tokens.drain(..2);
    }
    let mut field =
        Field { visibility, name, r#type: tokens.into_iter().collect(), plain: false, layer: false, rename: None };
    for attribute in attributes.iter().filter(|attribute| attribute.name == "onnx") {
        settings(attribute, &mut field)?;
    }
    Ok(field)
}

fn settings(attribute: &Attribute, field: &mut Field) -> Result<(), Fault> {
    for part in split_at_commas(attribute.arguments.clone()) {
        match &part[..] {
            [word] if is_word(Some(word), "plain") => field.plain = true,
            [word] if is_word(Some(word), "layer") => field.layer = true,
            [word, mark, TokenTree::Literal(name)] if is_word(Some(word), "rename") && is_mark(Some(mark), '=') => {
                field.rename = Some(name.to_string().trim_matches('"').to_owned());
            }
            _ => {
                let message = "expected `plain`, `layer`, or `rename = \"name in the checkpoint\"`";
                return Err(Fault::new(part[0].span(), message));
            }
        }
    }
    Ok(())
}

/// `type` for `r#type`.
fn plain_name(name: &Ident) -> String {
    name.to_string().trim_start_matches("r#").to_owned()
}

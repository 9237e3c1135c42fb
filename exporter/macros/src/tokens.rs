//! Reading and writing tokens.

use std::str::FromStr;

use proc_macro::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};

/// What a macro cannot take, and where.
pub struct Fault {
    span: Span,
    message: String,
}

impl Fault {
    pub fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into() }
    }

    /// The error of the compiler, at the place of the fault.
    pub fn into_tokens(self) -> TokenStream {
        let error = code(&format!("::core::compile_error! {{ {:?} }}", self.message));
        error.into_iter().map(|token| with_span(token, self.span)).collect()
    }
}

/// `token`, and what is in it, at another place.
pub fn with_span(mut token: TokenTree, span: Span) -> TokenTree {
    if let TokenTree::Group(group) = &token {
        let inner = group.stream().into_iter().map(|token| with_span(token, span)).collect();
        token = Group::new(group.delimiter(), inner).into();
    }
    token.set_span(span);
    token
}

/// Tokens of our own.
pub fn code(text: &str) -> TokenStream {
    TokenStream::from_str(text).expect("our own text is Rust")
}

/// `tokens` in braces, brackets or parentheses.
pub fn group(delimiter: Delimiter, tokens: TokenStream) -> TokenTree {
    Group::new(delimiter, tokens).into()
}

/// Whether a token is this punctuation mark.
pub fn is_mark(token: Option<&TokenTree>, mark: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == mark)
}

/// Whether a token is this word.
pub fn is_word(token: Option<&TokenTree>, word: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if ident.to_string() == word)
}

/// The group that a token is, if it has this delimiter.
pub fn as_group(token: Option<&TokenTree>, delimiter: Delimiter) -> Option<&Group> {
    match token {
        Some(TokenTree::Group(group)) if group.delimiter() == delimiter => Some(group),
        _ => None,
    }
}

/// Whether a word is among the tokens, at any depth.
pub fn mentions(tokens: &[TokenTree], word: &str) -> bool {
    tokens.iter().any(|token| match token {
        TokenTree::Ident(ident) => ident.to_string() == word,
        TokenTree::Group(group) => mentions(&group.stream().into_iter().collect::<Vec<_>>(), word),
        _ => false,
    })
}

/// The tokens between commas; commas between `<` and `>` part nothing.
pub fn split_at_commas(tokens: TokenStream) -> Vec<Vec<TokenTree>> {
    let (mut parts, mut depth) = (vec![vec![]], 0);
    let mut arrow = false;
    for token in tokens {
        match &token {
            TokenTree::Punct(punct) if punct.as_char() == ',' && depth == 0 => {
                parts.push(vec![]);
                continue;
            }
            TokenTree::Punct(punct) if punct.as_char() == '<' => depth += 1,
            TokenTree::Punct(punct) if punct.as_char() == '>' && !arrow => depth -= 1,
            _ => (),
        }
        arrow = is_mark(Some(&token), '-');
        parts.last_mut().expect("it is never empty").push(token);
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// An attribute: its name and what is in its brackets.
pub struct Attribute {
    pub name: String,
    pub tokens: Vec<TokenTree>,
    /// What is in the parentheses behind the name.
    pub arguments: TokenStream,
}

/// Takes the attributes at the front of the tokens.
pub fn take_attributes(tokens: &mut Vec<TokenTree>) -> Vec<Attribute> {
    let mut attributes = vec![];
    while is_mark(tokens.first(), '#') && as_group(tokens.get(1), Delimiter::Bracket).is_some() {
        let taken: Vec<TokenTree> = tokens.drain(..2).collect();
        let inner: Vec<TokenTree> =
            as_group(taken.get(1), Delimiter::Bracket).into_iter().flat_map(Group::stream).collect();
        let arguments = as_group(inner.get(1), Delimiter::Parenthesis).map(Group::stream).unwrap_or_default();
        attributes.push(Attribute {
            name: inner.first().map(ToString::to_string).unwrap_or_default(),
            tokens: taken,
            arguments,
        });
    }
    attributes
}

/// Takes `pub` or `pub(crate)` at the front of the tokens.
pub fn take_visibility(tokens: &mut Vec<TokenTree>) -> Vec<TokenTree> {
    if !is_word(tokens.first(), "pub") {
        return vec![];
    }
    let count = if as_group(tokens.get(1), Delimiter::Parenthesis).is_some() { 2 } else { 1 };
    tokens.drain(..count).collect()
}

/// The name of the twin: `NetTwin` for `Net`.
pub fn twin_name(name: &Ident) -> Ident {
    Ident::new(&format!("{name}Twin"), name.span())
}

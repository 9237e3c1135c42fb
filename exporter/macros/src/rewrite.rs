//! The tokens of `forward` as its twin takes them: paths into candle lead to its twin, names of types to their twins, and `as`, `a..b` and
//! `let n: usize` take lengths.

use proc_macro::{Delimiter, Group, Ident, TokenStream, TokenTree};

use crate::tokens::{as_group, code, group, is_mark, is_word, split_at_commas, twin_name};

/// The crates that have twins. candle's own examples call the first one `candle`.
const CRATES: [(&str, &str); 3] =
    [("candle_core", "candle_core"), ("candle", "candle_core"), ("candle_nn", "candle_nn")];

const NUMBERS: [&str; 14] =
    ["f32", "f64", "usize", "isize", "u8", "u16", "u32", "u64", "u128", "i8", "i16", "i32", "i64", "i128"];

/// Names that mean the twins of types and functions of the caller's.
pub struct Names {
    pub types: Vec<String>,
    pub functions: Vec<String>,
}

/// The tokens as the twin takes them.
pub fn for_twin(tokens: TokenStream, names: &Names) -> TokenStream {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut out: Vec<TokenTree> = vec![];
    let mut place = 0;
    while let Some(token) = tokens.get(place) {
        place += 1;
        let rest = &tokens[place..];
        match token {
            TokenTree::Group(inner) => {
                let inside = of_group(inner, &out, rest, names);
                out.extend(inside);
            }
            TokenTree::Ident(word) => place += add_word(word, &mut out, rest, names),
            mark => out.push(mark.clone()),
        }
    }
    out.into_iter().collect()
}

fn of_group(inner: &Group, before: &[TokenTree], rest: &[TokenTree], names: &Names) -> TokenStream {
    if is_range(inner, before, rest) {
        return range(inner.stream().into_iter().collect(), names);
    }
    let inside = for_twin(inner.stream(), names);
    if is_array(inner, before, rest) {
        return array(inside);
    }
    let mut written = Group::new(inner.delimiter(), inside);
    written.set_span(inner.span());
    TokenTree::from(written).into()
}

/// Adds what a word and perhaps some tokens behind it become, and says how many tokens those are.
fn add_word(word: &Ident, out: &mut Vec<TokenTree>, rest: &[TokenTree], names: &Names) -> usize {
    let taken = match word.to_string().as_str() {
        "as" => add_cast(out, rest),
        "in" => add_loop(word, out, rest, names),
        "dims" => add_lengths(word, out, rest),
        "vec" => add_vector(out, rest, names),
        _ if is_let_usize(out, word, rest) => {
            out.push(word.clone().into());
            Some(2)
        }
        _ => None,
    };
    taken.unwrap_or_else(|| {
        add_name(word, out, rest, names);
        0
    })
}

/// `x as f64`, of which `x` is in `out` already.
fn add_cast(out: &mut Vec<TokenTree>, rest: &[TokenTree]) -> Option<usize> {
    let number = rest.first().map(ToString::to_string).filter(|name| NUMBERS.contains(&name.as_str()))?;
    let start = operand_start(out);
    if matches!(out[start..], [] | [TokenTree::Literal(_)]) {
        return None;
    }
    let operand = out.split_off(start);
    out.extend(code(&format!("::exporter::twin::cast::<{number}, _>")));
    out.push(group(Delimiter::Parenthesis, operand.into_iter().collect()));
    Some(1)
}

/// `for i in a..b { .. }`
fn add_loop(word: &Ident, out: &mut Vec<TokenTree>, rest: &[TokenTree], names: &Names) -> Option<usize> {
    let end = rest.iter().position(|token| as_group(Some(token), Delimiter::Brace).is_some())?;
    dots(&rest[..end])?;
    out.push(word.clone().into());
    out.extend(range(rest[..end].to_vec(), names));
    Some(end)
}

/// `x.dims().to_vec()`, to which lengths and numbers are added.
fn add_lengths(word: &Ident, out: &mut Vec<TokenTree>, rest: &[TokenTree]) -> Option<usize> {
    let [_, dot, method, call, ..] = rest else { return None };
    if !is_mark(Some(dot), '.') || !is_word(Some(method), "to_vec") || !is_mark(out.last(), '.') {
        return None;
    }
    out.push(Ident::new("lengths", word.span()).into());
    out.push(call.clone());
    Some(4)
}

/// `vec![a, b]`
fn add_vector(out: &mut Vec<TokenTree>, rest: &[TokenTree], names: &Names) -> Option<usize> {
    let elements = as_group(rest.get(1), Delimiter::Bracket).filter(|elements| is_array(elements, &[], &[]))?;
    is_mark(rest.first(), '!').then_some(())?;
    out.extend(code("::std::vec::Vec::from"));
    out.push(group(Delimiter::Parenthesis, array(for_twin(elements.stream(), names))));
    Some(2)
}

/// Adds the word, or what it means for the twin.
fn add_name(ident: &Ident, out: &mut Vec<TokenTree>, rest: &[TokenTree], names: &Names) {
    let word = ident.to_string();
    let leads = is_mark(rest.first(), ':') && is_mark(rest.get(1), ':');
    let after_path = is_mark(out.last(), ':') && is_mark(out.iter().rev().nth(1), ':');
    let after_dot = is_mark(out.last(), '.');
    if let (true, Some((_, twin))) = (leads && !after_dot, CRATES.iter().find(|(name, _)| *name == word)) {
        if after_path {
            out.truncate(out.len() - 2);
        }
        out.extend(code(&format!("::exporter::twin::{twin}")));
    } else if names.types.contains(&word) && !after_dot && !(after_path && is_candles(out)) {
        out.push(twin_name(ident).into());
    } else if names.functions.contains(&word) && !after_dot {
        out.push(ident.clone().into());
        out.extend(code("::twin"));
    } else {
        out.push(ident.clone().into());
    }
}

/// Whether a group is an array of values, some of which may be lengths and others numbers: no index, no pattern, no macro's.
fn is_array(group: &Group, before: &[TokenTree], rest: &[TokenTree]) -> bool {
    if group.delimiter() != Delimiter::Bracket {
        return false;
    }
    let is_index = match before.last() {
        Some(TokenTree::Ident(word)) => !["return", "in", "else", "break"].contains(&word.to_string().as_str()),
        Some(TokenTree::Group(_)) => true,
        Some(TokenTree::Punct(mark)) => ['!', '#', '?'].contains(&mark.as_char()),
        _ => false,
    };
    let is_pattern = ['=', '|', ':'].iter().any(|mark| is_mark(rest.first(), *mark)) || is_word(rest.first(), "if");
    let elements = split_at_commas(group.stream());
    let is_value = |element: &Vec<TokenTree>| !is_mark(element.first(), '&') && !is_mark(element.last(), '.');
    let all_literals = elements.iter().all(|element| matches!(element[..], [TokenTree::Literal(_)]));
    !is_index && !is_pattern && (2..=6).contains(&elements.len()) && elements.iter().all(is_value) && !all_literals
}

/// The array as a function of its elements.
fn array(elements: TokenStream) -> TokenStream {
    let mut out = code("::exporter::twin::array");
    let tuple = group(Delimiter::Parenthesis, elements);
    out.extend([group(Delimiter::Parenthesis, tuple.into())]);
    out
}

/// Whether the rest of `let name` is `: usize =`, which a length is not.
fn is_let_usize(before: &[TokenTree], name: &Ident, rest: &[TokenTree]) -> bool {
    let is_let = ["let", "mut"].iter().any(|word| is_word(before.last(), word)) && name.to_string() != "mut";
    is_let && is_mark(rest.first(), ':') && is_word(rest.get(1), "usize") && is_mark(rest.get(2), '=')
}

/// Where `..` stands between two bounds, of which the second is no literal.
fn dots(tokens: &[TokenTree]) -> Option<usize> {
    let is_dots = |place: &usize| is_mark(tokens.get(*place), '.') && is_mark(tokens.get(*place + 1), '.');
    let place = (0..tokens.len()).find(is_dots)?;
    let end = &tokens[place + 2..];
    let literal = matches!(end, [TokenTree::Literal(_)]);
    let comma = tokens.iter().any(|token| is_mark(Some(token), ','));
    (place > 0 && !end.is_empty() && !is_mark(end.first(), '=') && !literal && !comma).then_some(place)
}

/// Whether a group is `(a..b)` of an iterator: no call's argument, and with a method behind it.
fn is_range(group: &Group, before: &[TokenTree], rest: &[TokenTree]) -> bool {
    let is_call = match before.last() {
        Some(TokenTree::Ident(word)) => !["in", "return", "if", "while", "match"].contains(&word.to_string().as_str()),
        Some(TokenTree::Group(_)) => true,
        _ => false,
    };
    let is_alone = group.delimiter() == Delimiter::Parenthesis && !is_call && is_mark(rest.first(), '.');
    is_alone && dots(&group.stream().into_iter().collect::<Vec<_>>()).is_some()
}

/// `a..b` as a function of both, which may be lengths; `a..b as u32` counts in that type.
fn range(mut bounds: Vec<TokenTree>, names: &Names) -> TokenStream {
    let Some(place) = dots(&bounds) else { return for_twin(bounds.into_iter().collect(), names) };
    let mut end = bounds.split_off(place + 2);
    bounds.truncate(place);
    let cast =
        end.len().checked_sub(2).filter(|&place| is_word(end.get(place), "as") && operand_start(&end[..place]) == 0);
    let number = cast.map(|place| end.split_off(place)[1].to_string()).filter(|name| NUMBERS.contains(&name.as_str()));
    let mut out = match number {
        Some(number) => code(&format!("::exporter::twin::range_as::<{number}, _>")),
        None => code("::exporter::twin::range"),
    };
    let mut arguments = for_twin(bounds.into_iter().collect(), names);
    arguments.extend(code(","));
    arguments.extend(for_twin(end.into_iter().collect(), names));
    out.extend([group(Delimiter::Parenthesis, arguments)]);
    out
}

/// Whether a path of these tokens, which end in `::`, leads into candle: its types are not the caller's.
fn is_candles(tokens: &[TokenTree]) -> bool {
    CRATES.iter().any(|(_, twin)| is_word(tokens.iter().rev().nth(2), twin))
}

/// Where the operand of an `as` behind these tokens starts.
fn operand_start(tokens: &[TokenTree]) -> usize {
    let is_value = |token: &TokenTree| match token {
        TokenTree::Ident(ident) => {
            let keywords = ["if", "in", "return", "match", "else", "while", "let", "mut", "move", "as", "break"];
            !keywords.contains(&ident.to_string().as_str())
        }
        TokenTree::Group(_) | TokenTree::Literal(_) => true,
        TokenTree::Punct(punct) => punct.as_char() == '?',
    };
    let mark = |place: usize, mark| is_mark(tokens.get(place), mark);
    let mut start = tokens.len();
    while start > 0 && is_value(&tokens[start - 1]) {
        start -= 1;
        match &tokens[start] {
            // What is called, indexed or asked stands before it.
            TokenTree::Group(_) | TokenTree::Punct(_) => {
                if start > 0 && is_value(&tokens[start - 1]) {
                    continue;
                }
                break;
            }
            _ if start > 0 && mark(start - 1, '.') && !(start > 1 && mark(start - 2, '.')) => start -= 1,
            _ if start > 1 && mark(start - 1, ':') && mark(start - 2, ':') => start -= 2,
            _ => break,
        }
    }
    let before = |place: usize| place.checked_sub(1).and_then(|place| tokens.get(place));
    while ['*', '-', '!'].iter().any(|mark| is_mark(before(start), *mark)) {
        if before(start - 1).is_some_and(is_value) {
            break;
        }
        start -= 1;
    }
    start
}

//! What is wrong with a command line, in one line.
//!
//! The three programs say it in the same words. They share no code for it: the crates below them know no clap.

use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Says in one line what the command line should have been; `arguments` are those after the program's name.
pub fn explain(error: &clap::Error, arguments: &[String]) -> String {
    let what = match error.kind() {
        ErrorKind::UnknownArgument => unknown(error, arguments),
        ErrorKind::ArgumentConflict => conflict(error),
        ErrorKind::MissingRequiredArgument => "expected a shell: bash, elvish, fish, powershell or zsh".into(),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => value(error),
        ErrorKind::TooManyValues => no_value(error),
        ErrorKind::InvalidUtf8 => "expected text that is UTF-8, found other bytes".into(),
        _ => error.to_string().lines().next().unwrap_or_default().trim_start_matches("error: ").into(),
    };
    if what.ends_with('?') { what } else { format!("{what}; see `exporter --help`") }
}

/// The first argument that begins with a long dash, which word processors and web pages make of hyphens.
pub fn long_dash(arguments: &[String]) -> Option<String> {
    let dashes = ['‐', '‑', '‒', '–', '—', '―', '−'];
    let typed = arguments.iter().find(|argument| argument.starts_with(dashes) && !Path::new(argument).exists())?;
    Some(format!(
        "`{typed}` begins with a long dash instead of hyphens; did you mean `--{}`?",
        typed.trim_start_matches(dashes).trim_start_matches('-')
    ))
}

/// A part of the error.
fn text(error: &clap::Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        _ => String::new(),
    }
}

/// The same without the name of an option's value, and without brackets.
fn word(error: &clap::Error, kind: ContextKind) -> String {
    text(error, kind).split(' ').next().unwrap_or_default().trim_matches(['<', '>', '[', ']']).into()
}

/// The known name that is nearest to the one that was typed.
fn nearest(error: &clap::Error, kind: ContextKind) -> &str {
    match error.get(kind) {
        Some(ContextValue::String(name)) => name,
        // The nearest comes last.
        Some(ContextValue::Strings(names)) => names.last().map(String::as_str).unwrap_or_default(),
        _ => "",
    }
}

/// An option or a word that has no place there.
fn unknown(error: &clap::Error, arguments: &[String]) -> String {
    let found = text(error, ContextKind::InvalidArg);
    // `-split` is read as `-s -p ..`.
    let single = |argument: &&String| argument.starts_with(&found) && argument.len() > 2 && found.len() == 2;
    if let Some(typed) = arguments.iter().find(single) {
        return format!("there is no option `{typed}`; did you mean `-{typed}`?");
    }
    match found.trim_start_matches('-') {
        command @ ("completions" | "man") => {
            return format!("`{command}` is a command, not an option; did you mean `exporter {command}`?");
        }
        "run" => return "a run stands without an option, as in `exporter --split runs/simple-digits-1`".into(),
        _ => (),
    }
    if found.starts_with('-') {
        return format!("there is no option `{found}`{}", did_you_mean(nearest(error, ContextKind::SuggestedArg)));
    }
    one_too_many(&found)
}

fn conflict(error: &clap::Error) -> String {
    let option = word(error, ContextKind::InvalidArg);
    match text(error, ContextKind::InvalidSubcommand).as_str() {
        "" => format!("`{option}` is given more than once"),
        found => one_too_many(found),
    }
}

/// A word behind the run.
fn one_too_many(found: &str) -> String {
    if Path::new(found).join("config.toml").is_file() {
        return format!("found `{found}` too; `exporter` takes one run");
    }
    format!("found `{found}` without an option; did you mean `--out {found}`?")
}

fn no_value(error: &clap::Error) -> String {
    let (option, found) = (word(error, ContextKind::InvalidArg), text(error, ContextKind::InvalidValue));
    format!("`{option}` takes no value, found `{found}`")
}

fn value(error: &clap::Error) -> String {
    let (name, found) = (word(error, ContextKind::InvalidArg), text(error, ContextKind::InvalidValue));
    let name = if name.starts_with('-') { format!("`{name}`") } else { name.to_lowercase() };
    if found.is_empty() {
        return format!("{name}: expected a value, found none");
    }
    if let Some(source) = std::error::Error::source(error) {
        return format!("{name}: {source}, found `{found}`");
    }
    let valid = text(error, ContextKind::ValidValue);
    let suggested = nearest(error, ContextKind::SuggestedValue);
    // `tcsh` is a shell of its own, not `zsh` with a slip.
    let suggested = if name == "shell" && found.ends_with("csh") { "" } else { suggested };
    format!("{name}: expected one of {valid}; found `{found}`{}", did_you_mean(suggested))
}

fn did_you_mean(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("; did you mean `{text}`?") }
}

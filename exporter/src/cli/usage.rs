//! What is wrong with a command line, in one line.
//!
//! The three programs say it in the same words. They share no code for it: the crates below them know no clap.

use std::path::Path;

use bundle::quoted;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Says in one line what the command line should have been; `arguments` are those after the program's name.
pub fn explain(error: &clap::Error, arguments: &[String]) -> String {
    let what = match error.kind() {
        ErrorKind::UnknownArgument => unknown(error, arguments),
        ErrorKind::ArgumentConflict => conflict(error, arguments),
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
    let Some(name) = found.strip_prefix("--").or(found.strip_prefix('-')) else {
        return one_too_many(&found, arguments);
    };
    let meant = match name {
        "completions" | "man" => {
            return format!("`{name}` is a command, not an option; did you mean `exporter {name}`?");
        }
        "run" | "model" | "input" => {
            let example = "exporter --split runs/simple-digits-1";
            return format!("there is no option `{found}`; the run stands without one, as in `{example}`");
        }
        "whole" | "single" | "merge" | "merged" => {
            return format!("there is no option `{found}`; without `--split` there is one graph");
        }
        _ => synonym(name).unwrap_or_else(|| nearest(error, ContextKind::SuggestedArg)),
    };
    format!("there is no option `{found}`{}", did_you_mean(meant))
}

/// The option that goes by another name elsewhere.
fn synonym(name: &str) -> Option<&'static str> {
    Some(match name {
        "output" | "output-dir" | "dir" | "folder" | "to" => "--out",
        "encoder" | "decoder" | "halves" => "--split",
        "atol" | "rtol" | "tol" | "eps" => "--tolerance",
        "dataset" => "--data",
        "v" => "--version",
        _ => return None,
    })
}

fn conflict(error: &clap::Error, arguments: &[String]) -> String {
    let option = word(error, ContextKind::InvalidArg);
    match text(error, ContextKind::InvalidSubcommand).as_str() {
        "" => format!("`{option}` is given more than once"),
        found => one_too_many(found, arguments),
    }
}

/// A word behind the run.
fn one_too_many(found: &str, arguments: &[String]) -> String {
    // `exporter export RUN`
    let first = arguments.iter().find(|argument| !argument.starts_with('-')).map(String::as_str).unwrap_or_default();
    if ["export", "onnx", "split"].contains(&first) && !Path::new(first).exists() {
        return format!("there is no command `{first}`; did you mean `exporter --split {}`?", quoted(Path::new(found)));
    }
    match first {
        "completions" => return format!("found `{found}` too; `exporter completions` takes one shell"),
        "man" => return format!("found `{found}` too; `exporter man` stands alone"),
        _ => (),
    }
    if Path::new(found).join("config.toml").is_file() {
        return format!("found `{found}` too; `exporter` takes one run");
    }
    format!("found `{found}` without an option; did you mean `--out {}`?", quoted(Path::new(found)))
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

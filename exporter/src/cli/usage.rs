//! What is wrong with a command line, in one line.

use std::path::Path;

use bundle::{EXPECTED_SHELL, Usage, did_you_mean, quoted, with_help};
use clap::error::{ContextKind, ErrorKind};

/// Says in one line what the command line should have been; `arguments` are those after the program's name.
pub fn explain(error: &clap::Error, arguments: &[String]) -> String {
    let usage = Usage { error, arguments };
    let what = match error.kind() {
        ErrorKind::UnknownArgument => unknown(usage),
        ErrorKind::ArgumentConflict => conflict(usage),
        ErrorKind::MissingRequiredArgument => EXPECTED_SHELL.into(),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => usage.value(|_| None),
        ErrorKind::TooManyValues => usage.no_value(),
        _ => usage.other(),
    };
    with_help(&what, "exporter")
}

/// An option or a word that has no place there.
fn unknown(usage: Usage) -> String {
    if let Some(meant) = usage.one_hyphen() {
        return meant;
    }
    let found = usage.text(ContextKind::InvalidArg);
    let Some(name) = found.strip_prefix("--").or(found.strip_prefix('-')) else {
        return one_too_many(&found, usage.arguments);
    };
    let meant = match name {
        "completions" | "man" => {
            return format!("`{name}` is a command, not an option; did you mean `exporter {name}`?");
        }
        "run" | "model" => {
            let example = "exporter --split runs/simple-digits-1";
            return format!("there is no option `{found}`; the run stands without one, as in `{example}`");
        }
        "whole" | "single" | "merge" | "merged" => {
            return format!("there is no option `{found}`; without `--split` there is one graph");
        }
        _ => synonym(name).unwrap_or_else(|| usage.nearest(ContextKind::SuggestedArg)),
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

fn conflict(usage: Usage) -> String {
    match usage.text(ContextKind::InvalidSubcommand).as_str() {
        "" => format!("{} is given more than once", usage.name()),
        found => one_too_many(found, usage.arguments),
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

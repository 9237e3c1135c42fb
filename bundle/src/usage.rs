//! What is wrong with a command line, in the same words for all three programs. Behind the feature `clap`.

use std::error::Error;
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// An error of clap, and the arguments behind the program's name.
#[derive(Clone, Copy, Debug)]
pub struct Usage<'a> {
    /// What clap says.
    pub error: &'a clap::Error,
    /// What was typed.
    pub arguments: &'a [String],
}

impl<'a> Usage<'a> {
    /// The first argument, or nothing.
    pub fn first(&self) -> &'a str {
        self.arguments.first().map(String::as_str).unwrap_or_default()
    }

    /// A part of the error.
    pub fn text(&self, kind: ContextKind) -> String {
        match self.error.get(kind) {
            Some(ContextValue::String(text)) => text.clone(),
            Some(ContextValue::Strings(texts)) => texts.join(", "),
            Some(ContextValue::Number(number)) => number.to_string(),
            _ => String::new(),
        }
    }

    /// The same without the name of an option's value, and without brackets.
    pub fn word(&self, kind: ContextKind) -> String {
        let text = self.text(kind);
        text.split(' ').next().unwrap_or_default().trim_matches(['<', '>', '[', ']']).into()
    }

    /// The known name that is nearest to the one that was typed, or nothing.
    pub fn nearest(&self, kind: ContextKind) -> &'a str {
        match self.error.get(kind) {
            Some(ContextValue::String(name)) => name,
            // The nearest comes last.
            Some(ContextValue::Strings(names)) => names.last().map(String::as_str).unwrap_or_default(),
            _ => "",
        }
    }

    /// The option or value that clap refuses, as a message names it.
    pub fn name(&self) -> String {
        let name = self.word(ContextKind::InvalidArg);
        if name.starts_with('-') { format!("`{name}`") } else { name.to_lowercase() }
    }

    /// Says so where a long option was typed with one hyphen: clap reads `-split` as `-s -p ..`.
    pub fn one_hyphen(&self) -> Option<String> {
        let found = self.text(ContextKind::InvalidArg);
        let typed = self.arguments.iter().find(|argument| argument.starts_with(&found) && argument.len() > 2);
        let typed = typed.filter(|_| found.len() == 2)?;
        Some(format!("there is no option `{typed}`; did you mean `-{typed}`?"))
    }

    /// A flag that was given a value.
    pub fn no_value(&self) -> String {
        format!("{} takes no value, found `{}`", self.name(), self.text(ContextKind::InvalidValue))
    }

    /// A value that is none of those that are allowed; `synonym` knows other names for them.
    pub fn value(&self, synonym: impl FnOnce(&str) -> Option<&'static str>) -> String {
        let (name, found) = (self.name(), self.text(ContextKind::InvalidValue));
        if found.is_empty() {
            return format!("{name}: expected a value, found none");
        }
        if let Some(reason) = self.error.source().map(ToString::to_string) {
            let place = if reason.contains("found") { String::new() } else { format!(", found `{found}`") };
            return format!("{name}: {reason}{place}");
        }
        let valid = self.text(ContextKind::ValidValue);
        // Capitals, or the path of a shell.
        let plain = found.rsplit('/').next().unwrap_or_default().to_lowercase();
        let meant = match valid.split(", ").find(|value| *value == plain) {
            Some(value) => value,
            // `tcsh` is a shell of its own, not `zsh` with a slip.
            None if name == "shell" && OTHER_SHELLS.contains(&plain.as_str()) => "",
            None => synonym(&found).unwrap_or_else(|| self.nearest(ContextKind::SuggestedValue)),
        };
        format!("{name}: expected one of {valid}; found `{found}`{}", did_you_mean(meant))
    }

    /// What holds for every program: bytes that are no text, and clap's own first line for the rest.
    pub fn other(&self) -> String {
        match self.error.kind() {
            ErrorKind::InvalidUtf8 => "expected text that is UTF-8, found other bytes".into(),
            _ => self.error.to_string().lines().next().unwrap_or_default().trim_start_matches("error: ").into(),
        }
    }
}

/// Shells that are not completed.
const OTHER_SHELLS: [&str; 6] = ["csh", "tcsh", "ksh", "dash", "sh", "nu"];

/// What to say where a shell's name is missing.
pub const EXPECTED_SHELL: &str = "expected a shell: bash, elvish, fish, powershell or zsh";

/// The first argument that begins with a long dash, which word processors and web pages make of hyphens.
pub fn long_dash(arguments: &[String]) -> Option<String> {
    let dashes = ['‐', '‑', '‒', '–', '—', '―', '−'];
    let typed = arguments.iter().find(|argument| argument.starts_with(dashes) && !Path::new(argument).exists())?;
    let name = typed.trim_start_matches(dashes).trim_start_matches('-');
    let hyphens = if name.split('=').next().is_some_and(|name| name.chars().count() == 1) { "-" } else { "--" };
    Some(format!("`{typed}` begins with a long dash instead of hyphens; did you mean `{hyphens}{name}`?"))
}

/// Whether `typed` is `name` with one letter too many, too few, wrong, or two that changed places.
pub fn is_slip(typed: &str, name: &str) -> bool {
    let (typed, name): (Vec<char>, Vec<char>) = (typed.chars().collect(), name.chars().collect());
    let start = typed.iter().zip(&name).take_while(|(a, b)| a == b).count();
    let (typed, name) = (&typed[start..], &name[start..]);
    let end = typed.iter().rev().zip(name.iter().rev()).take_while(|(a, b)| a == b).count();
    match (&typed[..typed.len() - end], &name[..name.len() - end]) {
        ([_], []) | ([], [_]) | ([_], [_]) => true,
        ([a, b], [c, d]) => (a, b) == (d, c),
        _ => false,
    }
}

/// The end of a message that suggests `text`, if there is one.
pub fn did_you_mean(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("; did you mean `{text}`?") }
}

/// `what` is wrong, and where the options of `command` are explained, unless a better one is suggested.
pub fn with_help(what: &str, command: &str) -> String {
    if what.ends_with('?') { what.into() } else { format!("{what}; see `{command} --help`") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_dash_is_read_as_the_hyphens_that_were_meant() {
        let meant = |typed: &str| long_dash(&["fit".into(), typed.into()]);
        assert!(meant("—epochs=5").unwrap().ends_with("did you mean `--epochs=5`?"));
        assert!(meant("–h").unwrap().ends_with("did you mean `-h`?"));
        assert_eq!(meant("--epochs"), None);
    }

    #[test]
    fn one_slip_is_forgiven() {
        for typed in ["fti", "ft", "fitt", "fat", "ift"] {
            assert!(is_slip(typed, "fit"), "{typed}");
        }
        for typed in ["fit", "tif", "fitness", "exit"] {
            assert!(!is_slip(typed, "fit"), "{typed}");
        }
    }

    #[test]
    fn help_is_named_where_nothing_is_suggested() {
        assert_eq!(with_help("expected a run", "trainer evaluate"), "expected a run; see `trainer evaluate --help`");
        assert_eq!(with_help(&format!("no{}", did_you_mean("yes")), "trainer"), "no; did you mean `yes`?");
        assert_eq!(did_you_mean(""), "");
    }
}

//! What is wrong with a command line, in one line.
//!
//! The three programs say it in the same words. They share no code for it: the crates below them know no clap.

use std::path::Path;

use bundle::quoted;
use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::arguments::{Arguments, COMMANDS};
use super::synonyms;

/// Says in one line what the command line should have been; `arguments` are those after the program's name.
pub fn explain(error: &clap::Error, arguments: &[String]) -> String {
    let usage = Usage { error, arguments };
    let what = match error.kind() {
        ErrorKind::UnknownArgument => usage.unknown(),
        ErrorKind::InvalidSubcommand => usage.no_command(),
        ErrorKind::ArgumentConflict => format!("`{}` is given more than once", usage.word(ContextKind::InvalidArg)),
        ErrorKind::MissingRequiredArgument => usage.missing(),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => usage.value(),
        ErrorKind::TooManyValues => usage.no_value(),
        ErrorKind::InvalidUtf8 => "expected text that is UTF-8, found other bytes".into(),
        _ => error.to_string().lines().next().unwrap_or_default().trim_start_matches("error: ").into(),
    };
    if what.ends_with('?') { what } else { format!("{what}; see `{} --help`", usage.command()) }
}

/// The first argument that begins with a long dash, which word processors and web pages make of hyphens.
pub fn long_dash(arguments: &[String]) -> Option<String> {
    let dashes = ['‐', '‑', '‒', '–', '—', '―', '−'];
    let typed = arguments.iter().find(|argument| argument.starts_with(dashes) && !Path::new(argument).exists())?;
    let name = typed.trim_start_matches(dashes).trim_start_matches('-');
    let hyphens = if name.split('=').next().is_some_and(|name| name.chars().count() == 1) { "-" } else { "--" };
    Some(format!("`{typed}` begins with a long dash instead of hyphens; did you mean `{hyphens}{name}`?"))
}

struct Usage<'a> {
    error: &'a clap::Error,
    arguments: &'a [String],
}

impl Usage<'_> {
    fn first(&self) -> &str {
        self.arguments.first().map(String::as_str).unwrap_or_default()
    }

    /// `runtime encode`, or the program alone where no command was recognised.
    fn command(&self) -> String {
        if COMMANDS.contains(&self.first()) { format!("runtime {}", self.first()) } else { "runtime".into() }
    }

    /// A part of the error.
    fn text(&self, kind: ContextKind) -> String {
        match self.error.get(kind) {
            Some(ContextValue::String(text)) => text.clone(),
            Some(ContextValue::Strings(texts)) => texts.join(", "),
            _ => String::new(),
        }
    }

    /// The same without the name of an option's value, and without brackets.
    fn word(&self, kind: ContextKind) -> String {
        let text = self.text(kind);
        text.split(' ').next().unwrap_or_default().trim_matches(['<', '>', '[', ']']).into()
    }

    /// The known name that is nearest to the one that was typed.
    fn nearest(&self, kind: ContextKind) -> &str {
        match self.error.get(kind) {
            Some(ContextValue::String(name)) => name,
            // The nearest comes last.
            Some(ContextValue::Strings(names)) => names.last().map(String::as_str).unwrap_or_default(),
            _ => "",
        }
    }

    /// An option or a word that has no place there.
    fn unknown(&self) -> String {
        let found = self.text(ContextKind::InvalidArg);
        if self.first().starts_with('-')
            && let Some(command) = self.arguments.iter().find(|argument| COMMANDS.contains(&argument.as_str()))
        {
            return format!("options come after the command; did you mean `runtime {command} {found}`?");
        }
        // `-out` is read as `-o ut`, `-divide` as `-d -i ..`.
        let single = |argument: &&String| argument.starts_with(&found) && argument.len() > 2 && found.len() == 2;
        if let Some(typed) = self.arguments.iter().find(single) {
            return format!("there is no option `{typed}`; did you mean `-{typed}`?");
        }
        match found.strip_prefix("--").or(found.strip_prefix('-')) {
            Some(name) => self.unknown_option(&found, name),
            None => self.one_too_many(&found),
        }
    }

    fn unknown_option(&self, found: &str, name: &str) -> String {
        if COMMANDS.contains(&name) {
            return format!("`{name}` is a command, not an option; did you mean `runtime {name}`?");
        }
        if let Some(option) = synonyms::option(name).filter(|option| self.has(option)) {
            return format!("there is no option `{found}`; did you mean `{option}`?");
        }
        if ["bundle", "model", "run", "rows", "input"].contains(&name) {
            return format!("there is no option `{found}`; paths stand without one, as in `{}`", self.example());
        }
        format!("there is no option `{found}`{}", did_you_mean(self.nearest(ContextKind::SuggestedArg)))
    }

    /// Whether the command has the option that `typed` begins with.
    fn has(&self, typed: &str) -> bool {
        let name = typed.trim_start_matches('-').split(' ').next();
        let mut program = Arguments::command();
        program.build();
        let command = program.find_subcommand(self.first()).unwrap_or(&program);
        command.get_arguments().any(|argument| argument.get_long() == name)
    }

    /// A word behind those that the command takes.
    fn one_too_many(&self, found: &str) -> String {
        let is_new_file = [".csv", ".npy"].iter().any(|end| found.ends_with(end)) && !Path::new(found).exists();
        if is_new_file && self.has("--out") {
            return format!("found `{found}` without an option; did you mean `--out {}`?", quoted(Path::new(found)));
        }
        let takes = match self.first() {
            "sample" if found.parse::<usize>().is_ok() => {
                return format!("found `{found}` without an option; did you mean `--count {found}`?");
            }
            "sample" => "a bundle",
            "convert" => "one file of rows",
            "completions" => "one shell",
            "man" => "one command",
            _ => "a bundle and one file of rows",
        };
        format!("found `{found}` without an option; `{}` takes {takes}", self.command())
    }

    fn no_command(&self) -> String {
        let found = self.text(ContextKind::InvalidSubcommand);
        if ["score", "anomaly", "detect"].contains(&found.as_str()) {
            let score = "`Autoencoder::score` of the crate hourglass-runtime scores rows";
            return format!("there is no command `{found}`; {score}");
        }
        let meant = if Path::new(&found).exists() {
            let word = |typed: &String| if typed.starts_with('-') { typed.clone() } else { quoted(Path::new(typed)) };
            let typed: Vec<String> = self.arguments.iter().map(word).collect();
            format!("runtime encode {}", typed.join(" "))
        } else {
            synonyms::command(&found).unwrap_or_else(|| self.nearest(ContextKind::SuggestedSubcommand)).into()
        };
        format!("there is no command `{found}`{}", did_you_mean(&meant))
    }

    fn missing(&self) -> String {
        let what = match self.first() {
            "completions" => return "expected a shell: bash, elvish, fish, powershell or zsh".into(),
            "sample" => "a bundle",
            "convert" => "a file of rows",
            _ if self.text(ContextKind::InvalidArg).contains("BUNDLE") => "a bundle and a file of rows",
            _ => "a file of rows behind the bundle",
        };
        format!("expected {what}, as in `{}`", self.example())
    }

    /// The command as it may be typed.
    fn example(&self) -> String {
        match self.first() {
            "sample" => "runtime sample runs/vae-digits-1".into(),
            "convert" => "runtime convert rows.csv --out rows.npy".into(),
            command if COMMANDS.contains(&command) => format!("runtime {command} runs/simple-digits-1 rows.csv"),
            _ => "runtime encode runs/simple-digits-1 rows.csv".into(),
        }
    }

    fn no_value(&self) -> String {
        let (option, found) = (self.word(ContextKind::InvalidArg), self.text(ContextKind::InvalidValue));
        format!("`{option}` takes no value, found `{found}`")
    }

    fn value(&self) -> String {
        let (name, found) = (self.word(ContextKind::InvalidArg), self.text(ContextKind::InvalidValue));
        let name = if name.starts_with('-') { format!("`{name}`") } else { name.to_lowercase() };
        if found.is_empty() {
            return format!("{name}: expected a value, found none");
        }
        if let Some(source) = std::error::Error::source(self.error) {
            return format!("{name}: {source}, found `{found}`");
        }
        let valid = self.text(ContextKind::ValidValue);
        // Capitals, or the path of a shell.
        let plain = found.rsplit('/').next().unwrap_or_default().to_lowercase();
        let suggested = match valid.split(", ").find(|value| *value == plain) {
            Some(value) => value,
            // `tcsh` is a shell of its own, not `zsh` with a slip.
            None if name == "shell" && found.ends_with("csh") => "",
            None => synonyms::value(name.trim_matches('`'), &found)
                .unwrap_or_else(|| self.nearest(ContextKind::SuggestedValue)),
        };
        format!("{name}: expected one of {valid}; found `{found}`{}", did_you_mean(suggested))
    }
}

fn did_you_mean(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("; did you mean `{text}`?") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_known() {
        let command = Arguments::command();
        let names: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
        assert_eq!(names, COMMANDS);
    }
}

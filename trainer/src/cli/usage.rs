//! What is wrong with a command line, in one line.

use std::path::Path;

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use trainer::{DataSource, Preset};

use super::args::Arguments;

const COMMANDS: [&str; 5] = ["fit", "evaluate", "compare", "completions", "man"];

/// A command line that cannot work, which only the command itself could tell.
#[derive(Debug, thiserror::Error)]
#[error("{}", with_help(.reason, &format!("trainer {command}")))]
pub struct UsageError {
    command: &'static str,
    reason: String,
}

impl UsageError {
    pub fn new(command: &'static str, reason: impl Into<String>) -> Self {
        Self { command, reason: reason.into() }
    }
}

/// Says in one line what the command line should have been; `arguments` are those after the program's name.
pub fn explain(error: &clap::Error, arguments: &[String]) -> String {
    let usage = Usage { error, arguments };
    let what = match error.kind() {
        ErrorKind::UnknownArgument => usage.unknown(),
        ErrorKind::InvalidSubcommand => usage.no_command(),
        ErrorKind::ArgumentConflict => usage.conflict(),
        ErrorKind::MissingRequiredArgument | ErrorKind::TooFewValues => usage.too_few(),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => usage.value(),
        ErrorKind::InvalidUtf8 => "expected text that is UTF-8, found other bytes".into(),
        _ => error.to_string().lines().next().unwrap_or_default().trim_start_matches("error: ").into(),
    };
    with_help(&what, &usage.command())
}

/// `what` is wrong, and where the options of `command` are explained, unless a better one is suggested.
fn with_help(what: &str, command: &str) -> String {
    if what.ends_with('?') { what.into() } else { format!("{what}; see `{command} --help`") }
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

    /// `trainer fit`, or the program alone where no command was recognised.
    fn command(&self) -> String {
        if COMMANDS.contains(&self.first()) { format!("trainer {}", self.first()) } else { "trainer".into() }
    }

    /// A part of the error.
    fn text(&self, kind: ContextKind) -> String {
        match self.error.get(kind) {
            Some(ContextValue::String(text)) => text.clone(),
            // Of suggestions, the nearest comes last.
            Some(ContextValue::Strings(texts)) if kind == ContextKind::SuggestedSubcommand => {
                texts.last().cloned().unwrap_or_default()
            }
            Some(ContextValue::Strings(texts)) => texts.join(", "),
            Some(ContextValue::Number(number)) => number.to_string(),
            _ => String::new(),
        }
    }

    /// The same without the name of an option's value, and without brackets.
    fn word(&self, kind: ContextKind) -> String {
        let text = self.text(kind);
        text.split(' ').next().unwrap_or_default().trim_matches(['<', '>', '[', ']']).into()
    }

    /// An option or a word that has no place there.
    fn unknown(&self) -> String {
        let found = self.text(ContextKind::InvalidArg);
        if self.first().starts_with('-')
            && let Some(command) = self.arguments.iter().find(|argument| COMMANDS.contains(&argument.as_str()))
        {
            return format!("options come after the command; did you mean `trainer {command} {found}`?");
        }
        // `-preset` is read as `-p -r -e ..`.
        let single = |argument: &&String| argument.starts_with(&found) && argument.len() > 2 && found.len() == 2;
        if let Some(typed) = self.arguments.iter().find(single) {
            return format!("there is no option `{typed}`; did you mean `-{typed}`?");
        }
        if found.starts_with('-') {
            let name = found.trim_start_matches('-');
            let meant = match (self.first(), synonym(name)) {
                ("fit", Some(option)) => option.into(),
                // Without a command, its options are those of `fit`.
                (first, option) if first.starts_with('-') => {
                    let known = Arguments::command().find_subcommand("fit").is_some_and(|fit| has_option(fit, name));
                    let option = option.map(str::to_owned).or(known.then(|| format!("--{name}")));
                    option.map_or(String::new(), |option| format!("trainer fit {option}"))
                }
                _ => self.word(ContextKind::SuggestedArg),
            };
            return format!("there is no option `{found}`{}", did_you_mean(&meant));
        }
        if let Some(widths) = self.spaced_list(&found) {
            return format!("the widths of `--hidden` stand without spaces; did you mean `--hidden {widths}`?");
        }
        let meant = match self.first() {
            "fit" if Arguments::command().find_subcommand("fit").is_some_and(|fit| has_option(fit, &found)) => {
                format!("--{found}")
            }
            "fit" => option_for(&found).map(|option| format!("{option} {found}")).unwrap_or_default(),
            "evaluate" => return format!("expected one run, found `{found}` too; `trainer compare` takes several"),
            _ => String::new(),
        };
        format!("found `{found}` without an option{}", did_you_mean(&meant))
    }

    /// The list of widths that was typed with spaces between them, as in `128, 64`, where `found` is a part of it.
    fn spaced_list(&self, found: &str) -> Option<String> {
        let number = |text: &&String| text.chars().all(|c| c.is_ascii_digit() || c == ',');
        let after = self.arguments.iter().skip_while(|argument| *argument != "--hidden").skip(1);
        let typed: Vec<&str> = after.take_while(number).map(String::as_str).collect();
        let belongs = typed.len() > 1 && (found.is_empty() || typed.contains(&found));
        let widths = || typed.join(",").split(',').filter(|width| !width.is_empty()).collect::<Vec<_>>().join(",");
        belongs.then(widths)
    }

    fn no_command(&self) -> String {
        let found = self.text(ContextKind::InvalidSubcommand);
        let meant = match found.as_str() {
            "train" => "trainer fit".into(),
            "eval" | "test" => "trainer evaluate".into(),
            "export" => "exporter".into(),
            "resume" => "trainer fit --resume".into(),
            _ => match option_for(&found) {
                Some(option) => format!("trainer fit {option} {found}"),
                None => self.word(ContextKind::SuggestedSubcommand),
            },
        };
        format!("there is no command `{found}`{}", did_you_mean(&meant))
    }

    fn conflict(&self) -> String {
        let (option, other) = (self.word(ContextKind::InvalidArg), self.word(ContextKind::PriorArg));
        if option == other {
            return format!("`{option}` is given more than once");
        }
        // `--resume` alone conflicts with others, whichever comes first.
        let other = if option == "--resume" { other } else { option };
        format!("`{other}` cannot change with `--resume`, which goes on with the run's own settings")
    }

    fn too_few(&self) -> String {
        match self.first() {
            "compare" => match self.arguments.get(1).map(Path::new) {
                Some(dir) if dir.is_dir() && !dir.join("config.toml").exists() => {
                    format!("expected two runs or more; did you mean `trainer compare {}/*`?", dir.display())
                }
                _ => "expected two runs or more".into(),
            },
            "completions" => "expected a shell: bash, elvish, fish, powershell or zsh".into(),
            _ => format!("expected {}", self.text(ContextKind::InvalidArg)),
        }
    }

    fn value(&self) -> String {
        let (name, found) = (self.word(ContextKind::InvalidArg), self.text(ContextKind::InvalidValue));
        let name = if name.starts_with('-') { format!("`{name}`") } else { name.to_lowercase() };
        if found.is_empty() {
            if let Some(widths) = self.spaced_list("").filter(|_| name == "`--hidden`") {
                return format!("the widths of `--hidden` stand without spaces; did you mean `--hidden {widths}`?");
            }
            return format!("{name}: expected a value, found none");
        }
        if let Some(source) = std::error::Error::source(self.error) {
            return format!("{name}: {source}");
        }
        let valid = self.text(ContextKind::ValidValue);
        // `tcsh` is a shell of its own, not `zsh` with a slip.
        let other_shell = name == "shell" && ["csh", "tcsh", "ksh", "dash", "sh", "nu"].contains(&found.as_str());
        // Capitals, or the path of a shell.
        let plain = found.rsplit('/').next().unwrap_or_default().to_lowercase();
        let suggested = match valid.split(", ").find(|value| *value == plain) {
            Some(value) => value.into(),
            None if other_shell || found == "gpu" => String::new(),
            None => self.word(ContextKind::SuggestedValue),
        };
        format!("{name}: expected one of {valid}; found `{found}`{}", did_you_mean(&suggested))
    }
}

fn did_you_mean(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("; did you mean `{text}`?") }
}

/// Whether `command` has the option `--name`.
fn has_option(command: &clap::Command, name: &str) -> bool {
    command.get_arguments().any(|argument| argument.get_long() == Some(name))
}

/// The option of `trainer fit` that goes by another name elsewhere.
fn synonym(name: &str) -> Option<&'static str> {
    Some(match name {
        "gpu" | "cuda" => "--device cuda",
        "metal" | "mps" => "--device metal",
        "output" | "output-dir" | "dir" | "name" => "--out",
        "dataset" | "input" => "--data",
        "model" | "network" | "architecture" => "--preset",
        "units" | "bottleneck" | "latent-size" | "code-size" => "--latent-dim",
        "layers" => "--hidden",
        "rate" => "--learning-rate",
        "noise" => "--input-noise",
        "early-stopping" => "--patience",
        _ => return None,
    })
}

/// The option of `trainer fit` that a bare word probably belongs to.
fn option_for(word: &str) -> Option<&'static str> {
    let path = Path::new(word);
    if Preset::NAMES.contains(&word) {
        Some("--preset")
    } else if word.ends_with(".toml") {
        Some("--config")
    } else if path.join("config.toml").is_file() {
        Some("--resume")
    } else if path.is_dir() || DataSource::NAMES.contains(&word) {
        Some("--data")
    } else {
        None
    }
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

    #[test]
    fn what_another_name_stands_for_is_an_option() {
        let command = Arguments::command();
        let fit = command.find_subcommand("fit").unwrap();
        for name in ["gpu", "mps", "output", "dataset", "model", "units", "layers", "rate", "noise", "early-stopping"] {
            let option = synonym(name).unwrap().trim_start_matches('-').split(' ').next().unwrap();
            assert!(has_option(fit, option) && !has_option(fit, name), "{name}");
        }
    }
}

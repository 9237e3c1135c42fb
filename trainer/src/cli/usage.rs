//! What is wrong with a command line, in one line.

use std::path::Path;

use bundle::{EXPECTED_SHELL, Usage, did_you_mean, is_slip, with_help};
use clap::CommandFactory;
use clap::error::{ContextKind, ErrorKind};
use trainer::{DataSource, Preset};

use super::args::Arguments;

const COMMANDS: [&str; 7] = ["fit", "inspect", "evaluate", "calibrate", "compare", "completions", "man"];

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
    let typed = Typed(usage);
    let what = match error.kind() {
        ErrorKind::UnknownArgument => typed.unknown(),
        ErrorKind::InvalidSubcommand => typed.no_command(),
        ErrorKind::ArgumentConflict => typed.conflict(),
        ErrorKind::MissingRequiredArgument | ErrorKind::TooFewValues => typed.too_few(),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => typed.value(),
        _ => usage.other(),
    };
    with_help(&what, &typed.command())
}

/// A command line of this program.
struct Typed<'a>(Usage<'a>);

impl Typed<'_> {
    /// `trainer fit`, or the program alone where no command was recognised.
    fn command(&self) -> String {
        if COMMANDS.contains(&self.0.first()) { format!("trainer {}", self.0.first()) } else { "trainer".into() }
    }

    /// An option or a word that has no place there.
    fn unknown(&self) -> String {
        let found = self.0.text(ContextKind::InvalidArg);
        if self.0.first().starts_with('-')
            && let Some(command) = self.0.arguments.iter().find(|argument| COMMANDS.contains(&argument.as_str()))
        {
            return format!("options come after the command; did you mean `trainer {command} {found}`?");
        }
        if let Some(meant) = self.0.one_hyphen() {
            return meant;
        }
        if found.starts_with('-') {
            let name = found.trim_start_matches('-');
            let meant = match (self.0.first(), synonym(name)) {
                ("fit", Some(option)) => option.into(),
                // Without a command, its options are those of `fit`.
                (first, option) if first.starts_with('-') => {
                    let known = Arguments::command().find_subcommand("fit").is_some_and(|fit| has_option(fit, name));
                    let option = option.map(str::to_owned).or(known.then(|| format!("--{name}")));
                    option.map_or(String::new(), |option| format!("trainer fit {option}"))
                }
                _ => self.0.word(ContextKind::SuggestedArg),
            };
            return format!("there is no option `{found}`{}", did_you_mean(&meant));
        }
        if let Some(widths) = self.spaced_list(&found) {
            return format!("the widths of `--hidden` stand without spaces; did you mean `--hidden {widths}`?");
        }
        let meant = match self.0.first() {
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
        let after = self.0.arguments.iter().skip_while(|argument| *argument != "--hidden").skip(1);
        let typed: Vec<&str> = after.take_while(number).map(String::as_str).collect();
        let belongs = typed.len() > 1 && (found.is_empty() || typed.contains(&found));
        let widths = || typed.join(",").split(',').filter(|width| !width.is_empty()).collect::<Vec<_>>().join(",");
        belongs.then(widths)
    }

    fn no_command(&self) -> String {
        let found = self.0.text(ContextKind::InvalidSubcommand);
        let meant = match found.as_str() {
            "train" => "trainer fit".into(),
            "eval" | "test" => "trainer evaluate".into(),
            "export" => "exporter".into(),
            "resume" => "trainer fit --resume".into(),
            _ => match option_for(&found) {
                Some(option) => format!("trainer fit {option} {found}"),
                None => {
                    let slip = COMMANDS.iter().find(|command| is_slip(&found, command)).copied();
                    match slip.unwrap_or_else(|| self.0.nearest(ContextKind::SuggestedSubcommand)) {
                        "" => String::new(),
                        command => format!("trainer {command}"),
                    }
                }
            },
        };
        format!("there is no command `{found}`{}", did_you_mean(&meant))
    }

    fn conflict(&self) -> String {
        let (option, other) = (self.0.word(ContextKind::InvalidArg), self.0.word(ContextKind::PriorArg));
        if option == other {
            return format!("`{option}` is given more than once");
        }
        if option != "--resume" && other != "--resume" {
            return format!("`{option}` and `{other}` exclude each other");
        }
        // Whichever comes first.
        let other = if option == "--resume" { other } else { option };
        format!("`{other}` cannot change with `--resume`, which goes on with the run's own settings")
    }

    fn too_few(&self) -> String {
        match self.0.first() {
            "compare" => match self.0.arguments.get(1).map(Path::new) {
                Some(dir) if dir.is_dir() && !dir.join("config.toml").exists() => {
                    format!("expected two runs or more; did you mean `trainer compare {}/*`?", dir.display())
                }
                _ => "expected two runs or more".into(),
            },
            "inspect" => "expected what `--data` takes, as in `trainer inspect digits`".into(),
            "completions" => EXPECTED_SHELL.into(),
            _ => format!("expected {}", self.0.text(ContextKind::InvalidArg)),
        }
    }

    fn value(&self) -> String {
        if self.0.text(ContextKind::InvalidValue).is_empty()
            && self.0.word(ContextKind::InvalidArg) == "--hidden"
            && let Some(widths) = self.spaced_list("")
        {
            return format!("the widths of `--hidden` stand without spaces; did you mean `--hidden {widths}`?");
        }
        // `gpu` may be `cuda` or `metal`.
        self.0.value(|found| (found == "gpu").then_some(""))
    }
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

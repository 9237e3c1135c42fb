//! What is wrong with a command line, in one line.

use std::path::Path;

use bundle::{EXPECTED_SHELL, Usage, did_you_mean, is_slip, quoted, with_help};
use clap::CommandFactory;
use clap::error::{ContextKind, ErrorKind};

use super::arguments::{Arguments, COMMANDS};
use super::synonyms;

/// Says in one line what the command line should have been; `arguments` are those after the program's name.
pub fn explain(error: &clap::Error, arguments: &[String]) -> String {
    let usage = Usage { error, arguments };
    let typed = Typed(usage);
    let what = match error.kind() {
        ErrorKind::UnknownArgument => typed.unknown(),
        ErrorKind::InvalidSubcommand => typed.no_command(),
        ErrorKind::ArgumentConflict => format!("{} is given more than once", usage.name()),
        ErrorKind::MissingRequiredArgument => typed.missing(),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            usage.value(|found| synonyms::value(&usage.word(ContextKind::InvalidArg), found))
        }
        ErrorKind::TooManyValues => usage.no_value(),
        _ => usage.other(),
    };
    with_help(&what, &typed.command())
}

/// A command line of this program.
struct Typed<'a>(Usage<'a>);

impl Typed<'_> {
    /// `runtime encode`, or the program alone where no command was recognised.
    fn command(&self) -> String {
        if COMMANDS.contains(&self.0.first()) { format!("runtime {}", self.0.first()) } else { "runtime".into() }
    }

    /// An option or a word that has no place there.
    fn unknown(&self) -> String {
        let found = self.0.text(ContextKind::InvalidArg);
        if self.0.first().starts_with('-')
            && let Some(command) = self.0.arguments.iter().find(|argument| COMMANDS.contains(&argument.as_str()))
        {
            return format!("options come after the command; did you mean `runtime {command} {found}`?");
        }
        if let Some(meant) = self.0.one_hyphen() {
            return meant;
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
        format!("there is no option `{found}`{}", did_you_mean(&self.nearest_option(name)))
    }

    /// The option that is nearest to `name`, or would be if it went by that name.
    fn nearest_option(&self, name: &str) -> String {
        let slip = ["out", "output"].iter().any(|known| is_slip(name, known)) && self.has("--out");
        if slip { "--out".into() } else { self.0.nearest(ContextKind::SuggestedArg).into() }
    }

    /// Whether the command has the option that `typed` begins with.
    fn has(&self, typed: &str) -> bool {
        let name = typed.trim_start_matches('-').split(' ').next();
        let mut program = Arguments::command();
        program.build();
        let command = program.find_subcommand(self.0.first()).unwrap_or(&program);
        command.get_arguments().any(|argument| argument.get_long() == name)
    }

    /// A word behind those that the command takes.
    fn one_too_many(&self, found: &str) -> String {
        let is_new_file = [".csv", ".npy"].iter().any(|end| found.ends_with(end)) && !Path::new(found).exists();
        if is_new_file && self.has("--out") {
            return format!("found `{found}` without an option; did you mean `--out {}`?", quoted(Path::new(found)));
        }
        let is_behind = |option: &str| self.0.arguments.windows(2).any(|pair| pair[0] == option && pair[1] == found);
        if is_behind("--watch") {
            return format!("`--watch` takes its number with `=`; did you mean `--watch={found}`?");
        }
        let takes = match self.0.first() {
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
        let found = self.0.text(ContextKind::InvalidSubcommand);
        let meant = if Path::new(&found).exists() {
            let word = |typed: &String| if typed.starts_with('-') { typed.clone() } else { quoted(Path::new(typed)) };
            let typed: Vec<String> = self.0.arguments.iter().map(word).collect();
            format!("runtime encode {}", typed.join(" "))
        } else {
            synonyms::command(&found).unwrap_or_else(|| self.0.nearest(ContextKind::SuggestedSubcommand)).into()
        };
        format!("there is no command `{found}`{}", did_you_mean(&meant))
    }

    fn missing(&self) -> String {
        let what = match self.0.first() {
            "completions" => return EXPECTED_SHELL.into(),
            "sample" => "a bundle",
            "convert" => "a file of rows",
            _ if self.0.text(ContextKind::InvalidArg).contains("BUNDLE") => "a bundle and a file of rows",
            _ => "a file of rows behind the bundle",
        };
        format!("expected {what}, as in `{}`", self.example())
    }

    /// The command as it may be typed.
    fn example(&self) -> String {
        match self.0.first() {
            "sample" => "runtime sample runs/vae-digits-1".into(),
            "convert" => "runtime convert rows.csv --out rows.npy".into(),
            command if COMMANDS.contains(&command) => format!("runtime {command} runs/simple-digits-1 rows.csv"),
            _ => "runtime encode runs/simple-digits-1 rows.csv".into(),
        }
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
}

//! The programs `trainer fit`, `evaluate` and `compare`: a thin face over the library.

mod args;
mod compare;
mod completions;
mod defaults;
mod evaluate;
mod fit;
mod log;
mod output;
mod overrides;
mod programs;
mod result;
mod runs;
mod table;
mod timings;
mod usage;
mod values;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use args::{Arguments, Command};
use output::{print, say};

/// Where runs are made that have no other place.
const RUNS: &str = "runs";
/// The command line is not one that the program knows.
const USAGE: u8 = 2;

/// Does what the command line says.
///
/// # Errors
///
/// What the command met with; it is not printed yet.
pub fn run() -> Result<ExitCode> {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() => return Ok(wrong_usage(&error)),
        // `--help` and `--version`.
        Err(error) => {
            print(error.render().to_string().trim_end())?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    match arguments.command {
        Command::Fit(arguments) => fit::run(&arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Completions(arguments) => completions::completions(&arguments),
        Command::Man(arguments) => completions::man(&arguments),
    }
}

/// Prints what went wrong in one line.
pub fn say_error(error: &anyhow::Error) {
    say(&format!("error: {}", without_numbers(&format!("{error:#}"))));
}

/// The operating system's reasons without their numbers: `No such file or directory (os error 2)`.
fn without_numbers(text: &str) -> String {
    let mut parts = text.split(" (os error ");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.trim_start_matches(|c: char| c.is_ascii_digit());
        plain += digits.strip_prefix(')').unwrap_or(digits);
    }
    plain
}

fn wrong_usage(error: &clap::Error) -> ExitCode {
    // Without any argument, the help is what is wanted.
    if error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        say(error.render().to_string().trim_end());
    } else {
        let arguments: Vec<String> =
            std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
        say(&format!("error: {}", usage::explain(error, &arguments)));
    }
    ExitCode::from(USAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_of_the_operating_system_have_no_numbers() {
        assert_eq!(without_numbers("cannot read a: No such file (os error 2)"), "cannot read a: No such file");
        assert_eq!(without_numbers("a (os error 20): b"), "a: b");
        assert_eq!(without_numbers("plain"), "plain");
    }
}

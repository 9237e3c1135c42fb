//! The commands of `trainer`, a thin layer over the library.

mod anomalies;
mod args;
mod calibrate;
mod columns;
mod compare;
mod completions;
mod defaults;
mod evaluate;
mod fit;
mod inspect;
mod log;
mod next;
mod output;
mod overrides;
mod plain;
mod result;
mod runs;
mod table;
mod timings;
mod usage;
mod values;

use std::process::ExitCode;

use anyhow::Result;
use bundle::with_programs;
use clap::Parser;

use args::{Arguments, Command};
use bundle::wrapped;
use output::{print, result_width, say};
use usage::UsageError;

/// Where runs are made unless `--out` names another place.
const RUNS: &str = "runs";
/// The exit code for a command line that was not understood.
const USAGE: u8 = 2;

/// Does what the command line says.
///
/// # Errors
///
/// What the command met with; it is not printed yet.
pub fn run() -> Result<ExitCode> {
    let typed: Vec<String> =
        std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    if let Some(what) = bundle::long_dash(&typed) {
        say(&format!("error: {}", with_programs(&what)));
        return Ok(ExitCode::from(USAGE));
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() => return Ok(wrong_usage(&error, &typed)),
        // `--help` and `--version`.
        Err(error) => {
            print(&wrapped(error.render().to_string().trim_end(), result_width()))?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let done = match arguments.command {
        Command::Fit(arguments) => fit::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Calibrate(arguments) => calibrate::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Completions(arguments) => completions::completions(&arguments),
        Command::Man(arguments) => completions::man(&arguments),
    };
    match done {
        Err(error) if error.is::<UsageError>() => {
            say_error(&error);
            Ok(ExitCode::from(USAGE))
        }
        done => done,
    }
}

/// Prints what went wrong in one line.
pub fn say_error(error: &anyhow::Error) {
    say(&format!("error: {}", plain::one_line(error)));
}

fn wrong_usage(error: &clap::Error, typed: &[String]) -> ExitCode {
    // Without any argument, the help is what is wanted.
    if error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        say(error.render().to_string().trim_end());
    } else {
        say(&format!("error: {}", with_programs(&usage::explain(error, typed))));
    }
    ExitCode::from(USAGE)
}

//! The command line: its words, the files that it reads and writes, and what each command does.

mod arguments;
mod commands;
mod explain;
mod isolated;
mod limits;
mod output;
mod progress;
mod range;
mod say;
mod scores;
mod source;
mod synonyms;
mod usage;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use bundle::{one_line, with_programs};
use clap::Parser;
use clap::error::ErrorKind;

use arguments::Arguments;
use commands::execute;
use say::say;

/// The command line is not one that the program knows.
const USAGE: u8 = 2;

/// Runs the program with the arguments of its command line.
pub fn run() -> ExitCode {
    let typed: Vec<String> =
        std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    if let Some(what) = bundle::long_dash(&typed) {
        return wrong_usage(&what);
    }
    let arguments = match Arguments::try_parse() {
        // Without any argument, the help is what is wanted.
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            say(error.render().to_string().trim_end());
            return ExitCode::from(USAGE);
        }
        Err(error) if error.use_stderr() => return wrong_usage(&usage::explain(&error, &typed)),
        arguments => arguments,
    };
    // tract may panic on a graph; the library makes an error of it, and one line is enough.
    std::panic::set_hook(Box::new(|_| ()));
    let allowance = arguments.as_ref().ok().and_then(|arguments| arguments.limits.allowance());
    match allowance.map(isolated::run).transpose() {
        Ok(Some(Some(code))) => return code,
        Ok(_) => {}
        Err(error) => {
            say(&format!("error: {}", one_line(error.chain())));
            return ExitCode::FAILURE;
        }
    }
    match catch_unwind(AssertUnwindSafe(|| execute(arguments))) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            say(&format!("error: {}", with_programs(&one_line(error.chain()))));
            ExitCode::FAILURE
        }
        Err(_) => {
            say("error: this should not happen; please report it with the command and its files");
            ExitCode::FAILURE
        }
    }
}

fn wrong_usage(what: &str) -> ExitCode {
    say(&format!("error: {}", with_programs(what)));
    ExitCode::from(USAGE)
}

//! The command line: its words, the files that it reads and writes, and what each command does.

mod arguments;
mod commands;
mod output;
mod range;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::Parser;

use arguments::Arguments;
use commands::{execute, say};

/// Runs the program with the arguments of its command line.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    // tract may panic on a graph; the library makes an error of it, and one line is enough.
    std::panic::set_hook(Box::new(|_| ()));
    match catch_unwind(AssertUnwindSafe(|| execute(arguments.command))) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
        Err(_) => {
            say("error: this should not happen; please report it with the command and its files");
            ExitCode::FAILURE
        }
    }
}

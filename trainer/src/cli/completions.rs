//! `trainer completions` and `trainer man`: what a shell and `man` read.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::CommandFactory;

use super::args::{Arguments, CompletionsArguments, ManArguments};
use super::output::print;

pub fn completions(arguments: &CompletionsArguments) -> Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "trainer", &mut script);
    print(String::from_utf8_lossy(&script).trim_end())?;
    Ok(ExitCode::SUCCESS)
}

pub fn man(arguments: &ManArguments) -> Result<ExitCode> {
    let mut command = Arguments::command();
    command.build();
    let described = match &arguments.command {
        None => command,
        Some(name) => {
            let known = command.find_subcommand(name).context("the command is one of those that are listed")?;
            known.clone().version(env!("CARGO_PKG_VERSION"))
        }
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(described).render(&mut page).context("cannot write the manual page")?;
    print(String::from_utf8_lossy(&page).trim_end())?;
    Ok(ExitCode::SUCCESS)
}

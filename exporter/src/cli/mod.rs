//! The command line: its options, and what the program does with them.

mod find_run;
mod result;
mod usage;

use std::io::{ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use bundle::{one_line, with_programs};
use clap::{CommandFactory, Parser, Subcommand, ValueHint};
use clap_complete::Shell;
use exporter::{ExportOptions, InputType, Layout, export};
use onnx::OPSETS;

use find_run::{RUNS, find_run};
use result::{warnings, write_result};

/// Exports a trained autoencoder to ONNX and verifies the files on held-out rows.
#[derive(Parser)]
#[command(
    name = "exporter",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  exporter --split                           the newest run, to RUN/onnx
  exporter --split runs/simple-digits-1 --out bundle

Exit codes: 0 done, 1 failed, 2 wrong usage."
)]
struct Arguments {
    /// The run to export [default: the newest in runs/]
    ///
    /// A run is the folder that `trainer fit` wrote.
    #[arg(value_name = "RUN", value_hint = ValueHint::DirPath)]
    run: Option<PathBuf>,
    /// Write encoder.onnx and decoder.onnx; without it, one autoencoder.onnx
    #[arg(long)]
    split: bool,
    /// Folder for the bundle [default: RUN/onnx; without --split RUN/onnx-whole]
    ///
    /// It must be new, empty, or hold an older bundle, which is replaced.
    #[arg(long, short, value_name = "DIR", value_hint = ValueHint::DirPath)]
    #[arg(value_parser = folder)]
    out: Option<PathBuf>,
    /// The encoder's input for pictures: f32 (0 to 1) or u8 (bytes)
    ///
    /// Bytes have the shape [batch, height, width, channels], as decoders of pictures give them. The reconstruction has the same shape
    /// and unit.
    #[arg(long, value_name = "TYPE", default_value = "f32", value_parser = input_type)]
    input: InputType,
    /// Version of ONNX's operators, 13 to 21
    #[arg(long, value_name = "N", default_value_t = ExportOptions::default().opset)]
    #[arg(value_parser = opset, allow_negative_numbers = true)]
    opset: i64,
    /// Largest difference from candle that is allowed
    ///
    /// A difference counts relative to max(1, |value|).
    #[arg(long, value_name = "X", default_value_t = ExportOptions::default().tolerance)]
    #[arg(value_parser = tolerance, allow_negative_numbers = true)]
    tolerance: f32,
    /// Where the run's data is now [default: where it was]
    #[arg(long, value_name = "NAME|DIR")]
    data: Option<String>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Print a script that completes options in your shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page, to be read by `man`
    Man,
}

/// A folder is not called like a file, unless it is there already.
fn folder(text: &str) -> Result<PathBuf, String> {
    let path = Path::new(text);
    let is_file = path.extension().is_some_and(|extension| extension == "onnx") && !path.is_dir();
    if is_file { Err("expected a folder, in which the files get names of their own".into()) } else { Ok(path.into()) }
}

fn input_type(text: &str) -> Result<InputType, String> {
    match text.to_lowercase().as_str() {
        "f32" | "float32" | "float" => Ok(InputType::F32),
        "u8" | "uint8" | "byte" | "bytes" => Ok(InputType::U8),
        _ if Path::new(text).exists() => Err("expected f32 or u8 (a run stands without an option)".into()),
        _ => Err("expected f32 or u8".into()),
    }
}

fn opset(text: &str) -> Result<i64, String> {
    let opset = text.parse().ok().filter(|opset| OPSETS.contains(opset));
    opset.ok_or_else(|| format!("expected {} to {}", OPSETS.start(), OPSETS.end()))
}

fn tolerance(text: &str) -> Result<f32, String> {
    let tolerance = text.parse().ok().filter(|&tolerance: &f32| tolerance.is_finite() && tolerance >= 0.);
    tolerance.ok_or_else(|| "expected a finite number, 0 or more".into())
}

/// The command line is not one that the program knows.
const USAGE: u8 = 2;

/// Runs the program with the arguments of its command line: 0 done, 1 failed, 2 wrong usage.
pub fn run() -> ExitCode {
    // tract may panic on a graph; the library turns that into an error, and one line is enough.
    std::panic::set_hook(Box::new(|_| ()));
    let typed: Vec<String> =
        std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    if let Some(what) = bundle::long_dash(&typed) {
        return wrong_usage(&what);
    }
    let done = match Arguments::try_parse() {
        Ok(arguments) => execute(arguments),
        Err(error) if error.use_stderr() => return wrong_usage(&usage::explain(&error, &typed)),
        // `--help` and `--version`.
        Err(error) => print(fitted(&error.render().to_string()).as_bytes()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {}", with_programs(&one_line(error.chain()))));
            ExitCode::FAILURE
        }
    }
}

fn wrong_usage(what: &str) -> ExitCode {
    say(&format!("error: {}", with_programs(what)));
    ExitCode::from(USAGE)
}

fn execute(arguments: Arguments) -> Result<()> {
    match arguments.command {
        None => (),
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "exporter", &mut script);
            return print(&script);
        }
        Some(Command::Man) => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Arguments::command()).render(&mut page)?;
            return print(&page);
        }
    }
    let run = find_run(arguments.run.as_deref(), Path::new(RUNS))?;
    let options = ExportOptions {
        layout: if arguments.split { Layout::Split } else { Layout::Whole },
        out: arguments.out,
        input: arguments.input,
        opset: arguments.opset,
        tolerance: arguments.tolerance,
        data: arguments.data.map(Into::into),
    };
    let bundle = export(&run, &options)?;
    warnings(&run, &run.summary()?).iter().for_each(|warning| say(warning));
    let mut text = Vec::new();
    write_result(&run, &bundle, options.layout, &mut text)?;
    print(fitted(&String::from_utf8_lossy(&text)).as_bytes())
        .context("the bundle is there, but its differences from candle could not be printed")
}

/// Says a line on standard error. Where nobody reads it, there is the exit code.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// `text` with its lines broken where the terminal is narrower.
fn fitted(text: &str) -> String {
    let text = bundle::wrapped(text.trim_end(), bundle::columns(std::io::stdout().is_terminal()));
    text + "\n"
}

/// Writes to standard output. A reader that has gone away is no reason to fail.
fn print(text: &[u8]) -> Result<()> {
    let mut output = std::io::stdout().lock();
    match output.write_all(text).and_then(|()| output.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent_and_its_help_fits_100_columns() {
        Arguments::command().debug_assert();
        let help = Arguments::command().render_help().to_string();
        assert!(help.lines().all(|line| line.len() <= 100), "{help}");
    }

    #[test]
    fn opsets_and_tolerances_out_of_range_are_refused() {
        assert_eq!(["13", "21"].map(opset), [Ok(13), Ok(21)]);
        assert!(["12", "22", "-1", "x"].iter().all(|text| opset(text).is_err()));
        assert_eq!(["0", "1e-6"].map(tolerance), [Ok(0.), Ok(1e-6)]);
        assert!(["-1", "nan", "inf", "x"].iter().all(|text| tolerance(text).is_err()));
    }
}

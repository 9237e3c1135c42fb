//! What the program is told on its command line, and what it does then.

mod rows;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, Parser, Subcommand};
use runtime::{Autoencoder, Decoder, Encoder, Manifest, Matrix, Tensor};

use rows::{read, write};

/// Runs an exported autoencoder on the rows of a .npy or .csv file.
#[derive(Parser)]
#[command(
    name = "runtime",
    version,
    arg_required_else_help = true,
    after_help = "Examples:
  runtime encode runs/simple-digits-1/onnx rows.csv             codes as CSV on standard output
  runtime reconstruct runs/simple-digits-1/onnx rows.npy --out reconstructions.npy
  runtime sample runs/vae-digits-1/onnx -n 100 --out images.npy"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Rows to codes; encoder.onnx is all it needs of the bundle.
    Encode(Files),
    /// Codes to rows; decoder.onnx is all it needs of the bundle.
    Decode(Files),
    /// Rows to their reconstructions.
    Reconstruct(Files),
    /// Noisy rows to clean ones, with a network that was trained for it.
    Denoise(Files),
    /// New rows from random codes, with a variational network.
    Sample(Sampling),
}

#[derive(Args)]
struct Sampling {
    /// The bundle: the folder that `exporter --split` wrote
    bundle: PathBuf,
    /// How many rows
    #[arg(long, short = 'n', value_name = "N", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
    /// The same seed gives the same rows
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Where to write the result, as .csv or .npy [default: CSV on standard output]
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Args)]
struct Files {
    /// The bundle: the folder that `exporter --split` wrote
    bundle: PathBuf,
    /// Rows to compute, one a line or along the first axis: .csv (a header is skipped) or .npy (further axes are
    /// flattened)
    input: PathBuf,
    /// Where to write the result, as .csv or .npy [default: CSV on standard output]
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Divide every value first: 255 for rows that still are bytes
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    divide: f32,
}

/// Runs the program with the arguments of its command line.
pub fn run() -> ExitCode {
    // tract may panic on a graph; the library makes an error of it, and one line is enough.
    std::panic::set_hook(Box::new(|_| ()));
    match execute(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn execute(command: Command) -> Result<()> {
    let files = match &command {
        Command::Sample(Sampling { bundle, count, seed, out }) => {
            let rows = Autoencoder::load(bundle)?.sample(*count as usize, *seed)?;
            return finish(out.as_deref(), &rows);
        }
        Command::Encode(files) | Command::Decode(files) | Command::Reconstruct(files) | Command::Denoise(files) => {
            files
        }
    };
    let manifest = Manifest::read(bundle::locate(&files.bundle)?)?;
    if !(files.divide.is_finite() && files.divide > 0.) {
        bail!("--divide: expected more than 0, found {}", files.divide);
    }
    if let (Some(out), Ok(input)) = (&files.out, files.input.canonicalize())
        && out.canonicalize().is_ok_and(|out| out == input)
    {
        bail!("{}: expected another file to write than the one to read", out.display());
    }
    let tensor = if matches!(command, Command::Decode(_)) { &manifest.latent } else { &manifest.input };
    let rows = read(&files.input, files.divide)?;
    let expected: usize = tensor.row_shape.iter().product();
    if rows.columns() != expected {
        let (input, name, found) = (files.input.display(), &tensor.name, rows.columns());
        bail!("{input}: expected {expected} values a row for `{name}`, found {found}");
    }
    check_range(files, rows.as_slice(), rows.columns(), tensor)?;
    let result = match command {
        Command::Encode(_) => Encoder::load(&files.bundle)?.encode(&rows)?,
        Command::Decode(_) => Decoder::load(&files.bundle)?.decode(&rows)?,
        Command::Denoise(_) => Autoencoder::load(&files.bundle)?.denoise(&rows)?,
        _ => Autoencoder::load(&files.bundle)?.reconstruct(&rows)?,
    };
    finish(files.out.as_deref(), &result)
}

fn finish(out: Option<&Path>, result: &Matrix) -> Result<()> {
    match write(out, result) {
        // A reader that has had enough is no reason to fail.
        Err(error) if error.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == ErrorKind::BrokenPipe) => {
            Ok(())
        }
        written => written,
    }
}

/// Rows that were not prepared as in training give a result, and a wrong one: refuse them.
fn check_range(files: &Files, values: &[f32], columns: usize, tensor: &Tensor) -> Result<()> {
    let Some([low, high]) = tensor.range else { return Ok(()) };
    let outside = values.iter().position(|value| !(low..=high).contains(value));
    let Some(position) = outside else { return Ok(()) };
    let divisor = tensor.preprocessing.map_or(high, |preprocessing| preprocessing.max_value);
    bail!(
        "{}: row {}, column {}: expected a value in {low}..={high}, found {}; the rows that trained this network \
         were divided by {divisor}, which `--divide {divisor}` does",
        files.input.display(),
        position / columns + 1,
        position % columns + 1,
        values[position] * files.divide,
    );
}

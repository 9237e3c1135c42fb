//! The words of the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;
use rows::{Header, Options, Separator};

use super::limits::LimitArguments;
use super::range::Preparation;

/// The names of the commands.
pub const COMMANDS: [&str; 11] = [
    "encode",
    "decode",
    "reconstruct",
    "denoise",
    "score",
    "explain",
    "calibrate",
    "sample",
    "convert",
    "completions",
    "man",
];

/// Runs an exported autoencoder on rows of numbers.
#[derive(Parser)]
#[command(
    name = "runtime",
    version,
    arg_required_else_help = true,
    after_help = "Examples:
  runtime encode runs/simple-digits-1 rows.csv            latent vectors as CSV on standard output
  runtime reconstruct runs/simple-digits-1 rows.npy --out reconstructions.npy
  runtime score runs/table-sensors-1 new.csv --alpha 0.01 --out scored.csv
  runtime sample runs/vae-digits-1 -n 100 --out images.npy

Exit codes: 0 done, 1 failed, 2 wrong usage."
)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub limits: LimitArguments,
}

#[derive(Subcommand)]
pub enum Command {
    /// Rows to latent vectors (needs only encoder.onnx of the bundle)
    #[command(allow_negative_numbers = true)]
    Encode(NetworkArguments),
    /// Latent vectors to rows (needs only decoder.onnx of the bundle)
    #[command(allow_negative_numbers = true)]
    Decode(NetworkArguments),
    /// Rows to their reconstructions
    #[command(allow_negative_numbers = true)]
    Reconstruct(NetworkArguments),
    /// Noisy rows to clean ones, with a network that was trained for it
    #[command(allow_negative_numbers = true)]
    Denoise(NetworkArguments),
    /// How unusual each row is, whether that is an alarm, and which columns are off
    ///
    /// `p_value` is the part of usual rows that are as unusual; `is_anomaly` is 1 up to `--alpha`.
    ///
    /// Of a table, the three columns that are furthest off follow, in standard deviations.
    #[command(allow_negative_numbers = true)]
    Score(ScoreArguments),
    /// What is unusual about one row, column by column
    #[command(allow_negative_numbers = true)]
    Explain(ExplainArguments),
    /// Rank p-values among other usual rows from now on, without training
    ///
    /// The rows should be usual ones that did not train the network.
    ///
    /// The bundle's `scorer.onnx` and `model.json` are written anew.
    #[command(allow_negative_numbers = true)]
    Calibrate(CalibrateArguments),
    /// New rows from random latent vectors, with a variational network
    #[command(allow_negative_numbers = true)]
    Sample(SampleArguments),
    /// The rows of a file in another format, without a network
    #[command(allow_negative_numbers = true)]
    Convert(ConvertArguments),
    /// Completions for a shell, on standard output
    Completions {
        /// The shell
        shell: Shell,
    },
    /// A manual page, on standard output
    Man {
        /// The command to describe [default: the program itself]
        #[arg(value_parser = COMMANDS, hide_possible_values = true)]
        command: Option<String>,
    },
}

#[derive(Args)]
pub struct NetworkArguments {
    /// The folder that `exporter --split` wrote, or its run
    #[arg(value_hint = ValueHint::DirPath)]
    pub bundle: PathBuf,
    #[command(flatten)]
    pub rows: RowsArguments,
    /// Divide every value first: by 255 for bytes
    #[arg(long, value_name = "X", value_parser = positive)]
    pub divide: Option<f32>,
    /// Move values into the range that the network takes
    #[arg(long)]
    pub clip: bool,
    #[command(flatten)]
    pub out: OutArguments,
}

#[derive(Args)]
pub struct ScoreArguments {
    #[command(flatten)]
    pub network: NetworkArguments,
    /// The part of usual rows that may be alarms
    #[arg(long, value_name = "RATE", default_value_t = 0.01, value_parser = rate)]
    pub alpha: f32,
    /// Say when rows have become unlike the usual ones
    ///
    /// There is at most one false alarm in ROWS on average [default: 1000000].
    ///
    /// Rows must not depend on each other, as overlapping windows of a series do.
    #[arg(long, value_name = "ROWS", num_args = 0..=1, require_equals = true, default_missing_value = "1000000")]
    #[arg(value_parser = rows_per_alarm)]
    pub watch: Option<f64>,
}

#[derive(Args)]
pub struct ExplainArguments {
    /// The folder that `exporter --split` wrote, or its run
    #[arg(value_hint = ValueHint::DirPath)]
    pub bundle: PathBuf,
    #[command(flatten)]
    pub rows: RowsArguments,
    /// The number of the row, from 1 [default: the most unusual one]
    #[arg(long, value_name = "N", value_parser = row)]
    pub row: Option<usize>,
}

#[derive(Args)]
pub struct CalibrateArguments {
    /// The folder that `exporter --split` wrote, or its run
    #[arg(value_hint = ValueHint::DirPath)]
    pub bundle: PathBuf,
    #[command(flatten)]
    pub rows: RowsArguments,
}

#[derive(Args)]
pub struct ConvertArguments {
    #[command(flatten)]
    pub rows: RowsArguments,
    #[command(flatten)]
    pub out: OutArguments,
}

#[derive(Args)]
pub struct SampleArguments {
    /// The folder that `exporter --split` wrote, or its run
    #[arg(value_hint = ValueHint::DirPath)]
    pub bundle: PathBuf,
    /// How many rows
    #[arg(long, short = 'n', value_name = "N", default_value_t = 10)]
    #[arg(value_parser = count)]
    pub count: usize,
    /// The same seed gives the same rows
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = seed)]
    pub seed: u64,
    #[command(flatten)]
    pub out: OutArguments,
}

#[derive(Args)]
pub struct RowsArguments {
    /// CSV, Parquet, .npy, .npz, or a folder of these or of pictures; `-`: standard input
    ///
    /// CSV has a row on each line, an array along its first axis. Further axes are flattened.
    #[arg(value_hint = ValueHint::AnyPath)]
    pub rows: PathBuf,
    /// Whether a CSV file has a header [default: auto, and it says so]
    ///
    /// A header has no numbers, or it counts: 0, 1, 2, or with more columns 400, 410, 420.
    #[arg(long, value_name = "yes|no|auto", default_value = "auto", hide_default_value = true)]
    #[arg(hide_possible_values = true)]
    pub header: Header,
    /// comma, semicolon, tab, pipe or space [default: found out]
    #[arg(long, value_name = "NAME", hide_possible_values = true)]
    pub separator: Option<Separator>,
    /// Leave out the first N columns, such as an index
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    #[arg(value_parser = columns)]
    pub skip_columns: usize,
    /// Leave out the last N columns, such as a label
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    #[arg(value_parser = columns)]
    pub skip_last_columns: usize,
    /// The array of an .npz file [default: the one that fits]
    #[arg(long, value_name = "NAME")]
    pub array: Option<String>,
}

#[derive(Args)]
pub struct OutArguments {
    /// A .csv, .npy or .parquet file [default: CSV on standard output]
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = result)]
    pub out: Option<PathBuf>,
}

impl RowsArguments {
    pub fn options(&self) -> Options {
        Options {
            header: self.header,
            separator: self.separator,
            skip: [self.skip_columns, self.skip_last_columns],
            array: self.array.clone(),
            expected: None,
            missing: false,
            words: vec![],
        }
    }
}

impl NetworkArguments {
    pub fn preparation(&self) -> Preparation {
        Preparation { divide: self.divide, clip: self.clip }
    }
}

/// A path whose name says the format. A device takes CSV; a folder is refused later.
fn result(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
    let known = extension.is_some_and(|ending| ["csv", "npy", "parquet", "pq"].iter().any(|known| ending == *known));
    if known || text == "-" || (path.exists() && !path.is_file()) {
        return Ok(path);
    }
    Err("expected a file that ends in .csv, .npy or .parquet".into())
}

fn positive(text: &str) -> Result<f32, String> {
    let number = text.parse::<f32>().ok().filter(|number| number.is_finite() && *number > 0.);
    number.ok_or_else(|| "expected a number above 0".into())
}

fn rate(text: &str) -> Result<f32, String> {
    let number = text.parse::<f32>().ok().filter(|number| *number > 0. && *number < 1.);
    number.ok_or_else(|| "expected a rate between 0 and 1, such as 0.01".into())
}

fn rows_per_alarm(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 100.);
    number.ok_or_else(|| "expected a number of rows from 100".into())
}

fn row(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "expected the number of a row, from 1".into())
}

fn count(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=1_000_000).contains(number));
    number.ok_or_else(|| "expected a whole number from 1 to 1000000".into())
}

fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "expected a whole number from 0".into())
}

fn columns(text: &str) -> Result<usize, String> {
    let number = text.parse::<u32>().map(|number| number as usize);
    number.map_err(|_| "expected a whole number from 0".into())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn help_fits_a_terminal_of_100_columns() {
        let mut command = Arguments::command();
        let mut helps = vec![command.render_long_help().to_string()];
        for subcommand in command.get_subcommands_mut() {
            helps.extend([subcommand.render_help().to_string(), subcommand.render_long_help().to_string()]);
        }
        for line in helps.iter().flat_map(|help| help.lines()) {
            assert!(line.chars().count() <= 100, "{line}");
        }
    }
}

//! The arguments of `trainer`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use trainer::{DataSource, OptimizerConfig, Preset, Schedule, Validation};

use super::calibrate::CalibrateArguments;
use super::columns::ColumnArguments;
use super::compare::CompareArguments;
use super::defaults::{by_optimizer, by_preset, with_default, wrapped};
use super::evaluate::EvaluateArguments;
use super::inspect::InspectArguments;
use super::values::{amount, rate, seconds, source, validation, whole};

/// Trains autoencoders; `exporter --split` makes ONNX of them.
#[derive(Parser)]
#[command(name = "trainer", version, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Train an autoencoder and write a run folder: weights, metrics, pictures, a report
    Fit(Box<FitArguments>),
    /// Say what is in a file or folder, and what training would make of it
    Inspect(Box<InspectArguments>),
    /// Measure a trained run, with PCA beside it, on its own test rows or on other data
    Evaluate(EvaluateArguments),
    /// Rank the p-values of a run among other usual rows, without training
    Calibrate(CalibrateArguments),
    /// Put several runs side by side in one table, and their validation errors in one chart
    Compare(CompareArguments),
    /// Print a script that completes commands and options in your shell
    Completions(CompletionsArguments),
    /// Print a manual page, to be read by `man`
    Man(ManArguments),
}

#[derive(Args)]
#[command(after_help = "Examples:
  trainer completions bash > ~/.local/share/bash-completion/completions/trainer
  trainer completions zsh > ~/.zfunc/_trainer")]
pub struct CompletionsArguments {
    /// The shell
    pub shell: Shell,
}

#[derive(Args)]
#[command(after_help = "Examples:
  trainer man > trainer.1
  trainer man fit > trainer-fit.1")]
pub struct ManArguments {
    /// The command to describe [default: the program itself]
    #[arg(value_parser = ["fit", "inspect", "evaluate", "calibrate", "compare", "completions", "man"], hide_possible_values = true)]
    pub command: Option<String>,
}

const DATA: &str = "Data";
const NETWORK: &str = "Network";
const TRAINING: &str = "Training";
const RUN: &str = "Run";

#[derive(Args)]
#[command(
    after_help = "Examples:
  trainer fit                                      64-32-64 on the built-in digits
  trainer fit --data sensors.csv --label is_fault  your own table, of which normal rows train
  trainer fit --data photos                        a folder of pictures

All options: trainer fit --help",
    after_long_help = "Examples:
  trainer fit                                      64-32-64 on the built-in digits
  trainer fit --data path/to/idx --hidden 128,64   deeper, on your own IDX files
  trainer fit --data sensors.csv --drop id,time --label is_fault
                                                   your own table, of which normal rows train
  trainer fit --data mnist --optimizer adadelta    the classic tutorial's network
  trainer fit --config runs/simple-digits-1/config.toml
                                                   the same run again"
)]
pub struct FitArguments {
    #[arg(long, value_name = "NAME|PATH", value_parser = source, help_heading = DATA,
        help = "digits, series, mnist, a table, arrays, or a folder of pictures",
        long_help = with_default(
            "`digits` (built in), `series` (generated), `mnist` or `fashion-mnist` (the folder in `$HOURGLASS_MNIST`, `$HOURGLASS_FASHION_MNIST`, or the Hugging Face hub), a table as CSV or Parquet, arrays as \
             .npy or .npz, a folder of PNG, JPEG or WebP, or a folder with IDX files named as MNIST's",
            "digits; series with the preset sequence"
        ))]
    pub data: Option<DataSource>,
    #[arg(long, value_name = "FRACTION|test", help_heading = DATA, hide_short_help = true, allow_hyphen_values = true,
        value_parser = validation, long_help = by_preset(
            "Part of the training rows to hold out for choosing the best epoch, or `test` to choose it on the test rows",
            "validation"
        ))]
    pub validation: Option<Validation>,
    #[arg(long, value_name = "STD", help_heading = DATA, hide_short_help = true, allow_negative_numbers = true,
        value_parser = amount, long_help = by_preset(
            "Standard deviation of Gaussian noise on the input, whose values are 0 to 1; the target stays clean",
            "input_noise"
        ))]
    pub input_noise: Option<f64>,
    #[arg(long, value_name = "PIXELS", help_heading = DATA, hide_short_help = true, allow_negative_numbers = true,
        value_parser = whole("pictures.size"),
        long_help = with_default("Side of the square that pictures are resized to", "their own size if all have one, else 64"))]
    pub size: Option<i64>,
    #[command(flatten)]
    pub columns: ColumnArguments,

    #[arg(long, value_parser = Preset::NAMES, help_heading = NETWORK, hide_possible_values = true,
        help = "simple, deep, conv, vae, image, table, windows; --help lists all",
        long_help = presets())]
    pub preset: Option<String>,
    #[arg(long, value_name = "UNITS", help_heading = NETWORK, allow_negative_numbers = true, value_parser = whole("model.latent_dim"),
        help = "Width of the latent vector [default: the preset's]",
        long_help = by_preset(
            "Width of the latent vector; without one, the last layer of the encoder gives it",
            "model.latent_dim"
        ))]
    pub latent_dim: Option<i64>,
    #[arg(long, value_name = "UNITS,..", value_delimiter = ',', help_heading = NETWORK, allow_negative_numbers = true,
        value_parser = whole("model.hidden"),
        help = "Widths of dense layers before the latent vector, as in 128,64",
        long_help = by_preset(
            "Widths of dense layers between input and latent vector, as in 128,64; the decoder mirrors them",
            "model.hidden"
        ))]
    pub hidden: Option<Vec<i64>>,

    #[arg(long, value_name = "N", help_heading = TRAINING, allow_negative_numbers = true, value_parser = whole("epochs"),
        help = "Passes over the training rows [default: the preset's]",
        long_help = by_preset("Passes over the training rows", "epochs"))]
    pub epochs: Option<i64>,
    #[arg(long, value_name = "ROWS", help_heading = TRAINING, allow_negative_numbers = true, value_parser = whole("batch_size"),
        help = "Rows in one step [default: the preset's]",
        long_help = by_preset("Rows in one step", "batch_size"))]
    pub batch_size: Option<i64>,
    #[arg(long, value_parser = ["bce", "mse"], help_heading = TRAINING, hide_short_help = true,
        hide_possible_values = true,
        long_help = by_preset(
            "What training minimises: `bce`, the binary cross-entropy, for values between 0 and 1, or `mse`, the mean \
             squared error",
            "loss"
        ))]
    pub loss: Option<String>,
    #[arg(long, value_parser = OptimizerConfig::NAMES, help_heading = TRAINING, hide_short_help = true,
        hide_possible_values = true,
        long_help = by_preset("One of adadelta, adam, adamw, sgd, rmsprop", "optimizer.name"))]
    pub optimizer: Option<String>,
    #[arg(long, value_name = "RATE", help_heading = TRAINING, allow_negative_numbers = true, value_parser = rate,
        help = "How far a step goes [default: the optimiser's]",
        long_help = format!(
            "{}\n{}",
            by_preset("How far a step goes", "optimizer.learning_rate"),
            by_optimizer("With `--optimizer`", "learning_rate")
        ))]
    pub learning_rate: Option<f64>,
    #[arg(long, value_name = "RATE", help_heading = TRAINING, hide_short_help = true, allow_negative_numbers = true,
        value_parser = amount, long_help = by_optimizer(
            "How strongly parameters are pulled to zero",
            "weight_decay"
        ))]
    pub weight_decay: Option<f64>,
    #[arg(long, value_parser = Schedule::NAMES, help_heading = TRAINING, hide_short_help = true,
        hide_possible_values = true,
        long_help = by_preset(
            "How the learning rate changes: constant, plateau or cosine; their settings stand in a config file",
            "schedule.name"
        ))]
    pub schedule: Option<String>,
    #[arg(long, value_name = "EPOCHS", help_heading = TRAINING, hide_short_help = true, allow_negative_numbers = true,
        value_parser = amount, long_help = by_preset(
            "Epochs over which the learning rate rises from zero, with `--schedule cosine`",
            "schedule.warmup_epochs"
        ))]
    pub warmup: Option<f64>,
    #[arg(long, value_name = "WEIGHT", help_heading = TRAINING, hide_short_help = true, allow_negative_numbers = true,
        value_parser = amount, long_help = by_preset(
            "Weight of the L1 penalty on the latent vector",
            "sparsity"
        ))]
    pub sparsity: Option<f64>,
    #[arg(long, value_name = "WEIGHT", help_heading = TRAINING, hide_short_help = true, allow_negative_numbers = true,
        value_parser = amount, long_help = by_preset(
            "Weight of a variational latent vector's divergence from the normal distribution",
            "beta"
        ))]
    pub beta: Option<f64>,
    #[arg(long, value_name = "NORM", help_heading = TRAINING, hide_short_help = true, allow_negative_numbers = true,
        value_parser = amount, long_help = by_preset(
            "Scale the gradients down to this Euclidean norm; 0 for never",
            "clip_norm"
        ))]
    pub clip_norm: Option<f64>,
    #[arg(long, value_name = "EPOCHS", help_heading = TRAINING, hide_short_help = true, allow_negative_numbers = true,
        value_parser = whole("patience"), long_help = by_preset(
            "Stop after so many epochs without a lower validation loss; 0 for never",
            "patience"
        ))]
    pub patience: Option<i64>,
    #[arg(long, value_name = "SECONDS", help_heading = TRAINING, hide_short_help = true, allow_negative_numbers = true,
        value_parser = seconds, long_help = by_preset(
            "Stop after so many seconds; 0 for never",
            "time_budget"
        ))]
    pub time_budget: Option<f64>,
    #[arg(long, value_name = "SECONDS", help_heading = TRAINING, hide_short_help = true, allow_negative_numbers = true,
        value_parser = seconds, long_help = with_default(
            "Seconds for PCA and nearest neighbours after training; 0 for none of them",
            "the time of training, at least 10"
        ))]
    pub baseline_seconds: Option<f64>,
    #[arg(long, value_name = "NAME", help_heading = TRAINING, hide_short_help = true,
        long_help = with_default(
            "What makes a row unusual: auto, reconstruction, neighbours, both or contaminated",
            "auto: both for tables and series, reconstruction for pictures"
        ))]
    pub detector: Option<String>,
    #[arg(long, help_heading = TRAINING, hide_short_help = true, conflicts_with = "detector",
        long_help = "The training rows hold unusual ones too: as --detector contaminated")]
    pub contaminated: bool,

    #[arg(long, value_name = "DIR", help_heading = RUN,
        help = "A new folder for the run [default: runs/NETWORK-DATA-N]",
        long_help = with_default("A folder for the run, new or empty", "the next free runs/NETWORK-DATA-N"))]
    pub out: Option<PathBuf>,
    #[arg(long, value_name = "FILE", help_heading = RUN,
        help = "Settings to start from, as in a run's config.toml",
        long_help = wrapped("Settings to start from; a run's `config.toml` repeats that run"))]
    pub config: Option<PathBuf>,
    #[arg(long, value_name = "RUN", help_heading = RUN,
        help = "Go on with a run, or train it longer with --epochs",
        long_help = wrapped(
            "Go on with a run that was stopped, or train it longer with `--epochs`. Also `--learning-rate`, `--patience`, \
             `--time-budget`, `--threads` and `--data` (where the same rows lie now) may change"
        ),
        conflicts_with_all = [
            "preset", "validation", "latent_dim", "hidden", "loss", "optimizer", "weight_decay", "schedule", "warmup",
            "sparsity", "beta", "input_noise", "clip_norm", "batch_size", "seed", "device", "detector",
            "contaminated", "out", "config",
        ])]
    pub resume: Option<PathBuf>,
    #[arg(long, value_name = "N", help_heading = RUN, hide_short_help = true, allow_negative_numbers = true,
        value_parser = whole("seed"), long_help = by_preset(
            "Where every random choice starts; the same seed gives the same bytes",
            "seed"
        ))]
    pub seed: Option<i64>,
    #[arg(long, value_parser = ["cpu", "cuda", "metal"], help_heading = RUN, hide_short_help = true,
        hide_possible_values = true,
        long_help = by_preset("cpu, cuda or metal", "device"))]
    pub device: Option<String>,
    #[arg(long, value_name = "N", help_heading = RUN, hide_short_help = true, allow_negative_numbers = true,
        value_parser = whole("threads"), long_help = with_default("Threads of the CPU; the result does not depend on it", "all"))]
    pub threads: Option<i64>,
    #[arg(long, alias = "phases", help_heading = RUN, hide_short_help = true,
        long_help = wrapped("Measure where the time goes, and print it at the end"))]
    pub timings: bool,
    #[arg(long, value_enum, default_value_t = LogFormat::Auto, value_name = "FORMAT", help_heading = RUN,
        hide_short_help = true, hide_possible_values = true, hide_default_value = true,
        long_help = with_default(
            "Log format: `plain` lines on standard error, `json` lines on standard output, or `auto`: a progress bar on a \
             terminal and plain lines elsewhere",
            "auto"
        ))]
    pub log_format: LogFormat,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum LogFormat {
    Auto,
    Plain,
    Json,
}

/// What each preset is.
fn presets() -> String {
    let networks = [
        ("simple", "one dense layer each way"),
        ("sparse", "simple, with a penalty that makes most latent values zero"),
        ("deep", "three dense layers each way"),
        ("conv", "convolutions"),
        ("denoise", "convolutions that remove noise"),
        ("vae", "a variational autoencoder, which can make new rows"),
        ("sequence", "an LSTM, for time series"),
        ("image", "convolutions to a latent of 128 values, for pictures; the default there"),
        ("table", "dense layers with dropout, for tables; the default there"),
        ("windows", "convolutions over the steps of windows of a series"),
    ];
    let lines = networks.map(|(name, what)| format!("  {name:<9} {what}"));
    format!("Network and settings known to work together [default: {}]\n{}", Preset::default().name(), lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    fn help(long: bool) -> String {
        let mut command = Arguments::command();
        command.build();
        let fit = command.find_subcommand_mut("fit").unwrap();
        if long { fit.render_long_help() } else { fit.render_help() }.to_string()
    }

    #[test]
    fn help_fits_a_hundred_columns() {
        let mut command = Arguments::command();
        command.build();
        let of_others = command.get_subcommands_mut().map(|command| command.render_long_help().to_string());
        for text in of_others.collect::<Vec<_>>().into_iter().chain([help(false)]) {
            let longest = text.lines().max_by_key(|line| line.chars().count()).unwrap();
            assert!(longest.chars().count() <= 100, "{longest}");
        }
    }

    #[test]
    fn the_short_help_has_the_ten_options_that_matter_and_the_long_one_all() {
        let options = |text: String| text.lines().filter(|line| line.trim_start().starts_with("--")).count();
        assert_eq!(options(help(false)), 10);
        assert_eq!(options(help(true)), 46);
        for heading in ["Data:", "Network:", "Training:", "Run:"] {
            assert!(help(false).contains(heading) && help(true).contains(heading), "{heading}");
        }
    }

    #[test]
    fn defaults_in_the_help_are_those_of_the_code() {
        let words: Vec<String> = help(true).split_whitespace().map(str::to_owned).collect();
        let text = words.join(" ");
        assert!(
            text.contains("[default: 50; sparse, deep, table, windows 100; on digits 500; on series 200]"),
            "{text}"
        );
        assert!(text.contains("[default: adadelta 1, adam 0.001, adamw 0.001, sgd 0.1, rmsprop 0.001]"), "{text}");
        assert!(text.contains("[default: 0; denoise 0.5]"), "{text}");
    }
}

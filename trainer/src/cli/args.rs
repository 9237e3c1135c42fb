//! The arguments of `trainer`.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use toml::{Table, Value};
use trainer::{OptimizerConfig, Preset, Schedule};

/// Trains autoencoders; export them with `exporter --split`.
#[derive(Parser)]
#[command(name = "trainer", version, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Train an autoencoder and write a run folder: weights, metrics, pictures.
    Fit(Box<FitArguments>),
    /// Measure a trained run: reconstruction, codes, and PCA beside them; on its own test rows or on other data.
    Evaluate(EvaluateArguments),
    /// Put several runs side by side: one table, and one plot of their validation errors.
    Compare(CompareArguments),
}

#[derive(Args)]
#[command(after_help = "Examples:
  trainer evaluate runs/simple-mnist-1
  trainer evaluate runs/simple-mnist-1 --data fashion-mnist    how it does on rows it never knew")]
pub struct EvaluateArguments {
    /// The run's folder
    pub run: PathBuf,
    /// Other data than the run's own, of the same size; PCA and neighbours are then fitted to its training rows
    #[arg(long, value_name = "NAME|DIR")]
    pub data: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct CompareArguments {
    /// The runs' folders
    #[arg(required = true, num_args = 2.., value_name = "RUN")]
    pub runs: Vec<PathBuf>,
    /// Where to draw the plot, as SVG
    #[arg(long, short, value_name = "FILE", default_value = "compare.svg")]
    pub out: PathBuf,
}

#[derive(Args)]
#[command(after_help = "Examples:
  trainer fit                                      64-32-64 on the built-in digits
  trainer fit --data mnist --optimizer adadelta    the classic tutorial's network
  trainer fit --preset conv --data mnist           convolutions; also sparse, deep, denoise, vae, sequence
  trainer fit --data path/to/idx --hidden 128,64   deeper, on your own IDX files
  trainer fit --config runs/simple-digits-1/config.toml
                                                   the same run again")]
pub struct FitArguments {
    /// Network and settings known to work together [default: simple]
    #[arg(long, value_parser = Preset::NAMES)]
    preset: Option<String>,
    /// `digits` (built in), `series` (generated), `mnist` or `fashion-mnist` (from the Hugging Face hub), or a folder with
    /// four IDX files [default: digits; series for the preset sequence]
    #[arg(long, value_name = "NAME|DIR")]
    data: Option<String>,
    /// Part of the training rows to hold out, or `test` to validate on the test rows [default: 0.1]
    #[arg(long, value_name = "FRACTION|test")]
    validation: Option<String>,
    /// Width of the code [default: the preset's: 32, vae 20, sequence 16; conv and denoise keep an image]
    #[arg(long, value_name = "UNITS")]
    latent_dim: Option<i64>,
    /// Widths of dense layers between input and code, as in 128,64; the decoder mirrors them [default: the preset's]
    #[arg(long, value_name = "UNITS,..", value_delimiter = ',')]
    hidden: Option<Vec<i64>>,
    /// What training minimises [default: bce]
    #[arg(long, value_parser = ["bce", "mse"])]
    loss: Option<String>,
    /// [default: adam]
    #[arg(long, value_parser = OptimizerConfig::NAMES)]
    optimizer: Option<String>,
    /// [default: the optimiser's own: adadelta 1, adam 0.001, adamw 0.001, sgd 0.1, rmsprop 0.001; with adam, conv, denoise and
    /// sequence 0.003]
    #[arg(long, value_name = "RATE")]
    pub learning_rate: Option<f64>,
    /// [default: 0, adamw 0.01]
    #[arg(long, value_name = "RATE")]
    weight_decay: Option<f64>,
    /// How the learning rate changes; its settings are those of `[schedule]` in a config file [default: constant; conv, denoise
    /// and sequence: cosine]
    #[arg(long, value_parser = Schedule::NAMES)]
    schedule: Option<String>,
    /// Epochs over which the learning rate rises from zero, for --schedule cosine [default: 0; conv, denoise and sequence: 1]
    #[arg(long, value_name = "EPOCHS")]
    warmup: Option<f64>,
    /// Weight of the L1 penalty on the code [default: 0; sparse: 1e-4]
    #[arg(long, value_name = "WEIGHT")]
    sparsity: Option<f64>,
    /// Weight of a variational code's divergence from the normal distribution [default: 1]
    #[arg(long, value_name = "WEIGHT")]
    beta: Option<f64>,
    /// Standard deviation of Gaussian noise on the input; the target stays clean [default: 0; denoise: 0.5]
    #[arg(long, value_name = "DEVIATION")]
    input_noise: Option<f64>,
    /// Scale gradients down to this Euclidean norm [default: never; sequence: 1]
    #[arg(long, value_name = "NORM")]
    clip_norm: Option<f64>,
    /// Stop after so many epochs without a lower validation loss [default: never]
    #[arg(long, value_name = "EPOCHS")]
    pub patience: Option<u32>,
    /// Stop after so many seconds [default: never]
    #[arg(long, value_name = "SECONDS")]
    pub time_budget: Option<f64>,
    /// Seconds for PCA and nearest neighbours after training; 0 for none of them [default: the time of training, at least 10]
    #[arg(long, value_name = "SECONDS")]
    pub baseline_seconds: Option<f64>,
    /// Passes over the training rows [default: 50; sparse and deep: 100; on digits: 500, on series: 200]
    #[arg(long, value_name = "N")]
    pub epochs: Option<u32>,
    /// Rows in one step [default: 256; vae: 128; on digits and series: 32]
    #[arg(long, value_name = "ROWS")]
    batch_size: Option<i64>,
    /// Where every random choice starts; the same seed gives the same bytes [default: 1]
    #[arg(long, value_name = "N")]
    seed: Option<i64>,
    /// [default: cpu]
    #[arg(long, value_parser = ["cpu", "cuda", "metal"])]
    device: Option<String>,
    /// Threads of the CPU; the result does not depend on it [default: all]
    #[arg(long, value_name = "N")]
    pub threads: Option<u32>,
    /// Measure where the time goes, and print it at the end
    #[arg(long, alias = "phases")]
    pub timings: bool,
    /// Folder for the run, new or empty [default: the next free runs/PRESET-DATA-N]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Settings to start from; a run's `config.toml` repeats that run
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Go on with a run that was stopped, or train it longer with --epochs; --learning-rate, --patience and --time-budget
    /// may be others than before
    #[arg(long, value_name = "RUN", conflicts_with_all = [
        "preset", "data", "validation", "latent_dim", "hidden", "loss", "optimizer", "weight_decay",
        "schedule", "warmup", "sparsity", "beta", "input_noise", "clip_norm", "batch_size", "seed", "device", "out", "config",
    ])]
    pub resume: Option<PathBuf>,
    /// How progress is told: a bar on a terminal and plain lines elsewhere, plain lines, or JSON lines on standard output
    #[arg(long, value_enum, default_value_t = LogFormat::Auto, value_name = "FORMAT")]
    pub log_format: LogFormat,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum LogFormat {
    Auto,
    Plain,
    Json,
}

impl FitArguments {
    /// The settings that were given, in the layout of `config.toml`.
    pub fn overrides(&self) -> Result<Table> {
        let mut settings = Table::new();
        let mut set = |name: &str, value: Option<Value>| {
            value.map(|value| settings.insert(name.into(), value));
        };
        let text = |value: &Option<String>| value.clone().map(Value::String);
        let count = |value: Option<u32>| value.map(|value| Value::Integer(i64::from(value)));
        let integer = |value: Option<i64>| value.map(Value::Integer);
        set("preset", text(&self.preset));
        set("data", self.data.as_deref().map(data).transpose()?);
        let validation = self.validation.as_deref().map(str::parse::<trainer::Validation>).transpose()?;
        set("validation", validation.map(Value::try_from).transpose()?);
        set("loss", text(&self.loss));
        set("epochs", count(self.epochs));
        set("batch_size", integer(self.batch_size));
        set("seed", integer(self.seed));
        let float = |value: Option<f64>| value.map(Value::Float);
        set("sparsity", float(self.sparsity));
        set("beta", float(self.beta));
        set("input_noise", float(self.input_noise));
        set("clip_norm", float(self.clip_norm));
        set("patience", count(self.patience));
        set("time_budget", float(self.time_budget));
        set("baseline_seconds", float(self.baseline_seconds));
        set("device", text(&self.device));
        set("threads", count(self.threads));

        let mut model = Table::new();
        self.latent_dim.map(|units| model.insert("latent_dim".into(), Value::Integer(units)));
        let hidden = self.hidden.as_ref().map(|widths| widths.iter().map(|&width| Value::Integer(width)).collect());
        hidden.map(|widths| model.insert("hidden".into(), Value::Array(widths)));
        set("model", (!model.is_empty()).then_some(Value::Table(model)));

        let mut schedule = Table::new();
        text(&self.schedule).map(|name| schedule.insert("name".into(), name));
        self.warmup.map(|epochs| schedule.insert("warmup_epochs".into(), Value::Float(epochs)));
        set("schedule", (!schedule.is_empty()).then_some(Value::Table(schedule)));

        let mut optimizer = Table::new();
        text(&self.optimizer).map(|name| optimizer.insert("name".into(), name));
        self.learning_rate.map(|rate| optimizer.insert("learning_rate".into(), Value::Float(rate)));
        self.weight_decay.map(|rate| optimizer.insert("weight_decay".into(), Value::Float(rate)));
        set("optimizer", (!optimizer.is_empty()).then_some(Value::Table(optimizer)));
        Ok(settings)
    }
}

/// A folder is kept with its full path, so that `config.toml` repeats the run from anywhere.
pub fn data(text: &str) -> Result<Value> {
    if text.is_empty() {
        bail!("--data: expected digits, series, mnist, fashion-mnist or a folder, found nothing");
    }
    let trainer::DataSource::Dir(dir) = text.to_owned().into() else { return Ok(Value::String(text.into())) };
    let dir = std::path::absolute(&dir).with_context(|| format!("cannot resolve {text}"))?;
    Ok(Value::String(dir.display().to_string()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn arguments_are_consistent() {
        Arguments::command().debug_assert();
    }
}

//! Every setting of a run: presets, config files and overrides, resolved and checked once.

use std::path::Path;

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::data::DataSource;
use crate::device::DeviceKind;
use crate::loss::Loss;
use crate::model::{Activation, ConvConfig, LayerConfig, LstmConfig, MaxPool, ModelConfig};
use crate::optim::OptimizerConfig;
use crate::schedule::Schedule;
use crate::{Error, Result, file};

/// A network and settings that are known to work together. Default: `simple`.
///
/// All but `sequence` are those of "Building Autoencoders in Keras".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// One ReLU layer down to 32 units, one sigmoid layer up.
    #[default]
    Simple,
    /// `simple` with an L1 penalty of 1e-4 on the code.
    Sparse,
    /// 128-64-32-64-128.
    Deep,
    /// Convolutions of 16, 8 and 8 channels, each halved by pooling, and back.
    Conv,
    /// Two convolutions of 32 channels and back, on images with Gaussian noise of deviation 0.5; the target is the clean image.
    Denoise,
    /// 400-20-400, the code a distribution (Kingma and Welling 2014).
    Vae,
    /// An LSTM over the rows of each image, 16 units of code, and an LSTM back.
    Sequence,
}

impl Preset {
    /// Every preset's name.
    pub const NAMES: [&str; 7] = ["simple", "sparse", "deep", "conv", "denoise", "vae", "sequence"];

    /// The preset's name, as written in `config.toml`.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    fn model(self) -> ModelConfig {
        let halved = |channels: &[usize]| {
            let stage = |&channels: &usize| -> [LayerConfig; 3] {
                [ConvConfig::new(channels).into(), Activation::Relu.into(), MaxPool::default().into()]
            };
            ModelConfig { encoder: channels.iter().flat_map(stage).collect(), ..ModelConfig::default() }
        };
        match self {
            Self::Simple | Self::Sparse => ModelConfig::dense(32, []),
            Self::Deep => ModelConfig::dense(32, [128, 64]),
            Self::Conv => halved(&[16, 8, 8]),
            Self::Denoise => halved(&[32, 32]),
            Self::Vae => ModelConfig { variational: true, ..ModelConfig::dense(20, [400]) },
            Self::Sequence => ModelConfig {
                latent_dim: Some(16),
                encoder: vec![LstmConfig::new(64).into()],
                ..ModelConfig::default()
            },
        }
    }

    /// What is trained on when nothing is named.
    fn data(self) -> DataSource {
        if self == Self::Sequence { DataSource::Series } else { DataSource::Digits }
    }
}

/// Which rows validate after each epoch. Default: a tenth of the training rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum Validation {
    /// This part of the training rows, in 0.0..1.0, drawn by the seed; the rest trains.
    Fraction(f64),
    /// The test rows, as the classic tutorial does; every training row trains.
    Test,
}

impl From<Validation> for Value {
    fn from(validation: Validation) -> Self {
        match validation {
            Validation::Fraction(fraction) => Self::Float(fraction),
            Validation::Test => Self::String("test".into()),
        }
    }
}

impl TryFrom<Value> for Validation {
    type Error = Error;

    fn try_from(value: Value) -> Result<Self> {
        let found = match value {
            Value::Float(fraction) if fraction > 0. && fraction < 1. => return Ok(Self::Fraction(fraction)),
            Value::String(text) => return text.parse(),
            other => other.to_string(),
        };
        Err(Error::setting("validation", format!("expected `test` or a fraction between 0 and 1, found {found}")))
    }
}

impl std::str::FromStr for Validation {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.parse() {
            _ if text == "test" => Ok(Self::Test),
            Ok(fraction) if fraction > 0. && fraction < 1. => Ok(Self::Fraction(fraction)),
            _ => {
                let reason = format!("expected `test` or a fraction between 0 and 1, found `{text}`");
                Err(Error::setting("validation", reason))
            }
        }
    }
}

/// Every setting of a run, as `config.toml` keeps it. The same config on the same machine gives the same weights, byte
/// for byte.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the other settings' defaults come from. Default `simple`.
    pub preset: Preset,
    /// `digits`, `series`, `mnist`, `fashion-mnist`, or a folder with four IDX files. Default `digits`; `series` for `sequence`.
    pub data: DataSource,
    /// `test`, or the part of the training rows to hold out, between 0 and 1. Default 0.1.
    pub validation: Validation,
    /// Where every random choice starts. Default 1.
    pub seed: u64,
    /// `cpu`, `cuda` or `metal`. Default `cpu`.
    pub device: DeviceKind,
    /// Threads of the CPU, from 1; the result does not depend on it. Default: all.
    pub threads: usize,
    /// Passes over the training rows, from 1. Default 50, `sparse` and `deep` 100; for the small sets `digits` 500 and
    /// `series` 200.
    pub epochs: usize,
    /// Rows in one step, from 1. Default 256, `vae` 128; 32 for the small sets `digits` and `series`.
    pub batch_size: usize,
    /// `bce` or `mse`: the mean over an image's pixels, or with a variational network their sum. Default `bce`.
    pub loss: Loss,
    /// Weight of the L1 penalty on the code, summed over its units, from 0. Default 0; 1e-4 for `sparse`.
    pub sparsity: f64,
    /// Weight of the divergence of a variational code from the standard normal distribution, from 0. Default 1.
    pub beta: f64,
    /// Standard deviation of the Gaussian noise on the input, which is then clipped to 0.0..=1.0; the target stays clean.
    /// From 0. Default 0; 0.5 for `denoise`.
    pub input_noise: f64,
    /// Largest Euclidean norm of all gradients together; longer ones are scaled down to it. 0 for any. Default 0; 1 for `sequence`.
    pub clip_norm: f64,
    /// Epochs without a lower validation loss after which training stops. 0 for never. Default 0.
    pub patience: usize,
    /// Seconds after which training stops, counted anew when a run is resumed. 0 for any time. Default 0.
    pub time_budget: f64,
    /// How the learning rate changes. Default `constant`; for `conv`, `denoise` and
    /// `sequence`, `cosine` with an epoch of warm-up.
    pub schedule: Schedule,
    /// The network.
    pub model: ModelConfig,
    /// The optimiser. Default `adam`, at a learning rate of 0.003 for `conv`, `denoise` and `sequence`.
    pub optimizer: OptimizerConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self::preset(Preset::Simple, DataSource::Digits)
    }
}

impl Config {
    /// The settings of `preset` on `data`.
    pub fn preset(preset: Preset, data: DataSource) -> Self {
        // 1,350 rows make 6 steps an epoch at batch 256: too few to learn from in 50 epochs.
        let (epochs, batch_size) = match (&data, preset) {
            (DataSource::Digits, _) => (500, 32),
            (DataSource::Series, _) => (200, 32),
            (_, Preset::Sparse | Preset::Deep) => (100, 256),
            (_, Preset::Vae) => (50, 128),
            _ => (50, 256),
        };
        // Convolutions and LSTMs come farther in the same epochs with a higher rate that falls.
        let falls = matches!(preset, Preset::Conv | Preset::Denoise | Preset::Sequence);
        let rate = if falls { 3e-3 } else { 1e-3 };
        Self {
            preset,
            data,
            validation: Validation::Fraction(0.1),
            seed: 1,
            device: DeviceKind::Cpu,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            epochs,
            batch_size,
            loss: Loss::Bce,
            sparsity: if preset == Preset::Sparse { 1e-4 } else { 0. },
            beta: 1.,
            input_noise: if preset == Preset::Denoise { 0.5 } else { 0. },
            clip_norm: if preset == Preset::Sequence { 1. } else { 0. },
            patience: 0,
            time_budget: 0.,
            schedule: if falls {
                Schedule::Cosine { warmup_epochs: 1., min_learning_rate: 0. }
            } else {
                Schedule::default()
            },
            model: preset.model(),
            optimizer: OptimizerConfig::default().with_learning_rate(rate),
        }
    }

    /// Reads a config file, in which every setting may be left out.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for what does not parse, [`Error::Setting`] for a value out of range.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        Self::resolve(Some(path.as_ref()), Table::new())
    }

    /// The preset's settings, with those of `file` put over them and `overrides` on top.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for what does not parse, [`Error::Setting`] for a value out of range.
    pub fn resolve(file: Option<&Path>, overrides: Table) -> Result<Self> {
        let mut layers = Vec::new();
        if let Some(path) = file {
            let (place, text) = (path.display().to_string(), file::read_text(path)?);
            let table = text.parse::<Table>().map_err(|error| Error::Config {
                place: format!("{place}:{}", error.span().map_or(1, |span| line_at(&text, span.start))),
                reason: error.message().into(),
            })?;
            layers.push((place, table));
        }
        layers.push(("command line".to_owned(), overrides));

        let named = |key: &str| layers.iter().rev().find_map(|(_, layer)| layer.get(key).cloned());
        let preset = named("preset").map_or(Ok(Preset::default()), |value| parse("preset", value))?;
        let data = named("data").map_or(Ok(preset.data()), |value| parse("data", value))?;
        let defaults = Self::preset(preset, data);

        let mut settings = Table::try_from(&defaults).expect("a config is a table");
        for (place, layer) in layers {
            merge(&mut settings, layer).and_then(|()| parse::<Self>(&place, Value::Table(settings.clone())))?;
        }
        let config = parse::<Self>("config", Value::Table(settings))?;
        config.check()?;
        Ok(config)
    }

    /// The settings as a TOML document.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a config is a table")
    }

    /// Checks every range; what passes can be trained, given data.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] naming the first setting out of its range.
    pub fn check(&self) -> Result<()> {
        let counts = [
            ("threads", self.threads, 1024),
            ("epochs", self.epochs, 1_000_000),
            ("batch_size", self.batch_size, 1 << 20),
        ];
        for (setting, value, most) in counts {
            if !(1..=most).contains(&value) {
                return Err(Error::setting(setting, format!("expected 1 to {most}, found {value}")));
            }
        }
        if i64::try_from(self.seed).is_err() {
            return Err(Error::setting("seed", format!("expected at most {}, found {}", i64::MAX, self.seed)));
        }
        let amounts = [
            ("sparsity", self.sparsity),
            ("beta", self.beta),
            ("input_noise", self.input_noise),
            ("clip_norm", self.clip_norm),
            ("time_budget", self.time_budget),
        ];
        for (setting, value) in amounts {
            if !(value >= 0. && value.is_finite()) {
                return Err(Error::setting(setting, format!("expected 0 or more, found {value}")));
            }
        }
        if self.beta != 1. && !self.model.variational {
            let reason = format!("found {}, but only a variational network's code has a divergence", self.beta);
            return Err(Error::setting("beta", reason));
        }
        self.schedule.check(self.optimizer.learning_rate(), self.epochs)?;
        self.optimizer.check()
    }
}

/// Puts `layer` over `settings`; another optimiser or schedule brings its own defaults, another encoder its mirror image.
fn merge(settings: &mut Table, layer: Table) -> Result<()> {
    for (key, value) in layer {
        match (settings.get_mut(&key), value) {
            (Some(Value::Table(inner)), Value::Table(layer)) => {
                if let Some(name) = layer.get("name").and_then(Value::as_str)
                    && inner.get("name").and_then(Value::as_str) != Some(name)
                {
                    *inner = if key == "schedule" {
                        Table::try_from(Schedule::named(name)?).expect("a schedule is a table")
                    } else {
                        Table::try_from(OptimizerConfig::named(name)?).expect("an optimiser is a table")
                    };
                }
                if layer.contains_key("encoder") {
                    inner.retain(|key, _| key == "variational");
                }
                inner.extend(layer);
            }
            (Some(Value::Table(_)), value) => {
                let reason = format!("expected a table, `[{key}]`, found {value}");
                return Err(Error::Config { place: key, reason });
            }
            (_, value) => {
                settings.insert(key, value);
            }
        }
    }
    Ok(())
}

fn parse<T: serde::de::DeserializeOwned>(place: &str, value: Value) -> Result<T> {
    value.try_into().map_err(|error| Error::Config { place: place.into(), reason: one_line(&error) })
}

/// The line, from 1, in which byte `position` lies.
fn line_at(text: &str, position: usize) -> usize {
    text.bytes().take(position).filter(|&byte| byte == b'\n').count() + 1
}

fn one_line(error: &toml::de::Error) -> String {
    error.to_string().lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;

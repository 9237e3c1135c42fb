//! Every setting of a run, checked once.

mod explain;
mod name;
mod place;
mod preset;
mod ranges;
mod resolve;

use serde::{Deserialize, Serialize};

pub use preset::Preset;

use crate::data::{DataSource, PictureConfig, Preparation, TableConfig, Validation};
use crate::device::DeviceKind;
use crate::error::{Error, Result};
use crate::evaluate::{DetectorKind, MeasureConfig, Recipe};
use crate::model::{ModelConfig, Output};
use crate::objective::{Loss, ObjectiveConfig};
use crate::optimizer::{OptimizerConfig, Schedule};

/// The most epochs that a run may have.
pub(crate) const MAX_EPOCHS: usize = 1_000_000;
/// Fewer epochs than this are never enough, however many steps they have.
const FEW_EPOCHS: usize = 10;

/// Every setting of a run, as `config.toml` keeps it. The same config on the same machine gives the same weights, byte
/// for byte.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the other settings' defaults come from. Default `simple`.
    pub preset: Preset,
    /// `digits`, `series`, `mnist`, `fashion-mnist`, or the path of a table, of arrays, or of a folder of pictures or IDX files. Default `digits`; `series` for `sequence`.
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
    /// Steps at least: where the training rows are so few that the epochs have fewer, there are more epochs. From 0. Default 0; 2,000 for
    /// `table` and on tables, unless the epochs are set.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub min_steps: usize,
    /// Steps at most, but never under ten epochs: where the training rows are many, there are fewer epochs. 0 sets no bound. Default 0; 10,000
    /// for `table` and on tables, unless the epochs are set.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub max_steps: usize,
    /// Rows in one step, from 1. Default 256, `vae` 128; 32 for the small sets `digits` and `series`.
    pub batch_size: usize,
    /// `bce` or `mse`: the mean over an image's pixels, or with a variational network their sum. Default `bce`; `mse` for a table and for `image`.
    pub loss: Loss,
    /// Weight of the L1 penalty on the latent, summed over its units, from 0. Default 0; 1e-4 for `sparse`.
    pub sparsity: f64,
    /// Weight of the divergence of a variational latent from the standard normal distribution, from 0. Default 1.
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
    /// Seconds that the baselines, PCA and nearest neighbours, may take together after training. 0 for none of them. Default: as long as
    /// training took, at least 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline_seconds: Option<f64>,
    /// What makes a row unusual: `auto`, `reconstruction`, `neighbours`, `both` or `contaminated`. Default `auto`: `both` for
    /// tables and series, `contaminated` for those that train on all rows of a label, `reconstruction` for pictures.
    #[serde(default, skip_serializing_if = "is_auto")]
    pub detector: DetectorKind,
    /// How the learning rate changes. Default `constant`; for `conv`, `denoise` and
    /// `sequence`, `cosine` with an epoch of warm-up.
    pub schedule: Schedule,
    /// How a table becomes training and test rows.
    #[serde(default, skip_serializing_if = "TableConfig::is_default")]
    pub table: TableConfig,
    /// How pictures become rows.
    #[serde(default, skip_serializing_if = "PictureConfig::is_default")]
    pub pictures: PictureConfig,
    /// The network.
    pub model: ModelConfig,
    /// The optimiser. Default `adam`, at a learning rate of 0.003 for `conv`, `denoise` and `sequence`.
    pub optimizer: OptimizerConfig,
}

fn is_auto(kind: &DetectorKind) -> bool {
    *kind == DetectorKind::Auto
}

fn is_zero(count: &usize) -> bool {
    *count == 0
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
        let is_table = data.is_table();
        let (epochs, batch_size) = match (&data, preset) {
            (DataSource::Digits, _) => (500, 32),
            (DataSource::Series, _) => (200, 32),
            _ if is_table => (100, 64),
            (_, Preset::Sparse | Preset::Deep) => (100, 256),
            (_, Preset::Vae) => (50, 128),
            (_, Preset::Table) => (100, 64),
            (_, Preset::Image) => (50, 32),
            (_, Preset::Windows) => (100, 64),
            _ => (50, 256),
        };
        // In the same epochs, convolutions and LSTMs get further with a higher rate that falls.
        let falls =
            matches!(preset, Preset::Conv | Preset::Denoise | Preset::Sequence | Preset::Image | Preset::Windows);
        let rate = if falls { 3e-3 } else { 1e-3 };
        Self {
            preset,
            data,
            validation: Validation::Fraction(0.1),
            seed: 1,
            device: DeviceKind::Cpu,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            epochs,
            min_steps: if is_table || matches!(preset, Preset::Table | Preset::Windows) { 2000 } else { 0 },
            max_steps: if is_table && preset != Preset::Windows || preset == Preset::Table { 10_000 } else { 0 },
            batch_size,
            loss: if is_table || matches!(preset, Preset::Image | Preset::Windows) { Loss::Mse } else { Loss::Bce },
            sparsity: if preset == Preset::Sparse { 1e-4 } else { 0. },
            beta: 1.,
            input_noise: if preset == Preset::Denoise { 0.5 } else { 0. },
            clip_norm: if preset == Preset::Sequence { 1. } else { 0. },
            patience: 0,
            time_budget: 0.,
            baseline_seconds: None,
            detector: DetectorKind::Auto,
            schedule: if falls {
                Schedule::Cosine { warmup_epochs: 1., min_learning_rate: 0. }
            } else {
                Schedule::default()
            },
            table: TableConfig::default(),
            pictures: PictureConfig::default(),
            model: ModelConfig { output: if is_table { Output::Linear } else { Output::Sigmoid }, ..preset.model() },
            optimizer: OptimizerConfig::default().with_learning_rate(rate),
        }
    }

    /// The same for rows of the shape `image_shape`: where the network is a preset's that has others for other sizes, it becomes that one.
    pub fn fitted_to(mut self, image_shape: &[usize]) -> Self {
        let own = self.preset.model();
        if self.model.encoder == own.encoder && self.model.decoder.is_empty() {
            self.model.encoder = self.preset.model_for(image_shape).encoder;
        }
        self
    }

    /// The epochs that `rows` training rows are trained: more than [`Config::epochs`] where those have fewer than
    /// [`Config::min_steps`] steps, fewer where they have more than [`Config::max_steps`].
    pub fn epochs_for(&self, rows: usize) -> usize {
        let steps = rows.div_ceil(self.batch_size.max(1)).max(1);
        let most = if self.max_steps == 0 { MAX_EPOCHS } else { (self.max_steps / steps).max(FEW_EPOCHS) };
        self.epochs.min(most).max(self.min_steps.div_ceil(steps)).min(MAX_EPOCHS)
    }

    /// How the data becomes training and test rows.
    pub fn preparation(&self) -> Preparation {
        Preparation { table: self.table.clone(), pictures: self.pictures.clone() }
    }

    /// What training minimises.
    pub(crate) fn objective(&self) -> ObjectiveConfig {
        ObjectiveConfig { loss: self.loss, sparsity: self.sparsity, beta: self.beta }
    }

    /// How rows are measured.
    pub(crate) fn measure(&self) -> MeasureConfig {
        MeasureConfig { objective: self.objective(), input_noise: self.input_noise, seed: self.seed }
    }

    /// The settings that most often make a training fail; `out_of_time` where the time budget ended it. `rates` are those that the
    /// epochs had: what a high one broke, a lower one does not mend when the run is resumed.
    pub(crate) fn recipe(&self, out_of_time: bool, rates: impl Iterator<Item = f64>) -> Recipe {
        let usual = Self::preset(self.preset, self.data.clone()).optimizer;
        let name = self.optimizer.name();
        let usual = if usual.name() == name { usual } else { OptimizerConfig::named(name).unwrap_or(usual) };
        Recipe {
            learning_rate: rates.fold(self.optimizer.learning_rate(), f64::max),
            usual_learning_rate: usual.learning_rate(),
            beta: self.beta,
            sparsity: self.sparsity,
            clip_norm: self.clip_norm,
            weight_decay: [self.optimizer.weight_decay(), usual.weight_decay()],
            input_noise: self.input_noise,
            is_for_tables: matches!(self.preset, Preset::Table | Preset::Windows),
            epochs: self.epochs,
            out_of_time,
            seed: self.seed,
        }
    }

    /// Fails for a setting that has no effect on the data.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] naming the first such setting.
    pub(super) fn check_preparation(&self) -> Result<()> {
        let Self { data, table, pictures, .. } = self;
        if !data.is_there() {
            return Ok(());
        }
        let table = if data.is_folder_of_pictures() { &TableConfig { test: None, ..table.clone() } } else { table };
        if let Some(setting) = table.first_set().filter(|_| !data.is_table()) {
            return Err(Error::setting(setting, format!("only tables and series have this, and `{data}` is none")));
        }
        if pictures.size.is_some() && !data.is_folder_of_pictures() {
            let reason = format!("only a folder of pictures is resized, and `{data}` is none");
            return Err(Error::setting("pictures.size", reason));
        }
        let usual = TableConfig::default();
        let reason = "the test rows are those of `--test`; leave this out, or `--test`";
        match &table.test {
            Some(_) if table.test_fraction != usual.test_fraction => Err(Error::setting("table.test_fraction", reason)),
            Some(_) if table.split != usual.split && table.window.is_none() => {
                Err(Error::setting("table.split", reason))
            }
            _ => Ok(()),
        }
    }

    /// Checks every range; what passes can be trained, given data.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] naming the first setting out of its range.
    pub fn check(&self) -> Result<()> {
        self.check_whole_numbers()?;
        let amounts = [
            ("sparsity", self.sparsity),
            ("beta", self.beta),
            ("input_noise", self.input_noise),
            ("clip_norm", self.clip_norm),
            ("time_budget", self.time_budget),
            ("baseline_seconds", self.baseline_seconds.unwrap_or_default()),
        ];
        for (setting, value) in amounts {
            if !(value >= 0. && value.is_finite()) {
                return Err(Error::setting(setting, format!("expected 0 or more, found {value}")));
            }
        }
        let fraction = self.table.test_fraction;
        if !(fraction > 0. && fraction < 1.) {
            let reason = format!("expected a part between 0 and 1, found {fraction}");
            return Err(Error::setting("table.test_fraction", reason));
        }
        if let (None, Some(stride)) = (self.table.window, self.table.stride) {
            let reason = format!("only windows have a stride; expected a `--window` beside `--stride {stride}`");
            return Err(Error::setting("table.stride", reason));
        }
        if self.model.output == Output::Linear && self.loss == Loss::Bce {
            let reason =
                "the cross-entropy is for values in 0..=1, and this network's have no bounds; expected mse, found bce";
            return Err(Error::setting("loss", reason));
        }
        if self.beta != 1. && !self.model.variational {
            let beta = self.beta;
            let reason = format!(
                "only a variational network has a divergence, such as `--preset vae`; expected 1, found {beta}"
            );
            return Err(Error::setting("beta", reason));
        }
        self.schedule.check(self.optimizer.learning_rate(), self.epochs)?;
        self.optimizer.check()
    }
}

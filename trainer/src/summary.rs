//! What came of a run: the reports in `summary.json`.

use serde::{Deserialize, Serialize};

use crate::evaluate::{Metrics, psnr};

/// The epoch whose weights are kept as the best: the one with the lowest validation loss.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BestEpoch {
    /// The epoch, from 1.
    pub epoch: usize,
    /// Its validation loss.
    pub val_loss: f64,
}

/// The best weights on the test rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestReport {
    /// Rows that were measured.
    pub rows: usize,
    /// Errors of the reconstruction; of a variational network, from the code's mean.
    #[serde(flatten)]
    pub metrics: Metrics,
    /// Peak signal-to-noise ratio in decibels; nothing where there is no error at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub psnr: Option<f64>,
    /// Mean of the code over rows and units.
    pub mean_code: f64,
    /// The part of the code's values that are zero, within 0.001; in 0.0..=1.0.
    pub zero_code: f64,
    /// The part of the rows whose class most of the five nearest training codes share, in 0.0..=1.0; nothing where there are no
    /// classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neighbour_accuracy: Option<f64>,
    /// For a network trained on noisy rows: the noisy test rows' own mean squared error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noisy_mse: Option<f64>,
    /// For a variational network: how likely it makes the test rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<Bound>,
}

impl TestReport {
    /// The noisy rows' peak signal-to-noise ratio in decibels.
    pub fn noisy_psnr(&self) -> Option<f64> {
        self.noisy_mse.and_then(psnr)
    }
}

/// The evidence lower bound of a variational network, means over rows, in nats (Kingma and Welling 2014).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    /// Cross-entropy of a row's reconstruction from one sample of its code, summed over elements.
    pub reconstruction: f64,
    /// Kullback-Leibler divergence of the code from the standard normal distribution, summed over units.
    pub divergence: f64,
    /// The bound: -(reconstruction + divergence).
    pub elbo: f64,
}

/// PCA with as many components as the code has units, fitted to the training rows, on the test rows as the network was given them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PcaReport {
    /// The number of components.
    pub components: usize,
    /// Errors of the reconstruction; for the cross-entropy, clipped to 1e-7 from 0 and 1.
    #[serde(flatten)]
    pub metrics: Metrics,
    /// Peak signal-to-noise ratio in decibels; nothing where there is no error at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub psnr: Option<f64>,
    /// The part of the training rows' variance that is kept, in 0.0..=1.0.
    pub explained_variance: f64,
    /// As of the code: the five nearest training rows among the components.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neighbour_accuracy: Option<f64>,
}

/// The data a run was trained on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataReport {
    /// The name of the source.
    pub name: String,
    /// SHA-256 over shapes, pixels and labels.
    pub fingerprint: String,
    /// Height and width in pixels.
    pub image_shape: [usize; 2],
    /// The byte that became 1.0.
    pub white: u8,
    /// Rows that trained.
    pub train_rows: usize,
    /// Rows that chose the best epoch.
    pub validation_rows: usize,
    /// Rows of the test set; with `--validation test`, the same that chose the best epoch.
    pub test_rows: usize,
}

/// Why training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// All epochs are done.
    Epochs,
    /// The validation loss had not improved for `patience` epochs.
    Patience,
    /// The time was spent.
    TimeBudget,
    /// The loss was no longer finite.
    Divergence,
}

/// A reconstruction error that few rows like the training rows exceed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// What is compared: `mse`, the mean squared error over one row's elements.
    pub metric: String,
    /// The part of the validation rows at or below `value`.
    pub quantile: f64,
    /// The error.
    pub value: f64,
}

/// What came of a run, as `summary.json` keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The preset's name.
    pub preset: String,
    /// The widths of all layers: `784-32-784`.
    pub network: String,
    /// The number of trained values.
    pub parameters: usize,
    /// Values in one code.
    pub latent_dim: usize,
    /// Epochs trained.
    pub epochs: usize,
    /// Why training ended there.
    pub ended_by: EndedBy,
    /// The epoch whose weights are `best.safetensors`.
    pub best: BestEpoch,
    /// SHA-256 of `best.safetensors`, which this summary is about.
    pub weights: String,
    /// Those weights on the test rows.
    pub test: TestReport,
    /// The linear baseline.
    pub pca: PcaReport,
    /// Where an unusual row begins.
    pub threshold: Threshold,
    /// The data.
    pub data: DataReport,
    /// `cpu`, `cuda` or `metal`.
    pub device: String,
    /// Seconds of all epochs.
    pub seconds: f64,
    /// The versions of hourglass and candle.
    pub versions: Versions,
}

/// The programs that made a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Versions {
    /// This crate's version.
    pub hourglass: String,
    /// candle's version.
    pub candle: String,
}

impl Default for Versions {
    fn default() -> Self {
        Self { hourglass: env!("CARGO_PKG_VERSION").into(), candle: CANDLE_VERSION.into() }
    }
}

/// Held to the manifest by a test: candle does not tell its version.
const CANDLE_VERSION: &str = "0.11.1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candle_version_is_the_manifests() {
        let manifest = include_str!("../../Cargo.toml");
        assert!(manifest.contains(&format!("candle-core = \"{CANDLE_VERSION}\"")));
    }
}

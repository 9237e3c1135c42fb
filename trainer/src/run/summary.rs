//! What came of a run: the reports in `summary.json`.

use bundle::Threshold;
use serde::{Deserialize, Serialize};

use crate::evaluate::{AnomalyReport, Finding, LeftOut, Level, PcaReport, TestReport};

/// The epoch whose weights are kept as the best: the one with the lowest validation loss.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BestEpoch {
    /// The epoch, from 1.
    pub epoch: usize,
    /// Its validation loss.
    pub val_loss: f64,
}

/// The data a run was trained on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataReport {
    /// The name of the source.
    pub name: String,
    /// SHA-256 over shapes, pixels and labels.
    pub fingerprint: String,
    /// Height and width in pixels.
    pub image_shape: Vec<usize>,
    /// The byte that became 1.0.
    #[serde(alias = "white")]
    pub max_value: u8,
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
pub enum StopReason {
    /// All epochs are done.
    Epochs,
    /// The validation loss had not improved for `patience` epochs.
    Patience,
    /// The time budget was reached.
    TimeBudget,
    /// The loss was no longer finite.
    Divergence,
}

/// What came of a run, as `summary.json` keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The preset's name.
    pub preset: String,
    /// The widths of all layers: `784-32-784`.
    pub network: String,
    /// The number of parameters.
    pub parameters: usize,
    /// Values in one latent.
    pub latent_dim: usize,
    /// Epochs trained.
    pub epochs: usize,
    /// Why training ended there.
    #[serde(alias = "ended_by")]
    pub stop_reason: StopReason,
    /// The epoch whose weights are `best.safetensors`.
    pub best: BestEpoch,
    /// SHA-256 of `best.safetensors`, which this summary is about.
    pub weights: String,
    /// Those weights on the test rows.
    pub test: TestReport,
    /// The linear baseline; nothing when it was left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pca: Option<PcaReport>,
    /// The baselines that were left out, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
    /// What is wrong with the network, the worst first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Where an unusual row begins.
    pub threshold: Threshold,
    /// How well test rows that are known to be unusual are told from usual ones; nothing where none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anomalies: Option<AnomalyReport>,
    /// The data.
    pub data: DataReport,
    /// `cpu`, `cuda` or `metal`.
    pub device: String,
    /// Seconds of training in wall-clock time, without the measuring and the baselines after it.
    pub seconds: f64,
    /// The versions of hourglass and candle.
    pub versions: Versions,
}

impl Summary {
    /// Whether the network is no better than the mean training row.
    pub fn has_failed(&self) -> bool {
        self.findings.iter().any(|finding| finding.level == Level::Failed)
    }
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

/// A test compares it with the manifest: candle does not tell its version.
const CANDLE_VERSION: &str = "0.11.1";

#[cfg(test)]
mod tests {
    use super::*;

    /// As written before `ended_by`, `mean_code`, `zero_code`, `bound` and `white` were renamed.
    const EARLIER: &str = r#"{
        "preset": "vae", "network": "64-8-4-8-64", "parameters": 1208, "latent_dim": 4, "epochs": 2,
        "ended_by": "time_budget",
        "best": { "epoch": 2, "val_loss": 39.424885208028314 },
        "weights": "c6903147442ee3d3e91626eee82c04cdb0845846d8b9dff8ac5ecaaa7c170683",
        "test": {
            "rows": 297, "bce": 0.6042520755820404, "mse": 0.13951519181832722, "psnr": 8.55378499461041,
            "mean_code": 0.22051279074339955, "zero_code": 0.25, "neighbour_accuracy": 0.2727272727272727,
            "bound": {
                "reconstruction": 38.25444690948384, "divergence": 0.6711750783056617, "elbo": -38.9256219877895
            }
        },
        "pca": {
            "components": 4, "bce": 0.3420787226314783, "mse": 0.039006766245421334, "psnr": 14.088600522511893,
            "explained_variance": 0.49131820954287453, "neighbour_accuracy": 0.8047138047138047
        },
        "threshold": { "metric": "mse", "quantile": 0.99, "value": 0.17615437507629395 },
        "data": {
            "name": "digits", "fingerprint": "09ea2d33829309756cce1999fcfa2c1e70ca81607481d12d4cb09773ca065b18",
            "image_shape": [8, 8], "white": 16, "train_rows": 1350, "validation_rows": 150, "test_rows": 297
        },
        "device": "cpu", "seconds": 0.0013046870000000001,
        "versions": { "hourglass": "0.1.0", "candle": "0.11.1" }
    }"#;

    #[test]
    fn a_summary_of_an_earlier_version_still_loads() {
        let summary: Summary = serde_json::from_str(EARLIER).unwrap();
        assert_eq!((summary.stop_reason, summary.data.max_value), (StopReason::TimeBudget, 16));
        assert_eq!((summary.test.latent_mean, summary.test.latent_sparsity), (0.22051279074339955, 0.25));
        assert_eq!(summary.test.elbo.unwrap().value, -38.9256219877895);
        let written = serde_json::to_string(&summary).unwrap();
        assert_eq!(serde_json::from_str::<Summary>(&written).unwrap(), summary);
        for earlier in ["ended_by", "mean_code", "zero_code", "bound", "white"] {
            assert!(!written.contains(earlier), "{earlier}");
        }
    }
}

//! How well a network reconstructs rows it was not trained on, and what PCA makes of the same rows.

mod anomalies;
mod baselines;
mod budget;
mod config;
mod detector;
mod fused;
mod health;
mod knn;
mod measure;
mod measured;
mod metrics;
mod pca;
mod pixels;
mod report;
mod test_report;
mod threshold;

pub(crate) use anomalies::anomaly_report;
pub use anomalies::{AlarmReport, AnomalyReport};
pub(crate) use baselines::Baselines;
pub(crate) use budget::Budget;
pub use budget::{Baseline, LeftOut, LeftOutReason, Stage};
pub(crate) use config::MeasureConfig;
pub use detector::DetectorKind;
pub(crate) use detector::{DetectorWish, fit_detector};
pub use health::{Finding, FindingKind, Level};
pub(crate) use health::{Recipe, Symptoms, findings};
pub(crate) use measure::Measure;
pub(crate) use measured::Measured;
pub use metrics::Metrics;
pub use pca::Pca;
pub(crate) use report::test_report;
pub use test_report::{Elbo, PcaReport, TestReport};
pub(crate) use threshold::threshold;

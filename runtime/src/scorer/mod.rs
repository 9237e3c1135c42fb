//! How unusual rows are: score, p-value and reasons, by the detector in `scorer.onnx`.

mod calibrate;
mod file;
mod on_kernels;
#[cfg(feature = "tract")]
mod on_tract;

pub use calibrate::calibrate;
pub use on_kernels::{Explained, ScoredRows, Scorer};
#[cfg(feature = "tract")]
pub use on_tract::ScorerOnTract;

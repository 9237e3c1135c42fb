//! Trains autoencoders with candle: data in, a run folder with a trained checkpoint out.
//!
//! ```no_run
//! use std::sync::atomic::AtomicBool;
//! use trainer::{Config, Dataset, Run, Silent, fit};
//!
//! # fn main() -> trainer::Result<()> {
//! let config = Config::default(); // 64-32-64 on the embedded digits
//! let dataset = Dataset::load(&config.data)?;
//! let run = Run::create("runs/first", &config)?;
//! let summary = fit(&config, &dataset, &run, &mut Silent, &AtomicBool::new(false))?;
//! println!("{summary:?}");
//! # Ok(()) }
//! ```

mod awake;
mod config;
mod data;
mod device;
mod error;
mod evaluate;
mod evaluation;
mod file;
mod fit;
mod knn;
mod loss;
mod model;
mod noise;
mod numbers;
mod objective;
mod observer;
mod ops;
mod optim;
mod pca;
mod phase;
mod random;
mod report;
mod run;
mod schedule;
mod summary;

pub use config::{Config, Preset, Validation};
pub use data::{DataSource, Dataset, Images, Split};
pub use device::DeviceKind;
pub use error::{Error, Result};
pub use evaluate::Metrics;
pub use evaluation::{Evaluation, evaluate_run};
pub use fit::fit;
pub use loss::{Loss, bce_with_logits};
pub use model::{Autoencoder, Layer, LayerConfig, Lstm, ModelConfig, NetworkConfig, Stack};
pub use numbers::{Amount, Count, Decibels, Percent, Seconds};
pub use observer::{EpochRecord, Observer, Outcome, Silent, StepReport};
pub use optim::{Optimizer, OptimizerConfig};
pub use pca::Pca;
pub use phase::{Phase, PhaseTimes, measure_phases, phase_times};
pub use report::draw_comparison;
pub use run::Run;
pub use schedule::Schedule;
pub use summary::{BestEpoch, Bound, DataReport, EndedBy, PcaReport, Summary, TestReport, Threshold, Versions};

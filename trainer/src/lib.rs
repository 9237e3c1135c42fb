//! Trains autoencoders with candle: data in, a run folder with a trained checkpoint out.
//!
//! ```no_run
//! use trainer::{Config, Dataset, Run, Silent, fit};
//!
//! # fn main() -> trainer::Result<()> {
//! let config = Config::default(); // 64-32-64 on the embedded digits
//! let dataset = Dataset::load(&config.data)?;
//! let run = Run::create("runs/first", &config)?;
//! let summary = fit(&config, &dataset, &run, &mut Silent)?;
//! println!("{summary:?}");
//! # Ok(()) }
//! ```

mod config;
mod data;
mod device;
mod error;
mod evaluate;
mod file;
mod fit;
mod fused;
mod memory;
mod model;
mod numbers;
mod objective;
mod ops;
mod optimizer;
mod random;
mod report;
mod run;
mod suggest;
mod timing;
mod train;

pub use bundle::Threshold;

pub use config::{Config, Preset};
pub use data::{
    DataSource, Dataset, Dates, Missing, PictureConfig, Preparation, Samples, Scaling, Split, TableConfig, TestRows,
    TrainOn, Validation,
};
pub use device::DeviceKind;
pub use error::{Error, Result};
pub use evaluate::{
    AlarmReport, AnomalyBaseline, AnomalyReport, Baseline, DetectorKind, Elbo, FalseAlarms, Finding, FindingKind,
    LeftOut, LeftOutReason, Level, Metrics, Pca, PcaReport, Stage, TestReport,
};
pub use fit::fit;
pub use model::{
    Activation, AvgPool, BatchNorm, BatchNormConfig, Conv1d, Conv1dConfig, ConvConfig, ConvTransposeConfig, Crop,
    Dropout, Flatten, Layer, LayerConfig, LayerNormConfig, LinearConfig, Lstm, LstmConfig, MaxPool, Noise, Repeat,
    Reshape, ReshapeConfig, ResidualConfig, ResidualLayers, Upsample,
};
pub use model::{Autoencoder, ModelConfig, NetworkConfig, Output, Stack};
pub use numbers::{Amount, Count, Decibels, Percent, Seconds};
pub use objective::{Loss, bce_with_logits};
pub use optimizer::{Optimizer, OptimizerConfig, Schedule};
pub use report::draw_comparison;
pub use run::calibration::calibrate_run;
pub use run::evaluation::{Evaluation, evaluate_run};
pub use run::{BestEpoch, DataReport, EpochRecord, Run, StopReason, Summary, Versions};
pub use timing::{Phase, Timings, measure_timings, timings};
pub use train::{Observer, Outcome, Silent, StartReport, StepReport};

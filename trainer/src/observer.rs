//! What a training tells those who watch it, and how it ends.

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::data::Split;
use crate::model::NetworkConfig;
use crate::summary::Summary;

/// One finished epoch, as `metrics.csv` keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// The epoch, from 1.
    pub epoch: usize,
    /// Mean loss of the training rows, each measured before the step it took part in.
    pub train_loss: f64,
    /// Mean loss of the validation rows after the epoch: reconstruction and penalty.
    pub val_loss: f64,
    /// The learning rate at the end of the epoch.
    pub learning_rate: f64,
    /// The whole epoch's time, validation included.
    pub seconds: f64,
    /// Binary cross-entropy per element of the validation rows, in nats.
    pub val_bce: f64,
    /// Mean squared error per element of the validation rows.
    pub val_mse: f64,
    /// The part of `val_loss` that is no reconstruction: the penalty on the code, or beta times the divergence.
    pub val_penalty: f64,
}

/// One finished step.
#[derive(Clone, Copy, Debug)]
pub struct StepReport {
    /// The epoch, from 1.
    pub epoch: usize,
    /// The step in the epoch, from 1.
    pub step: usize,
    /// Steps in an epoch.
    pub steps: usize,
    /// Mean loss of the epoch so far.
    pub train_loss: f64,
    /// Rows of this step.
    pub rows: usize,
}

/// Watches a training.
pub trait Observer: Send {
    /// Called once, before the first step; `done` epochs lie behind when a run is resumed.
    fn start(&mut self, network: &NetworkConfig, config: &Config, split: &Split, done: usize) {
        let _ = (network, config, split, done);
    }

    /// Called after each step.
    fn step(&mut self, report: &StepReport) {
        let _ = report;
    }

    /// Called after each epoch.
    fn epoch(&mut self, record: &EpochRecord, best: bool) {
        let _ = (record, best);
    }

    /// Called when the epochs are done and test rows, PCA and pictures begin.
    fn finishing(&mut self) {}
}

/// Watches without a word.
pub struct Silent;

impl Observer for Silent {}

/// How a call of [`fit`](crate::fit()) ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// All epochs are done, or as many as patience and time allowed.
    Finished(Box<Summary>),
    /// `stop` was set: everything is saved, and another [`fit`](crate::fit()) on the same run goes on after this step.
    Interrupted {
        /// The epoch, from 1.
        epoch: usize,
        /// The last finished step in the epoch; 0 when all epochs are done and only the result is missing.
        step: usize,
    },
}

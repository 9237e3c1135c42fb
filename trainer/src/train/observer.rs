//! What a training tells those who watch it, and how it ends.

use crate::device::DeviceKind;
use crate::evaluate::Stage;
use crate::run::{EpochRecord, Summary};

/// A training that begins or goes on.
#[derive(Clone, Debug, PartialEq)]
pub struct StartReport {
    /// The widths of all layers: `784-32-784`.
    pub network: String,
    /// The optimiser's name.
    pub optimizer: &'static str,
    /// The optimiser's own learning rate.
    pub learning_rate: f64,
    /// Rows that train.
    pub train_rows: usize,
    /// Rows that choose the best epoch.
    pub validation_rows: usize,
    /// Rows in one step.
    pub batch_size: usize,
    /// Epochs in all.
    pub epochs: usize,
    /// Epochs that are done when a run is resumed.
    pub epochs_done: usize,
    /// `cpu`, `cuda` or `metal`.
    pub device: DeviceKind,
}

impl StartReport {
    /// Steps in an epoch.
    pub fn steps(&self) -> usize {
        self.train_rows.div_ceil(self.batch_size)
    }
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
    /// Called once, before the first step.
    fn start(&mut self, report: &StartReport) {
        let _ = report;
    }

    /// Called after each step.
    fn step(&mut self, report: &StepReport) {
        let _ = report;
    }

    /// Called after each epoch.
    fn epoch(&mut self, record: &EpochRecord, best: bool) {
        let _ = (record, best);
    }

    /// Called when the epochs are done, at the start of each stage of what follows, and again as it goes on: `part` of it is
    /// done, in 0.0..=1.0.
    fn finishing(&mut self, stage: Stage, part: f64) {
        let _ = (stage, part);
    }

    /// Asked after each step and while baselines are computed. When it answers yes, the run is saved so that it can go on; after
    /// the last epoch, the baselines that are left are left out.
    fn should_stop(&self) -> bool {
        false
    }
}

/// Watches and does nothing.
pub struct Silent;

impl Observer for Silent {}

/// How a call of [`fit`](crate::fit()) ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// All epochs are done, or as many as patience and time allowed.
    Finished(Box<Summary>),
    /// It was asked to stop: everything is saved, and another [`fit`](crate::fit()) on the same run goes on after this step.
    Interrupted {
        /// The epoch, from 1.
        epoch: usize,
        /// The last finished step in the epoch; 0 when all epochs are done and only the result is missing.
        step: usize,
    },
}

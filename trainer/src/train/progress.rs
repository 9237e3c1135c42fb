//! Where training stands, and the file from which it resumes exactly.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::{Autoencoder, Checkpoint};
use crate::optimizer::Optimizer;
use crate::run::{BestEpoch, EpochRecord};

const PROGRESS: &str = "progress";
const OPTIMIZER: &str = "optimizer.";

/// Where training stands; with weights and the optimiser's tensors, all that resuming exactly takes.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// The fingerprint of the data, which must be the same to go on.
    pub(crate) fingerprint: String,
    pub(crate) history: Vec<EpochRecord>,
    pub(crate) best: Option<BestEpoch>,
    pub(super) optimizer_steps: u64,
    /// Steps done in the epoch after the last of `history`.
    pub(super) step: usize,
    /// Sum of the rows' losses over these steps, their number, and the time they took.
    pub(super) loss_sum: f64,
    pub(super) rows: usize,
    pub(super) seconds: f64,
    /// Seconds of all training so far in wall-clock time, saving included.
    #[serde(default)]
    pub(super) wall: f64,
}

/// What a resume file holds.
pub(super) struct Saved {
    pub(super) progress: Progress,
    pub(super) model: Autoencoder,
    optimizer_state: HashMap<String, Tensor>,
}

impl Progress {
    /// Takes the steps of an epoch as done.
    pub(super) fn finish_epoch(&mut self, record: EpochRecord) {
        self.history.push(record);
        (self.step, self.loss_sum, self.rows, self.seconds) = (0, 0., 0, 0.);
    }

    /// The bytes of a file with everything that resuming takes, which will be at `path`.
    pub(super) fn take_down(&mut self, path: &Path, model: &Autoencoder, optimizer: &Optimizer) -> Result<Vec<u8>> {
        self.optimizer_steps = optimizer.steps();
        let mut checkpoint = model.checkpoint();
        for (name, tensor) in optimizer.slots() {
            checkpoint.insert(format!("{OPTIMIZER}{name}"), tensor.clone());
        }
        let progress = serde_json::to_string(self).expect("progress is plain numbers");
        checkpoint.insert_entry(PROGRESS, progress);
        checkpoint.seal();
        checkpoint.to_bytes(path)
    }
}

impl Saved {
    /// Reads what [`Progress::take_down`] gave.
    pub(super) fn read(path: &Path, device: &Device) -> Result<Self> {
        let mut checkpoint = Checkpoint::read(path, device)?;
        checkpoint.check_entries(&[PROGRESS])?;
        let progress = serde_json::from_str(checkpoint.entry(PROGRESS)?)
            .map_err(|error| Error::file(path, format!("entry `{PROGRESS}`: {error}")))?;
        let optimizer_state = checkpoint.take_prefixed(OPTIMIZER);
        let model = Autoencoder::from_checkpoint(&mut checkpoint)?;
        Ok(Self { progress, model, optimizer_state })
    }

    /// Puts `optimizer` where it stood.
    pub(super) fn restore(&self, optimizer: &mut Optimizer) -> Result<()> {
        optimizer.load_state(&self.optimizer_state, self.progress.optimizer_steps)
    }
}

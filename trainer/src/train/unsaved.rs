//! The files of the last epoch, until they are written.

use std::path::PathBuf;
use std::time::Instant;

use super::progress::Progress;
use crate::error::Result;
use crate::file;
use crate::model::Autoencoder;
use crate::optimizer::Optimizer;
use crate::run::Run;

/// Epochs are saved this often, or less often where they take longer: waiting for the disk takes longer than an epoch of few rows.
const SECONDS: f64 = 1.;

/// Files that are not written yet, in the order in which they will be.
#[derive(Default)]
pub(super) struct Unsaved {
    files: Vec<(PathBuf, Vec<u8>)>,
    written: Option<Instant>,
}

impl Unsaved {
    /// Puts down what the files of `run` will hold, in place of what was put down before. Of a best epoch, the weights stay until they
    /// are written.
    pub(super) fn put(
        &mut self,
        run: &Run,
        (model, optimizer): (&Autoencoder, &Optimizer),
        progress: &mut Progress,
        is_best: bool,
    ) -> Result<()> {
        let best = run.best_in_training();
        let Self { files, .. } = self;
        files.retain(|(path, _)| *path == best && !is_best);
        if is_best {
            let bytes = model.checkpoint().to_bytes(&best)?;
            files.push((best, bytes));
        }
        files.push((run.metrics_path(), run.metrics_bytes(&progress.history)?));
        files.push((run.last(), model.checkpoint().to_bytes(&run.last())?));
        files.push((run.resume(), progress.take_down(&run.resume(), model, optimizer)?));
        Ok(())
    }

    /// Writes them, unless others were written a moment ago.
    pub(super) fn write_if_due(&mut self) -> Result<()> {
        match self.written {
            Some(written) if written.elapsed().as_secs_f64() < SECONDS => Ok(()),
            _ => self.write(),
        }
    }

    /// Writes them. The file from which training resumes comes last and holds everything: a crash before it repeats what was trained
    /// since, to the same bytes.
    pub(super) fn write(&mut self) -> Result<()> {
        for (path, bytes) in self.files.drain(..) {
            file::write_atomic(&path, &bytes)?;
        }
        self.written = Some(Instant::now());
        Ok(())
    }
}

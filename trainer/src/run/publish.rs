//! A run's result, which appears as a whole, and the lock under which a run is changed.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use bundle::{Detector, FolderLock, Unfinished, lock_holder};

use super::{NEXT_BEST, Run, SUMMARY, Summary};
use crate::error::{Error, Result};

impl Run {
    /// Locks the run for this program alone, until what is returned is dropped.
    ///
    /// # Errors
    ///
    /// [`Error::File`] when another program trains or changes it, naming the process where the system says which.
    pub(crate) fn lock(&self) -> Result<FolderLock> {
        let lock = FolderLock::take(&self.dir).map_err(|source| Error::io("lock", &self.dir, source))?;
        lock.ok_or_else(|| {
            let holder =
                lock_holder(&self.dir).map_or("another process".into(), |process| format!("process {process}"));
            Error::file(&self.dir, format!("{holder} is working on this run; wait until it has ended"))
        })
    }

    /// Makes this the result: the weights in `best`, the detector that belongs to them, and last the summary, which says that
    /// everything is there.
    pub(crate) fn publish(&self, best: &Path, detector: Option<&Detector>, summary: &Summary) -> Result<()> {
        // All that takes room on the disk is written before anything is replaced.
        let detector = match detector {
            Some(detector) => Some(self.unfinished(&self.detector_path(), &self.detector_bytes(detector)?)?),
            None => None,
        };
        let text = serde_json::to_string_pretty(summary).expect("a summary is plain numbers and text") + "\n";
        let summary = self.unfinished(&self.dir.join(SUMMARY), text.as_bytes())?;
        let replace = || {
            if *best != self.best() {
                fs::rename(best, self.best())?;
            }
            match detector {
                Some(detector) => detector.commit()?,
                None => match fs::remove_file(self.detector_path()) {
                    Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                    _ => {}
                },
            }
            summary.commit()
        };
        replace().map_err(|source| Error::io("write", &self.dir.join(SUMMARY), source))?;
        // What an interrupted training may have left.
        let _ = fs::remove_file(self.dir.join(NEXT_BEST));
        Ok(())
    }

    fn unfinished(&self, path: &Path, bytes: &[u8]) -> Result<Unfinished> {
        let write = || {
            let unfinished = Unfinished::new(path)?;
            unfinished.file().write_all(bytes)?;
            Ok(unfinished)
        };
        write().map_err(|source| Error::io("write", path, source))
    }
}

//! The run folder: config, metrics, checkpoints and summary of one training.

pub(crate) mod calibration;
mod create;
mod detector;
pub(crate) mod evaluation;
mod publish;
mod record;
mod summary;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bundle::{counted, quoted};
use candle_core::Device;

pub use record::EpochRecord;
use record::{read_records, record_bytes};
pub use summary::{BestEpoch, DataReport, StopReason, Summary, Versions};

use crate::config::Config;
use crate::error::{Error, Result};
use crate::file;
use crate::model::Autoencoder;

const CONFIG: &str = "config.toml";
const SUMMARY: &str = "summary.json";
/// With a table of many columns it has some megabytes.
const MAX_SUMMARY: u64 = 1 << 24;
const BEST: &str = "best.safetensors";
const NEXT_BEST: &str = "best.next.safetensors";

/// A folder that holds one training, from its config to its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    dir: PathBuf,
}

impl Run {
    /// The run in `dir`.
    ///
    /// # Errors
    ///
    /// [`Error::File`] when there is none.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self> {
        let dir = dir.into();
        if dir.is_file() {
            return Err(Error::file(&dir, "expected the folder of a run, found a file"));
        }
        if !dir.is_dir() {
            return Err(Error::file(&dir, "no such run"));
        }
        if !dir.join(CONFIG).is_file() {
            if dir.join(BEST).is_file() || dir.join(SUMMARY).is_file() {
                let reason =
                    format!("the folder of a run, but its {CONFIG} is missing, without which it cannot be read");
                return Err(Error::file(&dir, reason));
            }
            return Err(Error::file(&dir, format!("not a run: it has no {CONFIG}")));
        }
        Ok(Self { dir })
    }

    /// The run in `parent` whose best weights are the newest.
    ///
    /// # Errors
    ///
    /// [`Error::File`] when there is none.
    pub fn newest(parent: impl AsRef<Path>) -> Result<Self> {
        let parent = parent.as_ref();
        let trained = |dir: PathBuf| -> Option<(SystemTime, PathBuf)> {
            let changed = fs::metadata(dir.join(BEST)).and_then(|metadata| metadata.modified()).ok()?;
            dir.join(CONFIG).is_file().then_some((changed, dir))
        };
        let newest = bundle::run_entries(parent).into_iter().filter_map(trained).max();
        let (_, dir) = newest.ok_or_else(|| Error::file(parent, "no trained run in here; `trainer fit` makes one"))?;
        Ok(Self { dir })
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The weights of the epoch with the lowest validation loss.
    pub fn best(&self) -> PathBuf {
        self.dir.join(BEST)
    }

    /// Where training keeps the weights of its best epoch: those of a result stay until there is another result.
    pub(crate) fn best_in_training(&self) -> PathBuf {
        if self.has_summary() { self.dir.join(NEXT_BEST) } else { self.best() }
    }

    /// The weights that training found best; `best` is the epoch of them.
    pub(crate) fn best_of_training(&self, best: Option<BestEpoch>) -> Result<PathBuf> {
        let next = self.dir.join(NEXT_BEST);
        let is_known = self.summary_if_finished().ok().flatten().is_some_and(|summary| Some(summary.best) == best);
        Ok(if next.is_file() && !is_known { next } else { self.best() })
    }

    /// The weights of the last epoch or step.
    pub fn last(&self) -> PathBuf {
        self.dir.join("last.safetensors")
    }

    /// What resuming needs: weights, the optimiser's state, and the place in the course of training.
    pub fn resume(&self) -> PathBuf {
        self.dir.join("resume.safetensors")
    }

    /// The pictures.
    pub fn plots(&self) -> PathBuf {
        self.dir.join("plots")
    }

    /// Figures, pictures and settings on one page.
    pub fn report(&self) -> PathBuf {
        self.dir.join("report.html")
    }

    /// The settings.
    ///
    /// # Errors
    ///
    /// When `config.toml` does not parse.
    pub fn config(&self) -> Result<Config> {
        Config::read(self.dir.join(CONFIG))
    }

    /// The result.
    ///
    /// # Errors
    ///
    /// [`Error::File`] when the run is not finished.
    pub fn summary(&self) -> Result<Summary> {
        let unfinished = || {
            let reason = format!("not finished: go on with `trainer fit --resume {}`", quoted(&self.dir));
            Error::file(&self.dir, reason)
        };
        self.summary_if_finished()?.ok_or_else(unfinished)
    }

    /// The result; nothing while the run is not finished.
    pub(crate) fn summary_if_finished(&self) -> Result<Option<Summary>> {
        let path = self.dir.join(SUMMARY);
        if !path.is_file() {
            return Ok(None);
        }
        let text = file::read_text(&path, MAX_SUMMARY)?;
        serde_json::from_str(&text).map(Some).map_err(|error| {
            let dir = quoted(&self.dir);
            let what = match error.is_eof() {
                true => format!("incomplete: it ends after {} bytes", text.len()),
                false => format!("not the summary of a run: {error}"),
            };
            Error::file(&path, format!("{what}; delete it, and `trainer fit --resume {dir}` measures the run again"))
        })
    }

    /// The best weights, ready to compute.
    ///
    /// # Errors
    ///
    /// [`Error::File`] when the checkpoint is missing or damaged, or not the one that the summary is about.
    pub fn load_best(&self, device: &Device) -> Result<Autoencoder> {
        self.check_trained()?;
        let model = Autoencoder::load(self.best(), device)?;
        if let Some(summary) = self.summary_if_finished()?
            && summary.weights != self.best_fingerprint()?
        {
            let resume = quoted(&self.dir);
            let reason = format!(
                "not the weights that {SUMMARY} is about; `trainer fit --resume {resume}` makes the result anew"
            );
            return Err(Error::file(&self.best(), reason));
        }
        Ok(model)
    }

    /// Fails when the run has no best weights.
    ///
    /// # Errors
    ///
    /// [`Error::File`] saying whether it was not trained yet, or its weights were taken away.
    pub fn check_trained(&self) -> Result<()> {
        if self.best().is_file() {
            return Ok(());
        }
        let way = if self.resume().is_file() && self.dir.join(SUMMARY).is_file() {
            let config = quoted(&self.dir.join(CONFIG));
            format!("its {BEST} is missing; `trainer fit --config {config}` trains the run anew")
        } else {
            format!("it is not trained yet; `trainer fit --resume {}` trains it", quoted(&self.dir))
        };
        Err(Error::file(&self.dir, way))
    }

    /// Fails when the run already has all epochs that `config` asks for.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when there is nothing left to train.
    pub fn check_unfinished(&self, config: &Config) -> Result<()> {
        match self.summary() {
            Ok(Summary { stop_reason: StopReason::Patience, epochs, best, .. })
                if config.patience > 0 && epochs - best.epoch >= config.patience =>
            {
                let reason = format!(
                    "{} ended after {} epochs without improvement; expected more than that, or 0 for any number",
                    self.dir.display(),
                    epochs - best.epoch
                );
                Err(Error::setting("patience", reason))
            }
            Ok(summary) if summary.epochs >= config.epochs => {
                let done = summary.epochs;
                let reason = format!(
                    "{} is finished; expected more than its {}, as in `--epochs {}`",
                    self.dir.display(),
                    counted(done, "epoch"),
                    2 * done
                );
                Err(Error::setting("epochs", reason))
            }
            _ => Ok(()),
        }
    }

    /// Called when training begins or resumes with these settings. An earlier result stays until there is another.
    pub(crate) fn begin(&self, config: &Config) -> Result<()> {
        self.write_config(config)
    }

    pub(crate) fn has_summary(&self) -> bool {
        self.dir.join(SUMMARY).is_file()
    }

    /// SHA-256 of `best.safetensors`, in hexadecimal.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn best_fingerprint(&self) -> Result<String> {
        fingerprint(&self.best())
    }

    fn write_config(&self, config: &Config) -> Result<()> {
        file::write_atomic(&self.dir.join(CONFIG), config.to_toml().as_bytes())
    }

    pub(crate) fn metrics_bytes(&self, history: &[EpochRecord]) -> Result<Vec<u8>> {
        record_bytes(&self.metrics_path(), history)
    }

    /// What each epoch came to, as `metrics.csv` has it.
    ///
    /// # Errors
    ///
    /// [`Error::File`] naming the line that has other columns, other epochs than 1, 2 and so on, or a value that is not
    /// finite.
    pub fn metrics(&self) -> Result<Vec<EpochRecord>> {
        read_records(&self.metrics_path())
    }

    pub(crate) fn metrics_path(&self) -> PathBuf {
        self.dir.join("metrics.csv")
    }
}

/// SHA-256 of a file, in hexadecimal.
pub(crate) fn fingerprint(path: &Path) -> Result<String> {
    Ok(bundle::sha256(file::read(path)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_numbered_and_never_overwritten() {
        let parent = tempfile::tempdir().unwrap();
        let config = Config::default();
        let first = Run::create_next(parent.path(), &config).unwrap();
        let second = Run::create_next(parent.path(), &config).unwrap();
        assert!(first.dir().ends_with("simple-digits-1") && second.dir().ends_with("simple-digits-2"));
        let error = Run::create(first.dir(), &config).unwrap_err().to_string();
        assert!(error.contains("expected a new or empty folder"), "{error}");
        assert_eq!(first.config().unwrap(), config);
    }

    #[test]
    fn what_is_not_a_run_is_named() {
        let parent = tempfile::tempdir().unwrap();
        assert!(Run::open(parent.path()).unwrap_err().to_string().contains("no config.toml"));
        assert!(Run::open("no/such").unwrap_err().to_string().contains("no such run"));
        assert!(Run::newest(parent.path()).unwrap_err().to_string().contains("no trained run"));
        let untrained = Run::create_next(parent.path(), &Config::default()).unwrap();
        assert!(Run::newest(parent.path()).is_err());
        assert!(untrained.summary().unwrap_err().to_string().contains("trainer fit --resume"));
    }
}

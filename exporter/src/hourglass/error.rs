//! What can go wrong while a run is exported, each error saying where, what was expected and what was found.

use std::path::{Path, PathBuf};

use trainer::Amount;

/// Everything that can go wrong while a run is exported.
///
/// ```
/// let impossible = exporter::ExportOptions { tolerance: f32::NAN, ..Default::default() };
/// # let dir = std::env::temp_dir().join("exporter-error-example");
/// # let _ = std::fs::remove_dir_all(&dir);
/// # let run = trainer::Run::create(dir, &trainer::Config::default()).unwrap();
/// let error = exporter::export(&run, &impossible).unwrap_err();
/// assert_eq!(error.to_string(), "tolerance: expected 0 or more, found NaN");
/// ```
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The graphs could not be built or written.
    #[error(transparent)]
    Graph(#[from] crate::error::Error),
    /// The run could not be read.
    #[error(transparent)]
    Run(#[from] trainer::Error),
    /// The files that were just written do not run.
    #[error("the exported files do not run")]
    Runtime(#[from] runtime::Error),
    /// The exported files do not compute what candle computes.
    #[error(
        "{graph}: at batch size {batch} {engine}'s result differs from candle's by {}, more than the tolerance {}; \
         no bundle was written",
        Amount(f64::from(*difference)),
        Amount(f64::from(*tolerance))
    )]
    Parity {
        /// `encoder`, `decoder` or `both`.
        graph: &'static str,
        /// `runtime` or `tract`.
        engine: &'static str,
        /// Rows in one call.
        batch: usize,
        /// The largest relative difference.
        difference: f32,
        /// The largest difference that was allowed.
        tolerance: f32,
    },
    /// A tolerance that no result can be compared with.
    #[error("tolerance: expected 0 or more, found {found}")]
    Tolerance {
        /// The tolerance that was asked for.
        found: f32,
    },
    /// Bytes were asked for, and the run was not trained on pictures.
    #[error(
        "input u8: expected a run that was trained on pictures, found one of a table or a series; leave `--input` out"
    )]
    Input,
    /// The run's data is no longer what the run was trained on.
    #[error(
        "data `{data}`: expected the rows that the run was trained on (fingerprint {expected}), found others ({found}); {advice}"
    )]
    Data {
        /// Where the data was loaded from.
        data: String,
        /// The run's fingerprint, shortened.
        expected: String,
        /// The data's fingerprint, shortened.
        found: String,
        /// What to do about it.
        advice: String,
    },
    /// A file is where the bundle's folder should be made.
    #[error("{}: expected a folder, found a file", path.display())]
    NotAFolder {
        /// The file.
        path: PathBuf,
    },
    /// The place for the bundle is taken.
    #[error("{}: expected a new folder, an empty one or a bundle, found {found}", path.display())]
    Occupied {
        /// The place.
        path: PathBuf,
        /// What is there instead.
        found: String,
    },
}

impl ExportError {
    pub(super) fn io(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Graph(crate::error::Error::Io { action, path: path.into(), source })
    }
}

impl From<candle_core::Error> for ExportError {
    fn from(error: candle_core::Error) -> Self {
        Self::Graph(error.into())
    }
}

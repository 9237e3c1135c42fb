//! What can be wrong with a bundle, each error saying where, what was expected and what was found.

use std::path::{Path, PathBuf};

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can be wrong with a bundle.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        #[source]
        source: std::io::Error,
    },
    /// There is no bundle at this place.
    #[error("{}: {reason}", path.display())]
    NoBundle {
        /// The place.
        path: PathBuf,
        /// What is there instead, and what makes a bundle.
        reason: String,
    },
    /// The columns of a table do not fit each other.
    #[error("{0}")]
    Schema(String),
    /// A detector of unusual rows has parts that do not fit.
    #[error("{0}")]
    Detector(String),
    /// `model.json` is not what this version reads.
    #[error("{}: {reason}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What was expected and what was found.
        reason: String,
    },
    /// The bundle has other files than the one that is asked for.
    #[error("{}: expected a bundle with {name}, found one with {found}{advice}", path.display())]
    MissingFile {
        /// The bundle's folder.
        path: PathBuf,
        /// The file's name.
        name: String,
        /// The files that the bundle has.
        found: String,
        /// What to do about it; empty where nothing is known.
        advice: String,
    },
    /// A file is not the one that was exported: missing, cut short or another one.
    #[error("{}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was expected, what was found, and how to get the file again.
        reason: String,
    },
}

impl Error {
    pub(crate) fn no_bundle(path: &Path, reason: impl Into<String>) -> Self {
        Self::NoBundle { path: path.into(), reason: reason.into() }
    }

    pub(crate) fn manifest(path: &Path, reason: impl Into<String>) -> Self {
        Self::Manifest { path: path.into(), reason: reason.into() }
    }
}

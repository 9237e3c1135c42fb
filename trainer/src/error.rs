//! What can go wrong while training, each error saying where, what was expected and what was found.

use std::path::{Path, PathBuf};

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong in this crate.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting has a value that cannot work.
    #[error("setting `{setting}`: {reason}")]
    Setting {
        /// The setting's name, as written in `config.toml`.
        setting: &'static str,
        /// What was expected and what was found.
        reason: String,
    },
    /// A layer of the network does not fit the one before it.
    #[error("layer `{layer}` ({kind}): {reason}")]
    Layer {
        /// Its place in the lists of the config: `encoder.2`.
        layer: String,
        /// What it is: `conv`.
        kind: &'static str,
        /// What was expected and what was found.
        reason: String,
    },
    /// A config file does not parse.
    #[error("{place}: {reason}")]
    Config {
        /// The file, or the layer of settings, that does not parse.
        place: String,
        /// The parser's message.
        reason: String,
    },
    /// A file holds something other than what it should.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was expected and what was found.
        reason: String,
    },
    /// A table cannot be read.
    #[error("{0}")]
    Table(String),
    /// The operating system refused to read or write.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// `read`, `write`, `create`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        #[source]
        source: std::io::Error,
    },
    /// A published data set could not be had.
    #[error(
        "data set `{name}`: {reason}; without a network, set `{folder}` to a folder with its four IDX files, or use \
         `--data digits`, which is built in"
    )]
    Hub {
        /// The data set.
        name: &'static str,
        /// The environment variable that may name a folder.
        folder: &'static str,
        /// The hub client's message.
        reason: String,
    },
    /// The device was not built in, or is not there.
    #[error("device `{device}`: {reason}")]
    Device {
        /// The device's name.
        device: String,
        /// Why it cannot be used, and what to do.
        reason: String,
    },
    /// The loss stopped being a number.
    #[error(
        "epoch {epoch}, step {step}: the loss is {loss}; {}, a lower `--learning-rate` may help",
        if *epoch == 1 { "no epoch was finished" } else { "the weights of the best epoch are kept" }
    )]
    Diverged {
        /// The epoch, from 1.
        epoch: usize,
        /// The step in the epoch, from 1.
        step: usize,
        /// The loss that was found: infinite or not a number.
        loss: f64,
    },
    /// candle could not compute.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
    /// A plot could not be drawn.
    #[error("cannot draw {}: {reason}", path.display())]
    Plot {
        /// The picture's file.
        path: PathBuf,
        /// The plotting library's message.
        reason: String,
    },
}

impl Error {
    pub(crate) fn setting(setting: &'static str, reason: impl Into<String>) -> Self {
        Self::Setting { setting, reason: reason.into() }
    }

    pub(crate) fn file(path: &Path, reason: impl Into<String>) -> Self {
        Self::File { path: path.into(), reason: reason.into() }
    }

    pub(crate) fn io(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Io { action, path: path.into(), source }
    }

    pub(crate) fn plot(path: &Path, reason: impl ToString) -> Self {
        Self::Plot { path: path.into(), reason: reason.to_string() }
    }
}

//! What an exported autoencoder looks like on disk, written once for the programs that write it and read it: plain data
//! and formulas, no framework. And how these programs write files, and name commands, paths and errors in their messages.
//!
//! ```no_run
//! use bundle::{ENCODER_FILE, Manifest, locate};
//!
//! # fn main() -> bundle::Result<()> {
//! let dir = locate("runs/simple-digits-1")?; // runs/simple-digits-1/onnx
//! let manifest = Manifest::read(&dir)?;
//! let encoder = manifest.read_file(&dir, ENCODER_FILE, 1 << 30)?; // refused unless its SHA-256 is the manifest's
//! println!("{}: {} bytes", manifest.network, encoder.len());
//! # Ok(()) }
//! ```

mod advice;
mod claims;
mod dates;
mod detector;
mod digest;
mod error;
mod files;
mod inside;
mod labels;
mod locate;
mod manifest;
mod names;
mod plain;
mod preprocessing;
mod printable;
mod reading;
mod schema;
mod score;
mod series;
mod shape;
#[cfg(feature = "clap")]
mod signals;
#[cfg(feature = "clap")]
mod usage;
mod values;
mod width;
mod windows;

pub use advice::{find_program, listed, listed_names, program, quoted, with_programs};
pub use dates::{date_of, seconds_of};
pub use detector::{
    Array, Calibration, Centre, Detector, Drift, KnownRows, MAX_DETECTOR_VALUES, NEIGHBOURS, Numbers, RowForm, Scores,
    is_anomaly,
};
pub use digest::{Digest, sha256};
pub use error::{Error, Result};
pub use files::{
    FolderLock, Unfinished, is_unfinished, lock_holder, open, read, read_at_most, sync_folder, waits_for_disk,
    write_whole,
};
pub use labels::{LabelColumn, MAX_LABELS};
pub use locate::{locate, run_entries};
pub use manifest::{FORMAT_VERSION, FileEntry, Manifest, PRODUCER, ScorerEntry, Tensor};
pub use names::{
    ALPHA, AUTOENCODER_FILE, BUNDLE_FILES, DECODER_FILE, DETECTOR, DetectorNames, ENCODER_FILE, FEATURE_ERROR,
    GOLDEN_FILE, INPUT, IS_ANOMALY, LATENT, LATEST_RUN, LOG_VARIANCE, MANIFEST_FILE, P_VALUE, PARITY_FILE,
    RECONSTRUCTION, RUN_BUNDLE, RUN_WHOLE_BUNDLE, SCORE, SCORER_FILE,
};
pub use plain::{counted, one_line};
pub use preprocessing::Preprocessing;
pub use printable::{printable, safe};
pub use schema::{Column, ColumnKind, Feature, Schema};
pub use score::{Threshold, mean_squared_error};
pub use series::{SeriesBreaks, TimeColumn};
pub use shape::Shape;
#[cfg(feature = "clap")]
pub use signals::survive_large_files;
#[cfg(feature = "clap")]
pub use usage::{EXPECTED_SHELL, Usage, did_you_mean, is_slip, long_dash, with_help};
pub use values::{is_missing, truth};
pub use width::{columns, indented_command, labelled_command, wrapped};

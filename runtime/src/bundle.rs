//! The bundle on disk: `model.json` and the files whose hashes it keeps.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// The name of the file that makes a folder a bundle; it is written last.
pub(crate) const MANIFEST: &str = "model.json";
/// The format this crate reads.
const FORMAT_VERSION: u32 = 1;

/// What a bundle says about itself in `model.json`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Manifest {
    /// The version of the format: 1.
    pub format_version: u32,
    /// The preset that was trained.
    pub preset: String,
    /// The widths of all layers: `784-32-784`.
    pub network: String,
    /// Height and width of an image in pixels.
    pub image_shape: [usize; 2],
    /// The tensor that the encoder takes.
    pub input: Tensor,
    /// The tensor between encoder and decoder.
    pub latent: Tensor,
    /// The second tensor that a variational encoder gives: the logarithm of the code's variance; `latent` is its mean.
    pub log_variance: Option<Tensor>,
    /// The tensor that the decoder gives.
    pub reconstruction: Tensor,
    /// The standard deviation of the noise that the network was trained to remove; nothing for one that was not.
    pub input_noise: Option<f64>,
    /// Where an unusual row begins.
    pub threshold: Option<Threshold>,
    /// Errors on the test rows, by name: `bce`, `mse`.
    pub metrics: BTreeMap<String, f64>,
    files: BTreeMap<String, FileEntry>,
}

/// A tensor's name, shape and values.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Tensor {
    /// The name in the graph.
    pub name: String,
    /// The shape less the batch.
    pub row_shape: Vec<usize>,
    /// The values a well-prepared row has, if they are bounded.
    pub range: Option<[f32; 2]>,
    /// How the rows that trained the network were prepared.
    pub normalisation: Option<Normalisation>,
}

/// How raw values become the graph's input.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Normalisation {
    /// Raw values are divided by this.
    pub divide_by: f32,
}

/// A reconstruction error that few usual rows exceed.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Threshold {
    /// What is compared: `mse`, the mean squared error over one row's values.
    pub metric: String,
    /// The part of the validation rows at or below `value`.
    pub quantile: f64,
    /// The error.
    pub value: f64,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct FileEntry {
    sha256: String,
}

impl Manifest {
    /// Reads `model.json` in `dir`.
    ///
    /// # Errors
    ///
    /// [`Error::Bundle`] when `dir` is no finished bundle of this format.
    pub fn read(dir: impl AsRef<Path>) -> Result<Self> {
        let dir = dir.as_ref();
        if !dir.is_dir() {
            return Err(Error::bundle(dir, "no such bundle; `exporter --split` makes one"));
        }
        let path = dir.join(MANIFEST);
        if !path.is_file() {
            return Err(Error::bundle(dir, format!("not a finished bundle: it has no {MANIFEST}")));
        }
        let text = fs::read_to_string(&path).map_err(|source| Error::Io { path: path.clone(), source })?;
        let manifest: Self = serde_json::from_str(&text).map_err(|error| Error::bundle(&path, error.to_string()))?;
        if manifest.format_version != FORMAT_VERSION {
            let reason = format!("expected format version {FORMAT_VERSION}, found {}", manifest.format_version);
            return Err(Error::bundle(&path, reason));
        }
        Ok(manifest)
    }

    /// Reads the file `name` of the bundle in `dir`, which must be the one that was exported.
    pub(crate) fn read_file(&self, dir: &Path, name: &str) -> Result<Vec<u8>> {
        let Some(entry) = self.files.get(name) else {
            let files: Vec<&str> = self.files.keys().map(String::as_str).collect();
            let reason = format!("expected a bundle with {name}, found one with {}", files.join(", "));
            return Err(Error::bundle(dir, reason));
        };
        let path = dir.join(name);
        let bytes = fs::read(&path).map_err(|source| Error::Io { path: path.clone(), source })?;
        let found: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        if found != entry.sha256 {
            let reason =
                format!("damaged or replaced: expected the sha256 {} of {MANIFEST}, found {found}", entry.sha256);
            return Err(Error::bundle(&path, reason));
        }
        Ok(bytes)
    }
}

//! `model.json`: what the graphs cannot say about themselves to every runtime.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::advice::quoted;
use crate::digest::sha256;
use crate::error::{Error, Result};
use crate::names::{AUTOENCODER_FILE, MANIFEST_FILE, SCORER_FILE};
use crate::preprocessing::Preprocessing;
use crate::printable::printable;
use crate::schema::Schema;
use crate::score::Threshold;
use crate::series::SeriesBreaks;

/// The version of the format that this crate reads and writes.
pub const FORMAT_VERSION: u32 = 1;
/// The first word of [`Manifest::producer`] in every bundle of Hourglass.
pub const PRODUCER: &str = "hourglass";
/// A manifest is a few kilobytes; a larger file is something else.
const MAX_BYTES: u64 = 1 << 24;

/// What a bundle says about itself in `model.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the format: 1.
    pub format_version: u32,
    /// The program that wrote the bundle and its version: `hourglass 0.1.0`.
    #[serde(default)]
    pub producer: String,
    /// The preset that was trained.
    #[serde(default)]
    pub preset: String,
    /// The widths of all layers: `784-32-784`.
    #[serde(default)]
    pub network: String,
    /// The data that trained the network: `digits`.
    #[serde(default)]
    pub data: String,
    /// The graphs that the bundle has: `split` for encoder and decoder, `whole` for both in one.
    #[serde(default)]
    pub layout: String,
    /// The version of ONNX's operators.
    #[serde(default)]
    pub opset: i64,
    /// Height and width of an image in pixels, with the channels before them where there are several; empty where rows are no images.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub image_shape: Vec<usize>,
    /// The tensor that the encoder takes.
    pub input: Tensor,
    /// The tensor between encoder and decoder.
    pub latent: Tensor,
    /// The second tensor that a variational encoder gives, the logarithm of the variance of the latent vector; `latent`
    /// is its mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_variance: Option<Tensor>,
    /// The tensor that the decoder gives.
    pub reconstruction: Tensor,
    /// The columns of a table, whose raw rows the graphs take and give; nothing for other rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Schema>,
    /// Where each row is a window of a series, its steps, and the steps from the start of one to the start of the next. The columns are
    /// then the channels, step after step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<[usize; 2]>,
    /// Of windows, where a series ends and the next one begins.
    #[serde(default, skip_serializing_if = "SeriesBreaks::is_nowhere")]
    pub series: SeriesBreaks,
    /// The std of the noise that the network was trained to remove; nothing for one that was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_noise: Option<f64>,
    /// Where an unusual row begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Threshold>,
    /// What `scorer.onnx` is; nothing where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scorer: Option<ScorerEntry>,
    /// Errors on the test rows, by name: `bce`, `mse`.
    #[serde(default)]
    pub metrics: BTreeMap<String, f64>,
    /// The bundle's other files, by name.
    pub files: BTreeMap<String, FileEntry>,
}

/// A tensor's name, shape and values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tensor {
    /// The name in the graph.
    pub name: String,
    /// The type of its values: `float32`, or `uint8` for an encoder that takes pictures as bytes.
    #[serde(default = "float32")]
    pub dtype: String,
    /// The shape of one row, without the batch.
    pub row_shape: Vec<usize>,
    /// The least and the largest value of a well-prepared row, if they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[f32; 2]>,
    /// How the rows that trained the network were prepared.
    #[serde(default, rename = "normalisation", skip_serializing_if = "Option::is_none")]
    pub preprocessing: Option<Preprocessing>,
}

fn float32() -> String {
    "float32".into()
}

/// What a bundle says about its scorer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScorerEntry {
    /// What a row's score is made of: `reconstruction`, `neighbours`, `both` or `contaminated`.
    pub detector: String,
    /// The usual rows that p-values are ranks among.
    pub calibration_rows: usize,
}

/// A file of the bundle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its length in bytes.
    #[serde(default)]
    pub bytes: usize,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
    /// Where the file is being replaced, the SHA-256 that it may still have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_sha256: Option<String>,
}

impl FileEntry {
    /// Describes a file with this content.
    pub fn of(content: &[u8]) -> Self {
        Self { bytes: content.len(), sha256: sha256(content), previous_sha256: None }
    }
}

impl Tensor {
    /// A tensor of 32-bit floats with rows of this shape, whose values have no bounds.
    pub fn new(name: &str, row_shape: impl Into<Vec<usize>>) -> Self {
        Self { name: name.into(), dtype: float32(), row_shape: row_shape.into(), range: None, preprocessing: None }
    }

    /// Values in one row; nothing when they cannot be counted.
    pub fn row_len(&self) -> Option<usize> {
        self.row_shape.iter().try_fold(1usize, |len, &dim| len.checked_mul(dim))
    }
}

impl Manifest {
    /// Reads `model.json` of the bundle in `dir`.
    ///
    /// # Errors
    ///
    /// [`Error::NoBundle`] when `dir` is no finished bundle, [`Error::Manifest`] when its manifest cannot be
    /// understood.
    pub fn read(dir: impl AsRef<Path>) -> Result<Self> {
        let dir = dir.as_ref();
        let path = dir.join(MANIFEST_FILE);
        if !path.is_file() {
            return Err(Error::no_bundle(dir, format!("not a bundle: it has no {MANIFEST_FILE}")));
        }
        let mut text = Vec::new();
        let file = crate::files::open(&path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut text));
        file.map_err(|source| Error::Io { path: path.clone(), source })?;
        let manifest: Self = serde_json::from_slice(&text)
            .map_err(|error| Error::manifest(&path, format!("{}; {}", explain(&error, text.len()), restore(dir))))?;
        if manifest.format_version != FORMAT_VERSION {
            let found = manifest.format_version;
            let advice = if found > FORMAT_VERSION { "a newer version of Hourglass reads it" } else { &restore(dir) };
            let reason = format!("expected format version {FORMAT_VERSION}, found {found}; {advice}");
            return Err(Error::manifest(&path, reason));
        }
        Ok(manifest)
    }

    /// Reads the file `name` of the bundle in `dir`, which must be the one that was exported.
    ///
    /// # Errors
    ///
    /// [`Error::MissingFile`] when the bundle has other files, [`Error::Damaged`] when the file's SHA-256 is not the
    /// manifest's, [`Error::Io`] when it cannot be read.
    pub fn read_file(&self, dir: impl AsRef<Path>, name: &str) -> Result<Vec<u8>> {
        let dir = dir.as_ref();
        let entry = self.file(dir, name)?;
        let path = dir.join(name);
        if !path.exists() {
            let reason = format!("missing, though {MANIFEST_FILE} names it; {}", restore(dir));
            return Err(Error::Damaged { path, reason });
        }
        let bytes = crate::files::read(&path).map_err(|source| Error::Io { path: path.clone(), source })?;
        let found = sha256(&bytes);
        if found == entry.sha256 || entry.previous_sha256.as_ref() == Some(&found) {
            return Ok(bytes);
        }
        let reason = if bytes.len() < entry.bytes {
            format!("incomplete: expected {} bytes, found {}", entry.bytes, bytes.len())
        } else {
            let expected = printable(&entry.sha256);
            format!("damaged or replaced since the export: expected the sha256 {expected}, found {found}")
        };
        Err(Error::Damaged { path, reason: format!("{reason}; {}", restore(dir)) })
    }

    /// What the manifest has about the file `name` of the bundle in `dir`.
    ///
    /// # Errors
    ///
    /// [`Error::MissingFile`] when the bundle has other files.
    pub fn file(&self, dir: impl AsRef<Path>, name: &str) -> Result<&FileEntry> {
        self.files.get(name).ok_or_else(|| {
            let path = dir.as_ref().to_path_buf();
            let files: Vec<String> = self.files.keys().map(|name| printable(name)).collect();
            let found = files.join(", ");
            let advice = match name {
                _ if self.files.contains_key(AUTOENCODER_FILE) => export_split(&path),
                SCORER_FILE => {
                    "; a run that this version of `trainer fit` trains has one if some of its test rows are usual"
                        .into()
                }
                _ => String::new(),
            };
            Error::MissingFile { path, name: name.into(), found, advice }
        })
    }

    /// The content of `model.json`.
    pub fn to_json(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).expect("a manifest is plain numbers and text");
        text.push(b'\n');
        text
    }
}

/// What is wrong with a manifest that is `bytes` long.
fn explain(error: &serde_json::Error, bytes: usize) -> String {
    let place = format!("line {}, column {}", error.line(), error.column());
    let text = error.to_string();
    match text.strip_prefix("missing field ").and_then(|rest| rest.split(" at line").next()) {
        Some(field) => format!("not the manifest of a bundle: it has no {field}"),
        None if error.is_eof() => format!("incomplete: it ends at byte {bytes}"),
        None if error.is_data() => format!("not the manifest of a bundle: {place} holds something else than expected"),
        None => format!("not JSON from {place} on"),
    }
}

/// How to get the files of a bundle again.
fn restore(dir: &Path) -> String {
    match run_around(dir) {
        Some(run) => format!("`exporter --split {}` writes the bundle again", quoted(run)),
        None => "copy the bundle again, or export its run again with `exporter --split`".into(),
    }
}

/// What to do with a bundle that is one graph, where the two halves are needed.
fn export_split(dir: &Path) -> String {
    let run = run_around(dir).map(|run| format!(" {}", quoted(run))).unwrap_or_default();
    format!("; this one was exported as a whole, and `exporter --split{run}` exports the two halves")
}

/// The run whose folder the bundle lies in.
fn run_around(dir: &Path) -> Option<&Path> {
    dir.parent().filter(|run| run.join("config.toml").is_file())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The fewest fields that a bundle of any program has.
    const PLAIN: &str = r#"{
        "format_version": 1,
        "input": {"name": "x", "row_shape": [2, 3]},
        "latent": {"name": "z", "row_shape": [2]},
        "reconstruction": {"name": "y", "row_shape": [2, 3], "range": null},
        "files": {"encoder.onnx": {"sha256": "00"}}
    }"#;

    fn written(text: &str) -> (tempfile::TempDir, Result<Manifest>) {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(MANIFEST_FILE), text).unwrap();
        let manifest = Manifest::read(dir.path());
        (dir, manifest)
    }

    #[test]
    fn what_other_programs_leave_out_is_not_needed() {
        let manifest = written(PLAIN).1.unwrap();
        assert_eq!((manifest.input.row_len(), manifest.input.dtype.as_str()), (Some(6), "float32"));
        assert_eq!((manifest.threshold, manifest.input_noise), (None, None));
    }

    #[test]
    fn a_manifest_that_cannot_be_understood_names_its_file_and_place() {
        for (text, expected) in [
            ("{", "model.json: incomplete: it ends at byte 1; copy the bundle again, or export its run again with"),
            ("[]", "model.json: not the manifest of a bundle: line 1, column 2 holds something else than expected"),
            ("no", "model.json: not JSON from line 1, column 2 on"),
            (&PLAIN.replace("\"format_version\": 1", "\"format_version\": 7"), "expected format version 1, found 7"),
            (&PLAIN.replace("\"latent\"", "\"code\""), "it has no `latent`"),
        ] {
            let error = written(text).1.unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_file_must_have_its_hash() {
        let (dir, manifest) = written(&PLAIN.replace("\"00\"", &format!("\"{}\"", sha256("graph"))));
        let manifest = manifest.unwrap();
        let path = dir.path().join("encoder.onnx");
        let error = manifest.read_file(&dir, "encoder.onnx").unwrap_err().to_string();
        assert!(error.contains("encoder.onnx: missing, though model.json names it; copy the bundle again"), "{error}");
        fs::write(&path, "graph").unwrap();
        assert_eq!(manifest.read_file(&dir, "encoder.onnx").unwrap(), b"graph");
        fs::write(&path, "Graph").unwrap();
        assert!(matches!(manifest.read_file(&dir, "encoder.onnx"), Err(Error::Damaged { .. })));
        let error = manifest.read_file(&dir, "decoder.onnx").unwrap_err().to_string();
        assert!(error.ends_with("expected a bundle with decoder.onnx, found one with encoder.onnx"), "{error}");
    }

    #[test]
    fn text_from_a_file_cannot_write_lines_of_its_own() {
        let (dir, manifest) = written(&PLAIN.replace("\"00\"", r#""\n\u001b[31m""#));
        fs::write(dir.path().join("encoder.onnx"), "").unwrap();
        let error = manifest.unwrap().read_file(&dir, "encoder.onnx").unwrap_err().to_string();
        assert!(!error.contains('\n') && !error.contains('\u{1b}'), "{error}");
    }
}

//! `model.json`: what the graphs cannot say about themselves to every runtime.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::sha256;
use crate::labels::LabelColumn;
use crate::preprocessing::Preprocessing;
use crate::schema::Schema;
use crate::score::Threshold;
use crate::series::SeriesBreaks;

/// The version of the format that this crate reads and writes.
pub const FORMAT_VERSION: u32 = 1;
/// The first word of [`Manifest::producer`] in every bundle of Hourglass.
pub const PRODUCER: &str = "hourglass";

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
    /// The column that says which rows of a table are usual, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<LabelColumn>,
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
    /// The content of `model.json`.
    pub fn to_json(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).expect("a manifest is plain numbers and text");
        text.push(b'\n');
        text
    }
}

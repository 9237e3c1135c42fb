//! `model.json`: what the graphs cannot say about themselves to every runtime.

use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest, Sha256};
use trainer::{Autoencoder, Config, Metrics, Summary, Threshold};

use super::staging::Staging;
use super::{ExportOptions, Layout};
use crate::Result;

/// The file that makes a folder a bundle; it is written last.
pub(super) const NAME: &str = "model.json";
/// How `producer` begins in every manifest of ours.
pub(super) const PRODUCER: &str = "hourglass";
const FORMAT_VERSION: u32 = 1;

#[derive(Serialize)]
pub(super) struct Manifest<'a> {
    format_version: u32,
    producer: String,
    preset: &'a str,
    network: &'a str,
    data: &'a str,
    layout: &'static str,
    opset: i64,
    image_shape: [usize; 2],
    input: Tensor,
    latent: Tensor,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_variance: Option<Tensor>,
    reconstruction: Tensor,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_noise: Option<f64>,
    threshold: &'a Threshold,
    metrics: Metrics,
    files: BTreeMap<String, FileEntry>,
}

#[derive(Serialize)]
struct Tensor {
    name: &'static str,
    dtype: &'static str,
    row_shape: [usize; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<[f32; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    normalisation: Option<Normalisation>,
}

#[derive(Serialize)]
struct Normalisation {
    divide_by: f32,
}

#[derive(Serialize)]
struct FileEntry {
    bytes: usize,
    sha256: String,
}

impl<'a> Manifest<'a> {
    /// Describes `model` and the files that `staging` holds so far.
    pub(super) fn new(
        summary: &'a Summary,
        config: &Config,
        model: &Autoencoder,
        options: &ExportOptions,
        staging: &Staging,
    ) -> Result<Self> {
        let network = model.network();
        let tensor = |name, width, range, normalisation| Tensor {
            name,
            dtype: "float32",
            row_shape: [width],
            range,
            normalisation,
        };
        let pixels = Some([0., 1.]);
        let division = Normalisation { divide_by: f32::from(summary.data.max_value) };
        let entry = |(name, bytes): (String, Vec<u8>)| {
            let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            (name, FileEntry { bytes: bytes.len(), sha256 })
        };
        Ok(Self {
            format_version: FORMAT_VERSION,
            producer: format!("{PRODUCER} {}", env!("CARGO_PKG_VERSION")),
            preset: &summary.preset,
            network: &summary.network,
            data: &summary.data.name,
            layout: match options.layout {
                Layout::Split => "split",
                Layout::Whole => "whole",
            },
            opset: options.opset,
            image_shape: network.image_shape,
            input: tensor("input", network.input_dim(), pixels, Some(division)),
            latent: tensor("latent", network.latent_dim(), None, None),
            log_variance: model.log_variance().map(|_| tensor("log_variance", network.latent_dim(), None, None)),
            reconstruction: tensor("reconstruction", network.input_dim(), pixels, None),
            input_noise: (config.input_noise > 0.).then_some(config.input_noise),
            threshold: &summary.threshold,
            metrics: summary.test.metrics,
            files: staging.files()?.into_iter().map(entry).collect(),
        })
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).expect("a manifest is plain numbers and text");
        text.push(b'\n');
        text
    }
}

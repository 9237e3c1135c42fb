//! `model.json`: what the graphs cannot say about themselves to every runtime.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use trainer::{Autoencoder, Summary};

use super::staging::Staging;
use super::{ExportOptions, Layout};
use crate::Result;

/// The file that makes a folder a bundle; it is written last.
pub(super) const NAME: &str = "model.json";
const FORMAT_VERSION: u32 = 1;

pub(super) struct Manifest(Value);

impl Manifest {
    /// Describes `model` and the files that `staging` holds so far.
    pub(super) fn new(
        summary: &Summary,
        model: &Autoencoder,
        options: &ExportOptions,
        staging: &Staging,
    ) -> Result<Self> {
        let mut files = BTreeMap::new();
        for (name, bytes) in staging.files()? {
            let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            files.insert(name, json!({ "sha256": hash, "bytes": bytes.len() }));
        }
        let network = model.network();
        let row = |name: &str, width: usize| json!({ "name": name, "dtype": "float32", "row_shape": [width] });
        let mut input = row("input", network.input_dim());
        input["range"] = json!([0.0, 1.0]);
        input["normalisation"] = json!({ "divide_by": f64::from(summary.data.white) });
        let mut reconstruction = row("reconstruction", network.input_dim());
        reconstruction["range"] = json!([0.0, 1.0]);
        Ok(Self(json!({
            "format_version": FORMAT_VERSION,
            "producer": format!("hourglass {}", env!("CARGO_PKG_VERSION")),
            "layout": match options.layout { Layout::Split => "split", Layout::Whole => "whole" },
            "opset": options.opset,
            "preset": summary.preset,
            "network": summary.network,
            "data": summary.data.name,
            "image_shape": network.image_shape,
            "input": input,
            "latent": row("latent", network.latent_dim),
            "reconstruction": reconstruction,
            "threshold": summary.threshold,
            "metrics": { "bce": summary.test.metrics.bce, "mse": summary.test.metrics.mse },
            "files": files,
        })))
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(&self.0).expect("a manifest is plain numbers and text");
        text.push(b'\n');
        text
    }
}

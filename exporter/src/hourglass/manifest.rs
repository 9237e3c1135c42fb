//! What `model.json` says about a run and its graphs.

use std::collections::BTreeMap;

use bundle::{
    FORMAT_VERSION, FileEntry, INPUT, LATENT, LOG_VARIANCE, Manifest, PRODUCER, Preprocessing, RECONSTRUCTION, Tensor,
};
use trainer::{Autoencoder, Config, Metrics, Samples, Summary};

use crate::hourglass::options::{ExportOptions, Layout};

/// The values of a well-prepared pixel.
const PIXELS: [f32; 2] = [0., 1.];

/// A run whose training has finished.
pub(super) struct Trained {
    pub(super) config: Config,
    pub(super) summary: Summary,
    pub(super) model: Autoencoder,
}

impl Trained {
    /// Describes the run's network, rows like those of `test`, and the files that its bundle has so far.
    pub(super) fn manifest(
        &self,
        options: &ExportOptions,
        test: &Samples,
        files: BTreeMap<String, FileEntry>,
    ) -> Manifest {
        let Self { config, summary, model } = self;
        let schema = test.schema().map(AsRef::as_ref);
        let network = model.network();
        let rows = |name| match schema {
            None => Tensor { range: Some(PIXELS), ..Tensor::new(name, [network.input_dim()]) },
            Some(schema) => Tensor::new(name, [schema.raw_len()]),
        };
        let latent = |name| Tensor::new(name, [network.latent_dim()]);
        let preprocessing = Preprocessing { max_value: f32::from(summary.data.max_value) };
        let Metrics { bce, mse } = summary.test.metrics;
        Manifest {
            format_version: FORMAT_VERSION,
            producer: format!("{PRODUCER} {}", env!("CARGO_PKG_VERSION")),
            preset: summary.preset.clone(),
            network: summary.network.clone(),
            data: summary.data.name.clone(),
            layout: match options.layout {
                Layout::Split => "split".into(),
                Layout::Whole => "whole".into(),
            },
            opset: options.opset,
            image_shape: if schema.is_none() { network.image_shape.clone() } else { vec![] },
            input: Tensor { preprocessing: schema.is_none().then_some(preprocessing), ..rows(INPUT) },
            latent: latent(LATENT),
            log_variance: model.log_variance().map(|_| latent(LOG_VARIANCE)),
            reconstruction: rows(RECONSTRUCTION),
            schema: schema.cloned(),
            window: test.window(),
            input_noise: (config.input_noise > 0.).then_some(config.input_noise),
            threshold: Some(summary.threshold.clone()),
            metrics: bce.map(|bce| ("bce".into(), bce)).into_iter().chain([("mse".into(), mse)]).collect(),
            files,
        }
    }
}

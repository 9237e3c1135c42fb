//! What `model.json` says about a run and its graphs.

use std::collections::BTreeMap;

use bundle::{
    FORMAT_VERSION, FileEntry, INPUT, LATENT, LOG_VARIANCE, Manifest, PRODUCER, Preprocessing, RECONSTRUCTION, Tensor,
};
use trainer::{Autoencoder, Config, Metrics, Samples, Summary};

use crate::hourglass::options::{ExportOptions, Layout};
use crate::hourglass::raw_rows::{RawRows, Side};

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
        (test, form): (&Samples, &RawRows),
        files: BTreeMap<String, FileEntry>,
    ) -> Manifest {
        let Self { config, summary, model } = self;
        let schema = test.schema().map(AsRef::as_ref);
        let network = model.network();
        let latent = |name| Tensor::new(name, [network.latent_dim()]);
        // Where the graphs take the rows as they come, nothing is left to be prepared.
        let is_prepared = matches!(form, RawRows::Prepared(_));
        let preprocessing = Preprocessing { max_value: f32::from(summary.data.max_value) };
        let Metrics { bce, mse, .. } = summary.test.metrics;
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
            input: Tensor { preprocessing: is_prepared.then_some(preprocessing), ..form.describe(INPUT, Side::Input) },
            latent: latent(LATENT),
            log_variance: model.log_variance().map(|_| latent(LOG_VARIANCE)),
            reconstruction: form.describe(RECONSTRUCTION, Side::Reconstruction),
            schema: schema.cloned(),
            label: test.label_column.as_deref().cloned(),
            window: test.window(),
            series: test.series_breaks(),
            input_noise: (config.input_noise > 0.).then_some(config.input_noise),
            scorer: None,
            threshold: Some(summary.threshold.clone()),
            metrics: bce.map(|bce| ("bce".into(), bce)).into_iter().chain([("mse".into(), mse)]).collect(),
            files,
        }
    }
}

//! What is known of a network on the test rows, and of PCA on the same rows, as `summary.json` keeps it.

use serde::{Deserialize, Serialize};

use super::metrics::{Metrics, psnr};

/// The best weights on the test rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestReport {
    /// Rows that were measured.
    pub rows: usize,
    /// Errors of the reconstruction; of a variational network, from the mean of the latent.
    #[serde(flatten)]
    pub metrics: Metrics,
    /// Peak signal-to-noise ratio in decibels; nothing where there is no error at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub psnr: Option<f64>,
    /// Mean of the latent over rows and units.
    #[serde(alias = "mean_code")]
    pub latent_mean: f64,
    /// The part of the latent's values that are zero, within 0.001; in 0.0..=1.0.
    #[serde(alias = "zero_code")]
    pub latent_sparsity: f64,
    /// The part of the rows whose class is that of most of their five nearest training rows, by their latents, in 0.0..=1.0; nothing
    /// where there are no classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neighbour_accuracy: Option<f64>,
    /// Mean squared error of the mean training row, taken as the reconstruction of each test row: what a network that learned nothing
    /// reaches. Missing in summaries of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_row_mse: Option<f64>,
    /// For a network trained on noisy rows: the noisy test rows' own mean squared error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noisy_mse: Option<f64>,
    /// For a variational network: how likely it makes the test rows.
    #[serde(default, alias = "bound", skip_serializing_if = "Option::is_none")]
    pub elbo: Option<Elbo>,
}

impl TestReport {
    /// The noisy rows' peak signal-to-noise ratio in decibels.
    pub fn noisy_psnr(&self) -> Option<f64> {
        self.noisy_mse.and_then(psnr)
    }
}

/// The evidence lower bound of a variational network, means over rows, in nats (Kingma and Welling 2014).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Elbo {
    /// Cross-entropy of a row's reconstruction from one sample of its latent, summed over elements.
    pub reconstruction: f64,
    /// Kullback-Leibler divergence of the latent from the standard normal distribution, summed over units.
    pub divergence: f64,
    /// The bound: -(reconstruction + divergence).
    #[serde(rename = "elbo")]
    pub value: f64,
}

/// PCA with as many components as the latent has units, fitted to the training rows and measured on the network's own input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PcaReport {
    /// The number of components.
    pub components: usize,
    /// Errors of the reconstruction; for the cross-entropy, clipped to 1e-7 from 0 and 1.
    #[serde(flatten)]
    pub metrics: Metrics,
    /// Peak signal-to-noise ratio in decibels; nothing where there is no error at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub psnr: Option<f64>,
    /// The part of the training rows' variance that is kept, in 0.0..=1.0.
    pub explained_variance: f64,
    /// As [`TestReport::neighbour_accuracy`], by the components instead of the latents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neighbour_accuracy: Option<f64>,
}

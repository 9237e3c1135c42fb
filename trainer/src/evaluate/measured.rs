//! The means of some rows, and how those of several blocks add up.

use super::metrics::Metrics;

/// Rows in one forward pass: large enough to be fast, small enough for any memory.
pub(crate) const EVALUATION_ROWS: usize = 500;
/// A value of the latent this close to zero counts as zero.
pub(super) const ZERO: f32 = 1e-3;

/// What was measured on some rows, means over rows.
#[derive(Clone, Copy, Default)]
pub(crate) struct Measured {
    /// Of the reconstruction from the latent; of a variational network, from its mean.
    pub(crate) metrics: Metrics,
    /// Of the reconstruction from a sample of the latent; the same unless variational.
    pub(crate) sampled: Metrics,
    /// Of the input, noise included, taken as its own reconstruction.
    pub(crate) input_mse: f64,
    /// The penalty on the latent.
    pub(crate) penalty: f64,
    /// The latent's divergence, without its weight.
    pub(crate) divergence: f64,
    /// Mean of the latent over units.
    pub(crate) latent_mean: f64,
    /// The part of the latent's values that are zero.
    pub(crate) latent_sparsity: f64,
}

impl Measured {
    pub(super) fn values(&mut self) -> [&mut f64; 9] {
        let Self { metrics, sampled, input_mse, penalty, divergence, latent_mean, latent_sparsity } = self;
        let ([bce, mse], [sampled_bce, sampled_mse]) = (metrics.values(), sampled.values());
        [bce, mse, sampled_bce, sampled_mse, input_mse, penalty, divergence, latent_mean, latent_sparsity]
    }

    pub(super) fn scale(&mut self, factor: f64) {
        self.values().into_iter().for_each(|value| *value *= factor);
    }

    pub(super) fn add(&mut self, mut other: Self) {
        self.values().into_iter().zip(other.values()).for_each(|(sum, term)| *sum += *term);
    }
}

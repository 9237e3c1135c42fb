//! The sampled latent of a variational network, and its gradient.

use kernels::transpose;

use super::layer::{Buffers, resized};
use crate::fused::batch::Batch;
use crate::fused::loss::LatentPenalty;

/// A sample of the latent, the noise and the standard deviation that it was made with, and its gradient, `[latent_dim, rows]`
/// each.
#[derive(Default)]
pub(super) struct LatentSample {
    pub(super) latent: Vec<f32>,
    pub(super) grad: Vec<f32>,
    noise: Vec<f32>,
    std: Vec<f32>,
}

impl LatentSample {
    /// Samples the latent by the output of the heads; returns the penalty.
    pub(super) fn draw(&mut self, heads: &[f32], batch: &Batch, penalty: &LatentPenalty) -> f64 {
        let (mean, log_variance) = heads.split_at(heads.len() / 2);
        let Self { latent, noise, std, .. } = self;
        let [latent, noise, std] = [latent, noise, std].map(|values| resized(values, mean.len()));
        transpose(batch.sample, mean.len() / batch.rows, 0, noise);
        kernels::exp_of_half(log_variance, std);
        for (i, latent) in latent.iter_mut().enumerate() {
            *latent = mean[i] + std[i] * noise[i];
        }
        penalty.l1(mean) + penalty.divergence(mean, log_variance, std)
    }

    /// The gradient of the output of the heads, from that of the latent.
    pub(super) fn backward(&self, heads: &mut Buffers, penalty: &LatentPenalty) {
        let mean = &heads.out[..self.latent.len()];
        let (dmean, dlog_variance) = heads.grad.split_at_mut(mean.len());
        dmean.copy_from_slice(&self.grad);
        for (i, dlog_variance) in dlog_variance.iter_mut().enumerate() {
            *dlog_variance = self.grad[i] * 0.5 * self.std[i] * self.noise[i];
        }
        penalty.add_l1_gradient(mean, dmean);
        penalty.add_divergence_gradient(mean, &self.std, [dmean, dlog_variance]);
    }
}

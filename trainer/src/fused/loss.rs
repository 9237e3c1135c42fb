//! The loss of a training step, and the latent's part of it.

use super::categories::Categories;

/// How a reconstruction is measured against its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorTerm {
    /// The binary cross-entropy of `sigmoid(logits)`.
    CrossEntropy,
    /// The squared error of `sigmoid(logits)`.
    SigmoidSquared,
    /// The squared error of the logits themselves.
    Squared,
}

/// The weights of the loss: `scale` times the mean over elements of the cross-entropy, or of the squared error, plus means over
/// rows: `sparsity` times the L1 norm of the latent and `beta` times its divergence.
#[derive(Clone, Debug)]
pub(crate) struct LossTerms {
    /// How the reconstruction is measured.
    pub(crate) error: ErrorTerm,
    pub(crate) scale: f64,
    pub(crate) sparsity: f64,
    pub(crate) beta: f64,
    /// The features that have a cross-entropy of their own, beside squared errors.
    pub(crate) categories: Categories,
}

impl LossTerms {
    /// The loss of `logits` against `target`, summed over elements; `grad` becomes its gradient times `scale`. With categories, these are
    /// whole rows.
    pub(super) fn reconstruction(&self, logits: &[f32], target: &[f32], scale: f64, grad: &mut [f32]) -> f64 {
        if !self.categories.is_empty() {
            return self.categories.loss_with_gradient(logits, target, scale as f32, grad);
        }
        let error = match self.error {
            ErrorTerm::CrossEntropy => kernels::bce_with_gradient,
            ErrorTerm::SigmoidSquared => kernels::sigmoid_squared_error_with_gradient,
            ErrorTerm::Squared => kernels::squared_error_with_gradient,
        };
        error(logits, target, scale as f32, grad)
    }

    /// The penalty of the latents of `rows` rows.
    pub(super) fn penalty(&self, rows: usize) -> LatentPenalty {
        LatentPenalty { sparsity: self.sparsity / rows as f64, beta: self.beta / rows as f64 }
    }
}

/// What the latent adds to the loss; the weights are those of a single row.
pub(super) struct LatentPenalty {
    sparsity: f64,
    beta: f64,
}

impl LatentPenalty {
    /// For the L1 norm of `latent`.
    pub(super) fn l1(&self, latent: &[f32]) -> f64 {
        if self.sparsity == 0. {
            return 0.;
        }
        latent.iter().map(|&latent| f64::from(latent.abs())).sum::<f64>() * self.sparsity
    }

    pub(super) fn add_l1_gradient(&self, latent: &[f32], dlatent: &mut [f32]) {
        if self.sparsity == 0. {
            return;
        }
        let weight = self.sparsity as f32;
        for (dlatent, &latent) in dlatent.iter_mut().zip(latent) {
            *dlatent += if latent < 0. { -weight } else { weight };
        }
    }

    /// For the Kullback-Leibler divergence of latents with this mean, log variance and standard deviation.
    pub(super) fn divergence(&self, mean: &[f32], log_variance: &[f32], std: &[f32]) -> f64 {
        if self.beta == 0. {
            return 0.;
        }
        let terms = mean.iter().zip(log_variance).zip(std);
        let sum = terms.map(|((mean, log_variance), std)| f64::from((std * std + mean * mean) - log_variance - 1.));
        0.5 * self.beta * sum.sum::<f64>()
    }

    pub(super) fn add_divergence_gradient(&self, mean: &[f32], std: &[f32], [dmean, dlog_variance]: [&mut [f32]; 2]) {
        if self.beta == 0. {
            return;
        }
        let weight = self.beta as f32;
        for i in 0..mean.len() {
            dmean[i] += weight * mean[i];
            dlog_variance[i] += 0.5 * weight * (std[i] * std[i] - 1.);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divergence_and_gradient_are_those_of_the_formula() {
        let terms = LossTerms {
            error: ErrorTerm::CrossEntropy,
            scale: 1.,
            sparsity: 0.,
            beta: 6.,
            categories: Categories::default(),
        };
        let penalty = terms.penalty(3);
        let (mean, log_variance) = ([0.5f32, -2., 0., 1.5], [0.3f32, -1.2, 0., 2.]);
        let std = log_variance.map(|value| (0.5 * value).exp());
        let of = |mean: f32, log_variance: f32| kernels::kl_divergence(f64::from(mean), f64::from(log_variance));
        let expected: f64 = (0..4).map(|i| 2. * of(mean[i], log_variance[i])).sum();
        let found = penalty.divergence(&mean, &log_variance, &std);
        // Values of f32, below 20.
        assert!((found - expected).abs() < 1e-5, "{found}, not {expected}");

        let (mut dmean, mut dlog_variance) = ([0.; 4], [0.; 4]);
        penalty.add_divergence_gradient(&mean, &std, [&mut dmean, &mut dlog_variance]);
        for i in 0..4 {
            let (m, v, step) = (f64::from(mean[i]), f64::from(log_variance[i]), 1e-5);
            let by_mean = (kernels::kl_divergence(m + step, v) - kernels::kl_divergence(m - step, v)) / step;
            let by_log_variance = (kernels::kl_divergence(m, v + step) - kernels::kl_divergence(m, v - step)) / step;
            assert!((f64::from(dmean[i]) - by_mean).abs() < 1e-5, "{i}: {}, not {by_mean}", dmean[i]);
            assert!((f64::from(dlog_variance[i]) - by_log_variance).abs() < 1e-5, "{i}: {}", dlog_variance[i]);
        }
    }
}

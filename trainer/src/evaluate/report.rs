//! The network on the test rows.

use super::measure::Measure;
use super::test_report::{Elbo, TestReport};
use crate::data::Images;
use crate::error::Result;

/// Measures the network on every row of `test`; its nearest neighbours are a baseline and come later.
pub(crate) fn test_report(measure: &Measure, test: &Images) -> Result<TestReport> {
    let all: Vec<u32> = (0..test.len() as u32).collect();
    let measured = measure.rows(test, &all)?;
    let elbo = |reconstruction: f64| Elbo {
        reconstruction,
        divergence: measured.divergence,
        value: -(reconstruction + measured.divergence),
    };
    Ok(TestReport {
        rows: test.len(),
        metrics: measured.metrics,
        psnr: measured.metrics.psnr(),
        latent_mean: measured.latent_mean,
        latent_sparsity: measured.latent_sparsity,
        neighbour_accuracy: None,
        noisy_mse: (measure.config.input_noise > 0.).then_some(measured.input_mse),
        elbo: measure.model.log_variance().map(|_| elbo(measured.sampled.bce * test.width() as f64)),
    })
}

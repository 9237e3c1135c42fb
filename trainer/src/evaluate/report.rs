//! The network on the test rows.

use super::measure::Measure;
use super::pixels::mean_row_error;
use super::test_report::{Elbo, TestReport};
use crate::data::{Dataset, Split};
use crate::error::Result;

/// Measures the network on every test row; its nearest neighbours are a baseline and come later.
pub(crate) fn test_report(measure: &Measure, dataset: &Dataset, split: &Split) -> Result<TestReport> {
    let test = &dataset.test;
    let all: Vec<u32> = (0..test.len() as u32).collect();
    let measured = measure.rows(test, &all)?;
    // The cross-entropy is a likelihood; a squared error alone is none.
    let bound = measure.model.log_variance().and(measured.sampled.bce);
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
        mean_row_mse: Some(mean_row_error(&dataset.train, &split.train, test)),
        noisy_mse: (measure.config.input_noise > 0.).then_some(measured.input_mse),
        elbo: bound.map(|bce| elbo(bce * test.width() as f64)),
    })
}

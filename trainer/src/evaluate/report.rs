//! Everything there is to say of the test rows, and of PCA on the same rows.

use candle_core::{Device, Tensor};

use super::knn;
use super::measure::Measure;
use super::pca::Pca;
use super::test_report::{Elbo, PcaReport, TestReport};
use crate::data::{Dataset, Split};
use crate::error::Result;
use crate::random::Purpose;

/// Measures the network on the test rows, and PCA of the same width beside it.
pub(crate) fn report(measure: &Measure, dataset: &Dataset, split: &Split) -> Result<(TestReport, PcaReport)> {
    let test = &dataset.test;
    let all: Vec<u32> = (0..test.len() as u32).collect();
    let measured = measure.rows(test, &all)?;
    let components = measure.model.network().latent_dim();
    let pca = Pca::fit(&dataset.train, &split.train, components)?;

    let labels: Vec<u8> = split.train.iter().map(|&row| dataset.train.labels()[row as usize]).collect();
    let classified = labels.iter().any(|label| *label != labels[0]);
    let accuracy = |encode: &dyn Fn(&Tensor) -> Result<Tensor>| {
        let training = measure.latents(&dataset.train, &split.train, Purpose::NeighbourNoise, encode);
        let latents = measure.latents(test, &all, Purpose::MeasuredNoise, encode).collect::<Result<Vec<_>>>()?;
        knn::accuracy(training, &labels, &Tensor::cat(&latents, 0)?, test.labels())
    };
    let accuracy = |encode: &dyn Fn(&Tensor) -> Result<Tensor>| classified.then(|| accuracy(encode)).transpose();
    let elbo = |reconstruction: f64| Elbo {
        reconstruction,
        divergence: measured.divergence,
        value: -(reconstruction + measured.divergence),
    };
    let on_cpu = |(input, clean): (Tensor, Tensor)| -> Result<_> {
        Ok((input.to_device(&Device::Cpu)?, clean.to_device(&Device::Cpu)?))
    };
    let pca_metrics =
        pca.evaluate_blocks(measure.blocks(test, &all, Purpose::MeasuredNoise).map(|block| on_cpu(block?)))?;
    let test_report = TestReport {
        rows: test.len(),
        metrics: measured.metrics,
        psnr: measured.metrics.psnr(),
        latent_mean: measured.latent_mean,
        latent_sparsity: measured.latent_sparsity,
        neighbour_accuracy: accuracy(&|input| measure.model.encode(input))?,
        noisy_mse: (measure.config.input_noise > 0.).then_some(measured.input_mse),
        elbo: measure.model.log_variance().map(|_| elbo(measured.sampled.bce * test.width() as f64)),
    };
    let pca_report = PcaReport {
        components: components.min(test.width()),
        metrics: pca_metrics,
        psnr: pca_metrics.psnr(),
        explained_variance: pca.explained_variance(),
        neighbour_accuracy: accuracy(&|input| pca.project(&input.to_device(&Device::Cpu)?))?,
    };
    Ok((test_report, pca_report))
}

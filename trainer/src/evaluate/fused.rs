//! Measuring rows by the kernels alone, for a network that has kernels for every layer.

use std::ops::Range;

use kernels::with_scratch;

use super::config::MeasureConfig;
use super::measured::{Measured, ZERO};
use super::metrics::Metrics;
use crate::data::Samples;
use crate::fused::Inference;
use crate::model::Output;
use crate::objective::Objective;
use crate::random::{Noise, Purpose, normal, stream};

/// Rows that go through the network together: what lies between encoder and decoder stays in the processor's cache.
const TOGETHER: usize = 125;

/// One of the blocks that rows are measured in.
pub(super) struct Block<'a> {
    pub(super) images: &'a Samples,
    pub(super) rows: &'a [u32],
    /// Its place among all.
    pub(super) index: usize,
}

/// A network in the layout of the kernels, and how its rows are measured.
pub(super) struct Fused<'a> {
    pub(super) packed: &'a dyn Inference,
    pub(super) latent_dim: usize,
    pub(super) output: Output,
    pub(super) objective: Objective,
    pub(super) config: MeasureConfig,
}

impl Fused<'_> {
    /// Measures one block.
    pub(super) fn measure(&self, block: &Block) -> Measured {
        let drawn = if self.packed.features() > 0 { block.rows.len() * self.latent_dim } else { 0 };
        let sample = normal(&mut stream(self.config.seed, Purpose::MeasuredSample, block.index as u32), drawn);
        let parts = (0..block.rows.len()).step_by(TOGETHER).map(|first| {
            let rows = first..(first + TOGETHER).min(block.rows.len());
            let sample = sample.get(rows.start * self.latent_dim..rows.end * self.latent_dim);
            let mut part = self.part(block, rows.clone(), sample);
            part.scale(rows.len() as f64 / block.rows.len() as f64);
            part
        });
        parts.reduce(Measured::add).unwrap_or_default()
    }

    /// Measures some rows of a block; `sample` are the draws for a variational latent.
    fn part(&self, block: &Block, rows: Range<usize>, sample: Option<&[f32]>) -> Measured {
        let (packed, MeasureConfig { input_noise, seed, .. }) = (self.packed, self.config);
        let (count, width) = (rows.len(), block.images.width());
        let latents = count * self.latent_dim;
        let noisy = if input_noise > 0. { count * width } else { 0 };
        let drawn = sample.map_or(0, <[f32]>::len);
        let room = [count * width, count * width, noisy, count * packed.features(), latents, drawn, drawn];
        with_scratch(room, |[clean, logits, noisy, features, latent, log_variance, drawn]| {
            block.images.fill(&block.rows[rows.clone()], clean);
            let input = if noisy.is_empty() {
                &*clean
            } else {
                noisy.copy_from_slice(clean);
                let rng = stream(seed, Purpose::MeasuredNoise, block.index as u32);
                Noise::new(input_noise, rng).add(rows.start, width, noisy);
                &*noisy
            };
            packed.encode(input, features, [latent, log_variance]);
            let mut of = |latent: &[f32]| {
                packed.decode(latent, logits);
                let mean = |sum: f64| sum / clean.len() as f64;
                match self.output {
                    Output::Sigmoid => {
                        let [bce, mse] = kernels::bce_and_squared_error_serial(logits, clean).map(mean);
                        Metrics { bce: Some(bce), mse, mixed: None }
                    }
                    Output::Linear => {
                        let categories = self.objective.categories();
                        let mixed = (!categories.is_empty()).then(|| mean(categories.loss(logits, clean)));
                        Metrics { bce: None, mse: mean(kernels::squared_error_serial(logits, clean)), mixed }
                    }
                }
            };
            let metrics = of(latent);
            let mut measured = Measured { metrics, sampled: metrics, ..Measured::default() };
            if let Some(sample) = sample {
                let values = latent.iter().zip(&*log_variance).zip(sample);
                for (drawn, ((mean, log_variance), sample)) in drawn.iter_mut().zip(values) {
                    *drawn = mean + (log_variance * 0.5).exp() * sample;
                }
                measured.sampled = of(drawn);
                measured.divergence = divergence(latent, log_variance) / count as f64;
            }
            let sum = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>();
            if !noisy.is_empty() {
                let squares = &mut input.iter().zip(&*clean).map(|(input, clean)| f64::from(input - clean).powi(2));
                measured.input_mse = sum(squares) / clean.len() as f64;
            }
            let latent = || latent.iter().copied().map(f64::from);
            measured.latent_mean = sum(&mut latent()) / latents as f64;
            let zeros = latent().filter(|value| value.abs() <= f64::from(ZERO)).count();
            measured.latent_sparsity = zeros as f64 / latents as f64;
            let size = sum(&mut latent().map(f64::abs)) / count as f64;
            measured.penalty = self.objective.charge(size, measured.divergence);
            measured
        })
    }
}

/// Of all rows together, in nats.
fn divergence(mean: &[f32], log_variance: &[f32]) -> f64 {
    let values = mean.iter().zip(log_variance);
    values.map(|(mean, log_variance)| kernels::kl_divergence(f64::from(*mean), f64::from(*log_variance))).sum()
}

//! Measuring rows by the kernels alone.

use std::ops::Range;

use kernels::with_scratch;

use super::{Measure, Measured, Metrics, ZERO};
use crate::data::Images;
use crate::fused::PackedNetwork;
use crate::noise::Noise;
use crate::objective::Objective;
use crate::random::{Purpose, normal, stream};

/// Rows that go through the network together: what lies between its halves stays in the processor's cache.
const TOGETHER: usize = 125;

/// One of the blocks that rows are measured in.
pub(super) struct Block<'a> {
    pub(super) images: &'a Images,
    pub(super) rows: &'a [u32],
    /// Its place among all.
    pub(super) index: usize,
}

impl Measure<'_> {
    /// As `measure_block`, by the kernels.
    pub(super) fn measure_by(&self, packed: &PackedNetwork, block: &Block) -> Measured {
        let width = self.model.network().latent_dim();
        let drawn = if packed.features() > 0 { block.rows.len() * width } else { 0 };
        let sample = normal(&mut stream(self.config.seed, Purpose::MeasuredSample, block.index as u32), drawn);
        let mut measured = Measured::default();
        for first in (0..block.rows.len()).step_by(TOGETHER) {
            let rows = first..(first + TOGETHER).min(block.rows.len());
            let sample = sample.get(rows.start * width..rows.end * width);
            let mut part = self.part(packed, block, rows.clone(), sample);
            part.scale(rows.len() as f64 / block.rows.len() as f64);
            measured.add(part);
        }
        measured
    }

    /// Measures some rows of a block; `sample` are the draws for a variational code.
    fn part(&self, packed: &PackedNetwork, block: &Block, rows: Range<usize>, sample: Option<&[f32]>) -> Measured {
        let (count, width) = (rows.len(), block.images.width());
        let codes = count * self.model.network().latent_dim();
        let noisy = if self.config.input_noise > 0. { count * width } else { 0 };
        let drawn = sample.map_or(0, <[f32]>::len);
        let room = [count * width, count * width, noisy, count * packed.features(), codes, drawn, drawn];
        with_scratch(room, |[clean, logits, noisy, features, code, log_variance, drawn]| {
            block.images.fill(&block.rows[rows.clone()], clean);
            let input = if noisy.is_empty() {
                &*clean
            } else {
                noisy.copy_from_slice(clean);
                let rng = stream(self.config.seed, Purpose::MeasuredNoise, block.index as u32);
                Noise::new(self.config.input_noise, rng).add(rows.start, width, noisy);
                &*noisy
            };
            packed.encode(input, features, [code, log_variance]);
            let mut of = |code: &[f32]| {
                packed.decode(code, logits);
                let [bce, mse] =
                    kernels::bce_and_squared_error_serial(logits, clean).map(|sum| sum / clean.len() as f64);
                Metrics { bce, mse }
            };
            let metrics = of(code);
            let mut measured = Measured { metrics, sampled: metrics, ..Measured::default() };
            if let Some(sample) = sample {
                let values = code.iter().zip(&*log_variance).zip(sample);
                for (drawn, ((mean, log_variance), sample)) in drawn.iter_mut().zip(values) {
                    *drawn = mean + (log_variance * 0.5).exp() * sample;
                }
                measured.sampled = of(drawn);
                measured.divergence = divergence(code, log_variance) / count as f64;
            }
            let sum = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>();
            if !noisy.is_empty() {
                let squares = &mut input.iter().zip(&*clean).map(|(input, clean)| f64::from(input - clean).powi(2));
                measured.input_mse = sum(squares) / clean.len() as f64;
            }
            let code = || code.iter().copied().map(f64::from);
            measured.mean_code = sum(&mut code()) / codes as f64;
            measured.zero_code = code().filter(|value| value.abs() <= f64::from(ZERO)).count() as f64 / codes as f64;
            let size = sum(&mut code().map(f64::abs)) / count as f64;
            measured.penalty = Objective::new(self.config, self.model.network()).charge(size, measured.divergence);
            measured
        })
    }
}

/// Of all latents together, in nats.
fn divergence(mean: &[f32], log_variance: &[f32]) -> f64 {
    let values = mean.iter().zip(log_variance);
    values.map(|(mean, log_variance)| kernels::kl_divergence(f64::from(*mean), f64::from(*log_variance))).sum()
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::data::Dataset;
    use crate::model::{Autoencoder, NetworkConfig};
    use crate::{Config, DataSource, Preset};

    #[test]
    fn the_kernels_measure_what_candle_measures() {
        let dataset = Dataset::load(&DataSource::Digits).unwrap();
        let (images, rows) = (&dataset.test, (0..260).collect::<Vec<u32>>());
        for preset in [Preset::Sparse, Preset::Vae, Preset::Denoise] {
            let config = Config::preset(preset, DataSource::Digits);
            let network = NetworkConfig::new(&config.model, dataset.image_shape()).unwrap();
            let model = Autoencoder::new(&network, 1, &Device::Cpu).unwrap();
            let measure = Measure { model: &model, config: &config, device: &Device::Cpu };
            let block = Block { images, rows: &rows, index: 3 };
            let chains = model.chains().unwrap();
            let mut found = chains.with_packed(|packed| measure.measure_by(packed, &block)).unwrap();
            let graph = measure.block(images, &rows, Purpose::MeasuredNoise, 3).unwrap();
            let mut expected = measure.measure_block(graph, 3).unwrap();
            for (found, expected) in found.values().into_iter().zip(expected.values()) {
                // Means of a few hundred values to a few thousand, which candle adds up in f32.
                assert!(
                    (*found - *expected).abs() < 1e-5 * expected.abs().max(1.),
                    "{preset:?}: {found}, not {expected}"
                );
            }
        }
    }
}

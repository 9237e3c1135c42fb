//! A network on some rows: its errors, its loss, its latents.

use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;

use super::config::MeasureConfig;
use super::fused::{Block, Fused};
use super::measured::{EVALUATION_ROWS, Measured, ZERO};
use super::metrics::Metrics;
use crate::data::Samples;
use crate::error::Result;
use crate::fused::{Categories, Inference};
use crate::model::Autoencoder;
use crate::objective::Objective;
use crate::random::{Noise, Purpose, stream};

/// A network, and how the rows it is measured on are prepared: with the noise it was trained for, drawn anew from the same seed.
pub(crate) struct Measure<'a> {
    pub(crate) model: &'a Autoencoder,
    pub(crate) config: MeasureConfig,
    pub(crate) device: &'a Device,
    objective: Objective,
}

impl<'a> Measure<'a> {
    pub(crate) fn new(model: &'a Autoencoder, config: MeasureConfig, device: &'a Device) -> Self {
        Self { model, config, device, objective: Objective::new(config.objective, model.network()) }
    }

    /// With a cross-entropy for the categories of a table.
    pub(crate) fn with_categories(self, categories: Categories) -> Self {
        Self { objective: self.objective.with_categories(categories), ..self }
    }

    /// The rows `indices` of `images`, block by block: as the network is given them, and clean, `[n, width]` both.
    pub(super) fn blocks<'b>(
        &'b self,
        images: &'b Samples,
        indices: &'b [u32],
        noise: Purpose,
    ) -> impl Iterator<Item = Result<(Tensor, Tensor)>> + 'b {
        indices.chunks(EVALUATION_ROWS).enumerate().map(move |(index, rows)| {
            let block = Block { images, rows, index };
            self.block(&block, noise)
        })
    }

    fn block(&self, block: &Block, noise: Purpose) -> Result<(Tensor, Tensor)> {
        let clean = block.images.batch(block.rows, self.device)?;
        Ok((self.input_with(&clean, noise, block.index as u32)?, clean))
    }

    /// Measures the rows `indices` of `images`.
    pub(crate) fn rows(&self, images: &Samples, indices: &[u32]) -> Result<Measured> {
        let blocks = indices.chunks(EVALUATION_ROWS).enumerate();
        let blocks: Vec<Block> = blocks.map(|(index, rows)| Block { images, rows, index }).collect();
        let fused = |packed: &dyn Inference| -> Vec<Measured> {
            let fused = Fused {
                packed,
                latent_dim: self.model.network().latent_dim(),
                output: self.model.network().output(),
                objective: self.objective.clone(),
                config: self.config,
            };
            blocks.par_iter().with_max_len(1).map(|block| fused.measure(block)).collect()
        };
        let parts: Vec<Measured> = match (self.model.chains(), self.model.segments()) {
            (Some(chains), _) => chains.with_packed(|packed| fused(packed))?,
            (None, Some(segments)) => segments.with_packed(|packed| fused(packed))?,
            (None, None) if self.device.is_cpu() => {
                blocks.par_iter().map(|block| self.measure(block)).collect::<Result<_>>()?
            }
            (None, None) => blocks.iter().map(|block| self.measure(block)).collect::<Result<_>>()?,
        };
        let scaled = parts.into_iter().zip(blocks).map(|(mut part, block)| {
            part.scale(block.rows.len() as f64 / indices.len() as f64);
            part
        });
        Ok(scaled.reduce(Measured::add).unwrap_or_default())
    }

    /// Measures one block with candle's operators.
    fn measure(&self, block: &Block) -> Result<Measured> {
        let (input, clean) = self.block(block, Purpose::MeasuredNoise)?;
        let scalar = |tensor: Tensor| -> Result<f64> { Ok(tensor.to_dtype(DType::F64)?.to_scalar::<f64>()?) };
        let encoding = self.model.encoding(&input)?;
        let logits = self.model.decode_logits(&encoding.latent)?;
        let output = (self.model.network().output(), self.objective.categories());
        let metrics = Metrics::of(&logits, &clean, output)?;
        let zeros = encoding.latent.abs()?.le(ZERO)?.to_dtype(DType::F32)?;
        let mut measured = Measured {
            metrics,
            sampled: metrics,
            latent_mean: scalar(encoding.latent.to_dtype(DType::F64)?.mean_all()?)?,
            latent_sparsity: scalar(zeros.mean_all()?)?,
            ..Measured::default()
        };
        if let Some(divergence) = encoding.divergence()? {
            let sample = encoding.sample(&mut stream(self.config.seed, Purpose::MeasuredSample, block.index as u32))?;
            measured.sampled = Metrics::of(&self.model.decode_logits(&sample)?, &clean, output)?;
            measured.divergence = scalar(divergence)?;
        }
        if self.config.input_noise > 0. {
            measured.input_mse = scalar((&input - &clean)?.sqr()?.mean_all()?)?;
        }
        if let Some(penalty) = self.objective.penalty(&encoding)? {
            measured.penalty = scalar(penalty)?;
        }
        Ok(measured)
    }

    /// The loss that training minimises, on rows measured before.
    pub(crate) fn loss(&self, measured: &Measured) -> f64 {
        let Measured { sampled, penalty, .. } = measured;
        self.objective.total([sampled.bce, sampled.mixed], sampled.mse, *penalty)
    }

    /// The first rows that are measured, `clean`, as the network is given them.
    pub(crate) fn input(&self, clean: &Tensor) -> Result<Tensor> {
        self.input_with(clean, Purpose::MeasuredNoise, 0)
    }

    fn input_with(&self, clean: &Tensor, noise: Purpose, index: u32) -> Result<Tensor> {
        let MeasureConfig { input_noise, seed, .. } = self.config;
        if input_noise == 0. {
            return Ok(clean.clone());
        }
        Ok(Noise::new(input_noise, stream(seed, noise, index)).on(clean)?)
    }

    /// The anomaly score of each row, in order.
    pub(super) fn row_scores(&self, images: &Samples, indices: &[u32]) -> Result<Vec<f64>> {
        if images.schema().is_some() {
            return self.table_scores(images, indices);
        }
        let mut errors = Vec::with_capacity(indices.len());
        for block in self.blocks(images, indices, Purpose::MeasuredNoise) {
            let (input, clean) = block?;
            let found = (self.model.reconstruct(&input)? - clean)?.sqr()?.mean(1)?.to_vec1::<f32>()?;
            errors.extend(found.into_iter().map(f64::from));
        }
        Ok(errors)
    }

    /// The same of a table, by the formula that its bundle's users have: of raw rows.
    fn table_scores(&self, table: &Samples, indices: &[u32]) -> Result<Vec<f64>> {
        let Some(schema) = table.schema() else { return Ok(Vec::new()) };
        let mut scores = Vec::with_capacity(indices.len());
        for (block, rows) in self
            .blocks(table, indices, Purpose::MeasuredNoise)
            .zip(indices.chunks(EVALUATION_ROWS).map(|rows| table.raw_rows(rows)))
        {
            let output = self.model.reconstruct(&block?.0)?.flatten_all()?.to_vec1::<f32>()?;
            let mut restored = vec![0.; rows.len()];
            schema.restore(&output, &mut restored);
            scores.extend(schema.scores(&rows, &restored));
        }
        Ok(scores)
    }
}

/// What `encode` makes of the inputs of `blocks`, `[n, ..]` on the CPU.
pub(super) fn encoded(
    blocks: impl Iterator<Item = Result<(Tensor, Tensor)>>,
    encode: impl Fn(&Tensor) -> Result<Tensor>,
) -> impl Iterator<Item = Result<Tensor>> {
    // Without `detach`, every latent would keep its rows in memory.
    blocks.map(move |block| Ok(encode(&block?.0)?.detach().to_device(&Device::Cpu)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Preset};
    use crate::data::{DataSource, Dataset};
    use crate::model::NetworkConfig;

    #[test]
    fn measured_rows_have_the_same_noise_every_time_and_their_neighbours_another() {
        let dataset = Dataset::load(&DataSource::Digits).unwrap();
        let config = Config::preset(Preset::Denoise, DataSource::Digits);
        let network = NetworkConfig::new(&config.model, dataset.image_shape()).unwrap();
        let model = Autoencoder::new(&network, 1, &Device::Cpu).unwrap();
        let measure = Measure::new(&model, config.measure(), &Device::Cpu);
        let input = |noise: Purpose| {
            let (input, _) = measure.blocks(&dataset.test, &[0, 1], noise).next().unwrap().unwrap();
            input.to_vec2::<f32>().unwrap()
        };
        assert_eq!(input(Purpose::MeasuredNoise), input(Purpose::MeasuredNoise));
        assert_ne!(input(Purpose::MeasuredNoise), input(Purpose::NeighbourNoise));
        assert!(input(Purpose::MeasuredNoise).iter().flatten().all(|value| (0. ..=1.).contains(value)));
    }

    #[test]
    fn the_kernels_measure_what_candle_measures() {
        let dataset = Dataset::load(&DataSource::Digits).unwrap();
        let (images, rows) = (&dataset.test, (0..260).collect::<Vec<u32>>());
        for preset in [Preset::Sparse, Preset::Vae, Preset::Denoise] {
            let config = Config::preset(preset, DataSource::Digits);
            let network = NetworkConfig::new(&config.model, dataset.image_shape()).unwrap();
            let model = Autoencoder::new(&network, 1, &Device::Cpu).unwrap();
            let measure = Measure::new(&model, config.measure(), &Device::Cpu);
            let block = Block { images, rows: &rows, index: 3 };
            let chains = model.chains().unwrap();
            let (latent_dim, output, objective) = (network.latent_dim(), network.output(), &measure.objective);
            let mut found = chains
                .with_packed(|packed| {
                    Fused { packed, latent_dim, output, objective: objective.clone(), config: measure.config }
                        .measure(&block)
                })
                .unwrap();
            let mut expected = measure.measure(&block).unwrap();
            for (found, expected) in found.values().zip(expected.values()) {
                // Means of a few hundred values to a few thousand, which candle adds up in f32.
                assert!(
                    (*found - *expected).abs() < 1e-5 * expected.abs().max(1.),
                    "{preset:?}: {found}, not {expected}"
                );
            }
        }
    }
}

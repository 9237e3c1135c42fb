//! How well a network reconstructs rows it was not trained on.

mod rows;

use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::data::{Dataset, Images, Split};
use crate::fused::{is_f32_cpu, with_values};
use crate::loss::bce_with_logits;
use crate::model::Autoencoder;
use crate::noise::Noise;
use crate::objective::Objective;
use crate::pca::Pca;
use crate::random::{Purpose, stream};
use crate::summary::{Bound, PcaReport, TestReport};
use crate::{Result, knn};
use rows::Block;

/// Rows in one forward pass: large enough to be fast, small enough for any memory.
pub(crate) const EVALUATION_ROWS: usize = 500;
/// A value of a code that is no farther from zero counts as zero.
const ZERO: f32 = 1e-3;

/// Errors of a reconstruction, means over rows and elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Binary cross-entropy per element, in nats.
    pub bce: f64,
    /// Mean squared error per element.
    pub mse: f64,
}

impl Metrics {
    /// Peak signal-to-noise ratio in decibels, for a peak of 1.0: -10 log10(mse). Nothing where there is no error at all.
    ///
    /// ```
    /// let metrics = trainer::Metrics { bce: 0.1, mse: 0.01 };
    /// assert_eq!(metrics.psnr(), Some(20.));
    /// ```
    pub fn psnr(&self) -> Option<f64> {
        psnr(self.mse)
    }

    fn of(logits: &Tensor, target: &Tensor) -> Result<Self> {
        if is_f32_cpu(logits) && is_f32_cpu(target) {
            let (logits, target) = (logits.contiguous()?, target.contiguous()?);
            let [bce, mse] =
                with_values(&[&logits, &target], |values| kernels::bce_and_squared_error(values[0], values[1]))?
                    .map(|sum| sum / target.elem_count() as f64);
            return Ok(Self { bce, mse });
        }
        let squared = (candle_nn::ops::sigmoid(logits)? - target)?.sqr()?;
        Ok(Self {
            bce: f64::from(bce_with_logits(logits, target)?.to_scalar::<f32>()?),
            mse: f64::from(squared.mean_all()?.to_scalar::<f32>()?),
        })
    }

    fn values(&mut self) -> [&mut f64; 2] {
        [&mut self.bce, &mut self.mse]
    }
}

/// Peak signal-to-noise ratio in decibels of a mean squared error, for a peak of 1.0.
pub(crate) fn psnr(mse: f64) -> Option<f64> {
    (mse > 0.).then(|| -10. * mse.log10())
}

/// A network, and how the rows it is measured on are prepared: with the noise it was trained for, drawn anew from the same seed.
pub(crate) struct Measure<'a> {
    pub(crate) model: &'a Autoencoder,
    pub(crate) config: &'a Config,
    pub(crate) device: &'a Device,
}

/// What the rows came to, means over rows.
#[derive(Clone, Copy, Default)]
pub(crate) struct Measured {
    /// Of the reconstruction from the code, or from its mean.
    pub(crate) metrics: Metrics,
    /// Of the reconstruction from a sample of the code; the same unless variational.
    pub(crate) sampled: Metrics,
    /// Of the input, noise included, taken as its own reconstruction.
    pub(crate) input_mse: f64,
    /// What training charges the code.
    pub(crate) penalty: f64,
    /// The code's divergence, without its weight.
    pub(crate) divergence: f64,
    /// Mean of the code over units.
    pub(crate) mean_code: f64,
    /// The part of the code's values that are zero.
    pub(crate) zero_code: f64,
}

impl Measured {
    fn values(&mut self) -> [&mut f64; 9] {
        let Self { metrics, sampled, input_mse, penalty, divergence, mean_code, zero_code } = self;
        let ([bce, mse], [sampled_bce, sampled_mse]) = (metrics.values(), sampled.values());
        [bce, mse, sampled_bce, sampled_mse, input_mse, penalty, divergence, mean_code, zero_code]
    }

    fn scale(&mut self, factor: f64) {
        self.values().into_iter().for_each(|value| *value *= factor);
    }

    fn add(&mut self, mut other: Self) {
        self.values().into_iter().zip(other.values()).for_each(|(sum, term)| *sum += *term);
    }
}

impl Measure<'_> {
    /// The rows `indices` of `images`, block by block: as the network is given them, and clean, `[n, width]` both.
    fn blocks<'b>(
        &'b self,
        images: &'b Images,
        indices: &'b [u32],
        noise: Purpose,
    ) -> impl Iterator<Item = Result<(Tensor, Tensor)>> + 'b {
        indices.chunks(EVALUATION_ROWS).enumerate().map(move |(index, block)| self.block(images, block, noise, index))
    }

    fn block(&self, images: &Images, rows: &[u32], noise: Purpose, index: usize) -> Result<(Tensor, Tensor)> {
        let clean = images.batch(rows, self.device)?;
        Ok((self.input_with(&clean, noise, index as u32)?, clean))
    }

    /// Measures the rows `indices` of `images`.
    pub(crate) fn rows(&self, images: &Images, indices: &[u32]) -> Result<Measured> {
        let blocks: Vec<_> = indices.chunks(EVALUATION_ROWS).enumerate().collect();
        let parts: Vec<Measured> = match self.model.chains() {
            Some(chains) => chains.with_packed(|packed| {
                let block = |&(index, rows)| self.measure_by(packed, &Block { images, rows, index });
                blocks.par_iter().with_max_len(1).map(block).collect()
            })?,
            None => {
                let measure = |&(index, rows): &(usize, &[u32])| {
                    self.measure_block(self.block(images, rows, Purpose::MeasuredNoise, index)?, index)
                };
                if self.device.is_cpu() {
                    blocks.par_iter().map(measure).collect::<Result<_>>()?
                } else {
                    blocks.iter().map(measure).collect::<Result<_>>()?
                }
            }
        };
        let mut sum = Measured::default();
        for (mut part, (_, rows)) in parts.into_iter().zip(blocks) {
            part.scale(rows.len() as f64 / indices.len() as f64);
            sum.add(part);
        }
        Ok(sum)
    }

    /// Measures one block, the one at `index`.
    fn measure_block(&self, (input, clean): (Tensor, Tensor), index: usize) -> Result<Measured> {
        let objective = Objective::new(self.config, self.model.network());
        let scalar = |tensor: Tensor| -> Result<f64> { Ok(tensor.to_dtype(DType::F64)?.to_scalar::<f64>()?) };
        let code = self.model.encoding(&input)?;
        let logits = self.model.decode_logits(&code.latent)?;
        let metrics = Metrics::of(&logits, &clean)?;
        let zeros = code.latent.abs()?.le(ZERO)?.to_dtype(DType::F32)?;
        let mut measured = Measured {
            metrics,
            sampled: metrics,
            mean_code: scalar(code.latent.to_dtype(DType::F64)?.mean_all()?)?,
            zero_code: scalar(zeros.mean_all()?)?,
            ..Measured::default()
        };
        if let Some(divergence) = code.divergence()? {
            let sample = code.sample(&mut stream(self.config.seed, Purpose::MeasuredSample, index as u32))?;
            measured.sampled = Metrics::of(&self.model.decode_logits(&sample)?, &clean)?;
            measured.divergence = scalar(divergence)?;
        }
        if self.config.input_noise > 0. {
            measured.input_mse = scalar((&input - &clean)?.sqr()?.mean_all()?)?;
        }
        if let Some(penalty) = objective.penalty(&code)? {
            measured.penalty = scalar(penalty)?;
        }
        Ok(measured)
    }

    /// The loss that training minimises, on rows measured before.
    pub(crate) fn loss(&self, measured: &Measured) -> f64 {
        let Measured { sampled, penalty, .. } = measured;
        Objective::new(self.config, self.model.network()).total(sampled.bce, sampled.mse, *penalty)
    }

    /// The first rows that are measured, `clean`, as the network is given them.
    pub(crate) fn input(&self, clean: &Tensor) -> Result<Tensor> {
        self.input_with(clean, Purpose::MeasuredNoise, 0)
    }

    fn input_with(&self, clean: &Tensor, noise: Purpose, index: u32) -> Result<Tensor> {
        if self.config.input_noise == 0. {
            return Ok(clean.clone());
        }
        Ok(Noise::new(self.config.input_noise, stream(self.config.seed, noise, index)).on(clean)?)
    }

    /// The mean squared error of each row, in order.
    pub(crate) fn row_errors(&self, images: &Images, indices: &[u32]) -> Result<Vec<f32>> {
        let mut errors = Vec::with_capacity(indices.len());
        for block in self.blocks(images, indices, Purpose::MeasuredNoise) {
            let (input, clean) = block?;
            errors.extend((self.model.reconstruct(&input)? - clean)?.sqr()?.mean(1)?.to_vec1::<f32>()?);
        }
        Ok(errors)
    }

    /// What `encode` makes of the rows `indices`, block by block, `[n, ..]` on the CPU.
    fn codes<'b>(
        &'b self,
        images: &'b Images,
        indices: &'b [u32],
        noise: Purpose,
        encode: impl Fn(&Tensor) -> Result<Tensor> + 'b,
    ) -> impl Iterator<Item = Result<Tensor>> + 'b {
        // Without `detach`, every code would keep the rows it was made of.
        let code = move |block: Result<(Tensor, Tensor)>| Ok(encode(&block?.0)?.detach().to_device(&Device::Cpu)?);
        self.blocks(images, indices, noise).map(code)
    }

    /// Everything there is to say of the test rows, and of PCA on the same.
    pub(crate) fn report(&self, dataset: &Dataset, split: &Split) -> Result<(TestReport, PcaReport)> {
        let test = &dataset.test;
        let all: Vec<u32> = (0..test.len() as u32).collect();
        let measured = self.rows(test, &all)?;
        let components = self.model.network().latent_dim();
        let pca = Pca::fit(&dataset.train, &split.train, components)?;

        let labels: Vec<u8> = split.train.iter().map(|&row| dataset.train.labels()[row as usize]).collect();
        let classified = labels.iter().any(|label| *label != labels[0]);
        let accuracy = |encode: &dyn Fn(&Tensor) -> Result<Tensor>| {
            let training = self.codes(&dataset.train, &split.train, Purpose::NeighbourNoise, encode);
            let codes = self.codes(test, &all, Purpose::MeasuredNoise, encode).collect::<Result<Vec<_>>>()?;
            knn::accuracy(training, &labels, &Tensor::cat(&codes, 0)?, test.labels())
        };
        let accuracy = |encode: &dyn Fn(&Tensor) -> Result<Tensor>| classified.then(|| accuracy(encode)).transpose();
        let bound = |reconstruction: f64| Bound {
            reconstruction,
            divergence: measured.divergence,
            elbo: -(reconstruction + measured.divergence),
        };
        let on_cpu = |(input, clean): (Tensor, Tensor)| -> Result<_> {
            Ok((input.to_device(&Device::Cpu)?, clean.to_device(&Device::Cpu)?))
        };
        let pca_metrics =
            pca.evaluate_blocks(self.blocks(test, &all, Purpose::MeasuredNoise).map(|block| on_cpu(block?)))?;
        let test_report = TestReport {
            rows: test.len(),
            metrics: measured.metrics,
            psnr: measured.metrics.psnr(),
            mean_code: measured.mean_code,
            zero_code: measured.zero_code,
            neighbour_accuracy: accuracy(&|input| self.model.encode(input))?,
            noisy_mse: (self.config.input_noise > 0.).then_some(measured.input_mse),
            bound: self.model.log_variance().map(|_| bound(measured.sampled.bce * test.width() as f64)),
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NetworkConfig;
    use crate::{DataSource, Preset};

    #[test]
    fn measured_rows_have_the_same_noise_every_time_and_their_neighbours_another() {
        let dataset = Dataset::load(&DataSource::Digits).unwrap();
        let config = Config::preset(Preset::Denoise, DataSource::Digits);
        let network = NetworkConfig::new(&config.model, dataset.image_shape()).unwrap();
        let model = Autoencoder::new(&network, 1, &Device::Cpu).unwrap();
        let measure = Measure { model: &model, config: &config, device: &Device::Cpu };
        let input = |noise: Purpose| {
            let (input, _) = measure.blocks(&dataset.test, &[0, 1], noise).next().unwrap().unwrap();
            input.to_vec2::<f32>().unwrap()
        };
        assert_eq!(input(Purpose::MeasuredNoise), input(Purpose::MeasuredNoise));
        assert_ne!(input(Purpose::MeasuredNoise), input(Purpose::NeighbourNoise));
        assert!(input(Purpose::MeasuredNoise).iter().flatten().all(|value| (0. ..=1.).contains(value)));
    }
}

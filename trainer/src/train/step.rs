//! One training step: loss, gradients, and the optimiser's move.

use candle_core::Device;

use crate::config::Config;
use crate::data::Samples;
use crate::error::Result;
use crate::fused::{Batch, Categories, TrainStep};
use crate::model::Autoencoder;
use crate::objective::Objective;
use crate::optimizer::Optimizer;
use crate::random::{Noise, Purpose, normal, stream_at};
use crate::timing::Phase;

/// A network, its optimiser, and what a step needs to know.
pub(super) struct Learner {
    pub(super) model: Autoencoder,
    pub(super) optimizer: Optimizer,
    objective: Objective,
    /// Instead of candle's graph, where there are kernels for the whole network.
    fused: Option<TrainStep>,
    device: Device,
    seed: u64,
    input_noise: f64,
    max_norm: f64,
}

/// The rows of a step, and its place in the course of training, from 1.
pub(super) struct Step<'a> {
    pub(super) images: &'a Samples,
    pub(super) indices: &'a [u32],
    pub(super) epoch: usize,
    pub(super) step: usize,
}

impl Learner {
    pub(super) fn new(
        config: &Config,
        (model, optimizer): (Autoencoder, Optimizer),
        device: Device,
        categories: Categories,
    ) -> Self {
        let Config { seed, input_noise, clip_norm, .. } = *config;
        let objective = Objective::new(config.objective(), model.network()).with_categories(categories);
        let fused = model.train_step(objective.terms());
        let max_norm = if clip_norm > 0. { clip_norm } else { f64::INFINITY };
        Self { model, optimizer, objective, fused, device, seed, input_noise, max_norm }
    }

    /// Trains on the rows of `step`, unless the loss, which is returned, is not finite.
    pub(super) fn train(&mut self, &Step { images, indices, epoch, step }: &Step) -> Result<f64> {
        let noise = Noise::new(self.input_noise, stream_at(self.seed, Purpose::InputNoise, epoch as u32, step));
        let mut rng = stream_at(self.seed, Purpose::Dropout, epoch as u32, step);

        if let Some(fused) = &mut self.fused {
            let drawn = if self.model.log_variance().is_some() { self.model.network().latent_dim() } else { 0 };
            let add_noise = |first: usize, rows: &mut [f32]| noise.add(first, images.width(), rows);
            let sample = Phase::Batch.wall(|| normal(&mut rng, indices.len() * drawn));
            let batch = Batch {
                rows: indices.len(),
                clean: &|first, rows| images.fill(&indices[first..], rows),
                noise: (self.input_noise > 0.).then_some(&add_noise),
                sample: &sample,
            };
            let (loss, gradients) = fused.run(&batch, &mut rng)?;
            if loss.is_finite() {
                self.optimizer.step_values(gradients, self.max_norm)?;
            }
            return Ok(loss);
        }

        let (input, target) = Phase::Batch.wall(|| -> Result<_> {
            let target = images.batch(indices, &self.device)?;
            Ok((if self.input_noise > 0. { noise.on(&target)? } else { target.clone() }, target))
        })?;
        let pass = Phase::Forward.wall(|| self.model.forward_training(&input, &mut rng))?;
        let (loss, value) = Phase::Loss.wall(|| -> Result<_> {
            let loss = self.objective.compute(&pass.encoding, &pass.logits, &target)?;
            let value = f64::from(loss.to_scalar::<f32>()?);
            Ok((loss, value))
        })?;
        if value.is_finite() {
            let gradients = Phase::Backward.wall(|| loss.backward())?;
            self.optimizer.step_clipped(&gradients, self.max_norm)?;
        }
        Ok(value)
    }
}

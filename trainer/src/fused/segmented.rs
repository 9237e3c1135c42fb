//! The step of a network of [`Segments`]: all rows go through one segment after the other, forward and back.

use std::sync::Arc;

use candle_core::{Result, Tensor};
use kernels::Channels;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::batch::Batch;
use super::batch_norm::BatchNorm;
use super::chain::Chain;
use super::chain_run::{PackedWeights, SavedActivations, with_packed_weights};
use super::chain_step::{ChainStep, Ends, Way};
use super::dropout::dropout_mask;
use super::loss::LossTerms;
use super::segments::{Segment, SegmentKind, Segments, forward};
use super::storage::with_values;
use crate::timing::Phase;

/// Rows that a thread fetches at once.
const ROWS: usize = 8;

/// A network, and buffers for what its gradients are computed from.
pub(super) struct Segmented {
    network: Arc<Segments>,
    terms: LossTerms,
    /// The input of each segment, of all rows.
    values: Vec<Vec<f32>>,
    /// The rows that are to be reconstructed, where the input is noisy.
    target: Vec<f32>,
    /// What each segment keeps for the way back.
    kept: Vec<Kept>,
    /// The gradient of a segment's output, and that of its input.
    grads: [Vec<f32>; 2],
}

/// What a segment keeps from the way forward for the way back.
#[derive(Default)]
struct Kept {
    /// Of a chain.
    saved: Vec<SavedActivations>,
    /// Of a normalisation: mean and variance.
    statistics: [Vec<f32>; 2],
    /// Of a dropout: the factor of each value.
    mask: Vec<f32>,
}

impl Segmented {
    pub(super) fn new(network: Segments, terms: LossTerms) -> Self {
        let count = network.all().count();
        let (values, target, grads) = (vec![vec![]; count], vec![], [vec![], vec![]]);
        let kept = (0..count).map(|_| Kept::default()).collect();
        Self { network: Arc::new(network), terms, values, target, kept, grads }
    }

    /// Weights and biases in the order of the layers.
    pub(super) fn parameters(&self) -> Vec<Tensor> {
        self.network.all().flat_map(Segment::parameters).collect()
    }

    /// The loss; `gradients` become those of the parameters, one after the other. What is random is drawn from `rng`.
    pub(super) fn run(&mut self, batch: &Batch, gradients: &mut [f32], rng: &mut ChaCha8Rng) -> Result<f64> {
        let network = self.network.clone();
        let segments: Vec<&Segment> = network.all().collect();
        let chains: Vec<&Chain> = segments.iter().filter_map(|segment| segment.as_chain()).collect();
        let of_chains: Vec<&Tensor> = chains.iter().flat_map(|chain| chain.parameters()).collect();
        let step = with_values(&of_chains, |parameters| {
            with_packed_weights(&chains, parameters, |weights| self.step(&segments, weights, (batch, rng), gradients))
        });
        step?
    }

    fn step(
        &mut self,
        segments: &[&Segment],
        weights: &[PackedWeights],
        (batch, rng): (&Batch, &mut ChaCha8Rng),
        gradients: &mut [f32],
    ) -> Result<f64> {
        let Some((last, before)) = segments.split_last() else { return Ok(0.) };
        Phase::Batch.wall(|| self.fetch(batch));
        let mut weights: Vec<&PackedWeights> = weights.iter().collect();
        let of_last = weights.pop();
        let mut next = weights.iter();
        Phase::Forward.wall(|| -> Result<()> {
            for (index, &segment) in before.iter().enumerate() {
                let [x, out, ..] = &mut self.values[index..] else { break };
                out.resize(batch.rows * segment.output, 0.);
                let weights = if segment.as_chain().is_some() { next.next().copied() } else { None };
                Passage { segment, weights, kept: &mut self.kept[index] }.forward(x, out, rng)?;
            }
            Ok(())
        })?;
        let places: Vec<usize> = segments.iter().map(|segment| parameter_values(segment)).collect();
        let mut rest = gradients;
        let mut own: Vec<&mut [f32]> =
            places.iter().map(|&len| rest.split_off_mut(..len).unwrap_or_default()).collect();

        let latent = self.network.encoder.len();
        let penalty = self.terms.penalty(batch.rows);
        let target = if batch.noise.is_some() { &self.target } else { &self.values[0] };
        let [grad, dx] = &mut self.grads;
        let input = &self.values[before.len()];
        dx.resize(input.len(), 0.);
        let mut loss = penalty.l1(&self.values[latent]);
        if let (Some(chain), Some(weights), Some(own)) = (last.as_chain(), of_last, own.pop()) {
            let scale = self.terms.scale / (batch.rows * chain.output()) as f64;
            let ends = Ends { terms: &self.terms, target, scale };
            let saved = &mut self.kept[before.len()].saved;
            let whole = ChainStep { chain, weights, x: input, rows: batch.rows };
            loss += Phase::Backward.wall(|| whole.backward(Way::Loss(ends), Some(dx), saved, own));
        }
        std::mem::swap(grad, dx);
        Phase::Backward.wall(|| -> Result<()> {
            for (index, &segment) in before.iter().enumerate().rev() {
                let [x, out, ..] = &self.values[index..] else { break };
                if index + 1 == latent {
                    penalty.add_l1_gradient(out, grad);
                }
                if segment.relu {
                    kernels::relu_backward_in_place(out, grad);
                }
                dx.resize(x.len(), 0.);
                let weights = if segment.as_chain().is_some() { weights.pop() } else { None };
                let dx_wanted = (index > 0).then_some(&mut dx[..]);
                let own = own.pop().unwrap_or_default();
                Passage { segment, weights, kept: &mut self.kept[index] }.backward([x, grad], dx_wanted, own)?;
                std::mem::swap(grad, dx);
            }
            Ok(())
        })?;
        Ok(loss)
    }

    /// Writes the rows of the batch.
    fn fetch(&mut self, batch: &Batch) {
        let width = self.network.all().next().map_or(0, |segment| segment.input);
        let rows = &mut self.values[0];
        rows.resize(batch.rows * width, 0.);
        rows.par_chunks_mut(ROWS * width).enumerate().for_each(|(index, rows)| (batch.clean)(index * ROWS, rows));
        if let Some(noise) = batch.noise {
            self.target.clone_from(rows);
            rows.par_chunks_mut(ROWS * width).enumerate().for_each(|(index, rows)| noise(index * ROWS, rows));
        }
    }
}

/// Values of a segment's parameters.
fn parameter_values(segment: &Segment) -> usize {
    match &segment.kind {
        SegmentKind::Chain(chain) => chain.parameter_values(),
        SegmentKind::BatchNorm(channels, _) => 2 * channels.channels,
        SegmentKind::Dropout(_) => 0,
    }
}

/// All rows on their way through a segment.
struct Passage<'a, 'b> {
    segment: &'a Segment,
    /// Those of a chain.
    weights: Option<&'a PackedWeights<'b>>,
    kept: &'a mut Kept,
}

impl Passage<'_, '_> {
    fn forward(self, x: &[f32], out: &mut [f32], rng: &mut ChaCha8Rng) -> Result<()> {
        let Self { segment, weights, kept } = self;
        match (&segment.kind, weights) {
            (SegmentKind::Chain(chain), Some(weights)) => forward(chain, weights, x, out),
            (SegmentKind::Chain(_), None) => {}
            (SegmentKind::BatchNorm(channels, norm), _) => {
                let rows = x.len() / segment.input;
                let channels = Channels { outer: channels.outer * rows, ..*channels };
                let [mean, variance] = &mut kept.statistics;
                mean.resize(channels.channels, 0.);
                variance.resize(channels.channels, 0.);
                channels.statistics(x, mean, variance);
                let tensor = |values: &[f32]| Tensor::new(values, norm.weight.device());
                norm.average([&tensor(mean)?, &tensor(variance)?], channels.count())?;
                let inverse = BatchNorm::inverse(variance);
                with_values(&[&norm.weight, &norm.bias], |parameters| {
                    channels.normalise(x, [mean, &inverse], [parameters[0], parameters[1]], out);
                })?;
            }
            (SegmentKind::Dropout(rate), _) => {
                kept.mask = dropout_mask(*rate, x.len(), rng);
                out.iter_mut().zip(x).zip(&kept.mask).for_each(|((out, x), mask)| *out = x * mask);
            }
        }
        if segment.relu {
            kernels::relu_in_place(out);
        }
        Ok(())
    }

    /// The gradients of the parameters, and that of the input, to `dx` where it is asked for.
    fn backward(self, [x, grad]: [&[f32]; 2], dx: Option<&mut [f32]>, gradients: &mut [f32]) -> Result<()> {
        let Self { segment, weights, kept } = self;
        let rows = x.len() / segment.input;
        match (&segment.kind, weights) {
            (SegmentKind::Chain(chain), Some(weights)) => {
                ChainStep { chain, weights, x, rows }.backward(Way::Gradient(grad), dx, &mut kept.saved, gradients);
            }
            (SegmentKind::Chain(_), None) => {}
            (SegmentKind::BatchNorm(channels, norm), _) => {
                let channels = Channels { outer: channels.outer * rows, ..*channels };
                let (mean, inverse) = (&kept.statistics[0], BatchNorm::inverse(&kept.statistics[1]));
                let (dweight, dbias) = gradients.split_at_mut(channels.channels);
                channels.parameter_gradients([x, grad], [mean, &inverse], [&mut *dweight, &mut *dbias]);
                if let Some(dx) = dx {
                    with_values(&[&norm.weight], |parameters| {
                        channels.input_gradient([x, grad], [mean, &inverse, parameters[0]], [dweight, dbias], dx);
                    })?;
                }
            }
            (SegmentKind::Dropout(_), _) => {
                let factors = grad.iter().zip(&kept.mask);
                dx.into_iter().flatten().zip(factors).for_each(|(dx, (grad, mask))| *dx = grad * mask);
            }
        }
        Ok(())
    }
}

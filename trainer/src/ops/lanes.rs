//! The pass of any network, a few rows at a time: they run forward and backward through all layers, so that what lies
//! between those stays in the processor's cache.

use std::ops::Range;

use rayon::prelude::*;

use super::chain::{Chain, Kept, Lane, Prepared, prepare, weight_gradients};
use super::pass::{Batch, Terms};
use super::ready::Chains;
use crate::timing::Phase;
use kernels::elementwise;
use kernels::scratch::with_scratch;

/// A network, and room for what its gradients are made of.
pub(super) struct Lanes {
    network: Network,
    /// Of each chain.
    kept: Vec<Vec<Kept>>,
    sums: Vec<Sums>,
}

/// What is added up along a lane of rows: the loss, and the gradients that do not come at once.
#[derive(Default)]
struct Sums {
    loss: f64,
    gradients: Vec<f32>,
}

/// A network's layers and what it is trained for.
struct Network {
    chains: Chains,
    terms: Terms,
}

impl Lanes {
    pub(super) fn new(chains: Chains, terms: Terms) -> Self {
        Self { network: Network { chains, terms }, kept: vec![], sums: vec![] }
    }

    /// The loss; `gradients` become those of `parameters`, weights and biases in turn, one after the other.
    pub(super) fn run(&mut self, batch: &Batch, parameters: &[&[f32]], gradients: &mut [f32]) -> f64 {
        let chains = self.network.chains.all();
        let lane = chains.iter().map(|chain| chain.lane(batch.rows)).max().unwrap_or(1);
        let in_lanes = chains.iter().map(|chain| chain.lane_values()).sum();
        self.kept.resize_with(chains.len(), Vec::new);
        self.sums.resize_with(batch.rows.div_ceil(lane), Sums::default);
        let mut of_chains: Vec<_> = chains
            .iter()
            .zip(&mut self.kept)
            .map(|(chain, kept)| chain.lanes(kept, batch.rows, lane).into_iter())
            .collect();
        let lanes = self.sums.iter_mut().enumerate().map(|(index, sums)| {
            let places = of_chains.iter_mut().filter_map(Iterator::next).collect();
            (index * lane..(index * lane + lane).min(batch.rows), places, sums)
        });
        let lanes: Vec<(Range<usize>, Vec<Lane>, &mut Sums)> = lanes.collect();
        prepare(&chains, parameters, |weights| {
            let running = Running { network: &self.network, weights, batch };
            let block = chains.iter().map(|chain| chain.block()).min().unwrap_or(1);
            lanes.into_par_iter().for_each(|(rows, mut places, sums)| {
                sums.loss = 0.;
                sums.gradients.clear();
                sums.gradients.resize(in_lanes, 0.);
                for start in rows.clone().step_by(block) {
                    running.block(start..(start + block).min(rows.end), &mut places, sums);
                }
            });
        });
        let lanes: Vec<&[f32]> = self.sums.iter().map(|sums| &sums.gradients[..]).collect();
        Phase::Backward.wall(|| weight_gradients(&chains, &self.kept, &lanes, gradients));
        self.sums.iter().map(|sums| sums.loss).sum()
    }
}

/// A pass on its way.
struct Running<'a> {
    network: &'a Network,
    /// Those of the encoder, of the heads, of the decoder.
    weights: &'a [Prepared<'a>],
    batch: &'a Batch<'a>,
}

/// The chains' places in a lane, and their gradients in its sums.
struct Own<'a, 'b> {
    places: &'a mut [Lane<'b>],
    gradients: &'a mut [f32],
}

impl Running<'_> {
    /// Takes rows forward and backward.
    fn block(&self, rows: Range<usize>, places: &mut [Lane], sums: &mut Sums) {
        let Chains { encoder, heads, .. } = &self.network.chains;
        let [place, places @ ..] = places else { return };
        let (own, gradients) = sums.gradients.split_at_mut(encoder.lane_values());
        encoder.with_block(&self.weights[0], place, rows.len(), |block| {
            Phase::Batch.time(|| (self.batch.clean)(rows.start, block.input()));
            let noisy = if self.batch.noise.is_some() { block.input().len() } else { 0 };
            let loss = with_scratch([noisy], |[target]| {
                if let Some(noise) = self.batch.noise {
                    target.copy_from_slice(block.input());
                    Phase::Batch.time(|| noise(rows.start, block.input()));
                }
                Phase::Forward.time(|| block.forward());
                let (x, features, dfeatures) = block.ends();
                let target = if noisy > 0 { &*target } else { x };
                let others = Own { places, gradients };
                match heads {
                    None => {
                        let loss = self.reconstruct([features, target], others, dfeatures);
                        let charges = self.network.terms.charges(self.batch.rows);
                        charges.add_size_gradient(features, dfeatures);
                        loss + charges.size(features)
                    }
                    Some(heads) => self.sample(heads, rows, [features, target], others, dfeatures),
                }
            });
            Phase::Backward.time(|| block.backward(own, None));
            sums.loss += loss;
        });
    }

    /// The reconstruction's part of the loss, and the gradient of the code.
    fn reconstruct(&self, [code, target]: [&[f32]; 2], own: Own, dcode: &mut [f32]) -> f64 {
        let Network { chains: Chains { decoder, .. }, terms } = self.network;
        let ([place], Some(weights)) = (own.places, self.weights.last()) else { return 0. };
        decoder.with_block(weights, place, code.len() / decoder.input(), |block| {
            block.input().copy_from_slice(code);
            Phase::Forward.time(|| block.forward());
            let (_, logits, grad) = block.ends();
            let scale = terms.scale / (self.batch.rows * decoder.output()) as f64;
            let sum = Phase::Loss.time(|| match terms.square {
                false => elementwise::bce_with_gradient(logits, target, scale as f32, grad),
                true => elementwise::square_with_gradient(logits, target, scale as f32, grad),
            });
            Phase::Backward.time(|| block.backward(own.gradients, Some(dcode)));
            sum * scale
        })
    }

    /// Samples the code of a variational network and reconstructs it; returns the loss, and the gradient of the features.
    fn sample(
        &self,
        [mean, log_variance]: &[Chain; 2],
        rows: Range<usize>,
        [features, target]: [&[f32]; 2],
        own: Own,
        dfeatures: &mut [f32],
    ) -> f64 {
        let ([of_mean, of_log_variance, places @ ..], [_, weights @ .., _]) = (own.places, self.weights) else {
            return 0.;
        };
        let width = mean.output();
        let sample = &self.batch.sample[rows.start * width..rows.end * width];
        let (to_mean, gradients) = own.gradients.split_at_mut(mean.lane_values());
        let (to_log_variance, gradients) = gradients.split_at_mut(log_variance.lane_values());
        mean.with_block(&weights[0], of_mean, rows.len(), |mean| {
            log_variance.with_block(&weights[1], of_log_variance, rows.len(), |log_variance| {
                mean.input().copy_from_slice(features);
                Phase::Forward.time(|| mean.forward());
                log_variance.input().copy_from_slice(features);
                Phase::Forward.time(|| log_variance.forward());
                let ((_, means, dmean), (_, log_variances, dlog_variance)) = (mean.ends(), log_variance.ends());
                let loss = with_scratch([sample.len(); 2], |[deviation, code]| {
                    elementwise::exp_of_half(log_variances, deviation);
                    for (i, code) in code.iter_mut().enumerate() {
                        *code = means[i] + deviation[i] * sample[i];
                    }
                    let loss = self.reconstruct([code, target], Own { places, gradients }, dmean);
                    for (i, dlog_variance) in dlog_variance.iter_mut().enumerate() {
                        *dlog_variance = dmean[i] * 0.5 * deviation[i] * sample[i];
                    }
                    let charges = self.network.terms.charges(self.batch.rows);
                    charges.add_size_gradient(means, dmean);
                    charges.add_divergence_gradient(means, deviation, [dmean, dlog_variance]);
                    loss + charges.size(means) + charges.divergence(means, log_variances, deviation)
                });
                Phase::Backward.time(|| mean.backward(to_mean, Some(dfeatures)));
                with_scratch([features.len()], |[dx]| {
                    Phase::Backward.time(|| log_variance.backward(to_log_variance, Some(dx)));
                    elementwise::add_rows(dx, dx.len(), dfeatures);
                });
                loss
            })
        })
    }
}

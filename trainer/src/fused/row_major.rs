//! The step of any network, a few rows at a time: they run forward and backward through all layers, so that the values between
//! the layers stay in the processor's cache.

use std::ops::Range;

use kernels::with_scratch;
use rayon::prelude::*;

use super::batch::Batch;
use super::chain::Chain;
use super::chain_run::{PackedWeights, SavedActivations, Shard, weight_gradients, with_packed_weights};
use super::chains::Chains;
use super::loss::LossTerms;
use crate::timing::Phase;

/// A network, and buffers for what its gradients are computed from.
pub(super) struct RowMajor {
    network: Network,
    /// Of each chain.
    saved: Vec<Vec<SavedActivations>>,
    sums: Vec<ShardSums>,
}

/// What is added up along a shard of rows: the loss, and the gradients that are not computed for all rows at once.
#[derive(Default)]
struct ShardSums {
    loss: f64,
    gradients: Vec<f32>,
}

/// A network's layers and what it is trained for.
struct Network {
    chains: Chains,
    terms: LossTerms,
}

impl RowMajor {
    pub(super) fn new(chains: Chains, terms: LossTerms) -> Self {
        Self { network: Network { chains, terms }, saved: vec![], sums: vec![] }
    }

    /// The loss; `gradients` become those of `parameters`, weights and biases in turn, one after the other.
    pub(super) fn run(&mut self, batch: &Batch, parameters: &[&[f32]], gradients: &mut [f32]) -> f64 {
        let chains = self.network.chains.all();
        let shard_rows = chains.iter().map(|chain| chain.shard_rows(batch.rows)).max().unwrap_or(1);
        let shard_gradient_len = chains.iter().map(|chain| chain.shard_gradient_len()).sum();
        self.saved.resize_with(chains.len(), Vec::new);
        self.sums.resize_with(batch.rows.div_ceil(shard_rows), ShardSums::default);
        let mut of_chains: Vec<_> = chains
            .iter()
            .zip(&mut self.saved)
            .map(|(chain, saved)| chain.shards(saved, batch.rows, shard_rows).into_iter())
            .collect();
        let shards = self.sums.iter_mut().enumerate().map(|(index, sums)| {
            let of_shard = of_chains.iter_mut().filter_map(Iterator::next).collect();
            (index * shard_rows..(index * shard_rows + shard_rows).min(batch.rows), of_shard, sums)
        });
        let shards: Vec<(Range<usize>, Vec<Shard>, &mut ShardSums)> = shards.collect();
        with_packed_weights(&chains, parameters, |weights| {
            let step = Step { network: &self.network, weights, batch };
            let block = chains.iter().map(|chain| chain.block()).min().unwrap_or(1);
            shards.into_par_iter().for_each(|(rows, mut of_shard, sums)| {
                sums.loss = 0.;
                sums.gradients.clear();
                sums.gradients.resize(shard_gradient_len, 0.);
                for start in rows.clone().step_by(block) {
                    step.block(start..(start + block).min(rows.end), &mut of_shard, sums);
                }
            });
        });
        let shards: Vec<&[f32]> = self.sums.iter().map(|sums| &sums.gradients[..]).collect();
        Phase::Backward.wall(|| weight_gradients(&chains, &self.saved, &shards, gradients));
        self.sums.iter().map(|sums| sums.loss).sum()
    }
}

/// A step that is being computed.
struct Step<'a> {
    network: &'a Network,
    /// Those of the encoder, of the heads, of the decoder.
    weights: &'a [PackedWeights<'a>],
    batch: &'a Batch<'a>,
}

/// The remaining chains' parts of a shard, and their gradients in its sums.
struct Rest<'a, 'b> {
    shards: &'a mut [Shard<'b>],
    gradients: &'a mut [f32],
}

/// What the encoder of a variational network gives its two heads, `[rows, width]`.
struct Features<'a> {
    /// Their places in the batch.
    rows: Range<usize>,
    values: &'a [f32],
    gradient: &'a mut [f32],
}

impl Step<'_> {
    /// Takes rows forward and backward.
    fn block(&self, rows: Range<usize>, shards: &mut [Shard], sums: &mut ShardSums) {
        let Chains { encoder, heads, .. } = &self.network.chains;
        let [shard, shards @ ..] = shards else { return };
        let (own, gradients) = sums.gradients.split_at_mut(encoder.shard_gradient_len());
        encoder.with_block(&self.weights[0], shard, rows.len(), |block| {
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
                let rest = Rest { shards, gradients };
                match heads {
                    None => {
                        let loss = self.reconstruct([features, target], rest, dfeatures);
                        let penalty = self.network.terms.penalty(self.batch.rows);
                        penalty.add_l1_gradient(features, dfeatures);
                        loss + penalty.l1(features)
                    }
                    Some(heads) => {
                        let features = Features { rows, values: features, gradient: dfeatures };
                        self.sample(heads, features, target, rest)
                    }
                }
            });
            Phase::Backward.time(|| block.backward(own, None));
            sums.loss += loss;
        });
    }

    /// The reconstruction's part of the loss, and the gradient of the latent.
    fn reconstruct(&self, [latent, target]: [&[f32]; 2], rest: Rest, dlatent: &mut [f32]) -> f64 {
        let Network { chains: Chains { decoder, .. }, terms } = self.network;
        let ([shard], Some(weights)) = (rest.shards, self.weights.last()) else { return 0. };
        decoder.with_block(weights, shard, latent.len() / decoder.input(), |block| {
            block.input().copy_from_slice(latent);
            Phase::Forward.time(|| block.forward());
            let (_, logits, grad) = block.ends();
            let scale = terms.scale / (self.batch.rows * decoder.output()) as f64;
            let sum = Phase::Loss.time(|| terms.reconstruction(logits, target, scale, grad));
            Phase::Backward.time(|| block.backward(rest.gradients, Some(dlatent)));
            sum * scale
        })
    }

    /// Samples the latent of a variational network and reconstructs it; returns the loss.
    fn sample(&self, [mean, log_variance]: &[Chain; 2], features: Features, target: &[f32], rest: Rest) -> f64 {
        let Features { rows, values: features, gradient: dfeatures } = features;
        let ([of_mean, of_log_variance, shards @ ..], [_, weights @ .., _]) = (rest.shards, self.weights) else {
            return 0.;
        };
        let width = mean.output();
        let sample = &self.batch.sample[rows.start * width..rows.end * width];
        let (to_mean, gradients) = rest.gradients.split_at_mut(mean.shard_gradient_len());
        let (to_log_variance, gradients) = gradients.split_at_mut(log_variance.shard_gradient_len());
        mean.with_block(&weights[0], of_mean, rows.len(), |mean| {
            log_variance.with_block(&weights[1], of_log_variance, rows.len(), |log_variance| {
                mean.input().copy_from_slice(features);
                Phase::Forward.time(|| mean.forward());
                log_variance.input().copy_from_slice(features);
                Phase::Forward.time(|| log_variance.forward());
                let ((_, means, dmean), (_, log_variances, dlog_variance)) = (mean.ends(), log_variance.ends());
                let loss = with_scratch([sample.len(); 2], |[std, latent]| {
                    kernels::exp_of_half(log_variances, std);
                    for (i, latent) in latent.iter_mut().enumerate() {
                        *latent = means[i] + std[i] * sample[i];
                    }
                    let loss = self.reconstruct([latent, target], Rest { shards, gradients }, dmean);
                    for (i, dlog_variance) in dlog_variance.iter_mut().enumerate() {
                        *dlog_variance = dmean[i] * 0.5 * std[i] * sample[i];
                    }
                    let penalty = self.network.terms.penalty(self.batch.rows);
                    penalty.add_l1_gradient(means, dmean);
                    penalty.add_divergence_gradient(means, std, [dmean, dlog_variance]);
                    loss + penalty.l1(means) + penalty.divergence(means, log_variances, std)
                });
                Phase::Backward.time(|| mean.backward(to_mean, Some(dfeatures)));
                with_scratch([features.len()], |[dx]| {
                    Phase::Backward.time(|| log_variance.backward(to_log_variance, Some(dx)));
                    kernels::add_rows(dx, dx.len(), dfeatures);
                });
                loss
            })
        })
    }
}

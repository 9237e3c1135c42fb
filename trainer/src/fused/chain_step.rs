//! A chain on all rows of a batch, forward and back, as a part of a step.

use rayon::prelude::*;

use super::chain::Chain;
use super::chain_run::{PackedWeights, SavedActivations, weight_gradients};
use super::loss::LossTerms;

/// A chain on all rows of a batch.
pub(super) struct ChainStep<'a> {
    pub(super) chain: &'a Chain,
    pub(super) weights: &'a PackedWeights<'a>,
    /// Its input, `[rows, width]`.
    pub(super) x: &'a [f32],
    pub(super) rows: usize,
}

/// Where the gradient of a chain's output comes from.
#[derive(Clone, Copy)]
pub(super) enum Way<'a> {
    Gradient(&'a [f32]),
    Loss(Ends<'a>),
}

/// The end of a network: what is to be reconstructed, and the weight of each value's error.
#[derive(Clone, Copy)]
pub(super) struct Ends<'a> {
    pub(super) terms: &'a LossTerms,
    pub(super) target: &'a [f32],
    pub(super) scale: f64,
}

impl ChainStep<'_> {
    /// Takes the rows forward, and their gradient back, to `dx` where it is asked for; `gradients` become those of the parameters. Returns
    /// the loss, if the way begins with it.
    pub(super) fn backward(
        &self,
        way: Way,
        dx: Option<&mut [f32]>,
        saved: &mut Vec<SavedActivations>,
        gradients: &mut [f32],
    ) -> f64 {
        let Self { chain, weights, x, rows } = *self;
        let (input, output, block) = (chain.input(), chain.output(), chain.block());
        let shard_rows = chain.shard_rows(rows);
        let mut inputs: Vec<Option<&mut [f32]>> =
            dx.map_or(vec![], |dx| dx.chunks_mut(shard_rows * input).map(Some).collect());
        inputs.resize_with(rows.div_ceil(shard_rows), || None);
        let shards = chain.shards(saved, rows, shard_rows);
        let shards: Vec<_> = shards.into_iter().zip(x.chunks(shard_rows * input)).zip(inputs).enumerate().collect();
        let sums: Vec<(f64, Vec<f32>)> = shards
            .into_par_iter()
            .map(|(index, ((mut shard, x), mut dx))| {
                let (mut loss, mut sums) = (0., vec![0.; chain.shard_gradient_len()]);
                let mut first = index * shard_rows;
                for x in x.chunks(block * input) {
                    let rows = x.len() / input;
                    let dx = dx.as_mut().and_then(|dx| dx.split_off_mut(..x.len()));
                    chain.with_block(weights, &mut shard, rows, |block| {
                        block.input().copy_from_slice(x);
                        block.forward();
                        let (_, out, grad) = block.ends();
                        let place = first * output..(first + rows) * output;
                        match way {
                            Way::Gradient(all) => grad.copy_from_slice(&all[place]),
                            Way::Loss(Ends { terms, target, scale }) => {
                                loss += terms.reconstruction(out, &target[place], scale, grad) * scale;
                            }
                        }
                        block.backward(&mut sums, dx);
                    });
                    first += rows;
                }
                (loss, sums)
            })
            .collect();
        let of_shards: Vec<&[f32]> = sums.iter().map(|(_, sums)| &sums[..]).collect();
        weight_gradients(&[chain], std::slice::from_ref(saved), &of_shards, gradients);
        sums.iter().map(|(loss, _)| loss).sum()
    }
}

//! Chains on plain slices: forward, backward, and the gradients of their parameters.

use kernels::with_scratch;
use rayon::prelude::*;

use super::chain::Chain;
use super::layer::{Layer, LayerGradients, LayerWeights};

/// Values of the sum of shards that a thread adds up at once.
const SUM_LEN: usize = 1 << 13;
/// Multiplications for a part of a linear layer's gradient.
const PART_WORK: usize = 1 << 21;
/// The units of such a part are a multiple of this.
const UNITS: usize = 8;

/// The weights of all layers of a chain as the kernels take them.
pub(crate) struct PackedWeights<'a>(Vec<LayerWeights<'a>>);

/// Calls `work` with the packed weights of the chains. `parameters` are weights and biases in turn.
pub(crate) fn with_packed_weights<R>(
    chains: &[&Chain],
    parameters: &[&[f32]],
    work: impl FnOnce(&[PackedWeights]) -> R,
) -> R {
    let layers = || chains.iter().flat_map(|chain| &chain.layers);
    with_scratch([layers().map(Layer::packed_len).sum()], |[packed]| {
        let mut own = parameters.iter().copied();
        let mut next = |layer: &Layer| if layer.bias == 0 { None } else { own.next() };
        let given: Vec<_> = layers().map(|layer| [next(layer), next(layer)].map(Option::unwrap_or_default)).collect();
        let mut rest = &mut *packed;
        let mut tasks = Vec::new();
        for (layer, [weight, _]) in layers().zip(&given) {
            let all = rest.split_off_mut(..layer.packed_len()).unwrap_or_default();
            let part = layer.packed_part();
            tasks.extend(all.chunks_mut(part).enumerate().map(|(index, out)| (layer, *weight, index * part, out)));
        }
        tasks.into_par_iter().for_each(|(layer, weight, first, out)| layer.pack(weight, first, out));
        let mut rest = &*packed;
        let mut given = given.into_iter();
        let weights = chains.iter().map(|chain| {
            let weights = chain.layers.iter().zip(&mut given).map(|(layer, [weight, bias])| {
                let packed = rest.split_off(..layer.packed_len()).unwrap_or_default();
                LayerWeights { weight, bias, packed }
            });
            PackedWeights(weights.collect())
        });
        work(&weights.collect::<Vec<_>>())
    })
}

/// The input of a linear layer and the gradient of its output, for all rows: the weight's gradient is their product.
#[derive(Default)]
pub(crate) struct SavedActivations {
    x: Vec<f32>,
    grad: Vec<f32>,
}

/// Some rows of a batch: for each layer, their part of its [`SavedActivations`], if it has any.
#[derive(Default)]
pub(crate) struct Shard<'a>(Vec<Option<[&'a mut [f32]; 2]>>);

impl Chain {
    /// The shards of a batch of `rows` rows, `shard_rows` each.
    pub(crate) fn shards<'a>(
        &self,
        saved: &'a mut Vec<SavedActivations>,
        rows: usize,
        shard_rows: usize,
    ) -> Vec<Shard<'a>> {
        saved.resize_with(self.layers.len(), SavedActivations::default);
        let mut shards: Vec<Shard> = (0..rows.div_ceil(shard_rows)).map(|_| Shard::default()).collect();
        for (layer, saved) in self.layers.iter().zip(saved) {
            if !layer.whole_batch_gradient() {
                shards.iter_mut().for_each(|shard| shard.0.push(None));
                continue;
            }
            saved.x.resize(rows * layer.input, 0.);
            saved.grad.resize(rows * layer.output, 0.);
            let parts =
                saved.x.chunks_mut(shard_rows * layer.input).zip(saved.grad.chunks_mut(shard_rows * layer.output));
            shards.iter_mut().zip(parts).for_each(|(shard, (x, grad))| shard.0.push(Some([x, grad])));
        }
        shards
    }

    /// Takes rows through all layers.
    pub(crate) fn forward_rows(&self, weights: &PackedWeights, rows: &[f32], out: &mut [f32]) {
        let batch = rows.len() / self.input();
        let Some((last, before)) = self.layers.split_last() else { return out.copy_from_slice(rows) };
        let between = before.iter().map(|layer| layer.output).sum::<usize>();
        with_scratch([batch * between], |[mut rest]| {
            let mut x = rows;
            for (layer, weights) in before.iter().zip(&weights.0) {
                let out = rest.split_off_mut(..batch * layer.output).unwrap_or_default();
                layer.forward(*weights, x, out);
                x = out;
            }
            last.forward(weights.0[before.len()], x, out);
        });
    }

    /// Calls `work` with a block for the next `rows` rows of `shard`, whose input is to be written.
    pub(crate) fn with_block<R>(
        &self,
        weights: &PackedWeights,
        shard: &mut Shard,
        rows: usize,
        work: impl FnOnce(&mut Block) -> R,
    ) -> R {
        let (mut saved, mut grads) = (Vec::new(), Vec::new());
        for (part, layer) in shard.0.iter_mut().zip(&self.layers) {
            let [x, grad] = match part.as_mut() {
                Some([x, grad]) => [x.split_off_mut(..rows * layer.input), grad.split_off_mut(..rows * layer.output)],
                None => [None, None],
            };
            saved.push(x);
            grads.push(grad);
        }
        saved.push(None);
        let widths = || self.layers.iter().map(|layer| layer.input).chain([self.output()]);
        let free = saved.iter().zip(widths()).filter(|(saved, _)| saved.is_none()).map(|(_, width)| width);
        let spare = if grads.iter().all(Option::is_some) { 0 } else { rows * self.widest() };
        with_scratch([rows * free.sum::<usize>(), spare, spare], |[mut free, above, below]| {
            let values = saved.into_iter().zip(widths()).map(|(saved, width)| match saved {
                Some(saved) => saved,
                None => free.split_off_mut(..rows * width).unwrap_or_default(),
            });
            let values = values.collect();
            work(&mut Block { chain: self, weights, rows, values, grads, scratch: [above, below] })
        })
    }
}

/// A few rows on their way through a chain.
pub(crate) struct Block<'a> {
    chain: &'a Chain,
    weights: &'a PackedWeights<'a>,
    rows: usize,
    /// The input of each layer, and the output of the last one.
    values: Vec<&'a mut [f32]>,
    /// The gradients of each layer's output, where they are saved.
    grads: Vec<Option<&'a mut [f32]>>,
    /// Scratch for the other gradients, used alternately.
    scratch: [&'a mut [f32]; 2],
}

impl Block<'_> {
    /// The input, to be written before anything else.
    pub(crate) fn input(&mut self) -> &mut [f32] {
        self.values[0]
    }

    /// Takes the rows through all layers.
    pub(crate) fn forward(&mut self) {
        for (index, (layer, weights)) in self.chain.layers.iter().zip(&self.weights.0).enumerate() {
            let (before, behind) = self.values.split_at_mut(index + 1);
            layer.forward(*weights, before[index], behind[0]);
        }
    }

    /// The input, the output, and the gradient of the output, which is to be written.
    pub(crate) fn ends(&mut self) -> (&[f32], &[f32], &mut [f32]) {
        let grad = match self.grads.last_mut() {
            Some(Some(grad)) => &mut **grad,
            _ => &mut self.scratch[0][..self.rows * self.chain.output()],
        };
        (self.values[0], self.values[self.values.len() - 1], grad)
    }

    /// Takes the gradient back through all layers, to `dx` where that is asked for. The parameters' gradients that the shard
    /// adds up are added to `gradients`.
    pub(crate) fn backward(&mut self, mut gradients: &mut [f32], mut dx: Option<&mut [f32]>) {
        let [above, below] = &mut self.scratch;
        let (mut above, mut below) = (&mut **above, &mut **below);
        for (index, (layer, weights)) in self.chain.layers.iter().zip(&self.weights.0).enumerate().rev() {
            let (before, at) = self.grads.split_at_mut(index);
            let grad = match &mut at[0] {
                Some(saved) => &mut **saved,
                None => &mut above[..self.rows * layer.output],
            };
            let dx = match before.last_mut() {
                None => dx.take(),
                Some(Some(saved)) => Some(&mut **saved),
                Some(None) => Some(&mut below[..self.rows * layer.input]),
            };
            let (others, own) = gradients.split_at_mut(gradients.len() - layer.shard_gradient_len());
            let of_layer = LayerGradients { out: grad, parameters: own, x: dx };
            layer.backward(*weights, [self.values[index], self.values[index + 1]], of_layer);
            gradients = others;
            std::mem::swap(&mut above, &mut below);
        }
    }
}

/// The gradients of all parameters of `chains`, one after the other: those of large linear layers are computed from the `saved`
/// activations, the others are the sum of `shards`.
pub(crate) fn weight_gradients(
    chains: &[&Chain],
    saved: &[Vec<SavedActivations>],
    shards: &[&[f32]],
    gradients: &mut [f32],
) {
    let (mut rest, mut in_shard) = (gradients, 0);
    let (mut tasks, mut sums, mut folds) = (Vec::new(), Vec::new(), Vec::new());
    for (chain, saved) in chains.iter().zip(saved) {
        for (layer, saved) in chain.layers.iter().zip(saved) {
            let own = rest.split_off_mut(..layer.parameters()).unwrap_or_default();
            if layer.whole_batch_gradient() {
                let units = (PART_WORK / saved.x.len()).next_multiple_of(UNITS).max(UNITS);
                let (dweight, dbias) = own.split_at_mut(layer.weight);
                let parts = dweight.chunks_mut(units * layer.input).zip(dbias.chunks_mut(units)).enumerate();
                tasks.extend(parts.map(|(index, parts)| (layer, [&saved.x[..], &saved.grad], index * units, parts)));
            } else if layer.folds() {
                folds.push((layer, in_shard, own));
                in_shard += layer.shard_gradient_len();
            } else {
                let parts = own.chunks_mut(SUM_LEN).enumerate();
                sums.extend(parts.map(|(index, part)| (in_shard + index * SUM_LEN, part)));
                in_shard += layer.shard_gradient_len();
            }
        }
    }
    sums.into_par_iter().for_each(|(first, sum)| sum_shards(shards, first, sum));
    folds.into_par_iter().for_each(|(layer, first, own)| {
        with_scratch([layer.shard_gradient_len()], |[sum]| {
            sum_shards(shards, first, sum);
            layer.fold(sum, own);
        });
    });
    tasks.into_par_iter().for_each(|(layer, saved, first, (dweight, dbias))| {
        layer.units_gradient(saved, first, [dweight, dbias]);
    });
}

/// The sum of the shards' values from `first` on, in order.
fn sum_shards(shards: &[&[f32]], first: usize, sum: &mut [f32]) {
    sum.fill(0.);
    for shard in shards {
        kernels::add_rows(&shard[first..first + sum.len()], sum.len(), sum);
    }
}

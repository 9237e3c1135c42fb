//! The step of a network of linear layers with many parameters for the rows of a step, layer by layer. Values lie feature by
//! feature, `[features, rows]`: a thread computes some units for all rows and reads their row-major weights once.

mod latent;
mod layer;

use kernels::{TaskGroup, for_each_task, transpose};

use super::batch::{Batch, Rows};
use super::chain::Dense;
use super::chains::Chains;
use super::loss::{LatentPenalty, LossTerms};
use crate::timing::Phase;
use latent::LatentSample;
use layer::{
    Background, Buffers, LINES, Layer, SUM_WORK, add_sums, all_zero, at_least, forward, output, resized,
    weight_gradients,
};

/// From this number of parameters for each row on, this way is the faster one, as measured.
const PARAMETERS_PER_ROW: usize = 1536;
/// Up to this number, rows are too few to be shared between threads.
const FEW_ROWS: usize = 64;
/// Rows that a thread gathers at once.
const GATHERED_ROWS: usize = 16;

/// A network of linear layers, and buffers for its step, which the next step reuses.
pub(super) struct FeatureMajor {
    layers: Vec<Layer>,
    /// The number of layers before the latent.
    encoder: usize,
    /// Of a variational network.
    sample: Option<LatentSample>,
    buffers: Vec<Buffers>,
    /// `[width, rows]`
    input: Vec<f32>,
    /// `[width, rows]`
    target: Vec<f32>,
    /// The features of the input that are not zero in all rows: images have blank margins, tables columns of zeros and ones.
    features: Vec<usize>,
    sums: Vec<f32>,
}

impl FeatureMajor {
    /// `None` if one of the layers is not linear.
    pub(super) fn new(Chains { encoder, heads, decoder }: &Chains) -> Option<Self> {
        let one = |dense: Dense| Layer { width: dense.width, parts: vec![dense] };
        let mut layers: Vec<Layer> = encoder.dense()?.into_iter().map(one).collect();
        if let Some([mean, log_variance]) = heads {
            layers.push(Layer { width: mean.input(), parts: [mean.dense()?, log_variance.dense()?].concat() });
        }
        let before = layers.len();
        layers.extend(decoder.dense()?.into_iter().map(one));
        let buffers = layers.iter().map(|_| Buffers::default()).collect();
        let sample = heads.as_ref().map(|_| LatentSample::default());
        let whole = 0 < before && before < layers.len();
        whole.then(|| Self {
            layers,
            encoder: before,
            sample,
            buffers,
            input: vec![],
            target: vec![],
            features: vec![],
            sums: vec![],
        })
    }

    /// Whether this is faster than taking a few rows at a time through all layers: it is where moving the weights through
    /// memory takes longer than moving the rows, or where the rows are too few to be shared between threads.
    pub(super) fn suits(parameters: usize, rows: usize) -> bool {
        parameters * rows >= SUM_WORK && (parameters >= PARAMETERS_PER_ROW * rows || rows <= FEW_ROWS)
    }

    /// The loss; `gradients` become those of `parameters`, weights and biases in turn, one after the other.
    pub(super) fn run(
        &mut self,
        terms: &LossTerms,
        batch: &Batch,
        parameters: &[&[f32]],
        gradients: &mut [f32],
    ) -> f64 {
        let (mut rest, mut own) = (parameters, Vec::new());
        for layer in &self.layers {
            own.push(rest.split_off(..2 * layer.parts.len()).unwrap_or_default());
        }
        self.gather(batch);
        let loss = self.forward(terms, batch, &own);
        self.backward(&terms.penalty(batch.rows), batch.rows, &own, gradients);
        loss
    }

    /// Writes the rows of a step and their targets.
    fn gather(&mut self, batch: &Batch) {
        let Self { layers, buffers, input, target, features, .. } = self;
        let width = layers[0].width;
        let rows = resized(&mut buffers[0].x, batch.rows * width);
        let mut any = vec![false; width];
        write(batch.clean, rows, width);
        transpose_features(rows, resized(target, batch.rows * width), &mut any);
        if let Some(noise) = batch.noise {
            write(noise, rows, width);
            transpose_features(rows, resized(input, batch.rows * width), &mut any);
        }
        features.clear();
        features.extend((0..width).filter(|&feature| any[feature]));
    }

    /// Computes the output of all layers and, for the last one, the gradients; returns the loss.
    fn forward(&mut self, terms: &LossTerms, batch: &Batch, parameters: &[&[&[f32]]]) -> f64 {
        let Self { layers, encoder, sample, buffers, input, target, features, sums } = self;
        let (rows, penalty, group) = (batch.rows, terms.penalty(batch.rows), TaskGroup::default());
        let (mut sample, target) = (sample.as_mut(), &target[..]);
        let mut x = if batch.noise.is_some() { &input[..] } else { target };
        let mut loss = 0.;
        rayon::in_place_scope(|scope| {
            for (index, ((layer, parameters), buffers)) in layers.iter().zip(parameters).zip(buffers).enumerate() {
                let Buffers { x: row_major, out, grad } = buffers;
                let (out, grad) = (resized(out, layer.units() * rows), resized(grad, layer.units() * rows));
                if index > 0 {
                    // For the gradient of the weights; the next layers do not wait for it.
                    for (index, part) in resized(row_major, x.len()).chunks_mut(LINES * layer.width).enumerate() {
                        let work = move || transpose(x, rows, index * LINES, part);
                        group.spawn(scope, move || Phase::Forward.time(work));
                    }
                }
                if index + 1 < layers.len() {
                    let features = (index == 0).then_some(&features[..]);
                    forward(&layer.forward_shares(parameters, rows), x, features, out);
                } else {
                    let shares = layer.backward_shares(parameters, rows);
                    let sums = at_least(sums, shares.len() * x.len());
                    loss += output(&shares, [x, target], terms, [out, grad, sums]);
                }
                x = out;
                if index + 1 == *encoder {
                    match sample.take() {
                        Some(sample) => {
                            loss += Phase::Forward.time(|| sample.draw(x, batch, &penalty));
                            x = &sample.latent;
                        }
                        None => loss += penalty.l1(x),
                    }
                }
            }
            group.finish();
        });
        loss
    }

    /// Computes the gradients that `forward` leaves.
    fn backward(&mut self, penalty: &LatentPenalty, rows: usize, parameters: &[&[&[f32]]], mut gradients: &mut [f32]) {
        let Self { layers, encoder, sample, buffers, sums, .. } = self;
        let group = TaskGroup::default();
        rayon::in_place_scope(|scope| {
            let background = &Background { group: &group, scope, rows };
            let mut buffers = &mut buffers[..];
            for (index, (layer, parameters)) in layers.iter().zip(parameters).enumerate().rev() {
                let Some((here, before)) = buffers.split_last_mut() else { break };
                buffers = before;
                let values = layer.parts.iter().map(|part| part.units * (part.width + 1)).sum::<usize>();
                let at = gradients.len() - values;
                let own = gradients.split_off_mut(at..).unwrap_or_default();
                let here = &*here;
                let Some(before) = buffers.last_mut() else {
                    weight_gradients(background, layer, here, own);
                    break;
                };
                let shares = layer.backward_shares(parameters, rows);
                let values = layer.width * rows;
                let sums = at_least(sums, shares.len() * values);
                if index + 1 < layers.len() {
                    for_each_task(shares.iter().zip(sums.chunks_mut(values)), |(share, dx)| {
                        Phase::Backward.time(|| share.backward(share.of(&here.grad, rows), rows, dx));
                    });
                }
                // The layers before do not wait for these.
                weight_gradients(background, layer, here, own);
                match sample {
                    Some(sample) if index == *encoder => {
                        add_sums(sums, resized(&mut sample.grad, values), |_, _| {});
                        sample.backward(before, penalty);
                    }
                    _ => add_sums(sums, &mut before.grad, |first, grad| {
                        let out = &before.out[first..][..grad.len()];
                        if index == *encoder {
                            penalty.add_l1_gradient(out, grad);
                        }
                        if layers[index - 1].relu() {
                            kernels::relu_backward_in_place(out, grad);
                        }
                    }),
                }
            }
            group.finish();
        });
    }
}

/// Writes or changes rows of `width` values.
fn write(work: Rows, rows: &mut [f32], width: usize) {
    let parts = rows.chunks_mut(GATHERED_ROWS * width).enumerate();
    for_each_task(parts, |(index, rows)| Phase::Batch.time(|| work(index * GATHERED_ROWS, rows)));
}

/// `rows` `[rows, width] -> transposed` `[width, rows]`; `any` says which features have a value besides zero.
fn transpose_features(rows: &[f32], transposed: &mut [f32], any: &mut [bool]) {
    let (width, rows_len) = (any.len(), rows.len() / any.len());
    let parts = transposed.chunks_mut(LINES * rows_len).zip(any.chunks_mut(LINES)).enumerate();
    for_each_task(parts, |(index, (transposed, any))| {
        Phase::Batch.time(|| {
            transpose(rows, width, index * LINES, transposed);
            for (values, any) in transposed.chunks(rows_len).zip(any) {
                *any = !all_zero(values);
            }
        });
    });
}

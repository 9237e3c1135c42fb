//! Linear layers on values that lie feature by feature, shared between threads.

use kernels::{Epilogue, Lhs, TaskGroup, for_each_task, gemm, gemm_of_terms};
use rayon::Scope;

use crate::fused::chain::Dense;
use crate::fused::loss::LossTerms;
use crate::timing::Phase;

/// Units are shared between threads in multiples of this.
const TILE: usize = 8;
/// About the smallest number of units that a thread computes at once.
const MIN_UNITS: usize = 48;
/// From this number of multiplications on, a task of its own pays.
const TASK_WORK: usize = 1 << 18;
/// From this number of multiplications on, a sum of its own pays.
pub(super) const SUM_WORK: usize = 1 << 20;
/// The most sums that make up the gradient of a layer's input. They are added in order, so it does not depend on the number of
/// threads.
const MAX_SUMS: usize = 4;
/// Features that a thread transposes at once.
pub(super) const LINES: usize = 32;
/// Values that a thread adds up at once.
const SUM_LEN: usize = 1 << 13;

/// Linear layers with the same input: one, or the two heads of a variational network.
pub(super) struct Layer {
    pub(super) width: usize,
    pub(super) parts: Vec<Dense>,
}

impl Layer {
    pub(super) fn units(&self) -> usize {
        self.parts.iter().map(|part| part.units).sum()
    }

    pub(super) fn relu(&self) -> bool {
        self.parts.iter().all(|part| part.relu)
    }

    /// Its units in shares for the forward pass of `rows` rows.
    pub(super) fn forward_shares<'a>(&self, parameters: &[&'a [f32]], rows: usize) -> Vec<Share<'a>> {
        let threads = rayon::current_num_threads();
        self.shares(parameters, |part| {
            let most = part.units.div_ceil(MIN_UNITS);
            match (part.units * part.width * rows / TASK_WORK).clamp(1, most) {
                1 => part.units,
                count => part.units.div_ceil(count.next_multiple_of(threads)),
            }
        })
    }

    /// Its units in order, this many at a time.
    fn shares<'a>(&self, parameters: &[&'a [f32]], units: impl Fn(&Dense) -> usize) -> Vec<Share<'a>> {
        let (mut shares, mut first) = (Vec::new(), 0);
        for (part, parameters) in self.parts.iter().zip(parameters.chunks(2)) {
            let units = units(part).next_multiple_of(TILE);
            for (weight, bias) in parameters[0].chunks(units * part.width).zip(parameters[1].chunks(units)) {
                shares.push(Share { first, weight, bias, relu: part.relu });
                first += bias.len();
            }
        }
        shares
    }

    /// Its units in shares for the backward pass of `rows` rows: the gradient of the input has a sum for each.
    pub(super) fn backward_shares<'a>(&self, parameters: &[&'a [f32]], rows: usize) -> Vec<Share<'a>> {
        let sums = |part: &Dense| (part.units * part.width * rows).div_ceil(SUM_WORK).min(MAX_SUMS);
        self.shares(parameters, |part| part.units.div_ceil(sums(part)))
    }
}

/// Some units of a layer, from the unit `first` on.
pub(super) struct Share<'a> {
    first: usize,
    weight: &'a [f32],
    bias: &'a [f32],
    relu: bool,
}

impl Share<'_> {
    /// Their part of the layer's values `[units, rows]`.
    pub(super) fn of<'a>(&self, values: &'a [f32], rows: usize) -> &'a [f32] {
        &values[self.first * rows..][..self.bias.len() * rows]
    }

    /// `x` `[width, rows] -> out` `[units, rows]`. If `features` are given, all others of `x` are zero.
    fn forward(&self, x: &[f32], features: Option<&[usize]>, rows: usize, out: &mut [f32]) {
        for (out, &bias) in out.chunks_mut(rows).zip(self.bias) {
            out.fill(bias);
        }
        let (weight, sizes) = (Lhs::Rows(self.weight), [self.bias.len(), x.len() / rows, rows]);
        match features {
            Some(features) => gemm_of_terms(features, weight, x, sizes, Epilogue::Add, out),
            None => gemm(weight, x, sizes, Epilogue::Add, out),
        }
        if self.relu {
            kernels::relu_in_place(out);
        }
    }

    /// The contribution of these units to `dx` `[width, rows]`, from `grad` `[units, rows]`.
    pub(super) fn backward(&self, grad: &[f32], rows: usize, dx: &mut [f32]) {
        let width = dx.len() / rows;
        gemm(Lhs::Columns(self.weight, width), grad, [width, self.bias.len(), rows], Epilogue::Set, dx);
    }
}

/// The values of one layer.
#[derive(Default)]
pub(super) struct Buffers {
    /// The input, `[rows, width]`.
    pub(super) x: Vec<f32>,
    /// The output, `[units, rows]`.
    pub(super) out: Vec<f32>,
    /// The gradient of the output.
    pub(super) grad: Vec<f32>,
}

/// The buffer, resized to `length`.
pub(super) fn resized(values: &mut Vec<f32>, length: usize) -> &mut [f32] {
    values.resize(length, 0.);
    values
}

/// The first `length` values of the buffer, which only grows: unlike with [`resized`], values that are used again are not
/// cleared.
pub(super) fn at_least(values: &mut Vec<f32>, length: usize) -> &mut [f32] {
    if values.len() < length {
        values.resize(length, 0.);
    }
    &mut values[..length]
}

/// Whether all values are zero.
pub(super) fn all_zero(values: &[f32]) -> bool {
    let bits = |values: &[f32]| values.iter().fold(0, |bits, value| bits | value.to_bits());
    // Apart from the sign.
    values.chunks(LINES).all(|values| bits(values) << 1 == 0)
}

/// The parts of `values` `[units, rows]` that belong to `shares`.
fn parts<'a>(shares: &[Share], rows: usize, mut values: &'a mut [f32]) -> Vec<&'a mut [f32]> {
    let part = |share: &Share| values.split_off_mut(..share.bias.len() * rows).unwrap_or_default();
    shares.iter().map(part).collect()
}

/// `x` `[width, rows] -> out` `[units, rows]`. If `features` are given, all others of `x` are zero.
pub(super) fn forward(shares: &[Share], x: &[f32], features: Option<&[usize]>, out: &mut [f32]) {
    let rows = out.len() / units(shares);
    let tasks = shares.iter().zip(parts(shares, rows, out));
    for_each_task(tasks, |(share, out)| Phase::Forward.time(|| share.forward(x, features, rows, out)));
}

fn units(shares: &[Share]) -> usize {
    shares.iter().map(|share| share.bias.len()).sum()
}

/// The last layer forward and backward: the loss of its output from `x` against `target`, the gradient of the output, and the
/// sums that make up the gradient of `x`.
pub(super) fn output(
    shares: &[Share],
    [x, target]: [&[f32]; 2],
    terms: &LossTerms,
    [out, grad, sums]: [&mut [f32]; 3],
) -> f64 {
    let rows = out.len() / units(shares);
    let scale = terms.scale / target.len() as f64;
    let mut losses = vec![0.; shares.len()];
    let places = parts(shares, rows, out).into_iter().zip(parts(shares, rows, grad)).zip(sums.chunks_mut(x.len()));
    for_each_task(shares.iter().zip(places).zip(&mut losses), |((share, ((out, grad), dx)), loss)| {
        Phase::Forward.time(|| share.forward(x, None, rows, out));
        let target = share.of(target, rows);
        *loss = Phase::Loss.time(|| terms.reconstruction(out, target, scale, grad));
        if share.relu {
            kernels::relu_backward_in_place(out, grad);
        }
        Phase::Backward.time(|| share.backward(grad, rows, dx));
    });
    losses.into_iter().sum::<f64>() * scale
}

/// Adds up `sums`, which lie one after the other and are as long as `total`. `finish` is called with the index and the values
/// of each part of the total.
pub(super) fn add_sums(sums: &[f32], total: &mut [f32], finish: impl Fn(usize, &mut [f32]) + Sync) {
    let length = total.len();
    for_each_task(total.chunks_mut(SUM_LEN).enumerate(), |(index, part)| {
        Phase::Backward.time(|| {
            let values = index * SUM_LEN..index * SUM_LEN + part.len();
            part.copy_from_slice(&sums[values.clone()]);
            for sum in sums.chunks(length).skip(1) {
                kernels::add_rows(&sum[values.clone()], part.len(), part);
            }
            finish(values.start, part);
        });
    });
}

/// Does the work that the next layers do not wait for.
pub(super) struct Background<'a, 'b> {
    pub(super) group: &'a TaskGroup,
    pub(super) scope: &'b Scope<'a>,
    /// The rows of the step.
    pub(super) rows: usize,
}

/// Computes the gradients of a layer's parameters, weights and biases in turn, in the background.
pub(super) fn weight_gradients<'a>(
    &Background { group, scope, rows }: &Background<'a, '_>,
    layer: &Layer,
    buffers: &'a Buffers,
    mut gradients: &'a mut [f32],
) {
    let mut grad = &buffers.grad[..];
    for &Dense { width, units, .. } in &layer.parts {
        let grad = grad.split_off(..units * rows).unwrap_or_default();
        let dweight = gradients.split_off_mut(..units * width).unwrap_or_default();
        let dbias = gradients.split_off_mut(..units).unwrap_or_default();
        let most = (2 * SUM_WORK / (width * rows)).max(1).next_multiple_of(TILE);
        let parts = dweight.chunks_mut(most * width).zip(dbias.chunks_mut(most)).zip(grad.chunks(most * rows));
        for ((dweight, dbias), grad) in parts {
            group.spawn(scope, move || {
                Phase::Backward.time(|| {
                    gemm(Lhs::Rows(grad), &buffers.x, [dbias.len(), rows, width], Epilogue::Set, dweight);
                    kernels::sum_rows(grad, rows, dbias);
                });
            });
        }
    }
}

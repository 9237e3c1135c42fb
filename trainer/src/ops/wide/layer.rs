//! Linear layers feature by feature, shared between threads.

use kernels::elementwise;
use kernels::product::{Left, Store, product, product_of_terms};
use rayon::Scope;

use crate::awake::{Pending, each};
use crate::ops::chain::Dense;
use crate::ops::pass::Terms;
use crate::timing::Phase;

/// What units are shared out in multiples of, and about the least that a thread computes at once.
const TILE: usize = 8;
const UNITS: usize = 48;
/// Multiplications that are worth a task of their own, and a sum.
const TASK: usize = 1 << 18;
pub(super) const WORK: usize = 1 << 20;
/// The most sums that the gradient of what a layer was given is made of. They are added in order, so it does not depend on
/// the number of threads.
const SUMS: usize = 4;
/// Features that a thread turns at once.
pub(super) const LINES: usize = 32;
/// Values that a thread adds up at once.
const PART: usize = 1 << 13;

/// Linear layers that are given the same: one, or the two heads of a variational network.
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

    /// Its units, for the way forward of `rows` rows.
    pub(super) fn shared<'a>(&self, parameters: &[&'a [f32]], rows: usize) -> Vec<Share<'a>> {
        let threads = rayon::current_num_threads();
        self.shares(parameters, |part| {
            let most = part.units.div_ceil(UNITS);
            match (part.units * part.width * rows / TASK).clamp(1, most) {
                1 => part.units,
                count => part.units.div_ceil(count.next_multiple_of(threads)),
            }
        })
    }

    /// Its units in order, some at a time.
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

    /// The shares for each of which the gradient of what `rows` rows gave the layer has a sum.
    pub(super) fn summed<'a>(&self, parameters: &[&'a [f32]], rows: usize) -> Vec<Share<'a>> {
        let sums = |part: &Dense| (part.units * part.width * rows).div_ceil(WORK).min(SUMS);
        self.shares(parameters, |part| part.units.div_ceil(sums(part)))
    }
}

/// Some units of a layer, from `first` on.
pub(super) struct Share<'a> {
    first: usize,
    weight: &'a [f32],
    bias: &'a [f32],
    relu: bool,
}

impl Share<'_> {
    /// Their part of `values` `[units, rows]` of the layer.
    pub(super) fn of<'a>(&self, values: &'a [f32], rows: usize) -> &'a [f32] {
        &values[self.first * rows..][..self.bias.len() * rows]
    }

    /// `x` `[width, rows] -> out` `[units, rows]`; only `features` of `x` are not zero, if they are known.
    fn forward(&self, x: &[f32], features: Option<&[usize]>, rows: usize, out: &mut [f32]) {
        for (out, &bias) in out.chunks_mut(rows).zip(self.bias) {
            out.fill(bias);
        }
        let (weight, sizes) = (Left::Rows(self.weight), [self.bias.len(), x.len() / rows, rows]);
        match features {
            Some(features) => product_of_terms(features, weight, x, sizes, Store::Add, out),
            None => product(weight, x, sizes, Store::Add, out),
        }
        if self.relu {
            elementwise::relu_in_place(out);
        }
    }

    /// `dx` `[width, rows]`, as far as it is due to these units, from `grad` `[units, rows]`.
    pub(super) fn backward(&self, grad: &[f32], rows: usize, dx: &mut [f32]) {
        let width = dx.len() / rows;
        product(Left::Columns(self.weight, width), grad, [width, self.bias.len(), rows], Store::Set, dx);
    }
}

/// What a layer is given, `[rows, width]`, what it gives and the gradient of that, `[units, rows]`.
#[derive(Default)]
pub(super) struct Room {
    pub(super) x: Vec<f32>,
    pub(super) out: Vec<f32>,
    pub(super) grad: Vec<f32>,
}

/// The same memory for so many values.
pub(super) fn sized(values: &mut Vec<f32>, length: usize) -> &mut [f32] {
    values.resize(length, 0.);
    values
}

/// The same memory, of which the first so many values are used: unlike with `sized`, what is cut off and used again is not cleared.
pub(super) fn grown(values: &mut Vec<f32>, length: usize) -> &mut [f32] {
    if values.len() < length {
        values.resize(length, 0.);
    }
    &mut values[..length]
}

/// Whether they are all zero.
pub(super) fn all_zero(values: &[f32]) -> bool {
    let bits = |values: &[f32]| values.iter().fold(0, |bits, value| bits | value.to_bits());
    // The sign apart.
    values.chunks(LINES).all(|values| bits(values) << 1 == 0)
}

/// The parts of `values` `[units, rows]` that go with `shares`.
fn parts<'a>(shares: &[Share], rows: usize, mut values: &'a mut [f32]) -> Vec<&'a mut [f32]> {
    let part = |share: &Share| values.split_off_mut(..share.bias.len() * rows).unwrap_or_default();
    shares.iter().map(part).collect()
}

/// `x` `[width, rows] -> out` `[units, rows]`
pub(super) fn forward(shares: &[Share], x: &[f32], features: Option<&[usize]>, rows: usize, out: &mut [f32]) {
    let tasks = shares.iter().zip(parts(shares, rows, out));
    each(tasks, |(share, out)| Phase::Forward.time(|| share.forward(x, features, rows, out)));
}

/// The last layer forward and backward: the loss of what it gives from `x` against `target`, the gradient of that, and
/// the sums that make up the gradient of `x`.
pub(super) fn output(
    shares: &[Share],
    [x, target]: [&[f32]; 2],
    terms: Terms,
    [out, grad, sums]: [&mut [f32]; 3],
) -> f64 {
    let rows = out.len() / shares.iter().map(|share| share.bias.len()).sum::<usize>();
    let scale = terms.scale / target.len() as f64;
    let mut losses = vec![0.; shares.len()];
    let places = parts(shares, rows, out).into_iter().zip(parts(shares, rows, grad)).zip(sums.chunks_mut(x.len()));
    each(shares.iter().zip(places).zip(&mut losses), |((share, ((out, grad), dx)), loss)| {
        Phase::Forward.time(|| share.forward(x, None, rows, out));
        let target = share.of(target, rows);
        *loss = Phase::Loss.time(|| match terms.square {
            false => elementwise::bce_with_gradient(out, target, scale as f32, grad),
            true => elementwise::square_with_gradient(out, target, scale as f32, grad),
        });
        if share.relu {
            elementwise::mask_in_place(out, grad);
        }
        Phase::Backward.time(|| share.backward(grad, rows, dx));
    });
    losses.into_iter().sum::<f64>() * scale
}

/// Adds up `sums`, one after the other and of the length of `total`; `finish` is given the place of a part, and the part.
pub(super) fn add_up(sums: &[f32], total: &mut [f32], finish: impl Fn(usize, &mut [f32]) + Sync) {
    let length = total.len();
    each(total.chunks_mut(PART).enumerate(), |(index, part)| {
        Phase::Backward.time(|| {
            let values = index * PART..index * PART + part.len();
            part.copy_from_slice(&sums[values.clone()]);
            for sum in sums.chunks(length).skip(1) {
                elementwise::add_rows(&sum[values.clone()], part.len(), part);
            }
            finish(values.start, part);
        });
    });
}

/// Has the gradients of a layer's parameters computed, weights and biases in turn.
pub(super) fn weight_gradients<'a>(
    (pending, scope): (&'a Pending, &Scope<'a>),
    layer: &Layer,
    room: &'a Room,
    rows: usize,
    mut gradients: &'a mut [f32],
) {
    let mut grad = &room.grad[..];
    for &Dense { width, units, .. } in &layer.parts {
        let grad = grad.split_off(..units * rows).unwrap_or_default();
        let dweight = gradients.split_off_mut(..units * width).unwrap_or_default();
        let dbias = gradients.split_off_mut(..units).unwrap_or_default();
        let most = (2 * WORK / (width * rows)).max(1).next_multiple_of(TILE);
        let parts = dweight.chunks_mut(most * width).zip(dbias.chunks_mut(most)).zip(grad.chunks(most * rows));
        for ((dweight, dbias), grad) in parts {
            pending.spawn(scope, move || {
                Phase::Backward.time(|| {
                    product(Left::Rows(grad), &room.x, [dbias.len(), rows, width], Store::Set, dweight);
                    elementwise::sum_rows(grad, rows, dbias);
                });
            });
        }
    }
}

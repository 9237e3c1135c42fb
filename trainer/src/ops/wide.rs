//! The pass of a dense network whose weights are many for the rows of a step, layer by layer: values lie feature by feature,
//! `[features, rows]`, so that a thread computes some units for all rows and reads their weights, row-major, once.

use kernels::elementwise;
use kernels::product::{Left, Store, product, transpose};
use rayon::Scope;
use rayon::prelude::*;

use super::chain::{Chain, Dense};
use super::pass::{Batch, Charges, Terms};
use crate::phase::Phase;

/// What units are shared out in multiples of, and the least that a thread computes at once.
const TILE: usize = 8;
const UNITS: usize = 48;
/// Multiplications that are worth a task.
const WORK: usize = 1 << 20;
/// The most sums that the gradient of what a layer was given is made of. They are added in order, so it does not depend on the
/// number of threads.
const SUMS: usize = 4;
/// Parameters that are many for a row, and rows that are few: where the ways were equally fast in measurements.
const MANY: usize = 1536;
const FEW: usize = 64;
/// Rows or features that a thread gathers or turns at once.
const LINES: usize = 32;
/// Values that a thread adds up at once.
const PART: usize = 1 << 13;

/// Linear layers that are given the same: one, or the two heads of a variational network.
struct Layer {
    width: usize,
    parts: Vec<Dense>,
}

impl Layer {
    fn units(&self) -> usize {
        self.parts.iter().map(|part| part.units).sum()
    }

    fn relu(&self) -> bool {
        self.parts.iter().all(|part| part.relu)
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
    fn summed<'a>(&self, parameters: &[&'a [f32]], rows: usize) -> Vec<Share<'a>> {
        let sums = |part: &Dense| (part.units * part.width * rows).div_ceil(WORK).min(SUMS);
        self.shares(parameters, |part| part.units.div_ceil(sums(part)))
    }
}

/// Some units of a layer, from `first` on.
struct Share<'a> {
    first: usize,
    weight: &'a [f32],
    bias: &'a [f32],
    relu: bool,
}

impl Share<'_> {
    /// Their part of `values` `[units, rows]` of the layer.
    fn of<'a>(&self, values: &'a [f32], rows: usize) -> &'a [f32] {
        &values[self.first * rows..][..self.bias.len() * rows]
    }

    /// `x` `[width, rows] -> out` `[units, rows]`
    fn forward(&self, x: &[f32], rows: usize, out: &mut [f32]) {
        for (out, &bias) in out.chunks_mut(rows).zip(self.bias) {
            out.fill(bias);
        }
        product(Left::Rows(self.weight), x, [self.bias.len(), x.len() / rows, rows], Store::Add, out);
        if self.relu {
            elementwise::relu_in_place(out);
        }
    }

    /// `dx` `[width, rows]`, as far as it is due to these units, from `grad` `[units, rows]`.
    fn backward(&self, grad: &[f32], rows: usize, dx: &mut [f32]) {
        let width = dx.len() / rows;
        product(Left::Columns(self.weight, width), grad, [width, self.bias.len(), rows], Store::Set, dx);
    }
}

/// What a layer is given, `[rows, width]`, what it gives and the gradient of that, `[units, rows]`.
#[derive(Default)]
struct Room {
    x: Vec<f32>,
    out: Vec<f32>,
    grad: Vec<f32>,
}

/// A sample of the code of a variational network, its standard deviation and its gradient, `[latent_dim, rows]`.
#[derive(Default)]
struct Sample {
    code: Vec<f32>,
    deviation: Vec<f32>,
    grad: Vec<f32>,
}

/// A dense network and room for its pass, which each step uses again.
pub(super) struct Wide {
    layers: Vec<Layer>,
    /// Layers up to the code.
    encoder: usize,
    /// Of a variational network.
    sample: Option<Sample>,
    room: Vec<Room>,
    /// `[width, rows]`
    input: Vec<f32>,
    target: Vec<f32>,
    sums: Vec<f32>,
}

impl Wide {
    /// Nothing if one of the layers is not linear.
    pub(super) fn new(encoder: &Chain, heads: Option<&[Chain; 2]>, decoder: &Chain) -> Option<Self> {
        let one = |dense: Dense| Layer { width: dense.width, parts: vec![dense] };
        let mut layers: Vec<Layer> = encoder.dense()?.into_iter().map(one).collect();
        if let Some([mean, log_variance]) = heads {
            layers.push(Layer { width: mean.input(), parts: [mean.dense()?, log_variance.dense()?].concat() });
        }
        let before = layers.len();
        layers.extend(decoder.dense()?.into_iter().map(one));
        let room = layers.iter().map(|_| Room::default()).collect();
        let sample = heads.map(|_| Sample::default());
        let whole = 0 < before && before < layers.len();
        whole.then(|| Self { layers, encoder: before, sample, room, input: vec![], target: vec![], sums: vec![] })
    }

    /// Whether it is faster than going through all layers with a few rows at a time: it is where the weights' way through memory
    /// takes longer than the rows', or where the rows are too few to be shared between threads.
    pub(super) fn suits(parameters: usize, rows: usize) -> bool {
        parameters * rows >= WORK && (parameters >= MANY * rows || rows <= FEW)
    }

    /// The loss; `gradients` become those of `parameters`, weights and biases in turn, one after the other.
    pub(super) fn run(&mut self, terms: Terms, batch: &Batch, parameters: &[&[f32]], gradients: &mut [f32]) -> f64 {
        let (mut rest, mut own) = (parameters, Vec::new());
        for layer in &self.layers {
            own.push(rest.split_off(..2 * layer.parts.len()).unwrap_or_default());
        }
        self.gather(batch);
        let loss = self.forward(terms, batch, &own);
        self.backward(&terms.charges(batch.rows), batch.rows, &own, gradients);
        loss
    }

    /// The rows of a step, and what they are to become.
    fn gather(&mut self, batch: &Batch) {
        let width = self.layers[0].width;
        let rows = &mut self.room[0].x;
        rows.resize(batch.rows * width, 0.);
        let each = |work: &(dyn Fn(usize, &mut [f32]) + Sync), rows: &mut [f32]| {
            let blocks = rows.par_chunks_mut(LINES * width).enumerate();
            blocks.for_each(|(index, rows)| Phase::Batch.time(|| work(index * LINES, rows)));
        };
        each(batch.clean, rows);
        turn(Phase::Batch, rows, width, &mut self.target);
        if let Some(noise) = batch.noise {
            each(noise, rows);
            turn(Phase::Batch, rows, width, &mut self.input);
        }
    }

    /// Computes what all layers give, and for the last one the gradients; returns the loss.
    fn forward(&mut self, terms: Terms, batch: &Batch, parameters: &[&[&[f32]]]) -> f64 {
        let (rows, charges) = (batch.rows, terms.charges(batch.rows));
        let target = &self.target;
        let mut loss = 0.;
        for (index, (layer, parameters)) in self.layers.iter().zip(parameters).enumerate() {
            let (before, at) = self.room.split_at_mut(index);
            let x = match (before.last(), &self.sample) {
                (None, _) if batch.noise.is_some() => &self.input,
                (None, _) => target,
                (Some(_), Some(sample)) if index == self.encoder => &sample.code,
                (Some(before), _) => &before.out,
            };
            let Room { x: turned, out, grad } = &mut at[0];
            out.resize(layer.units() * rows, 0.);
            grad.resize(layer.units() * rows, 0.);
            let units = || {
                if index + 1 < self.layers.len() {
                    forward(&layer.shares(parameters, |_| UNITS.max(WORK / x.len())), x, rows, out);
                    return 0.;
                }
                let shares = layer.summed(parameters, rows);
                output(&shares, [x, target], terms, [out, grad, grown(&mut self.sums, shares.len() * x.len())])
            };
            // What the gradient of the weights takes.
            let turn_x = || {
                if index > 0 {
                    turn(Phase::Forward, x, rows, turned)
                }
            };
            loss += rayon::join(units, turn_x).0;
            if index + 1 == self.encoder {
                loss += match &mut self.sample {
                    Some(sample) => sample.draw(out, batch, &charges),
                    None => charges.size(out),
                };
            }
        }
        loss
    }

    /// Computes the gradients that `forward` has left.
    fn backward(&mut self, charges: &Charges, rows: usize, parameters: &[&[&[f32]]], mut gradients: &mut [f32]) {
        let Self { layers, encoder, sample, room, sums, .. } = self;
        rayon::in_place_scope(|scope| {
            let mut room = &mut room[..];
            for (index, (layer, parameters)) in layers.iter().zip(parameters).enumerate().rev() {
                let Some((here, before)) = room.split_last_mut() else { break };
                room = before;
                let values = layer.parts.iter().map(|part| part.units * (part.width + 1)).sum::<usize>();
                let at = gradients.len() - values;
                let own = gradients.split_off_mut(at..).unwrap_or_default();
                let here = &*here;
                let Some(before) = room.last_mut() else { return weight_gradients(scope, layer, here, rows, own) };
                let shares = layer.summed(parameters, rows);
                let values = layer.width * rows;
                let sums = grown(sums, shares.len() * values);
                if index + 1 < layers.len() {
                    let tasks = shares.par_iter().zip(sums.par_chunks_mut(values)).with_max_len(1);
                    tasks.for_each(|(share, dx)| {
                        Phase::Backward.time(|| share.backward(share.of(&here.grad, rows), rows, dx));
                    });
                }
                // What follows does not wait for these.
                weight_gradients(scope, layer, here, rows, own);
                match sample {
                    Some(sample) if index == *encoder => {
                        add_up(sums, grown(&mut sample.grad, values), |_, _| {});
                        sample.backward(before, charges);
                    }
                    _ => add_up(sums, &mut before.grad, |first, grad| {
                        let out = &before.out[first..][..grad.len()];
                        if index == *encoder {
                            charges.add_size_gradient(out, grad);
                        }
                        if layers[index - 1].relu() {
                            elementwise::mask_in_place(out, grad);
                        }
                    }),
                }
            }
        });
    }
}

impl Sample {
    /// Draws codes by what the heads gave; returns what those are charged.
    fn draw(&mut self, heads: &[f32], batch: &Batch, charges: &Charges) -> f64 {
        let (mean, log_variance) = heads.split_at(heads.len() / 2);
        let (code, deviation) = (grown(&mut self.code, mean.len()), grown(&mut self.deviation, mean.len()));
        transpose(batch.sample, mean.len() / batch.rows, 0, code);
        elementwise::exp_of_half(log_variance, deviation);
        for ((code, mean), deviation) in code.iter_mut().zip(mean).zip(&*deviation) {
            *code = mean + deviation * *code;
        }
        charges.size(mean) + charges.divergence(mean, log_variance, deviation)
    }

    /// The gradient of what the heads gave, from the code's.
    fn backward(&self, heads: &mut Room, charges: &Charges) {
        let mean = &heads.out[..self.code.len()];
        let (dmean, dlog_variance) = heads.grad.split_at_mut(mean.len());
        dmean.copy_from_slice(&self.grad);
        for (i, dlog_variance) in dlog_variance.iter_mut().enumerate() {
            // The deviation times what was drawn is the code less its mean.
            *dlog_variance = 0.5 * self.grad[i] * (self.code[i] - mean[i]);
        }
        charges.add_size_gradient(mean, dmean);
        charges.add_divergence_gradient(mean, &self.deviation, [dmean, dlog_variance]);
    }
}

/// The same memory for so many values.
fn grown(values: &mut Vec<f32>, length: usize) -> &mut [f32] {
    values.resize(length, 0.);
    values
}

/// Columns of `from` as the rows of `to`.
fn turn(phase: Phase, from: &[f32], columns: usize, to: &mut Vec<f32>) {
    let rows = from.len() / columns;
    let parts = grown(to, from.len()).par_chunks_mut(LINES * rows).enumerate();
    parts.for_each(|(index, to)| phase.time(|| transpose(from, columns, index * LINES, to)));
}

/// The parts of `values` `[units, rows]` that go with `shares`.
fn parts<'a>(shares: &[Share], rows: usize, mut values: &'a mut [f32]) -> Vec<&'a mut [f32]> {
    let part = |share: &Share| values.split_off_mut(..share.bias.len() * rows).unwrap_or_default();
    shares.iter().map(part).collect()
}

/// `x` `[width, rows] -> out` `[units, rows]`
fn forward(shares: &[Share], x: &[f32], rows: usize, out: &mut [f32]) {
    let tasks = shares.par_iter().zip(parts(shares, rows, out));
    tasks.for_each(|(share, out)| Phase::Forward.time(|| share.forward(x, rows, out)));
}

/// The last layer forward and backward: the loss of what it gives from `x` against `target`, the gradient of that, and the sums
/// that make up the gradient of `x`.
fn output(shares: &[Share], [x, target]: [&[f32]; 2], terms: Terms, [out, grad, sums]: [&mut [f32]; 3]) -> f64 {
    let rows = out.len() / shares.iter().map(|share| share.bias.len()).sum::<usize>();
    let scale = terms.scale / target.len() as f64;
    let places =
        parts(shares, rows, out).into_par_iter().zip(parts(shares, rows, grad)).zip(sums.par_chunks_mut(x.len()));
    let tasks = shares.par_iter().zip(places).with_max_len(1);
    let losses = tasks.map(|(share, ((out, grad), dx))| {
        Phase::Forward.time(|| share.forward(x, rows, out));
        let target = share.of(target, rows);
        let loss = Phase::Loss.time(|| match terms.square {
            false => elementwise::bce_with_gradient(out, target, scale as f32, grad),
            true => elementwise::square_with_gradient(out, target, scale as f32, grad),
        });
        Phase::Backward.time(|| share.backward(grad, rows, dx));
        loss
    });
    losses.collect::<Vec<f64>>().into_iter().sum::<f64>() * scale
}

/// Adds up `sums`, one after the other and of the length of `total`; `finish` is given the place of a part, and the part.
fn add_up(sums: &[f32], total: &mut [f32], finish: impl Fn(usize, &mut [f32]) + Sync) {
    let length = total.len();
    total.par_chunks_mut(PART).enumerate().for_each(|(index, part)| {
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
fn weight_gradients<'a>(scope: &Scope<'a>, layer: &Layer, room: &'a Room, rows: usize, mut gradients: &'a mut [f32]) {
    let mut grad = &room.grad[..];
    for &Dense { width, units, .. } in &layer.parts {
        let grad = grad.split_off(..units * rows).unwrap_or_default();
        let dweight = gradients.split_off_mut(..units * width).unwrap_or_default();
        let dbias = gradients.split_off_mut(..units).unwrap_or_default();
        let most = (2 * WORK / (width * rows)).max(1).next_multiple_of(TILE);
        let parts = dweight.chunks_mut(most * width).zip(dbias.chunks_mut(most)).zip(grad.chunks(most * rows));
        for ((dweight, dbias), grad) in parts {
            scope.spawn(move |_| {
                Phase::Backward.time(|| {
                    product(Left::Rows(grad), &room.x, [dbias.len(), rows, width], Store::Set, dweight);
                    elementwise::sum_rows(grad, rows, dbias);
                });
            });
        }
    }
}

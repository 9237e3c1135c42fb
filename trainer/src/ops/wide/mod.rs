//! The pass of a dense network whose weights are many for the rows of a step, layer by layer: values lie feature by
//! feature, `[features, rows]`, so that a thread computes some units for all rows and reads their row-major weights once.

mod layer;

use kernels::elementwise;
use kernels::product::transpose;
use rayon::prelude::*;

use super::chain::{Chain, Dense};
use super::pass::{Batch, Charges, Terms};
use crate::phase::Phase;
use layer::{LINES, Layer, Room, WORK, add_up, all_zero, forward, grown, output, turn, weight_gradients};

/// Parameters that are many for a row, and rows that are few: where both ways were equally fast in measurements.
const MANY: usize = 1536;
const FEW: usize = 64;

/// A sample of the code of a variational network, what was drawn for it, its standard deviation and its gradient,
/// `[latent_dim, rows]`.
#[derive(Default)]
struct Sample {
    code: Vec<f32>,
    drawn: Vec<f32>,
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
    /// Those of the input that are not zero in all rows: images have blank margins, tables columns of zeros and ones.
    features: Vec<usize>,
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
        whole.then(|| Self {
            layers,
            encoder: before,
            sample,
            room,
            input: vec![],
            target: vec![],
            features: vec![],
            sums: vec![],
        })
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
        let input = if batch.noise.is_some() { &self.input } else { &self.target };
        let features = input.chunks(batch.rows).enumerate().filter(|(_, values)| !all_zero(values));
        self.features.clear();
        self.features.extend(features.map(|(feature, _)| feature));
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
                    let features = (index == 0).then_some(&self.features[..]);
                    forward(&layer.shared(parameters, rows), x, features, rows, out);
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
        let Self { code, drawn, deviation, .. } = self;
        let [code, drawn, deviation] = [code, drawn, deviation].map(|values| grown(values, mean.len()));
        transpose(batch.sample, mean.len() / batch.rows, 0, drawn);
        elementwise::exp_of_half(log_variance, deviation);
        for (i, code) in code.iter_mut().enumerate() {
            *code = mean[i] + deviation[i] * drawn[i];
        }
        charges.size(mean) + charges.divergence(mean, log_variance, deviation)
    }

    /// The gradient of what the heads gave, from the code's.
    fn backward(&self, heads: &mut Room, charges: &Charges) {
        let mean = &heads.out[..self.code.len()];
        let (dmean, dlog_variance) = heads.grad.split_at_mut(mean.len());
        dmean.copy_from_slice(&self.grad);
        for (i, dlog_variance) in dlog_variance.iter_mut().enumerate() {
            *dlog_variance = self.grad[i] * 0.5 * self.deviation[i] * self.drawn[i];
        }
        charges.add_size_gradient(mean, dmean);
        charges.add_divergence_gradient(mean, &self.deviation, [dmean, dlog_variance]);
    }
}

//! The pass of a dense network whose weights are many for the rows of a step, layer by layer: values lie feature by
//! feature, `[features, rows]`, so that a thread computes some units for all rows and reads their row-major weights once.

mod layer;

use kernels::elementwise;
use kernels::product::transpose;

use super::chain::Dense;
use super::pass::{Batch, Charges, Rows, Terms};
use super::ready::Chains;
use crate::awake::{Pending, each};
use crate::timing::Phase;
use layer::{LINES, Layer, Room, WORK, add_up, all_zero, forward, grown, output, sized, weight_gradients};

/// Parameters that are many for a row, and rows that are few: where both ways were equally fast in measurements.
const MANY: usize = 1536;
const FEW: usize = 64;
/// Rows that a thread gathers at once.
const GATHERED: usize = 16;

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
    pub(super) fn new(Chains { encoder, heads, decoder }: &Chains) -> Option<Self> {
        let one = |dense: Dense| Layer { width: dense.width, parts: vec![dense] };
        let mut layers: Vec<Layer> = encoder.dense()?.into_iter().map(one).collect();
        if let Some([mean, log_variance]) = heads {
            layers.push(Layer { width: mean.input(), parts: [mean.dense()?, log_variance.dense()?].concat() });
        }
        let before = layers.len();
        layers.extend(decoder.dense()?.into_iter().map(one));
        let room = layers.iter().map(|_| Room::default()).collect();
        let sample = heads.as_ref().map(|_| Sample::default());
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
        let Self { layers, room, input, target, features, .. } = self;
        let width = layers[0].width;
        let rows = sized(&mut room[0].x, batch.rows * width);
        let mut any = vec![false; width];
        write(batch.clean, rows, width);
        turn(rows, sized(target, batch.rows * width), &mut any);
        if let Some(noise) = batch.noise {
            write(noise, rows, width);
            turn(rows, sized(input, batch.rows * width), &mut any);
        }
        features.clear();
        features.extend((0..width).filter(|&feature| any[feature]));
    }

    /// Computes what all layers give, and for the last one the gradients; returns the loss.
    fn forward(&mut self, terms: Terms, batch: &Batch, parameters: &[&[&[f32]]]) -> f64 {
        let Self { layers, encoder, sample, room, input, target, features, sums } = self;
        let (rows, charges, pending) = (batch.rows, terms.charges(batch.rows), Pending::default());
        let (mut sample, target) = (sample.as_mut(), &target[..]);
        let mut x = if batch.noise.is_some() { &input[..] } else { target };
        let mut loss = 0.;
        rayon::in_place_scope(|scope| {
            for (index, ((layer, parameters), room)) in layers.iter().zip(parameters).zip(room).enumerate() {
                let Room { x: turned, out, grad } = room;
                let (out, grad) = (sized(out, layer.units() * rows), sized(grad, layer.units() * rows));
                if index > 0 {
                    // What the gradient of the weights takes; what follows does not wait for it.
                    for (index, part) in sized(turned, x.len()).chunks_mut(LINES * layer.width).enumerate() {
                        let work = move || transpose(x, rows, index * LINES, part);
                        pending.spawn(scope, move || Phase::Forward.time(work));
                    }
                }
                if index + 1 < layers.len() {
                    let features = (index == 0).then_some(&features[..]);
                    forward(&layer.shared(parameters, rows), x, features, rows, out);
                } else {
                    let shares = layer.summed(parameters, rows);
                    let sums = grown(sums, shares.len() * x.len());
                    loss += output(&shares, [x, target], terms, [out, grad, sums]);
                }
                x = out;
                if index + 1 == *encoder {
                    match sample.take() {
                        Some(sample) => {
                            loss += Phase::Forward.time(|| sample.draw(x, batch, &charges));
                            x = &sample.code;
                        }
                        None => loss += charges.size(x),
                    }
                }
            }
            pending.finish();
        });
        loss
    }

    /// Computes the gradients that `forward` has left.
    fn backward(&mut self, charges: &Charges, rows: usize, parameters: &[&[&[f32]]], mut gradients: &mut [f32]) {
        let Self { layers, encoder, sample, room, sums, .. } = self;
        let pending = Pending::default();
        rayon::in_place_scope(|scope| {
            let background = (&pending, scope);
            let mut room = &mut room[..];
            for (index, (layer, parameters)) in layers.iter().zip(parameters).enumerate().rev() {
                let Some((here, before)) = room.split_last_mut() else { break };
                room = before;
                let values = layer.parts.iter().map(|part| part.units * (part.width + 1)).sum::<usize>();
                let at = gradients.len() - values;
                let own = gradients.split_off_mut(at..).unwrap_or_default();
                let here = &*here;
                let Some(before) = room.last_mut() else {
                    weight_gradients(background, layer, here, rows, own);
                    break;
                };
                let shares = layer.summed(parameters, rows);
                let values = layer.width * rows;
                let sums = grown(sums, shares.len() * values);
                if index + 1 < layers.len() {
                    each(shares.iter().zip(sums.chunks_mut(values)), |(share, dx)| {
                        Phase::Backward.time(|| share.backward(share.of(&here.grad, rows), rows, dx));
                    });
                }
                // What follows does not wait for these.
                weight_gradients(background, layer, here, rows, own);
                match sample {
                    Some(sample) if index == *encoder => {
                        add_up(sums, sized(&mut sample.grad, values), |_, _| {});
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
            pending.finish();
        });
    }
}

/// Has rows of `width` values written, or changed.
fn write(work: Rows, rows: &mut [f32], width: usize) {
    let parts = rows.chunks_mut(GATHERED * width).enumerate();
    each(parts, |(index, rows)| Phase::Batch.time(|| work(index * GATHERED, rows)));
}

/// `rows` `[rows, width] -> turned` `[width, rows]`, and which features have `any` value besides zero.
fn turn(rows: &[f32], turned: &mut [f32], any: &mut [bool]) {
    let (width, rows_len) = (any.len(), rows.len() / any.len());
    let parts = turned.chunks_mut(LINES * rows_len).zip(any.chunks_mut(LINES)).enumerate();
    each(parts, |(index, (turned, any))| {
        Phase::Batch.time(|| {
            transpose(rows, width, index * LINES, turned);
            for (values, any) in turned.chunks(rows_len).zip(any) {
                *any = !all_zero(values);
            }
        });
    });
}

impl Sample {
    /// Draws codes by what the heads gave; returns what those are charged.
    fn draw(&mut self, heads: &[f32], batch: &Batch, charges: &Charges) -> f64 {
        let (mean, log_variance) = heads.split_at(heads.len() / 2);
        let Self { code, drawn, deviation, .. } = self;
        let [code, drawn, deviation] = [code, drawn, deviation].map(|values| sized(values, mean.len()));
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

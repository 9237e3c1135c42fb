//! Chains on plain slices: forward, backward, and the gradients of their parameters.

use rayon::prelude::*;

use super::Chain;
use super::stage::{Stage, Weights};
use kernels::with_scratch;

/// Values of the sum of lanes that a thread adds up at once.
const SUMS: usize = 1 << 13;
/// Multiplications for a part of a linear layer's gradient, and what its units are a multiple of.
const PRODUCTS: usize = 1 << 21;
const UNITS: usize = 8;

/// The parameters of all layers as the kernels take them.
pub(in crate::ops) struct Prepared<'a>(Vec<Weights<'a>>);

/// Calls `work` with what the kernels need of the chains' `parameters`, weights and biases in turn.
pub(in crate::ops) fn prepare<R>(chains: &[&Chain], parameters: &[&[f32]], work: impl FnOnce(&[Prepared]) -> R) -> R {
    let stages = || chains.iter().flat_map(|chain| &chain.stages);
    with_scratch([stages().map(Stage::turned).sum()], |[turned]| {
        let mut own = parameters.iter().copied();
        let mut next = |stage: &Stage| if stage.bias == 0 { None } else { own.next() };
        let given: Vec<_> = stages().map(|stage| [next(stage), next(stage)].map(Option::unwrap_or_default)).collect();
        let mut rest = &mut *turned;
        let mut tasks = Vec::new();
        for (stage, [weight, _]) in stages().zip(&given) {
            let all = rest.split_off_mut(..stage.turned()).unwrap_or_default();
            let part = stage.turned_part();
            tasks.extend(all.chunks_mut(part).enumerate().map(|(index, out)| (stage, *weight, index * part, out)));
        }
        tasks.into_par_iter().for_each(|(stage, weight, first, out)| stage.turn(weight, first, out));
        let mut rest = &*turned;
        let mut given = given.into_iter();
        let prepared = chains.iter().map(|chain| {
            let weights = chain.stages.iter().zip(&mut given).map(|(stage, [weight, bias])| {
                let turned = rest.split_off(..stage.turned()).unwrap_or_default();
                Weights { weight, bias, turned }
            });
            Prepared(weights.collect())
        });
        work(&prepared.collect::<Vec<_>>())
    })
}

/// What a linear layer was given and the gradient of what it gave, for all rows: the weight's gradient is their product.
#[derive(Default)]
pub(in crate::ops) struct Kept {
    x: Vec<f32>,
    grad: Vec<f32>,
}

/// Places for what is kept of some rows, at each layer of which anything is.
#[derive(Default)]
pub(in crate::ops) struct Lane<'a>(Vec<Option<[&'a mut [f32]; 2]>>);

impl Chain {
    /// Lanes of `lane` rows each, of `rows` in all.
    pub(in crate::ops) fn lanes<'a>(&self, kept: &'a mut Vec<Kept>, rows: usize, lane: usize) -> Vec<Lane<'a>> {
        kept.resize_with(self.stages.len(), Kept::default);
        let mut lanes: Vec<Lane> = (0..rows.div_ceil(lane)).map(|_| Lane::default()).collect();
        for (stage, kept) in self.stages.iter().zip(kept) {
            if !stage.at_once() {
                lanes.iter_mut().for_each(|lane| lane.0.push(None));
                continue;
            }
            kept.x.resize(rows * stage.input, 0.);
            kept.grad.resize(rows * stage.output, 0.);
            let places = kept.x.chunks_mut(lane * stage.input).zip(kept.grad.chunks_mut(lane * stage.output));
            lanes.iter_mut().zip(places).for_each(|(lane, (x, grad))| lane.0.push(Some([x, grad])));
        }
        lanes
    }

    /// Takes rows through all layers.
    pub(in crate::ops) fn forward_rows(&self, weights: &Prepared, rows: &[f32], out: &mut [f32]) {
        let batch = rows.len() / self.input();
        let Some((last, before)) = self.stages.split_last() else { return out.copy_from_slice(rows) };
        let between = before.iter().map(|stage| stage.output).sum::<usize>();
        with_scratch([batch * between], |[mut rest]| {
            let mut x = rows;
            for (stage, weights) in before.iter().zip(&weights.0) {
                let out = rest.split_off_mut(..batch * stage.output).unwrap_or_default();
                stage.forward(*weights, x, out);
                x = out;
            }
            last.forward(weights.0[before.len()], x, out);
        });
    }

    /// Calls `work` with the next `rows` rows of `lane`, whose values are to be written.
    pub(in crate::ops) fn with_block<R>(
        &self,
        weights: &Prepared,
        lane: &mut Lane,
        rows: usize,
        work: impl FnOnce(&mut Block) -> R,
    ) -> R {
        let (mut kept, mut grads) = (Vec::new(), Vec::new());
        for (place, stage) in lane.0.iter_mut().zip(&self.stages) {
            let place = place.as_mut();
            let [x, grad] = match place {
                Some([x, grad]) => [x.split_off_mut(..rows * stage.input), grad.split_off_mut(..rows * stage.output)],
                None => [None, None],
            };
            kept.push(x);
            grads.push(grad);
        }
        kept.push(None);
        let widths = || self.stages.iter().map(|stage| stage.input).chain([self.output()]);
        let free = kept.iter().zip(widths()).filter(|(kept, _)| kept.is_none()).map(|(_, width)| width);
        let wide = if grads.iter().all(Option::is_some) { 0 } else { rows * self.widest() };
        with_scratch([rows * free.sum::<usize>(), wide, wide], |[mut free, above, below]| {
            let values = kept.into_iter().zip(widths()).map(|(kept, width)| match kept {
                Some(kept) => kept,
                None => free.split_off_mut(..rows * width).unwrap_or_default(),
            });
            let values = values.collect();
            work(&mut Block { chain: self, weights, rows, values, grads, room: [above, below] })
        })
    }
}

/// Rows on their way through a chain.
pub(in crate::ops) struct Block<'a> {
    chain: &'a Chain,
    weights: &'a Prepared<'a>,
    rows: usize,
    /// What each layer is given, and what the last one gives.
    values: Vec<&'a mut [f32]>,
    /// The gradients of what each layer gives, where they are kept.
    grads: Vec<Option<&'a mut [f32]>>,
    /// Room for those that are not, by turns.
    room: [&'a mut [f32]; 2],
}

impl Block<'_> {
    /// The rows that come in, to be written before anything else.
    pub(in crate::ops) fn input(&mut self) -> &mut [f32] {
        self.values[0]
    }

    /// Takes the rows through all layers.
    pub(in crate::ops) fn forward(&mut self) {
        for (index, (stage, weights)) in self.chain.stages.iter().zip(&self.weights.0).enumerate() {
            let (before, behind) = self.values.split_at_mut(index + 1);
            stage.forward(*weights, before[index], behind[0]);
        }
    }

    /// The rows that came in, those that go out, and the place of the latter's gradient.
    pub(in crate::ops) fn ends(&mut self) -> (&[f32], &[f32], &mut [f32]) {
        let grad = match self.grads.last_mut() {
            Some(Some(grad)) => &mut **grad,
            _ => &mut self.room[0][..self.rows * self.chain.output()],
        };
        (self.values[0], self.values[self.values.len() - 1], grad)
    }

    /// Takes the gradient back through all layers, to `dx` if that is asked for. Those that lanes add up are added to `gradients`.
    pub(in crate::ops) fn backward(&mut self, mut gradients: &mut [f32], mut dx: Option<&mut [f32]>) {
        let [above, below] = &mut self.room;
        let (mut above, mut below) = (&mut **above, &mut **below);
        for (index, (stage, weights)) in self.chain.stages.iter().zip(&self.weights.0).enumerate().rev() {
            let (before, at) = self.grads.split_at_mut(index);
            let grad = match &mut at[0] {
                Some(kept) => &mut **kept,
                None => &mut above[..self.rows * stage.output],
            };
            let dx = match before.last_mut() {
                None => dx.take(),
                Some(Some(kept)) => Some(&mut **kept),
                Some(None) => Some(&mut below[..self.rows * stage.input]),
            };
            let (others, own) = gradients.split_at_mut(gradients.len() - stage.in_lanes());
            stage.backward(*weights, [self.values[index], self.values[index + 1]], grad, own, dx);
            gradients = others;
            std::mem::swap(&mut above, &mut below);
        }
    }
}

/// The gradients of all parameters of `chains`, one after the other: those of linear layers from what was `kept`, the others are
/// the sum of `lanes`.
pub(in crate::ops) fn weight_gradients(chains: &[&Chain], kept: &[Vec<Kept>], lanes: &[&[f32]], gradients: &mut [f32]) {
    let (mut rest, mut in_lanes) = (gradients, 0);
    let (mut tasks, mut sums, mut folds) = (Vec::new(), Vec::new(), Vec::new());
    for (chain, kept) in chains.iter().zip(kept) {
        for (stage, kept) in chain.stages.iter().zip(kept) {
            let own = rest.split_off_mut(..stage.parameters()).unwrap_or_default();
            if stage.at_once() {
                let units = (PRODUCTS / kept.x.len()).next_multiple_of(UNITS).max(UNITS);
                let (dweight, dbias) = own.split_at_mut(stage.weight);
                let parts = dweight.chunks_mut(units * stage.input).zip(dbias.chunks_mut(units)).enumerate();
                tasks.extend(parts.map(|(index, parts)| (stage, [&kept.x[..], &kept.grad], index * units, parts)));
            } else if stage.folds() {
                folds.push((stage, in_lanes, own));
                in_lanes += stage.in_lanes();
            } else {
                sums.extend(own.chunks_mut(SUMS).enumerate().map(|(index, part)| (in_lanes + index * SUMS, part)));
                in_lanes += stage.in_lanes();
            }
        }
    }
    sums.into_par_iter().for_each(|(first, sum)| add_lanes(lanes, first, sum));
    folds.into_par_iter().for_each(|(stage, first, own)| {
        with_scratch([stage.in_lanes()], |[sum]| {
            add_lanes(lanes, first, sum);
            stage.fold(sum, own);
        });
    });
    tasks.into_par_iter().for_each(|(stage, kept, first, (dweight, dbias))| {
        stage.units_gradient(kept, first, [dweight, dbias]);
    });
}

/// The sum of the lanes' values from `first` on, in their order.
fn add_lanes(lanes: &[&[f32]], first: usize, sum: &mut [f32]) {
    sum.fill(0.);
    for lane in lanes {
        kernels::add_rows(&lane[first..first + sum.len()], sum.len(), sum);
    }
}

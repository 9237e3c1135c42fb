//! The gradients of the recurrence: back through time from those of the states.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::layout::{
    BLOCK, Gates, LANES, Lane, Lstm, PAIR, gates_of, gates_of_mut, load, pack_columns, pack_gates, store,
};
use super::tile::{ROWS, TileProduct, advance, tile_gates, tile_rows};
use crate::simd::arch::arch;
use crate::simd::scratch::with_scratch;

/// The most partial sums of the weight gradient. A fixed number makes the result the same for any number of threads.
const SHARDS: usize = 16;

impl Lstm {
    /// Computes gradients from `grad` `[batch, steps, units]`, that of every state.
    ///
    /// `projected`, `weight` and `states` are as in [`Self::forward`]; the gates are computed anew from them. Writes
    /// `dprojected` `[batch, steps, 4 * units]` and `dweight` `[4 * units, units]`, the same for any number of threads.
    pub fn backward(
        &self,
        projected: &[f32],
        weight: &[f32],
        states: &[f32],
        grad: &[f32],
        dprojected: &mut [f32],
        dweight: &mut [f32],
    ) {
        self.check(projected, weight, states);
        self.check(dprojected, dweight, grad);
        if states.is_empty() {
            dweight.fill(0.0);
            return;
        }
        let (chunks, units) = (self.chunks(), self.units);
        let row = self.steps * units;
        let rows = BLOCK * self.batch.div_ceil(BLOCK).div_ceil(SHARDS);
        let shard = chunks * units.next_multiple_of(ROWS) * 4 * LANES;
        let panels = chunks * units * 4 * LANES;
        let columns = chunks.div_ceil(PAIR) * 4 * units * PAIR * LANES;
        let tape = chunks * BLOCK * self.steps * LANES;
        with_scratch([panels, columns, self.batch.div_ceil(rows) * shard], |[panels, columns, shards]| {
            pack_gates(self, weight, panels);
            pack_columns(self, weight, columns);
            let (panels, columns) = (&*panels, &*columns);
            let sequences = states.par_chunks(rows * row).zip(grad.par_chunks(rows * row));
            let gates = projected.par_chunks(rows * 4 * row).zip(dprojected.par_chunks_mut(rows * 4 * row));
            let work = shards.par_chunks_mut(shard).zip(sequences).zip(gates);
            work.for_each(|((shard, (states, grad)), (projected, dprojected))| {
                shard.fill(0.0);
                with_scratch([4 * tape, 2 * tape, chunks * BLOCK * LANES], |[tape, cells, carry]| {
                    let sequences = states.chunks(BLOCK * row).zip(grad.chunks(BLOCK * row));
                    let gates = projected.chunks(BLOCK * 4 * row).zip(dprojected.chunks_mut(BLOCK * 4 * row));
                    for ((states, grad), (projected, dprojected)) in sequences.zip(gates) {
                        arch().dispatch(Backward {
                            lstm: self.rows(states),
                            projected,
                            states,
                            grad,
                            panels,
                            columns,
                            dprojected,
                            shard: gates_of_mut(shard),
                            tape: gates_of_mut(tape),
                            cells: cells.as_chunks_mut().0.as_chunks_mut().0,
                            carry: carry.as_chunks_mut().0,
                        });
                    }
                });
            });
            sum_shards(self, shards, shard, dweight);
        });
    }
}

/// [`Lstm::backward`] for a block of rows, which adds to `shard` `[chunks, units padded to ROWS, 4, LANES]`.
///
/// Scratch: `tape` `[chunks, BLOCK, steps, 4, LANES]` first holds the gates and then their gradients, `cells`
/// `[chunks, BLOCK, steps, 2, LANES]` each cell before the step and the tanh of it after, `carry`
/// `[chunks, BLOCK, LANES]` the cell or its gradient on the way through time.
struct Backward<'a> {
    lstm: Lstm,
    projected: &'a [f32],
    states: &'a [f32],
    grad: &'a [f32],
    panels: &'a [f32],
    columns: &'a [f32],
    dprojected: &'a mut [f32],
    shard: &'a mut [Gates],
    tape: &'a mut [Gates],
    cells: &'a mut [[Lane; 2]],
    carry: &'a mut [Lane],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        self.replay(simd);
        self.reverse(simd);
        self.accumulate(simd);
    }
}

impl Backward<'_> {
    /// Computes the gates and cells of all steps again.
    #[inline(always)]
    fn replay<S: Simd>(&mut self, simd: S) {
        let Lstm { batch, steps, units } = self.lstm;
        self.carry.fill([0.0; LANES]);
        // The states are known, so the steps of one chunk of units can follow each other and share its panel.
        for (chunk, panel) in gates_of(self.panels).chunks_exact(units).enumerate() {
            for step in 0..steps {
                for first in (0..batch).step_by(ROWS) {
                    let mut tile =
                        tile_gates(simd, &self.lstm, self.projected, self.states, panel, [first, step, chunk]);
                    for (row, gates) in (first..batch).zip(&mut tile) {
                        let at = (chunk * BLOCK + row) * steps + step;
                        let cell = &mut self.carry[chunk * BLOCK + row];
                        let before = *cell;
                        let tanh = advance(gates, cell);
                        self.cells[at] = [before, tanh];
                        self.tape[at] = *gates;
                    }
                }
            }
        }
    }

    /// Goes back through the steps, replacing the gates in `tape` by their gradients, also written to `dprojected`.
    #[inline(always)]
    fn reverse<S: Simd>(&mut self, simd: S) {
        let Lstm { batch, steps, units } = self.lstm;
        let columns = self.columns.as_chunks::<LANES>().0.as_chunks::<PAIR>().0;
        self.carry.fill([0.0; LANES]);
        for step in (0..steps).rev() {
            for (pair, panel) in columns.chunks_exact(4 * units).enumerate() {
                for first in (0..batch).step_by(ROWS) {
                    let rows = tile_rows(first, batch).map(|row| row * steps + step);
                    let mut dstates = [[[0.0; LANES]; PAIR]; ROWS];
                    for (dstate, row) in dstates.iter_mut().zip(rows) {
                        for (p, dstate) in dstate.iter_mut().enumerate() {
                            load(&self.grad[row * units..][..units], pair * PAIR + p, dstate);
                        }
                    }
                    if step + 1 < steps {
                        let left = rows.map(|row| &self.dprojected[(row + 1) * 4 * units..][..4 * units]);
                        TileProduct { left, stride: 1, right: panel, sums: &mut dstates }.add(simd);
                    }
                    for (row, dstate) in (first..batch).zip(&dstates) {
                        let target = &mut self.dprojected[(row * steps + step) * 4 * units..][..4 * units];
                        for (chunk, dstate) in (pair * PAIR..self.lstm.chunks()).zip(dstate) {
                            let at = (chunk * BLOCK + row) * steps + step;
                            let gates = &mut self.tape[at];
                            retreat(gates, &self.cells[at], dstate, &mut self.carry[chunk * BLOCK + row]);
                            for (target, gate) in target.chunks_exact_mut(units).zip(gates) {
                                store(target, chunk, gate);
                            }
                        }
                    }
                }
            }
        }
    }

    /// Adds the rows' part of the weight gradient: over all steps, gate gradients times the state before.
    #[inline(always)]
    fn accumulate<S: Simd>(&mut self, simd: S) {
        let Lstm { steps, units, .. } = self.lstm;
        let shard = self.shard.chunks_exact_mut(units.next_multiple_of(ROWS));
        for (tape, shard) in self.tape.chunks_exact(BLOCK * steps).zip(shard) {
            for (dgates, states) in tape.chunks_exact(steps).zip(self.states.chunks_exact(steps * units)) {
                for (first, sums) in shard.as_chunks_mut::<ROWS>().0.iter_mut().enumerate() {
                    // Columns beyond the last repeat it, into the shard's padding.
                    let left = tile_rows(first * ROWS, units).map(|column| &states[column..]);
                    TileProduct { left, stride: units, right: &dgates[1..], sums }.add(simd);
                }
            }
        }
    }
}

/// Replaces the gates by their gradients and moves the gradient of the cell one step back.
#[inline(always)]
fn retreat(gates: &mut Gates, [before, tanh]: &[Lane; 2], dstate: &Lane, dcell: &mut Lane) {
    for l in 0..LANES {
        let [input, forget, new, output] = [gates[0][l], gates[1][l], gates[2][l], gates[3][l]];
        let total = (dstate[l] * output).mul_add(1.0 - tanh[l] * tanh[l], dcell[l]);
        dcell[l] = total * forget;
        gates[0][l] = total * new * input * (1.0 - input);
        gates[1][l] = total * before[l] * forget * (1.0 - forget);
        gates[2][l] = total * input * (1.0 - new * new);
        gates[3][l] = dstate[l] * tanh[l] * output * (1.0 - output);
    }
}

/// Adds the shards in order and writes the weight gradient in the layout of the weights.
fn sum_shards(lstm: &Lstm, shards: &mut [f32], shard: usize, dweight: &mut [f32]) {
    let units = lstm.units;
    let (total, others) = shards.split_at_mut(shard);
    for other in others.chunks_exact(shard) {
        total.iter_mut().zip(other).for_each(|(total, other)| *total += other);
    }
    let padded = units.next_multiple_of(ROWS);
    for (row, target) in dweight.chunks_exact_mut(units).enumerate() {
        let (gate, unit) = (row / units, row % units);
        let start = ((unit / LANES) * padded * 4 + gate) * LANES + unit % LANES;
        for (target, value) in target.iter_mut().zip(total[start..].iter().step_by(4 * LANES)) {
            *target = *value;
        }
    }
}

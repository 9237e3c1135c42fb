//! The recurrence of one LSTM layer over whole sequences and its gradients, for blocks of rows on all cores.
//!
//! Gates are in the order input, forget, cell, output. Rows (sequences) do not depend on each other, so every block of
//! rows runs through all its steps on one thread, the weights staying in that core's cache.

use std::array::from_fn;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::math::{sigmoid, tanh};
use super::scratch::with_scratch;

/// Numbers worked on together: one AVX-512 register or two of AVX2.
const LANES: usize = 16;
/// Rows that go through time together, so that each part of the weights, once in the fast cache, serves several tiles.
const BLOCK: usize = 8;
/// Most partial sums of the weight gradient. A fixed number makes the result the same for any number of threads.
const SHARDS: usize = 16;
/// Rows, or columns of the weight gradient, of one tile: 16 sums of the 32 registers of AVX-512, 8 of the 16 of AVX2.
const ROWS: usize = 4;
/// Chunks of units whose state gradients are computed together.
const PAIR: usize = 2;

type Lane = [f32; LANES];
type Gates = [Lane; 4];

/// Sizes of the layer's input: `batch` sequences of `steps` steps, for `units` cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lstm {
    /// Sequences.
    pub batch: usize,
    /// Steps of each sequence.
    pub steps: usize,
    /// Cells, and numbers in the state.
    pub units: usize,
}

impl Lstm {
    /// Numbers in all states.
    fn states(&self) -> usize {
        self.batch * self.steps * self.units
    }

    /// The same layer for the rows whose states are given.
    fn rows(&self, states: &[f32]) -> Self {
        Self { batch: states.len() / (self.steps * self.units), ..*self }
    }

    /// Groups of [`LANES`] units, the last possibly padded.
    fn chunks(&self) -> usize {
        self.units.div_ceil(LANES)
    }

    fn check(&self, projected: &[f32], weight: &[f32], states: &[f32]) {
        assert_eq!(projected.len(), 4 * self.states(), "projected of {self:?}");
        assert_eq!(weight.len(), 4 * self.units * self.units, "weight of {self:?}");
        assert_eq!(states.len(), self.states(), "states of {self:?}");
    }
}

/// Computes the state after each step.
///
/// `projected` `[batch, steps, 4 * units]` is the input's part of the gates, bias included; `weight`
/// `[4 * units, units]` is the recurrent one; the states go to `states` `[batch, steps, units]`.
pub fn forward(lstm: &Lstm, projected: &[f32], weight: &[f32], states: &mut [f32]) {
    lstm.check(projected, weight, states);
    if states.is_empty() {
        return;
    }
    let block = BLOCK * lstm.steps * lstm.units;
    with_scratch([lstm.chunks() * lstm.units * 4 * LANES], |[panels]| {
        pack_gates(lstm, weight, panels);
        let blocks = states.par_chunks_mut(block).zip(projected.par_chunks(4 * block));
        blocks.for_each(|(states, projected)| {
            with_scratch([lstm.chunks() * BLOCK * LANES], |[cells]| {
                let lstm = lstm.rows(states);
                Arch::new().dispatch(Forward { lstm, projected, panels, states, cells });
            });
        });
    });
}

/// Computes gradients from `grad` `[batch, steps, units]`, that of every state.
///
/// `projected`, `weight` and `states` are as in [`forward`]; the gates are computed anew from them. Writes
/// `dprojected` `[batch, steps, 4 * units]` and `dweight` `[4 * units, units]`, the same for any number of threads.
pub fn backward(
    lstm: &Lstm,
    projected: &[f32],
    weight: &[f32],
    states: &[f32],
    grad: &[f32],
    dprojected: &mut [f32],
    dweight: &mut [f32],
) {
    lstm.check(projected, weight, states);
    lstm.check(dprojected, dweight, grad);
    if states.is_empty() {
        dweight.fill(0.0);
        return;
    }
    let (chunks, units) = (lstm.chunks(), lstm.units);
    let row = lstm.steps * units;
    let rows = BLOCK * lstm.batch.div_ceil(BLOCK).div_ceil(SHARDS);
    let shard = chunks * units.next_multiple_of(ROWS) * 4 * LANES;
    let panels = chunks * units * 4 * LANES;
    let columns = chunks.div_ceil(PAIR) * 4 * units * PAIR * LANES;
    let tape = chunks * BLOCK * lstm.steps * LANES;
    with_scratch([panels, columns, lstm.batch.div_ceil(rows) * shard], |[panels, columns, shards]| {
        pack_gates(lstm, weight, panels);
        pack_columns(lstm, weight, columns);
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
                    Arch::new().dispatch(Backward {
                        lstm: lstm.rows(states),
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
        sum_shards(lstm, shards, shard, dweight);
    });
}

/// [`forward`] for a block of rows; `cells` is scratch `[chunks, BLOCK, LANES]`.
struct Forward<'a> {
    lstm: Lstm,
    projected: &'a [f32],
    panels: &'a [f32],
    states: &'a mut [f32],
    cells: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { lstm, projected, panels, states, cells } = self;
        let Lstm { batch, steps, units } = lstm;
        let (cells, _) = cells.as_chunks_mut::<LANES>();
        cells.fill([0.0; LANES]);
        for step in 0..steps {
            for (chunk, panel) in gates_of(panels).chunks_exact(units).enumerate() {
                for first in (0..batch).step_by(ROWS) {
                    let mut tile = tile_gates(simd, &lstm, projected, states, panel, [first, step, chunk]);
                    for (row, gates) in (first..batch).zip(&mut tile) {
                        let tanh = advance(gates, &mut cells[chunk * BLOCK + row]);
                        let state = from_fn(|l| gates[3][l] * tanh[l]);
                        store(&mut states[(row * steps + step) * units..][..units], chunk, &state);
                    }
                }
            }
        }
    }
}

/// [`backward`] for a block of rows, which adds to `shard` `[chunks, units padded to ROWS, 4, LANES]`.
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
                        Product { left, stride: 1, right: panel, sums: &mut dstates }.add(simd);
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
                    Product { left, stride: units, right: &dgates[1..], sums }.add(simd);
                }
            }
        }
    }
}

/// The gates of [`ROWS`] rows before their nonlinearities; rows beyond the last repeat it.
#[inline(always)]
fn tile_gates<S: Simd>(
    simd: S,
    lstm: &Lstm,
    projected: &[f32],
    states: &[f32],
    panel: &[Gates],
    [first, step, chunk]: [usize; 3],
) -> [Gates; ROWS] {
    let units = lstm.units;
    let rows = tile_rows(first, lstm.batch).map(|row| row * lstm.steps + step);
    let mut tile = [[[0.0; LANES]; 4]; ROWS];
    for (gates, row) in tile.iter_mut().zip(rows) {
        for (gate, sum) in gates.iter_mut().enumerate() {
            load(&projected[(row * 4 + gate) * units..][..units], chunk, sum);
        }
    }
    if step > 0 {
        let left = rows.map(|row| &states[(row - 1) * units..][..units]);
        Product { left, stride: 1, right: panel, sums: &mut tile }.add(simd);
    }
    tile
}

/// Adds to row `r` of `sums` the products of `left[r][k * stride]` with `right[k]`, over all `k` in order.
struct Product<'a, const P: usize> {
    left: [&'a [f32]; ROWS],
    stride: usize,
    right: &'a [[Lane; P]],
    sums: &'a mut [[Lane; P]; ROWS],
}

impl<const P: usize> Product<'_, P> {
    /// Not inlined, so that the sums have all registers to themselves.
    #[inline(never)]
    fn add<S: Simd>(self, simd: S) {
        simd.vectorize(self);
    }

    /// Does the `N` vectors of each row from `first` on, whose sums stay in registers.
    #[inline(always)]
    fn vectors<S: Simd, const N: usize>(&mut self, simd: S, first: usize) {
        let mut sums = [[simd.splat_f32s(0.0); N]; ROWS];
        for (sums, source) in sums.iter_mut().zip(&*self.sums) {
            sums.copy_from_slice(&S::as_simd_f32s(source.as_flattened()).0[first..first + N]);
        }
        for (k, right) in self.right.iter().enumerate() {
            let right = &S::as_simd_f32s(right.as_flattened()).0[first..first + N];
            for (sums, left) in sums.iter_mut().zip(self.left) {
                let left = simd.splat_f32s(left[k * self.stride]);
                for (sum, right) in sums.iter_mut().zip(right) {
                    *sum = simd.mul_add_f32s(left, *right, *sum);
                }
            }
        }
        for (sums, target) in sums.iter().zip(&mut *self.sums) {
            S::as_mut_simd_f32s(target.as_flattened_mut()).0[first..first + N].copy_from_slice(sums);
        }
    }
}

impl<const P: usize> WithSimd for Product<'_, P> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        match S::F32_LANES {
            LANES => self.vectors::<S, P>(simd, 0),
            // Narrower registers are also fewer, so these take one lane of every row at a time.
            8 => (0..2 * P).step_by(2).for_each(|first| self.vectors::<S, 2>(simd, first)),
            4 => (0..4 * P).step_by(4).for_each(|first| self.vectors::<S, 4>(simd, first)),
            _ => (0..LANES * P).for_each(|first| self.vectors::<S, 1>(simd, first)),
        }
    }
}

/// Applies the nonlinearities to the gates and moves the cell one step on; gives the tanh of the new cell.
#[inline(always)]
fn advance(gates: &mut Gates, cell: &mut Lane) -> Lane {
    let mut result = [0.0; LANES];
    for l in 0..LANES {
        let [input, forget, new, output] = [gates[0][l], gates[1][l], gates[2][l], gates[3][l]];
        let [input, forget, new, output] = [sigmoid(input), sigmoid(forget), tanh(new), sigmoid(output)];
        cell[l] = forget.mul_add(cell[l], input * new);
        result[l] = tanh(cell[l]);
        [gates[0][l], gates[1][l], gates[2][l], gates[3][l]] = [input, forget, new, output];
    }
    result
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

/// Positions of a tile; those beyond the last repeat it.
#[inline(always)]
fn tile_rows(first: usize, count: usize) -> [usize; ROWS] {
    from_fn(|r| (first + r).min(count - 1))
}

/// Reads the chunk of a row of `units` numbers, zero beyond its end.
#[inline(always)]
fn load(row: &[f32], chunk: usize, target: &mut Lane) {
    let rest = row.get(chunk * LANES..).unwrap_or_default();
    match rest.first_chunk() {
        Some(values) => *target = *values,
        None => {
            target.fill(0.0);
            target.iter_mut().zip(rest).for_each(|(target, value)| *target = *value);
        }
    }
}

/// Writes what of the chunk lies within a row of `units` numbers.
#[inline(always)]
fn store(row: &mut [f32], chunk: usize, values: &Lane) {
    let rest = &mut row[chunk * LANES..];
    match rest.first_chunk_mut() {
        Some(target) => *target = *values,
        None => rest.iter_mut().zip(values).for_each(|(target, value)| *target = *value),
    }
}

/// The numbers as groups of the four gates of a chunk.
fn gates_of(values: &[f32]) -> &[Gates] {
    values.as_chunks::<LANES>().0.as_chunks::<4>().0
}

/// As [`gates_of`].
fn gates_of_mut(values: &mut [f32]) -> &mut [Gates] {
    values.as_chunks_mut::<LANES>().0.as_chunks_mut::<4>().0
}

/// Lays the weights out as `[chunks, units, 4, LANES]`: per chunk and previous unit, the four gates' weights.
fn pack_gates(lstm: &Lstm, weight: &[f32], panels: &mut [f32]) {
    let units = lstm.units;
    panels.fill(0.0);
    for (row, weights) in weight.chunks_exact(units).enumerate() {
        let (gate, unit) = (row / units, row % units);
        let start = ((unit / LANES) * units * 4 + gate) * LANES + unit % LANES;
        for (target, value) in panels[start..].iter_mut().step_by(4 * LANES).zip(weights) {
            *target = *value;
        }
    }
}

/// Lays the weights out as `[pairs, 4 * units, PAIR, LANES]`: per pair of chunks, their columns.
fn pack_columns(lstm: &Lstm, weight: &[f32], columns: &mut [f32]) {
    let units = lstm.units;
    let columns = columns.as_chunks_mut::<LANES>().0.as_chunks_mut::<PAIR>().0;
    for (pair, panel) in columns.chunks_exact_mut(4 * units).enumerate() {
        for (target, weights) in panel.iter_mut().zip(weight.chunks_exact(units)) {
            target.iter_mut().enumerate().for_each(|(p, target)| load(weights, pair * PAIR + p, target));
        }
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

#[cfg(test)]
#[path = "lstm_tests.rs"]
mod tests;

//! The states after each step.

use std::array::from_fn;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::layout::{BLOCK, LANES, Lstm, gates_of, pack_gates, store};
use super::tile::{ROWS, advance, tile_gates};
use crate::simd::aligned::Aligned;
use crate::simd::arch::arch;
use crate::simd::scratch::with_scratch;

impl Lstm {
    /// Computes the state after each step.
    ///
    /// `projected` `[batch, steps, 4 * units]` is the input's part of the gates, bias included; `weight`
    /// `[4 * units, units]` is the recurrent one; the states go to `states` `[batch, steps, units]`.
    pub fn forward(&self, projected: &[f32], weight: &[f32], states: &mut [f32]) {
        self.check(projected, weight, states);
        if states.is_empty() {
            return;
        }
        let block = BLOCK * self.steps * self.units;
        with_scratch([self.panels_len()], |[panels]| {
            pack_gates(self, weight, panels);
            let blocks = states.par_chunks_mut(block).zip(projected.par_chunks(4 * block));
            blocks.for_each(|(states, projected)| self.rows(states).block(projected, panels, states));
        });
    }

    /// Computes the states of at most [`BLOCK`] rows.
    fn block(self, projected: &[f32], panels: &[f32], states: &mut [f32]) {
        with_scratch([self.chunks() * BLOCK * LANES], |[cells]| {
            arch().dispatch(Forward { lstm: self, projected, panels, states, cells });
        });
    }

    fn panels_len(&self) -> usize {
        self.chunks() * self.units * 4 * LANES
    }
}

/// The recurrence of one layer for inference: the weight is packed once.
pub struct PackedLstm {
    steps: usize,
    units: usize,
    panels: Aligned,
}

impl PackedLstm {
    /// Packs `weight` `[4 * units, units]` for sequences of `steps` steps; the gates are in the order input, forget, cell,
    /// output.
    ///
    /// # Panics
    ///
    /// When there are no steps or no units, or the weight has another length.
    pub fn new([steps, units]: [usize; 2], weight: &[f32]) -> Self {
        assert!(steps * units > 0 && weight.len() == 4 * units * units, "[4 * units, units]");
        let lstm = Lstm { batch: 0, steps, units };
        let mut panels = Aligned::zeros(lstm.panels_len());
        pack_gates(&lstm, weight, &mut panels.get_mut()[..lstm.panels_len()]);
        Self { steps, units, panels }
    }

    /// As [`Lstm::forward`], on this thread, for as many rows as there are.
    ///
    /// # Panics
    ///
    /// When the lengths do not fit.
    pub fn forward(&self, projected: &[f32], states: &mut [f32]) {
        let lstm = Lstm { batch: 0, steps: self.steps, units: self.units };
        let row = self.steps * self.units;
        assert!(states.len().is_multiple_of(row) && projected.len() == 4 * states.len(), "[rows, steps, units]");
        let panels = &self.panels.get()[..lstm.panels_len()];
        for (states, projected) in states.chunks_mut(BLOCK * row).zip(projected.chunks(4 * BLOCK * row)) {
            lstm.rows(states).block(projected, panels, states);
        }
    }
}

/// [`Lstm::forward`] for a block of rows; `cells` is scratch `[chunks, BLOCK, LANES]`.
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

//! The sizes of an LSTM layer, and how its weights and gates lie in memory.

/// Values that are worked on together: one register of AVX-512 or two of AVX2.
pub(super) const LANES: usize = 16;
/// Rows that go through time together, so that each part of the weights, once in the fast cache, serves several tiles.
pub(super) const BLOCK: usize = 8;
/// Chunks of units whose state gradients are computed together.
pub(super) const PAIR: usize = 2;

pub(super) type Lane = [f32; LANES];
pub(super) type Gates = [Lane; 4];

/// The sizes of a layer: `batch` sequences of `steps` steps, and `units` cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lstm {
    /// Sequences.
    pub batch: usize,
    /// Steps of each sequence.
    pub steps: usize,
    /// Cells, and values in the state.
    pub units: usize,
}

impl Lstm {
    /// Values in all states.
    pub(super) fn states(&self) -> usize {
        self.batch * self.steps * self.units
    }

    /// The same layer for the rows whose states are given.
    pub(super) fn rows(&self, states: &[f32]) -> Self {
        Self { batch: states.len() / (self.steps * self.units), ..*self }
    }

    /// Groups of [`LANES`] units, the last possibly padded.
    pub(super) fn chunks(&self) -> usize {
        self.units.div_ceil(LANES)
    }

    pub(super) fn check(&self, projected: &[f32], weight: &[f32], states: &[f32]) {
        assert_eq!(projected.len(), 4 * self.states(), "projected of {self:?}");
        assert_eq!(weight.len(), 4 * self.units * self.units, "weight of {self:?}");
        assert_eq!(states.len(), self.states(), "states of {self:?}");
    }
}

/// Reads the chunk of a row of `units` values, zero beyond its end.
#[inline(always)]
pub(super) fn load(row: &[f32], chunk: usize, target: &mut Lane) {
    let rest = row.get(chunk * LANES..).unwrap_or_default();
    match rest.first_chunk() {
        Some(values) => *target = *values,
        None => {
            target.fill(0.0);
            target.iter_mut().zip(rest).for_each(|(target, value)| *target = *value);
        }
    }
}

/// Writes the part of a chunk that lies within a row of `units` values.
#[inline(always)]
pub(super) fn store(row: &mut [f32], chunk: usize, values: &Lane) {
    let rest = &mut row[chunk * LANES..];
    match rest.first_chunk_mut() {
        Some(target) => *target = *values,
        None => rest.iter_mut().zip(values).for_each(|(target, value)| *target = *value),
    }
}

/// The values in groups of the four gates of a chunk.
pub(super) fn gates_of(values: &[f32]) -> &[Gates] {
    values.as_chunks::<LANES>().0.as_chunks::<4>().0
}

/// As [`gates_of`].
pub(super) fn gates_of_mut(values: &mut [f32]) -> &mut [Gates] {
    values.as_chunks_mut::<LANES>().0.as_chunks_mut::<4>().0
}

/// Packs the weights as `[chunks, units, 4, LANES]`: per chunk and previous unit, the four gates' weights.
pub(super) fn pack_gates(lstm: &Lstm, weight: &[f32], panels: &mut [f32]) {
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

/// Packs the weights as `[pairs, 4 * units, PAIR, LANES]`: per pair of chunks, their columns.
pub(super) fn pack_columns(lstm: &Lstm, weight: &[f32], columns: &mut [f32]) {
    let units = lstm.units;
    let columns = columns.as_chunks_mut::<LANES>().0.as_chunks_mut::<PAIR>().0;
    for (pair, panel) in columns.chunks_exact_mut(4 * units).enumerate() {
        for (target, weights) in panel.iter_mut().zip(weight.chunks_exact(units)) {
            target.iter_mut().enumerate().for_each(|(p, target)| load(weights, pair * PAIR + p, target));
        }
    }
}

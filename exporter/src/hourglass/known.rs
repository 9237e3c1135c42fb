//! What a graph must give, and how exactly.

use crate::hourglass::raw_rows::largest;

/// What a graph must give.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) values: Vec<f32>,
    /// How large each value's rounding errors may be in relation to each other.
    pub(super) sizes: Vec<f32>,
}

impl Known {
    /// Values that are rounded by themselves, as behind a sigmoid.
    pub(super) fn alone(values: Vec<f32>) -> Self {
        let sizes = values.iter().map(|value| value.abs().max(1.)).collect();
        Self { values, sizes }
    }

    /// Values without bounds, sums in which large terms may cancel each other: the largest value of a row tells how large the terms are.
    pub(super) fn by_row(values: Vec<f32>, width: usize) -> Self {
        let sizes = values.chunks(width.max(1)).flat_map(|row| vec![largest(row); row.len()]).collect();
        Self { values, sizes }
    }
}

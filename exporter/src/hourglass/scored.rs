//! What a detector says about held-out rows, computed apart from the runtime, and how large its rounding errors may be.

use bundle::{Detector, KnownRows, NEIGHBOURS, Scores};

use crate::hourglass::known::Known;
use crate::hourglass::raw_rows::{RawRows, largest};

/// By how many last places a sum of a hundred terms may be off.
const SUM: f32 = 8.;

/// Rows in all their forms.
pub(super) struct Rows<'a> {
    /// As the graphs take them.
    pub(super) raw: &'a [f32],
    /// What candle's network makes of them, in the same form.
    pub(super) restored: &'a [f32],
    /// As the network takes them, `[rows, width]`.
    pub(super) input: &'a [f32],
    pub(super) width: usize,
}

/// Scores, p-values and feature errors of all rows.
pub(super) struct Scored {
    scores: Known,
    p_values: Known,
    feature_errors: Known,
}

impl Scored {
    /// Scores the rows; a relative difference of `tolerance`, above 0, is allowed.
    pub(super) fn new(detector: &Detector, form: &RawRows, rows: &Rows, tolerance: f32) -> Self {
        let known = detector.known.as_ref().map(KnownRows::rows).unwrap_or_default();
        let distance = |row: &[f32]| mean_distance(row, &known);
        let Scores { scores, feature_errors } = detector.score(form.row_form(), [rows.raw, rows.restored], distance);
        // A raw value is known to its last place alone, whatever that is in units of its column's scale, and so is what the network gives.
        let last_places = form.last_places(rows.restored);
        let columns = detector.spread.len();
        let by_row = rows.input.chunks(rows.width).zip(last_places.chunks(columns));
        let from_places = by_row.map(|(row, places)| detector.weights[0] * amplified(detector, largest(row), places));
        let sizes: Vec<f32> =
            scores.iter().zip(from_places).map(|(score, from)| score.abs().max(1.) + from / tolerance).collect();

        let p_value = |score| detector.calibration.p_value(score);
        // Scores that differ by as much as they may have other ranks where usual rows lie between them.
        let ranks = scores.iter().zip(&sizes).map(|(score, size)| {
            let off = tolerance * size;
            1. + (p_value(score - off) - p_value(score + off)) / tolerance
        });
        let p_values = Known { sizes: ranks.collect(), values: scores.iter().copied().map(p_value).collect() };

        let of_rows =
            rows.input.chunks(rows.width).zip(feature_errors.chunks(columns)).zip(last_places.chunks(columns));
        let error_sizes = of_rows.flat_map(|((row, errors), places)| {
            // An error is a difference of values as the network has them: the largest of the row tells how large those are.
            let largest = largest(row);
            let size = move |((error, spread), place): ((&f32, &f32), &f32)| {
                error.abs().max(largest / spread).max(1.) + place / spread / tolerance
            };
            errors.iter().zip(&detector.spread).zip(places).map(size).collect::<Vec<_>>()
        });
        let feature_errors = Known { sizes: error_sizes.collect(), values: feature_errors };
        Self { scores: Known { values: scores, sizes }, p_values, feature_errors }
    }

    /// Scores, p-values and feature errors of the batch of `size` rows number `index`.
    pub(super) fn batch(&self, index: usize, size: usize) -> [Known; 3] {
        let rows = self.scores.values.len().max(1);
        [&self.scores, &self.p_values, &self.feature_errors].map(|known| {
            let width = known.values.len() / rows;
            let part = |values: &[f32]| values[index * size * width..][..size * width].to_vec();
            Known { values: part(&known.values), sizes: part(&known.sizes) }
        })
    }
}

/// How far the residual may be off where the values of a row, the largest of which is `value`, are off by their last place, and by `places`
/// besides.
fn amplified(detector: &Detector, value: f32, places: &[f32]) -> f32 {
    // The largest that an error of 1 in any value can become.
    let factor = detector.whitening.as_ref().map_or(1., |matrix| {
        let features = matrix.len().isqrt();
        let lengths = matrix.chunks(features).map(|row| row.iter().map(|value| value * value).sum::<f32>().sqrt());
        lengths.fold(0., f32::max) / (features as f32).sqrt()
    });
    // Rounding errors are independent of each other; twice their standard deviation, and some last places for each sum of a network.
    let of_network = SUM * value * f32::EPSILON;
    2. * factor * places.iter().map(|place| (place + of_network).powi(2)).sum::<f32>().sqrt()
}

/// The mean distance from `row` to the known rows `[n, row.len()]` that are nearest to it, by a plain search in 64 bits.
fn mean_distance(row: &[f32], known: &[f32]) -> f32 {
    let square = |(a, b): (&f32, &f32)| (f64::from(*a) - f64::from(*b)).powi(2);
    let mut distances: Vec<f64> =
        known.chunks_exact(row.len()).map(|known| row.iter().zip(known).map(square).sum::<f64>().sqrt()).collect();
    if distances.iter().any(|distance| distance.is_nan()) {
        return f32::NAN;
    }
    distances.sort_by(f64::total_cmp);
    distances.truncate(NEIGHBOURS);
    (distances.iter().sum::<f64>() / distances.len().max(1) as f64) as f32
}

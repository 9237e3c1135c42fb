//! What a detector says about held-out rows and an engine's reconstructions of them, computed apart from the runtime.
//!
//! The reconstructions are held to candle's on their own. Whatever they are, the scores must follow from them: where a raw value is known
//! to its last place alone, as around a million, that place is no excuse for a score.

use bundle::{Detector, KnownRows, NEIGHBOURS, Scores};

use crate::hourglass::known::Known;
use crate::hourglass::raw_rows::{RawRows, largest};

/// By how many last places a sum of a hundred terms may be off.
const SUM: f32 = 8.;

/// A detector, and the distances of the held-out rows from its known ones.
pub(super) struct Scored<'a> {
    detector: &'a Detector,
    form: &'a RawRows,
    distances: Vec<f32>,
    /// The largest value of each row, as the network takes it.
    largest: Vec<f32>,
    tolerance: f32,
    /// The largest score that an error of 1 in any value can make.
    factor: f32,
}

impl<'a> Scored<'a> {
    /// Measures the distances of the rows `input` `[rows, width]`, as the network takes them. A relative difference of `tolerance`, above
    /// 0, is allowed.
    pub(super) fn new(
        detector: &'a Detector,
        form: &'a RawRows,
        (input, width): (&[f32], usize),
        tolerance: f32,
    ) -> Self {
        let known = detector.known.as_ref().map(KnownRows::rows).unwrap_or_default();
        let distance = |row: &[f32]| if known.is_empty() { 0. } else { mean_distance(row, &known) };
        let factor = detector.whitening.as_ref().map_or(1., |matrix| {
            let features = matrix.len().isqrt();
            let lengths = matrix.chunks(features).map(|row| row.iter().map(|value| value * value).sum::<f32>().sqrt());
            lengths.fold(0., f32::max)
        });
        let distances = input.chunks(width).map(distance).collect();
        let largest = input.chunks(width).map(largest).collect();
        Self { detector, form, distances, largest, tolerance, factor: detector.weights[0] * factor }
    }

    /// Scores, p-values and feature errors of `raw` rows, the first of which is number `first`, from these `reconstructions`.
    pub(super) fn expected(&self, first: usize, raw: &[f32], reconstructions: &[f32]) -> [Known; 3] {
        let Self { detector, form, tolerance, .. } = *self;
        let distances = |_: &[f32], out: &mut [f32]| out.copy_from_slice(&self.distances[first..][..out.len()]);
        let Scores { scores, feature_errors } = detector.score(form.row_form(), [raw, reconstructions], distances);
        let p_value = |score| detector.calibration.p_value(score);
        // An error is a difference of values as the network has them: the largest tells how large those are.
        let errors = feature_errors.chunks(detector.spread.len());
        let by_row: Vec<f32> = errors
            .zip(&self.largest[first..])
            .map(|(errors, largest)| {
                errors
                    .iter()
                    .zip(&detector.spread)
                    .fold(*largest, |largest, (error, spread)| largest.max(error * spread))
            })
            .collect();
        let sizes: Vec<f32> = scores
            .iter()
            .zip(&by_row)
            .map(|(score, largest)| score.abs().max(1.) + self.factor * SUM * f32::EPSILON * largest / tolerance)
            .collect();
        // Scores that differ by as much as they may have other ranks where usual rows lie between them.
        let ranks = scores.iter().zip(&sizes).map(|(score, size)| {
            let off = tolerance * size;
            1. + (p_value(score - off) - p_value(score + off)) / tolerance
        });
        let p_values = Known { sizes: ranks.collect(), values: scores.iter().copied().map(p_value).collect() };
        let rows = feature_errors.chunks(detector.spread.len()).zip(&by_row);
        let error_sizes = rows.flat_map(|(errors, largest)| {
            let size = move |(error, spread): (&f32, &f32)| error.abs().max(largest / spread).max(1.);
            errors.iter().zip(&detector.spread).map(size).collect::<Vec<_>>()
        });
        let feature_errors = Known { sizes: error_sizes.collect(), values: feature_errors };
        [Known { values: scores, sizes }, p_values, feature_errors]
    }
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

//! The distance from rows to their nearest neighbours among some known rows.

use crate::activation::Activation;
use crate::gemm::Dense;
use crate::simd::scratch::with_scratch;
use crate::simd::vectorised::vectorised;

/// Rows that are searched for side by side.
const ROWS: usize = 12;
/// Known rows that are compared side by side.
const LANES: usize = 64;
/// Sums that a distance is made of, which are added in pairs.
const SUMS: usize = 8;
/// Known rows of which most often none is near.
const FEW: usize = 16;

/// Known rows, ready to be searched.
///
/// A matrix product finds the few known rows that may be among the nearest, as far as rounding lets it tell; their distances are then
/// computed value by value. So a distance does not depend on the rows beside it, nor on the processor.
///
/// ```
/// let known = kernels::Neighbours::new(&[0., 0., 3., 4., 30., 40.], 2);
/// let mut distances = [0.; 2];
/// known.mean_distances(&[0., 0., 30., 40.], 2, &mut distances);
/// assert_eq!(distances, [2.5, 22.5]); // 0 and 5, 0 and 45
/// ```
pub struct Neighbours {
    width: usize,
    /// `[n, width]`
    rows: Vec<f32>,
    /// Gives half the squared distance to each known row, less half the square of the row itself; nothing where there is no known row.
    halves: Option<Dense>,
    /// The largest square of a known row.
    largest: f32,
}

impl Neighbours {
    /// Takes `rows` `[n, width]`.
    pub fn new(rows: &[f32], width: usize) -> Self {
        assert!(width > 0 && rows.len().is_multiple_of(width), "rows of {width} values");
        let squares: Vec<f32> = rows.chunks_exact(width).map(square).collect();
        let weight: Vec<f32> = rows.iter().map(|value| -value).collect();
        let bias: Vec<f32> = squares.iter().map(|square| 0.5 * square).collect();
        let halves = (!squares.is_empty()).then(|| Dense::new(&weight, &bias));
        Self { width, rows: rows.into(), halves, largest: squares.into_iter().fold(0., f32::max) }
    }

    /// Values in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The number of known rows.
    pub fn len(&self) -> usize {
        self.rows.len() / self.width
    }

    /// Whether there are no known rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// For each of `rows` `[n, width]`, the mean of the Euclidean distances to the `count` known rows that are nearest to it; to all of
    /// them where they are fewer. Not a number where there is none, or where a value of the row is not a number.
    pub fn mean_distances(&self, rows: &[f32], count: usize, out: &mut [f32]) {
        assert_eq!(rows.len(), out.len() * self.width, "rows of {} values", self.width);
        let count = count.min(self.len());
        let Some(halves) = self.halves.as_ref().filter(|_| count > 0) else { return out.fill(f32::NAN) };
        for (rows, out) in rows.chunks(ROWS * self.width).zip(out.chunks_mut(ROWS)) {
            with_scratch([out.len() * self.len()], |[products]| {
                halves.forward(rows, Activation::None, products);
                let products = products.chunks_exact(self.len());
                for ((row, products), out) in rows.chunks_exact(self.width).zip(products).zip(out) {
                    *out = self.mean_distance(row, products, count);
                }
            });
        }
    }

    /// The mean distance from `row`, of which `halves` says how far the known rows are but for rounding.
    fn mean_distance(&self, row: &[f32], halves: &[f32], count: usize) -> f32 {
        let own = square(row);
        if own.is_nan() {
            return f32::NAN;
        }
        // A sum of n products is off by at most n roundings of the sum of their sizes, which is at most that of the squares.
        let rounding = (self.width + 4) as f32 * 2. * f32::EPSILON * (own + self.largest) + f32::MIN_POSITIVE;
        // Numbers so large that their squares are none tell nothing.
        let candidates = smallest(halves, count, rounding).unwrap_or_else(|| (0..self.len()).collect());
        let mut nearest = Vec::with_capacity(candidates.len());
        squared_distances(row, &self.rows, &candidates, &mut nearest);
        if nearest.len() > LANES
            && let Some(places) = smallest(&nearest, count, 0.)
        {
            nearest = places.into_iter().map(|place| nearest[place]).collect();
        }
        nearest.sort_unstable_by(f32::total_cmp);
        nearest.truncate(count);
        nearest.iter().map(|squared| squared.sqrt()).sum::<f32>() / count as f32
    }
}

/// The places of the `count` smallest values, and of those that are larger by no more than `rounding`; of some others too. Nothing where
/// the values are no bound.
fn smallest(values: &[f32], count: usize, rounding: f32) -> Option<Vec<usize>> {
    // Each lane has a value that is no larger than its smallest, so that `count` of them bound the smallest ones.
    let mut of_lanes = [f32::INFINITY; LANES];
    smallest_of_lanes(values, &mut of_lanes);
    let bound = match count {
        1..=LANES => rounding + *of_lanes.select_nth_unstable_by(count - 1, f32::total_cmp).1,
        _ => f32::INFINITY,
    };
    let mut places = vec![];
    bound.is_finite().then(|| within(values, bound, &mut places))?;
    Some(places)
}

fn square(row: &[f32]) -> f32 {
    row.iter().map(|value| value * value).sum()
}

vectorised! {
    /// The smallest value of each lane.
    fn smallest_of_lanes<'a>(values: &'a [f32], smallest: &'a mut [f32; LANES]) -> () {
        let mut least = *smallest;
        let (blocks, rest) = values.as_chunks::<LANES>();
        for block in blocks {
            for lane in 0..LANES {
                least[lane] = if block[lane] < least[lane] { block[lane] } else { least[lane] };
            }
        }
        for (least, value) in least.iter_mut().zip(rest) {
            *least = if *value < *least { *value } else { *least };
        }
        *smallest = least;
    }

    /// The squared distance from `row` to some of the known `rows`. The order of the sums is the same with any vectors.
    fn squared_distances<'a>(
        row: &'a [f32],
        rows: &'a [f32],
        candidates: &'a [usize],
        distances: &'a mut Vec<f32>,
    ) -> () {
        let (blocks, rest) = row.as_chunks::<SUMS>();
        for &candidate in candidates {
            let (known, rest_of_known) = rows[candidate * row.len()..][..row.len()].as_chunks::<SUMS>();
            let mut sums = [0f32; SUMS];
            for (row, known) in blocks.iter().zip(known) {
                for lane in 0..SUMS {
                    let difference = row[lane] - known[lane];
                    sums[lane] += difference * difference;
                }
            }
            for (sum, (value, known)) in sums.iter_mut().zip(rest.iter().zip(rest_of_known)) {
                *sum += (value - known) * (value - known);
            }
            for half in [4, 2, 1] {
                for lane in 0..half {
                    sums[lane] += sums[lane + half];
                }
            }
            distances.push(sums[0]);
        }
    }

    /// The places of the values up to `bound`.
    fn within<'a>(values: &'a [f32], bound: f32, places: &'a mut Vec<usize>) -> () {
        for (block, values) in values.chunks(FEW).enumerate() {
            let mut found = false;
            for value in values {
                found |= *value <= bound;
            }
            if found {
                for (lane, value) in values.iter().enumerate() {
                    if *value <= bound {
                        places.push(block * FEW + lane);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lcg::Lcg;

    fn mean_distance(known: &Neighbours, row: &[f32], count: usize) -> f32 {
        let mut found = [0.];
        known.mean_distances(row, count, &mut found);
        found[0]
    }

    #[test]
    fn the_nearest_rows_are_those_of_a_plain_search() {
        let mut random = Lcg(5);
        for (len, width, count) in [(1, 3, 5), (64, 1, 1), (65, 7, 5), (1000, 13, 5), (200, 3, 100)] {
            let rows = random.floats(len * width);
            let known = Neighbours::new(&rows, width);
            let row = random.floats(width);
            let distance =
                |known: &[f32]| known.iter().zip(&row).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt();
            let mut distances: Vec<f64> = rows.chunks(width).map(distance).collect();
            distances.sort_by(f64::total_cmp);
            let count = count.min(len);
            let expected = distances[..count].iter().sum::<f64>() / count as f64;
            let found = f64::from(mean_distance(&known, &row, count));
            // Sums of at most 13 squares in f32.
            assert!((found - expected).abs() < 1e-5 * expected.max(1.), "{found}, not {expected}");
        }
    }

    #[test]
    fn a_row_that_is_not_a_number_has_no_distance() {
        assert!(mean_distance(&Neighbours::new(&[1., 2.], 2), &[f32::NAN, 2.], 1).is_nan());
        assert!(mean_distance(&Neighbours::new(&[], 2), &[1., 2.], 5).is_nan());
    }

    #[test]
    fn the_rows_beside_one_change_nothing_and_far_ones_are_told_apart() {
        let mut random = Lcg(6);
        let (width, len) = (9, 300);
        // Far from the origin, where a product of the rows has lost what tells them apart.
        let rows: Vec<f32> = random.floats(len * width).iter().map(|value| 1000. + value).collect();
        let known = Neighbours::new(&rows, width);
        let mut some = rows[..31 * width].to_vec();
        some[width..2 * width].fill(f32::INFINITY);
        some[2 * width..3 * width].fill(1e30);
        let mut found = [0.; 31];
        known.mean_distances(&some, 5, &mut found);
        for (row, found) in some.chunks(width).zip(found) {
            assert_eq!(mean_distance(&known, row, 5).to_bits(), found.to_bits());
            let square = |(a, b): (&f32, &f32)| f64::from(a - b).powi(2);
            let distance = |known: &[f32]| row.iter().zip(known).map(square).sum::<f64>().sqrt();
            let mut distances: Vec<f64> = rows.chunks(width).map(distance).collect();
            distances.sort_by(f64::total_cmp);
            let expected = distances[..5].iter().sum::<f64>() / 5.;
            // Squares of numbers beyond 1e19 are infinite in 32 bits.
            let is_far = found.is_infinite() && expected > 1e19;
            assert!(is_far || (f64::from(found) - expected).abs() <= 1e-5 * expected, "{found}, not {expected}");
        }
    }
}

//! The distance from a row to its nearest neighbours among some known rows.

use crate::simd::vectorised::vectorised;

/// Known rows whose distances are computed side by side.
const LANES: usize = 64;

/// Known rows, ready to be searched.
///
/// ```
/// let known = kernels::Neighbours::new(&[0., 0., 3., 4., 30., 40.], 2);
/// assert_eq!(known.mean_distance(&[0., 0.], 2), 2.5); // 0 to the first and 5 to the second
/// ```
#[derive(Clone, Debug)]
pub struct Neighbours {
    width: usize,
    len: usize,
    /// Blocks of [`LANES`] rows, each value by value: `[blocks, width, LANES]`. Places without a row are infinitely far.
    blocks: Vec<f32>,
}

impl Neighbours {
    /// Takes `rows` `[n, width]`.
    pub fn new(rows: &[f32], width: usize) -> Self {
        assert!(width > 0 && rows.len().is_multiple_of(width), "rows of {width} values");
        let len = rows.len() / width;
        let mut blocks = vec![f32::INFINITY; len.div_ceil(LANES) * width * LANES];
        for (index, row) in rows.chunks_exact(width).enumerate() {
            let block = &mut blocks[index / LANES * width * LANES..];
            row.iter().enumerate().for_each(|(place, value)| block[place * LANES + index % LANES] = *value);
        }
        Self { width, len, blocks }
    }

    /// The number of known rows.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no known rows.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The mean of the Euclidean distances from `row` `[width]` to the `count` known rows that are nearest to it; of all of them
    /// where they are fewer. Not a number where there is none, or where a value of the row is not a number.
    pub fn mean_distance(&self, row: &[f32], count: usize) -> f32 {
        assert_eq!(row.len(), self.width, "a row of {} values", self.width);
        let count = count.min(self.len);
        if count == 0 || row.iter().any(|value| value.is_nan()) {
            return f32::NAN;
        }
        let mut distances = vec![0.; self.blocks.len() / self.width];
        let mut smallest = [f32::INFINITY; LANES];
        squared_distances(row, &self.blocks, &mut distances, &mut smallest);
        // Each lane has a distance that is no larger than its smallest, so that `count` of them bound the nearest ones.
        let bound = match count {
            1..=LANES => *smallest.select_nth_unstable_by(count - 1, f32::total_cmp).1,
            _ => f32::INFINITY,
        };
        let mut nearest: Vec<f32> = vec![];
        for block in distances.as_chunks::<LANES>().0.iter().filter(|block| any_within(block, bound)) {
            nearest.extend(block.iter().filter(|distance| **distance <= bound));
        }
        nearest.sort_unstable_by(f32::total_cmp);
        nearest.resize(count, f32::INFINITY);
        nearest.iter().map(|squared| squared.sqrt()).sum::<f32>() / count as f32
    }
}

vectorised! {
    /// The squared distance from `row` to each row in `blocks`, and the smallest one of each lane.
    fn squared_distances<'a>(
        row: &'a [f32],
        blocks: &'a [f32],
        distances: &'a mut [f32],
        smallest: &'a mut [f32; LANES],
    ) -> () {
        let mut least = *smallest;
        for (block, distances) in blocks.chunks_exact(row.len() * LANES).zip(distances.as_chunks_mut::<LANES>().0) {
            let mut sums = [0f32; LANES];
            for (&value, known) in row.iter().zip(block.as_chunks::<LANES>().0) {
                for lane in 0..LANES {
                    let difference = value - known[lane];
                    sums[lane] += difference * difference;
                }
            }
            for lane in 0..LANES {
                least[lane] = if sums[lane] < least[lane] { sums[lane] } else { least[lane] };
            }
            *distances = sums;
        }
        *smallest = least;
    }

    fn any_within<'a>(distances: &'a [f32; LANES], bound: f32) -> bool {
        let mut found = false;
        for distance in distances {
            found |= *distance <= bound;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lcg::Lcg;

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
            let found = f64::from(known.mean_distance(&row, count));
            // Sums of at most 13 squares in f32.
            assert!((found - expected).abs() < 1e-5 * expected.max(1.), "{found}, not {expected}");
        }
    }

    #[test]
    fn a_row_that_is_not_a_number_has_no_distance() {
        assert!(Neighbours::new(&[1., 2.], 2).mean_distance(&[f32::NAN, 2.], 1).is_nan());
        assert!(Neighbours::new(&[], 2).mean_distance(&[1., 2.], 5).is_nan());
    }
}

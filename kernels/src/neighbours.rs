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
        let mut nearest = vec![f32::INFINITY; count];
        if count == 0 || row.iter().any(|value| value.is_nan()) {
            return f32::NAN;
        }
        let mut distances = [0.; LANES];
        for block in self.blocks.chunks_exact(self.width * LANES) {
            squared_distances(row, block, &mut distances);
            if smallest(&distances) >= nearest[count - 1] {
                continue;
            }
            for &distance in &distances {
                if distance < nearest[count - 1] {
                    let place = nearest.partition_point(|known| *known <= distance);
                    nearest[place..].rotate_right(1);
                    nearest[place] = distance;
                }
            }
        }
        nearest.iter().map(|squared| squared.sqrt()).sum::<f32>() / count as f32
    }
}

vectorised! {
    /// The squared distance from `row` to each of the rows in `block`.
    fn squared_distances<'a>(row: &'a [f32], block: &'a [f32], distances: &'a mut [f32; LANES]) -> () {
        let mut sums = [0f32; LANES];
        for (&value, known) in row.iter().zip(block.as_chunks::<LANES>().0) {
            for lane in 0..LANES {
                let difference = value - known[lane];
                sums[lane] += difference * difference;
            }
        }
        *distances = sums;
    }

    fn smallest<'a>(distances: &'a [f32; LANES]) -> f32 {
        let mut smallest = [f32::INFINITY; 16];
        for part in distances.as_chunks::<16>().0 {
            for lane in 0..16 {
                smallest[lane] = if part[lane] < smallest[lane] { part[lane] } else { smallest[lane] };
            }
        }
        smallest.iter().fold(f32::INFINITY, |a, &b| a.min(b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lcg::Lcg;

    #[test]
    fn the_nearest_rows_are_those_of_a_plain_search() {
        let mut random = Lcg(5);
        for (len, width, count) in [(1, 3, 5), (64, 1, 1), (65, 7, 5), (1000, 13, 5)] {
            let rows = random.floats(len * width);
            let known = Neighbours::new(&rows, width);
            let row = random.floats(width);
            let distance =
                |known: &[f32]| known.iter().zip(&row).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt();
            let mut distances: Vec<f64> = rows.chunks(width).map(distance).collect();
            distances.sort_by(f64::total_cmp);
            let count = count.min(len);
            let expected = distances[..count].iter().sum::<f64>() / count as f64;
            let found = f64::from(known.mean_distance(&row, 5.min(count)));
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

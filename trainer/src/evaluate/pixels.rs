//! How far rows are from a mean row, and the largest value. Sums of bytes are exact in any order; those of a table are added up in
//! the order of its rows.

use rayon::prelude::*;

use crate::data::Samples;

/// Rows that a thread adds up at once.
const PART: usize = 1024;

/// Sums over some rows.
struct Sums {
    rows: usize,
    /// Of each pixel.
    pixels: Vec<u64>,
    /// Of all squares.
    squares: u64,
}

impl Sums {
    fn of(images: &Samples, rows: &[u32]) -> Self {
        let zero = || Self { rows: 0, pixels: vec![0; images.width()], squares: 0 };
        let part = |rows: &[u32]| {
            let mut sums = Self { rows: rows.len(), ..zero() };
            for &row in rows {
                for (sum, &byte) in sums.pixels.iter_mut().zip(images.row(row as usize)) {
                    *sum += u64::from(byte);
                    sums.squares += u64::from(byte) * u64::from(byte);
                }
            }
            sums
        };
        rows.par_chunks(PART).map(part).reduce(zero, |mut sums, part| {
            sums.rows += part.rows;
            sums.squares += part.squares;
            sums.pixels.iter_mut().zip(part.pixels).for_each(|(sum, part)| *sum += part);
            sums
        })
    }
}

/// The mean squared error of the mean of `rows` of `train`, taken as the reconstruction of each row of `test`: what a network that
/// ignores its input reaches.
pub(super) fn mean_row_error(train: &Samples, rows: &[u32], test: &Samples) -> f64 {
    if train.schema().is_some() {
        return mean_row_error_of_table(train, rows, test);
    }
    let train = Sums::of(train, rows);
    let Sums { rows, pixels, squares } = Sums::of(test, &(0..test.len() as u32).collect::<Vec<_>>());
    // Of sum (x - m)^2 = sum x^2 - 2 m sum x + n m^2.
    let term = |(train_sum, test_sum): (&u64, &u64)| {
        let mean = *train_sum as f64 / train.rows as f64;
        mean * (rows as f64 * mean - 2. * *test_sum as f64)
    };
    let sum = squares as f64 + train.pixels.iter().zip(&pixels).map(term).sum::<f64>();
    sum / (rows * test.width()) as f64 / f64::from(test.max_value()).powi(2)
}

fn mean_row_error_of_table(train: &Samples, rows: &[u32], test: &Samples) -> f64 {
    let width = train.width();
    let mut values = vec![0.; width];
    let mut mean = vec![0f64; width];
    for &row in rows {
        train.fill(&[row], &mut values);
        mean.iter_mut().zip(&values).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    mean.iter_mut().for_each(|sum| *sum /= rows.len() as f64);
    let mut sum = 0.;
    for row in 0..test.len() as u32 {
        test.fill(&[row], &mut values);
        sum += values.iter().zip(&mean).map(|(value, mean)| (f64::from(*value) - mean).powi(2)).sum::<f64>();
    }
    sum / (test.len() * width) as f64
}

/// The largest byte of `rows`; 1 for a table, whose scale is its own.
pub(super) fn largest(images: &Samples, rows: &[u32]) -> u8 {
    if images.schema().is_some() {
        return 1;
    }
    rows.par_iter().map(|&row| images.row(row as usize).iter().copied().max().unwrap_or(0)).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_row_is_as_far_as_the_formula_says() {
        let train = Samples::new(vec![0, 10, 20, 30, 99, 99], vec![0; 3], [1, 2], 10).unwrap();
        let test = Samples::new(vec![10, 20, 14, 26], vec![0; 2], [1, 2], 10).unwrap();
        // The mean of the first two rows is 10, 20; the squared differences are 0, 0, 16 and 36, in units of 1 / 100.
        assert!((mean_row_error(&train, &[0, 1], &test) - 0.13).abs() < 1e-12);
        assert_eq!((largest(&train, &[0, 1]), largest(&train, &[0, 1, 2])), (30, 99));
    }
}

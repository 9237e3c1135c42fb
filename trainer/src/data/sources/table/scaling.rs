//! What is learnt about a column of numbers: what a missing one counts as, and how the others are scaled.

use crate::data::table_config::{Missing, Scaling};

/// The distance between the quartiles of the standard normal distribution.
const QUARTILES: f64 = 1.349;

/// The values of some rows, and what stands for the missing ones among them.
pub(super) struct Filled {
    pub(super) values: Vec<f64>,
    pub(super) fill: f32,
}

/// The numbers of the rows `train`, missing ones filled in.
pub(super) fn fill(numbers: &[f32], train: &[u32], missing: Missing) -> Filled {
    let all = || train.iter().map(|&row| numbers[row as usize]);
    let mut present: Vec<f32> = all().filter(|number| !number.is_nan()).collect();
    if matches!(missing, Missing::Median | Missing::MostFrequent) {
        present.sort_by(f32::total_cmp);
    }
    let fill = match missing {
        _ if present.is_empty() => 0.,
        Missing::Mean | Missing::Refuse => {
            (present.iter().map(|&number| f64::from(number)).sum::<f64>() / present.len() as f64) as f32
        }
        Missing::Median => quantile(&present, 0.5) as f32,
        Missing::Zero => 0.,
        Missing::MostFrequent => {
            let runs = present.chunk_by(|a, b| a == b);
            runs.rev().max_by_key(|run| run.len()).map_or(0., |run| run[0])
        }
    };
    Filled { values: all().map(|number| f64::from(if number.is_nan() { fill } else { number })).collect(), fill }
}

/// What becomes 0, and by what the rest is divided. A column that is the same in all rows is not divided.
pub(super) fn scale(values: &[f64], scaling: Scaling) -> [f32; 2] {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let [middle, width] = match scaling {
        Scaling::None => [0., 1.],
        Scaling::Standard => {
            let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
            [mean, variance.sqrt()]
        }
        Scaling::Robust => {
            let mut sorted: Vec<f32> = values.iter().map(|&value| value as f32).collect();
            sorted.sort_by(f32::total_cmp);
            let [low, middle, high] = [0.25, 0.5, 0.75].map(|part| quantile(&sorted, part));
            [middle, (high - low) / QUARTILES]
        }
        Scaling::MinMax => {
            let low = values.iter().copied().fold(f64::INFINITY, f64::min);
            let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            [low, high - low]
        }
    };
    // Rounding alone makes this much of a difference in a column that is constant; and no 32-bit float divides by less.
    let constant = width <= (1e-6 * middle.abs()).max(f64::from(f32::MIN_POSITIVE));
    [middle as f32, if constant { 1. } else { width as f32 }]
}

/// The value below which this part of the sorted `values` lies, between neighbours in proportion.
fn quantile(values: &[f32], part: f64) -> f64 {
    let place = part * (values.len() - 1) as f64;
    let (low, high) = (values[place.floor() as usize], values[place.ceil() as usize]);
    f64::from(low) + (f64::from(high) - f64::from(low)) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_number_counts_as_what_was_chosen() {
        let numbers = [1., f32::NAN, 1., 4., 100.];
        for (missing, expected) in
            [(Missing::Mean, 2.), (Missing::Median, 1.), (Missing::Zero, 0.), (Missing::MostFrequent, 1.)]
        {
            let Filled { values, fill } = fill(&numbers, &[0, 1, 2, 3], missing);
            assert_eq!((fill, values), (expected, vec![1., f64::from(expected), 1., 4.]), "{missing:?}");
        }
    }

    #[test]
    fn numbers_are_scaled_as_chosen() {
        let values = [0., 2., 4., 6., 8.];
        assert_eq!(scale(&values, Scaling::Standard), [4., 8f32.sqrt()]);
        assert_eq!(scale(&values, Scaling::Robust), [4., 4. / 1.349]);
        assert_eq!(scale(&values, Scaling::MinMax), [0., 8.]);
        assert_eq!(scale(&values, Scaling::None), [0., 1.]);
        assert_eq!(scale(&[3., 3.], Scaling::Standard), [3., 1.]);
        // A mean of a million and a deviation of one is no constant.
        assert_eq!(scale(&[1e6 - 1., 1e6 + 1.], Scaling::Standard), [1e6, 1.]);
    }
}

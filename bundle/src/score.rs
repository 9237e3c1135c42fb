//! The anomaly score of a row, and where an unusual one begins.

use serde::{Deserialize, Serialize};

/// The anomaly score of a row: the mean of its squared differences from its reconstruction, added up in 64 bits.
///
/// Both should have the same length; what one has beyond the other is ignored. A row without values has the score 0.
///
/// ```
/// assert_eq!(bundle::mean_squared_error(&[1., 2.], &[1., 4.]), 2.);
/// ```
pub fn mean_squared_error(row: &[f32], reconstruction: &[f32]) -> f64 {
    let squares = row.iter().zip(reconstruction).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
    squares.sum::<f64>() / row.len().min(reconstruction.len()).max(1) as f64
}

/// A score that few usual rows exceed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// What is compared: `mse`, [`mean_squared_error`].
    pub metric: String,
    /// The share of the calibration rows that score at most `value`, in 0.0..=1.0.
    pub quantile: f64,
    /// The largest score of a usual row.
    pub value: f64,
}

impl Threshold {
    /// The name of [`mean_squared_error`] in [`Threshold::metric`].
    pub const MSE: &str = "mse";

    /// The threshold for these `scores` of usual rows: the smallest score such that at least the share `quantile` of the rows
    /// scores no more. Nothing where there are no scores.
    ///
    /// ```
    /// let threshold = bundle::Threshold::calibrate(vec![4., 1., 3., 2.], 0.75).unwrap();
    /// assert_eq!(threshold.value, 3.);
    /// ```
    pub fn calibrate(mut scores: Vec<f64>, quantile: f64) -> Option<Self> {
        scores.sort_by(f64::total_cmp);
        let rank = (scores.len() as f64 * quantile).ceil() as usize;
        let value = *scores.get(rank.clamp(1, scores.len().max(1)) - 1)?;
        Some(Self { metric: Self::MSE.into(), quantile, value })
    }

    /// Whether a row with this score is unusual. A score that is not a number is.
    pub fn is_exceeded_by(&self, score: f64) -> bool {
        score.is_nan() || score > self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_score_is_the_mean_squared_error() {
        assert_eq!(mean_squared_error(&[0.; 4], &[0.5, 0., -0.5, 0.]), 0.125);
        assert_eq!(mean_squared_error(&[], &[]), 0.);
        // In 32 bits the small squares would be lost beside the large one.
        let (row, zeros) = ([&[4096f32][..], &[1.; 1000]].concat(), [0.; 1001]);
        assert_eq!(mean_squared_error(&row, &zeros) * 1001., 4096. * 4096. + 1000.);
    }

    #[test]
    fn a_threshold_is_the_score_at_its_quantile() {
        let scores: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        for (quantile, value) in [(0., 1.), (0.5, 100.), (0.99, 198.), (0.995, 199.), (1., 200.)] {
            assert_eq!(Threshold::calibrate(scores.clone(), quantile).unwrap().value, value, "{quantile}");
        }
        assert_eq!(Threshold::calibrate(vec![], 0.99), None);
    }

    #[test]
    fn only_scores_above_the_threshold_are_unusual() {
        let threshold = Threshold::calibrate(vec![1.], 0.99).unwrap();
        assert!(!threshold.is_exceeded_by(1.));
        assert!(threshold.is_exceeded_by(1.001) && threshold.is_exceeded_by(f64::NAN));
    }
}

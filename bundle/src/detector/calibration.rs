//! How often a usual row has a score as large: split-conformal p-values.

use crate::error::{Error, Result};

/// The most scores that are kept.
const MAX_SCORES: usize = 4096;
/// A score counts for those that are larger by at most this part of it, where that makes sure that runtimes agree.
const NEAR: f32 = 1e-3;
/// The largest scores, which are all kept.
const TAIL: usize = MAX_SCORES / 2;

/// The scores of usual rows that neither trained nor chose anything, in ascending order.
///
/// Of `n` such rows, the p-value of a score is (1 + the number of those that score at least as much) / (n + 1). A usual row that comes
/// later has a p-value of at most `alpha` with a probability of at most `alpha` (V. Vovk, A. Gammerman and G. Shafer, Algorithmic
/// Learning in a Random World, 2005).
///
/// ```
/// let calibration = bundle::Calibration::new((1..100).map(|score| score as f32).collect()).unwrap();
/// assert_eq!(calibration.p_value(1000.), 0.01);
/// assert_eq!(calibration.p_value(99.), 0.02);
/// assert_eq!(calibration.p_value(0.), 1.);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    rows: usize,
    /// Each counts for a score up to this one.
    bounds: Vec<f32>,
    /// How many rows each stands for.
    counts: Vec<f32>,
    /// How many rows each bound and all larger ones stand for; behind the last one, 0.
    above: Vec<f32>,
}

impl Calibration {
    /// Takes the scores of usual rows, in any order. Of more than 4,096, the largest 2,048 are kept, and of the others as many that stand
    /// for their neighbours below, so that no p-value becomes smaller.
    ///
    /// # Errors
    ///
    /// [`Error::Detector`] when there is none, or one is not finite.
    pub fn new(mut scores: Vec<f32>) -> Result<Self> {
        if scores.is_empty() {
            return Err(Error::Detector("expected at least one usual row to calibrate on, found none".into()));
        }
        if let Some(score) = scores.iter().find(|score| !score.is_finite()) {
            return Err(Error::Detector(format!("expected the scores of usual rows to be finite, found {score}")));
        }
        scores.sort_by(f32::total_cmp);
        let rows = scores.len();
        // In the widest gap above a score and near it: a runtime that rounds another way decides the same about these rows.
        let bound = |index: usize| {
            let near = scores[index] + NEAR * scores[index].abs().max(f32::MIN_POSITIVE);
            let pairs = scores[index..].windows(2).take_while(|pair| pair[0] <= near);
            let widest = pairs.max_by(|a, b| (a[1] - a[0]).total_cmp(&(b[1] - b[0])));
            widest.filter(|pair| pair[1] > pair[0]).map_or(near, |pair| pair[0] + (pair[1] - pair[0]) / 2.)
        };
        let below = rows - rows.min(TAIL);
        let groups = if rows <= MAX_SCORES { below } else { MAX_SCORES - TAIL };
        let mut kept: Vec<(f32, f32)> = (0..groups)
            .map(|group| [group * below / groups, (group + 1) * below / groups])
            .map(|[start, end]| (bound(end - 1), (end - start) as f32))
            .collect();
        kept.extend((below..rows).map(|index| (bound(index), 1.)));
        let (bounds, counts) = kept.into_iter().unzip();
        Ok(Self::with_counts(rows, bounds, counts))
    }

    /// What was kept: the number of rows, the bounds, and the number of rows that each bound stands for.
    ///
    /// # Errors
    ///
    /// [`Error::Detector`] when the parts do not belong together.
    pub fn from_parts(rows: usize, bounds: Vec<f32>, counts: Vec<f32>) -> Result<Self> {
        let total: f64 = counts.iter().map(|&count| f64::from(count)).sum();
        let fits = bounds.len() == counts.len()
            && !bounds.is_empty()
            && bounds.is_sorted()
            && bounds.iter().all(|bound| bound.is_finite())
            && counts.iter().all(|&count| count >= 1. && count.fract() == 0.)
            && total == rows as f64;
        if fits {
            Ok(Self::with_counts(rows, bounds, counts))
        } else {
            Err(Error::Detector("the calibration is damaged".into()))
        }
    }

    fn with_counts(rows: usize, bounds: Vec<f32>, counts: Vec<f32>) -> Self {
        let mut above = vec![0.; counts.len() + 1];
        for (index, count) in counts.iter().enumerate().rev() {
            above[index] = above[index + 1] + count;
        }
        Self { rows, bounds, counts, above }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The largest score that each kept row counts for, in ascending order.
    pub fn bounds(&self) -> &[f32] {
        &self.bounds
    }

    /// How many rows each of them stands for.
    pub fn counts(&self) -> &[f32] {
        &self.counts
    }

    /// The part of usual rows that score at least as much, in 0.0..=1.0; not a number for a score that is none.
    pub fn p_value(&self, score: f32) -> f32 {
        if score.is_nan() {
            return f32::NAN;
        }
        let first = self.bounds.partition_point(|bound| *bound < score);
        (1. + self.above[first]) / (self.rows as f32 + 1.)
    }

    /// The score above which a row is an alarm at the rate `alpha` of false alarms; nothing where no row is.
    ///
    /// ```
    /// let calibration = bundle::Calibration::new((1..100).map(|score| score as f32).collect()).unwrap();
    /// let alarm = calibration.alarm_score(0.05).unwrap();
    /// assert!(calibration.p_value(alarm * 1.001) <= 0.05 && calibration.p_value(alarm) > 0.05);
    /// assert_eq!(calibration.alarm_score(0.001), None);
    /// ```
    pub fn alarm_score(&self, alpha: f32) -> Option<f32> {
        let first = self.above.iter().position(|above| (1. + above) / (self.rows as f32 + 1.) <= alpha)?;
        Some(first.checked_sub(1).map_or(0., |last| self.bounds[last]))
    }

    /// The smallest rate of false alarms that these rows can keep.
    pub fn min_alpha(&self) -> f32 {
        1. / (self.rows as f32 + 1.)
    }
}

/// Whether a row with this p-value is an alarm at the rate `alpha` of false alarms. A row that could not be scored is.
pub fn is_anomaly(p_value: f32, alpha: f32) -> bool {
    p_value.is_nan() || p_value <= alpha
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_values_are_ranks() {
        let calibration = Calibration::new(vec![3., 1., 2., 2.]).unwrap();
        let p = |score| calibration.p_value(score) * 5.;
        assert_eq!([p(0.5), p(1.), p(2.), p(3.), p(3.1)], [5., 5., 4., 2., 1.]);
        // A runtime that rounds another way finds the same.
        assert_eq!([p(2.000_001), p(1.999_999), p(3.000_001)], [4., 4., 2.]);
    }

    #[test]
    fn many_rows_keep_an_exact_tail_and_no_p_value_becomes_smaller() {
        let scores: Vec<f32> = (0..50_000).map(|index| ((index * 7919 % 50_000) as f32).powi(2)).collect();
        let calibration = Calibration::new(scores.clone()).unwrap();
        assert_eq!((calibration.bounds().len(), calibration.rows()), (MAX_SCORES, 50_000));
        for rank in [0, 1, 100, 2047, 2048, 10_000, 49_999] {
            let exact = (1 + rank + 1) as f32 / 50_001.;
            let found = calibration.p_value(((49_999 - rank) as f32).powi(2));
            let near = 1. + 50_000. * (1. - 1. / (1. + NEAR).sqrt());
            let slack = (near + if rank < TAIL { 0. } else { 25. }) / 50_001.;
            assert!(found >= exact && found <= exact + slack, "{rank}: {found}, not {exact}");
        }
    }

    #[test]
    fn what_cannot_calibrate_is_refused() {
        assert!(Calibration::new(vec![]).is_err());
        assert!(Calibration::new(vec![1., f32::NAN]).is_err());
        assert!(Calibration::from_parts(3, vec![1., 2.], vec![1., 2.]).is_ok());
        assert!(Calibration::from_parts(4, vec![1., 2.], vec![1., 2.]).is_err());
        assert!(Calibration::from_parts(3, vec![2., 1.], vec![1., 2.]).is_err());
        assert!(is_anomaly(f32::NAN, 0.01) && is_anomaly(0.01, 0.01) && !is_anomaly(0.02, 0.01));
    }
}

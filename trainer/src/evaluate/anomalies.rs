//! How well a detector tells unusual test rows from usual ones.

use std::collections::HashSet;

use bundle::{Detector, is_anomaly};
use serde::{Deserialize, Serialize};

use super::detector::{detector_scores, usual_rows};
use super::measure::Measure;
use crate::data::{Dataset, Split};
use crate::error::Result;

/// The rates of false alarms that are reported.
const ALPHAS: [f32; 2] = [0.01, 0.05];

/// How well test rows with a label that no training row has are told from the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnomalyReport {
    /// Usual test rows. They calibrate the detector: their own false alarms are `alpha` by construction.
    pub usual_rows: usize,
    /// The others.
    pub unusual_rows: usize,
    /// The probability that an unusual row scores higher than a usual one: the area under the receiver's operating curve, in 0.0..=1.0.
    pub roc_auc: f64,
    /// The mean precision over all unusual rows, from the highest score down, in 0.0..=1.0.
    pub average_precision: f64,
    /// What alarms would find.
    pub alarms: Vec<AlarmReport>,
}

/// Alarms at an accepted rate of false ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlarmReport {
    /// The part of usual rows that may be alarms, in 0.0..1.0.
    pub alpha: f32,
    /// The part of the unusual rows that are alarms.
    pub recall: f64,
    /// The part of the alarms that are unusual rows; nothing where there is no alarm.
    pub precision: Option<f64>,
}

/// Scores all test rows; nothing where no row is known to be unusual, or all are.
pub(crate) fn anomaly_report(
    measure: &Measure,
    dataset: &Dataset,
    split: &Split,
    detector: &Detector,
) -> Result<Option<AnomalyReport>> {
    let usual = usual_rows(dataset, split);
    if !usual.are_known || usual.rows.is_empty() {
        return Ok(None);
    }
    let known: HashSet<u32> = usual.rows.iter().copied().collect();
    let all: Vec<u32> = (0..dataset.test.len() as u32).collect();
    let scores = detector_scores(measure, &dataset.test, &all, detector)?;
    let rows: Vec<(f32, bool)> =
        scores.into_iter().zip(&all).map(|(score, row)| (score, !known.contains(row))).collect();
    let (unusual_rows, usual_rows) = (rows.len() - known.len(), known.len());
    let alarms = ALPHAS.map(|alpha| {
        let is_alarm = |score: f32| is_anomaly(detector.calibration.p_value(score), alpha);
        let alarms = rows.iter().filter(|(score, _)| is_alarm(*score)).count();
        let found = rows.iter().filter(|(score, is_unusual)| *is_unusual && is_alarm(*score)).count();
        let precision = (alarms > 0).then(|| found as f64 / alarms as f64);
        AlarmReport { alpha, recall: found as f64 / unusual_rows as f64, precision }
    });
    let (roc_auc, average_precision) = (roc_auc(&rows), average_precision(&rows));
    Ok(Some(AnomalyReport { usual_rows, unusual_rows, roc_auc, average_precision, alarms: alarms.to_vec() }))
}

/// The probability that an unusual row scores higher than a usual one; equal scores count half.
fn roc_auc(rows: &[(f32, bool)]) -> f64 {
    let mut sorted = rows.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut usual, mut pairs) = (0., 0.);
    for equal in sorted.chunk_by(|a, b| a.0 == b.0) {
        let unusual = equal.iter().filter(|(_, is_unusual)| *is_unusual).count() as f64;
        let others = equal.len() as f64 - unusual;
        pairs += unusual * (usual + others / 2.);
        usual += others;
    }
    pairs / (usual * (rows.len() as f64 - usual))
}

/// The sum over the scores, from the highest down, of the precision at each times the recall that it adds.
fn average_precision(rows: &[(f32, bool)]) -> f64 {
    let mut sorted = rows.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut seen, mut found, mut sum) = (0., 0., 0.);
    for equal in sorted.chunk_by(|a, b| a.0 == b.0) {
        let unusual = equal.iter().filter(|(_, is_unusual)| *is_unusual).count() as f64;
        seen += equal.len() as f64;
        found += unusual;
        sum += unusual * found / seen;
    }
    sum / found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_scikit_learn() {
        // roc_auc_score and average_precision_score of scikit-learn 1.9 for the same scores.
        let rows = [(0.1, false), (0.4, false), (0.35, true), (0.8, true)];
        assert_eq!((roc_auc(&rows), average_precision(&rows)), (0.75, 0.833_333_333_333_333_3));
        let equal = [(1., false), (1., true), (0., false), (2., true)];
        assert_eq!((roc_auc(&equal), average_precision(&equal)), (0.875, 0.833_333_333_333_333_3));
    }
}

//! How well a detector tells unusual test rows from usual ones.

use bundle::is_anomaly;
use serde::{Deserialize, Serialize};

use super::anomaly_baselines::AnomalyBaseline;
use super::ranks::{average_precision, roc_auc};
use super::test_scores::TestScores;

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
    /// What others make of the same rows; none where they had no time.
    #[serde(default)]
    pub baselines: Vec<AnomalyBaseline>,
}

/// Alarms at an accepted rate of false ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlarmReport {
    /// The part of usual rows that may be alarms, in 0.0..1.0.
    pub alpha: f32,
    /// The part of the usual rows that are alarms: about `alpha` where they calibrated the detector, and an honest measure elsewhere.
    #[serde(default)]
    pub false_alarms: f64,
    /// The part of the unusual rows that are alarms.
    pub recall: f64,
    /// The part of the alarms that are unusual rows; nothing where there is no alarm.
    pub precision: Option<f64>,
}

/// The alarms among the usual rows alone.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FalseAlarms {
    /// Rows with a label that training rows have, or all where there are no labels. There may be none.
    pub usual_rows: usize,
    /// For each rate that may be alarms, the part of the usual rows that are.
    pub rates: Vec<(f32, f64)>,
}

/// The alarms among the usual rows.
pub(crate) fn false_alarms(test: &TestScores) -> FalseAlarms {
    let rows = test.pairs();
    let usual: Vec<f32> = rows.iter().filter(|(_, is_unusual)| !is_unusual).map(|(score, _)| *score).collect();
    let rate = |alpha: f32| {
        let is_alarm = |score: &&f32| is_anomaly(test.detector.calibration.p_value(**score), alpha);
        (alpha, usual.iter().filter(is_alarm).count() as f64 / usual.len().max(1) as f64)
    };
    FalseAlarms { usual_rows: usual.len(), rates: ALPHAS.map(rate).to_vec() }
}

/// How well the scores tell unusual rows from usual ones; nothing where no row is known to be unusual, or all are.
pub(crate) fn anomaly_report(test: &TestScores) -> Option<AnomalyReport> {
    if !test.has_both() {
        return None;
    }
    let rows = test.pairs();
    let unusual_rows = rows.iter().filter(|(_, is_unusual)| *is_unusual).count();
    let alarms = ALPHAS.map(|alpha| {
        let is_alarm = |score: f32| is_anomaly(test.detector.calibration.p_value(score), alpha);
        let alarms = rows.iter().filter(|(score, _)| is_alarm(*score)).count();
        let found = rows.iter().filter(|(score, is_unusual)| *is_unusual && is_alarm(*score)).count();
        let precision = (alarms > 0).then(|| found as f64 / alarms as f64);
        let usual_rows = rows.len() - unusual_rows;
        let false_alarms = (alarms - found) as f64 / usual_rows as f64;
        AlarmReport { alpha, false_alarms, recall: found as f64 / unusual_rows as f64, precision }
    });
    Some(AnomalyReport {
        usual_rows: rows.len() - unusual_rows,
        unusual_rows,
        roc_auc: roc_auc(&rows),
        average_precision: average_precision(&rows),
        alarms: alarms.to_vec(),
        baselines: vec![],
    })
}

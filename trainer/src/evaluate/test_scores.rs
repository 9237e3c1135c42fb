//! The anomaly scores of all test rows.

use std::collections::HashSet;

use bundle::Detector;

use super::detector::{detector_scores, usual_rows};
use super::measure::Measure;
use crate::data::{Dataset, Split};
use crate::error::Result;

/// The anomaly scores of all test rows, by a detector.
#[derive(Debug)]
pub(crate) struct TestScores {
    pub(crate) detector: Detector,
    /// From 0; not a number for a row that could not be scored.
    pub(crate) scores: Vec<f32>,
    /// Whether the row's label is none of those that train. Where no row is known to be unusual, all are usual.
    pub(crate) is_unusual: Vec<bool>,
}

impl TestScores {
    /// Scores all test rows.
    pub(crate) fn new(measure: &Measure, dataset: &Dataset, split: &Split, detector: Detector) -> Result<Self> {
        let all: Vec<u32> = (0..dataset.test.len() as u32).collect();
        let usual: HashSet<u32> = usual_rows(dataset, split).into_iter().collect();
        let scores = detector_scores(measure, &dataset.test, &all, &detector)?;
        Ok(Self { detector, scores, is_unusual: all.iter().map(|row| !usual.contains(row)).collect() })
    }

    /// Whether there are usual and unusual rows.
    pub(crate) fn has_both(&self) -> bool {
        self.is_unusual.contains(&true) && self.is_unusual.contains(&false)
    }

    /// Each score, and whether its row is unusual.
    pub(crate) fn pairs(&self) -> Vec<(f32, bool)> {
        self.scores.iter().copied().zip(self.is_unusual.iter().copied()).collect()
    }
}

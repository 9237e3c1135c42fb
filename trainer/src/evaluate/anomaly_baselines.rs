//! What others make of the unusual test rows: distances to neighbours, and what PCA leaves of a row.

use bundle::NEIGHBOURS;
use candle_core::Device;
use serde::{Deserialize, Serialize};

use super::budget::{Baseline, Budget, Halt};
use super::detector::{MAX_KNOWN, distances, prepared, spaced};
use super::pca::Pca;
use super::ranks::{average_precision, roc_auc};
use crate::data::{Dataset, Split};

/// Rows between two looks at the clock.
const BLOCK: usize = 1000;

/// How well another detector tells unusual test rows from usual ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnomalyBaseline {
    /// `five nearest neighbours` or `PCA, 16 components`.
    pub name: String,
    /// See [`AnomalyReport::roc_auc`](super::AnomalyReport::roc_auc).
    pub roc_auc: f64,
    /// See [`AnomalyReport::average_precision`](super::AnomalyReport::average_precision).
    pub average_precision: f64,
}

impl AnomalyBaseline {
    fn new(name: String, scores: Vec<f32>, is_unusual: &[bool]) -> Self {
        let rows: Vec<(f32, bool)> = scores.into_iter().zip(is_unusual.iter().copied()).collect();
        Self { name, roc_auc: roc_auc(&rows), average_precision: average_precision(&rows) }
    }
}

/// The mean distance of each test row to its five nearest of at most 4,096 training rows, as the network takes them.
pub(super) fn neighbours(
    Dataset { train, test, .. }: &Dataset,
    split: &Split,
    is_unusual: &[bool],
    budget: Budget,
) -> Result<AnomalyBaseline, Halt> {
    let width = train.width();
    let rows = prepared(train, &spaced(&split.train, MAX_KNOWN));
    let search = kernels::Neighbours::new(&rows, width);
    let all: Vec<u32> = (0..test.len() as u32).collect();
    let mut scores = Vec::with_capacity(all.len());
    for block in all.chunks(BLOCK) {
        budget.check(Baseline::Neighbours, scores.len() as f64 / all.len() as f64)?;
        scores.extend(distances(&search, &prepared(test, block), NEIGHBOURS));
    }
    Ok(AnomalyBaseline::new("five nearest neighbours".into(), scores, is_unusual))
}

/// What is left of each test row without the components of a PCA, half as many as a row has values: the mean square.
pub(super) fn pca(
    Dataset { train, test, .. }: &Dataset,
    split: &Split,
    is_unusual: &[bool],
    budget: Budget,
) -> Result<AnomalyBaseline, Halt> {
    let components = (train.width() / 2).clamp(1, 256);
    let pca = Pca::fit_within(train, &split.train, components, budget)?;
    let all: Vec<u32> = (0..test.len() as u32).collect();
    let mut scores = Vec::with_capacity(all.len());
    for block in all.chunks(BLOCK) {
        budget.check(Baseline::Pca, 1.)?;
        let rows = test.batch(block, &Device::Cpu)?;
        let left = (pca.restore(&pca.project(&rows)?)? - rows)?.sqr()?.mean(1)?;
        scores.extend(left.to_vec1::<f32>()?);
    }
    let name = format!("PCA, {}", bundle::counted(pca.components(), "component"));
    Ok(AnomalyBaseline::new(name, scores, is_unusual))
}

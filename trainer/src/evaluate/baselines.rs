//! What the network is compared with: PCA of the same width, and how well both tell classes apart.

use candle_core::{Device, Tensor};

use super::anomaly_baselines::{self, AnomalyBaseline};
use super::budget::{Baseline, Budget, Halt, LeftOut};
use super::knn;
use super::measure::{Measure, encoded};
use super::pca::Pca;
use super::test_report::PcaReport;
use crate::data::{Dataset, Split};
use crate::error::Result;
use crate::model::Output;
use crate::random::Purpose;

/// The baselines that there was time for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Baselines {
    /// Of the network's latents; nothing where there are no classes.
    pub(crate) neighbour_accuracy: Option<f64>,
    pub(crate) pca: Option<PcaReport>,
    pub(crate) left_out: Vec<LeftOut>,
    /// Of the unusual test rows; none where none is known.
    pub(crate) anomalies: Vec<AnomalyBaseline>,
}

impl Baselines {
    /// Computes what `budget` allows, one after the other.
    pub(crate) fn compute(measure: &Measure, dataset: &Dataset, split: &Split, budget: Budget) -> Result<Self> {
        let rows = Rows { measure, dataset, split, budget, all: (0..dataset.test.len() as u32).collect() };
        let mut found = Self::default();
        found.neighbour_accuracy = found.unless_left_out(Baseline::Neighbours, || rows.neighbours())?.flatten();
        // With a component for each value, PCA copies its input.
        let network = measure.model.network();
        if network.output() == Output::Linear && network.latent_dim() >= network.input_dim() {
            return Ok(found);
        }
        if let Some((pca, report)) = found.unless_left_out(Baseline::Pca, || rows.pca())? {
            let neighbours = found.unless_left_out(Baseline::PcaNeighbours, || rows.pca_neighbours(&pca))?;
            found.pca = Some(PcaReport { neighbour_accuracy: neighbours.flatten(), ..report });
        }
        Ok(found)
    }

    /// Computes what others make of unusual test rows, as far as `budget` allows.
    pub(crate) fn compute_anomalies(
        &mut self,
        dataset: &Dataset,
        split: &Split,
        is_unusual: &[bool],
        budget: Budget,
    ) -> Result<()> {
        let neighbours = || anomaly_baselines::neighbours(dataset, split, is_unusual, budget);
        let neighbours = self.unless_left_out(Baseline::Neighbours, neighbours)?;
        let pca = self.unless_left_out(Baseline::Pca, || anomaly_baselines::pca(dataset, split, is_unusual, budget))?;
        self.anomalies = neighbours.into_iter().chain(pca).collect();
        Ok(())
    }

    fn unless_left_out<T>(&mut self, baseline: Baseline, work: impl FnOnce() -> Result<T, Halt>) -> Result<Option<T>> {
        match work() {
            Ok(found) => Ok(Some(found)),
            Err(Halt::Failed(error)) => Err(error),
            Err(Halt::LeftOut(reason)) => {
                self.left_out.push(LeftOut { baseline, reason });
                Ok(None)
            }
        }
    }
}

/// The rows that baselines are fitted to and measured on.
struct Rows<'a> {
    measure: &'a Measure<'a>,
    dataset: &'a Dataset,
    split: &'a Split,
    budget: Budget<'a>,
    /// Every test row.
    all: Vec<u32>,
}

impl Rows<'_> {
    fn neighbours(&self) -> Result<Option<f64>, Halt> {
        self.accuracy(Baseline::Neighbours, |input| self.measure.model.encode(input))
    }

    fn pca_neighbours(&self, pca: &Pca) -> Result<Option<f64>, Halt> {
        self.accuracy(Baseline::PcaNeighbours, |input| pca.project(&input.to_device(&Device::Cpu)?))
    }

    /// How well the rows, encoded by `encode`, tell classes apart; nothing where there is only one class.
    fn accuracy(&self, baseline: Baseline, encode: impl Fn(&Tensor) -> Result<Tensor>) -> Result<Option<f64>, Halt> {
        let Self { measure, dataset: Dataset { train, test, .. }, split, all, .. } = self;
        let labels: Vec<u8> = split.train.iter().map(|&row| train.labels()[row as usize]).collect();
        if labels.iter().all(|label| *label == labels[0]) {
            return Ok(None);
        }
        self.budget.check(baseline, 0.)?;
        let latents =
            encoded(measure.blocks(test, all, Purpose::MeasuredNoise), &encode).collect::<Result<Vec<_>>>()?;
        let mut done = 0;
        let training = encoded(measure.blocks(train, &split.train, Purpose::NeighbourNoise), &encode).map(|block| {
            self.budget.check(baseline, done as f64 / labels.len() as f64)?;
            let block = block?;
            done += block.dim(0)?;
            Ok(block)
        });
        knn::accuracy(training, &labels, &Tensor::cat(&latents, 0)?, test.labels()).map(Some)
    }

    fn pca(&self) -> Result<(Pca, PcaReport), Halt> {
        let Self { measure, dataset: Dataset { train, test, .. }, split, all, budget } = self;
        let pca = Pca::fit_within(train, &split.train, measure.model.network().latent_dim(), *budget)?;
        let blocks = measure.blocks(test, all, Purpose::MeasuredNoise).map(|block| {
            let (input, clean) = block?;
            Ok((input.to_device(&Device::Cpu)?, clean.to_device(&Device::Cpu)?))
        });
        let mut metrics = pca.evaluate_blocks(blocks)?;
        metrics.bce = metrics.bce.filter(|_| measure.model.network().output() == Output::Sigmoid);
        let report = PcaReport {
            components: pca.components(),
            metrics,
            psnr: metrics.psnr(),
            explained_variance: pca.explained_variance(),
            neighbour_accuracy: None,
        };
        Ok((pca, report))
    }
}

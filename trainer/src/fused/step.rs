//! Loss and gradients of a whole network at once: what candle's operators and its `backward` compute, without the graph.

use candle_core::{Result, Tensor};

use super::batch::Batch;
use super::chains::Chains;
use super::feature_major::FeatureMajor;
use super::loss::LossTerms;
use super::row_major::RowMajor;
use super::storage::with_values;

/// A training step without the update: a network, and buffers for its gradients and what they are computed from.
pub(crate) struct TrainStep {
    row_major: RowMajor,
    /// Only of a network of linear layers.
    feature_major: Option<FeatureMajor>,
    terms: LossTerms,
    /// Weights and biases in turn.
    parameters: Vec<Tensor>,
    gradients: Vec<f32>,
}

impl TrainStep {
    pub(crate) fn new(chains: Chains, terms: LossTerms) -> Self {
        let parameters: Vec<Tensor> = chains.all().iter().flat_map(|chain| chain.parameters()).cloned().collect();
        let gradients = vec![0.; parameters.iter().map(Tensor::elem_count).sum()];
        let feature_major = FeatureMajor::new(&chains);
        Self { row_major: RowMajor::new(chains, terms), feature_major, terms, parameters, gradients }
    }

    /// The loss, and the gradients of all parameters, one after the other.
    pub(crate) fn run(&mut self, batch: &Batch) -> Result<(f64, &mut [f32])> {
        let parameters: Vec<&Tensor> = self.parameters.iter().collect();
        let suits = FeatureMajor::suits(self.gradients.len(), batch.rows);
        let loss = with_values(&parameters, |parameters| match &mut self.feature_major {
            Some(feature_major) if suits => feature_major.run(self.terms, batch, parameters, &mut self.gradients),
            _ => self.row_major.run(batch, parameters, &mut self.gradients),
        })?;
        Ok((loss, &mut self.gradients))
    }
}

//! Loss and gradients of a whole network at once: what candle's operators and its `backward` compute, without the graph.

use candle_core::{Result, Tensor};
use rand_chacha::ChaCha8Rng;

use super::batch::Batch;
use super::chains::Chains;
use super::feature_major::FeatureMajor;
use super::loss::LossTerms;
use super::row_major::RowMajor;
use super::segmented::Segmented;
use super::segments::Segments;
use super::storage::with_values;

/// A training step without the update: a network, and buffers for its gradients and what they are computed from.
pub(crate) struct TrainStep {
    way: Way,
    terms: LossTerms,
    /// In the order of the layers.
    parameters: Vec<Tensor>,
    gradients: Vec<f32>,
}

/// How the rows go through the network.
enum Way {
    /// A few at a time through all layers, or, of a network of linear layers, layer by layer.
    Chains(Box<RowMajor>, Option<Box<FeatureMajor>>),
    /// All of them through one segment after the other.
    Segments(Box<Segmented>),
}

impl TrainStep {
    pub(crate) fn new(chains: Chains, terms: LossTerms) -> Self {
        let parameters = chains.all().iter().flat_map(|chain| chain.parameters()).cloned().collect();
        // There, the features of a row do not lie beside each other.
        let feature_major = if terms.categories.is_empty() { FeatureMajor::new(&chains).map(Box::new) } else { None };
        Self::of(Way::Chains(Box::new(RowMajor::new(chains, terms.clone())), feature_major), terms, parameters)
    }

    pub(crate) fn segmented(segments: Segments, terms: LossTerms) -> Self {
        let segmented = Segmented::new(segments, terms.clone());
        let parameters = segmented.parameters();
        Self::of(Way::Segments(Box::new(segmented)), terms, parameters)
    }

    fn of(way: Way, terms: LossTerms, parameters: Vec<Tensor>) -> Self {
        let gradients = vec![0.; parameters.iter().map(Tensor::elem_count).sum()];
        Self { way, terms, parameters, gradients }
    }

    /// The loss, and the gradients of all parameters, one after the other. What is random beside the batch is drawn from `rng`.
    pub(crate) fn run(&mut self, batch: &Batch, rng: &mut ChaCha8Rng) -> Result<(f64, &mut [f32])> {
        let Self { way, terms, parameters, gradients } = self;
        let loss = match way {
            Way::Segments(segmented) => segmented.run(batch, gradients, rng)?,
            Way::Chains(row_major, feature_major) => {
                let suits = FeatureMajor::suits(gradients.len(), batch.rows);
                let parameters: Vec<&Tensor> = parameters.iter().collect();
                with_values(&parameters, |parameters| match feature_major {
                    Some(feature_major) if suits => feature_major.run(terms, batch, parameters, gradients),
                    _ => row_major.run(batch, parameters, gradients),
                })?
            }
        };
        Ok((loss, gradients))
    }
}

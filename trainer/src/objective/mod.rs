//! What training minimises: the loss of the reconstruction, and the penalty on the latent.

mod config;
mod loss;

use candle_core::{Result, Tensor};

pub(crate) use config::ObjectiveConfig;
pub use loss::{Loss, bce_with_logits};

use crate::fused::{Categories, ErrorTerm, LossTerms};
use crate::model::{Encoding, NetworkConfig, Output};

/// The loss of a batch: reconstruction + sparsity * |latent| + beta * divergence.
#[derive(Clone, Debug)]
pub(crate) struct Objective {
    error: ErrorTerm,
    /// 1 for a mean over a row's elements, their number for a sum.
    scale: f64,
    sparsity: f64,
    beta: f64,
    categories: Categories,
}

impl Objective {
    /// The loss of a variational network is the negative evidence lower bound of a row, a sum over elements; any other is a
    /// mean over elements.
    pub(crate) fn new(config: ObjectiveConfig, network: &NetworkConfig) -> Self {
        let scale = if network.variational { network.input_dim() as f64 } else { 1. };
        let beta = if network.variational { config.beta } else { 0. };
        let error = match (network.output(), config.loss) {
            (Output::Linear, _) => ErrorTerm::Squared,
            (Output::Sigmoid, Loss::Mse) => ErrorTerm::SigmoidSquared,
            (Output::Sigmoid, Loss::Bce) => ErrorTerm::CrossEntropy,
        };
        Self { error, scale, sparsity: config.sparsity, beta, categories: Categories::default() }
    }

    /// With a cross-entropy for the categories of a table, beside the squared error of its numbers.
    pub(crate) fn with_categories(self, categories: Categories) -> Self {
        let categories = if self.error == ErrorTerm::Squared { categories } else { Categories::default() };
        Self { categories, ..self }
    }

    /// The features that have a cross-entropy of their own.
    pub(crate) fn categories(&self) -> &Categories {
        &self.categories
    }

    /// The loss of `logits` `[batch, n]` against `target` `[batch, n]`, a scalar.
    pub(crate) fn compute(&self, encoding: &Encoding, logits: &Tensor, target: &Tensor) -> Result<Tensor> {
        let error = match self.error {
            ErrorTerm::CrossEntropy => Loss::Bce.compute(logits, target)?,
            ErrorTerm::SigmoidSquared => Loss::Mse.compute(logits, target)?,
            ErrorTerm::Squared if !self.categories.is_empty() => self.categories.compute(logits, target)?.0,
            ErrorTerm::Squared => (logits - target)?.sqr()?.mean_all()?,
        };
        let reconstruction = (error * self.scale)?;
        match self.penalty(encoding)? {
            Some(penalty) => reconstruction + penalty,
            None => Ok(reconstruction),
        }
    }

    /// The penalty on the latent, the mean over the batch; nothing when there is none.
    pub(crate) fn penalty(&self, encoding: &Encoding) -> Result<Option<Tensor>> {
        let mut terms = Vec::new();
        // A weight of zero is left out: candle drops the gradient of `x * 0` and with it the whole sum's.
        if self.sparsity > 0. {
            terms.push((encoding.latent.abs()?.sum(1)?.mean_all()? * self.sparsity)?);
        }
        if self.beta > 0.
            && let Some(divergence) = encoding.divergence()?
        {
            terms.push((divergence * self.beta)?);
        }
        terms.into_iter().map(Ok).reduce(|sum, term| sum? + term?).transpose()
    }

    /// The same penalty, of the latent's L1 norm and its divergence, means over rows.
    pub(crate) fn charge(&self, size: f64, divergence: f64) -> f64 {
        self.sparsity * size + self.beta * divergence
    }

    /// The same for the kernels.
    pub(crate) fn terms(&self) -> LossTerms {
        let Self { error, scale, sparsity, beta, ref categories } = *self;
        LossTerms { error, scale, sparsity, beta, categories: categories.clone() }
    }

    /// The whole loss, of means over elements: the cross-entropy, if there is one, the squared error, the loss with categories, if there
    /// are any; and the penalty.
    pub(crate) fn total(&self, [bce, mixed]: [Option<f64>; 2], mse: f64, penalty: f64) -> f64 {
        let reconstruction = match (self.error, bce, mixed) {
            (ErrorTerm::CrossEntropy, Some(bce), _) => bce,
            (ErrorTerm::Squared, _, Some(mixed)) => mixed,
            _ => mse,
        };
        reconstruction * self.scale + penalty
    }
}

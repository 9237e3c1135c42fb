//! Loss and gradients of a whole network in one go: what candle's operators and its backward compute, less the graph.

use candle_core::{Result, Tensor};

use super::lanes::Lanes;
use super::ready::Chains;
use super::storage::with_values;
use super::wide::Wide;

/// What the loss is made of: `scale` times the mean over elements of the cross-entropy or, if `square`, of the squared error, and
/// what the code is charged, means over rows: `sparsity` times its L1 norm and `beta` times its divergence.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) square: bool,
    pub(crate) scale: f64,
    pub(crate) sparsity: f64,
    pub(crate) beta: f64,
}

/// Writes the rows from one on, or changes them.
pub(crate) type Rows<'a> = &'a (dyn Fn(usize, &mut [f32]) + Sync);

/// The rows of a step.
pub(crate) struct Batch<'a> {
    /// How many.
    pub(crate) rows: usize,
    /// Writes them.
    pub(crate) clean: Rows<'a>,
    /// Makes of them what the network is given, if that is something else.
    pub(crate) noise: Option<Rows<'a>>,
    /// Draws of the standard normal distribution, `[rows, latent_dim]`, if the code is a sample.
    pub(crate) sample: &'a [f32],
}

/// What codes are charged, with what a row weighs.
pub(super) struct Charges {
    sparsity: f64,
    beta: f64,
}

impl Terms {
    /// Of `rows` codes.
    pub(super) fn charges(&self, rows: usize) -> Charges {
        Charges { sparsity: self.sparsity / rows as f64, beta: self.beta / rows as f64 }
    }
}

impl Charges {
    /// For the size of `code`.
    pub(super) fn size(&self, code: &[f32]) -> f64 {
        if self.sparsity == 0. {
            return 0.;
        }
        code.iter().map(|&code| f64::from(code.abs())).sum::<f64>() * self.sparsity
    }

    pub(super) fn add_size_gradient(&self, code: &[f32], dcode: &mut [f32]) {
        if self.sparsity == 0. {
            return;
        }
        let weight = self.sparsity as f32;
        for (dcode, &code) in dcode.iter_mut().zip(code) {
            *dcode += if code < 0. { -weight } else { weight };
        }
    }

    /// For the divergence of codes with this mean, log variance and standard deviation.
    pub(super) fn divergence(&self, mean: &[f32], log_variance: &[f32], deviation: &[f32]) -> f64 {
        if self.beta == 0. {
            return 0.;
        }
        let terms = mean.iter().zip(log_variance).zip(deviation);
        let sum = terms.map(|((mean, log_variance), deviation)| {
            f64::from((deviation * deviation + mean * mean) - log_variance - 1.)
        });
        0.5 * self.beta * sum.sum::<f64>()
    }

    pub(super) fn add_divergence_gradient(
        &self,
        mean: &[f32],
        deviation: &[f32],
        [dmean, dlog_variance]: [&mut [f32]; 2],
    ) {
        if self.beta == 0. {
            return;
        }
        let weight = self.beta as f32;
        for i in 0..mean.len() {
            dmean[i] += weight * mean[i];
            dlog_variance[i] += 0.5 * weight * (deviation[i] * deviation[i] - 1.);
        }
    }
}

/// A network, and room for its gradients and what they are made of.
pub(crate) struct Pass {
    lanes: Lanes,
    /// Of a dense network.
    wide: Option<Wide>,
    terms: Terms,
    /// Weights and biases in turn.
    parameters: Vec<Tensor>,
    gradients: Vec<f32>,
}

impl Pass {
    pub(crate) fn new(chains: Chains, terms: Terms) -> Self {
        let parameters: Vec<Tensor> = chains.all().iter().flat_map(|chain| chain.parameters()).cloned().collect();
        let gradients = vec![0.; parameters.iter().map(Tensor::elem_count).sum()];
        let wide = Wide::new(&chains);
        Self { lanes: Lanes::new(chains, terms), wide, terms, parameters, gradients }
    }

    /// The loss, and the gradients of all parameters, one after the other.
    pub(crate) fn run(&mut self, batch: &Batch) -> Result<(f64, &mut [f32])> {
        let parameters: Vec<&Tensor> = self.parameters.iter().collect();
        let suits = Wide::suits(self.gradients.len(), batch.rows);
        let loss = with_values(&parameters, |parameters| match &mut self.wide {
            Some(wide) if suits => wide.run(self.terms, batch, parameters, &mut self.gradients),
            _ => self.lanes.run(batch, parameters, &mut self.gradients),
        })?;
        Ok((loss, &mut self.gradients))
    }
}

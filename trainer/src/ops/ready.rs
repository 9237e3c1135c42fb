//! A network in use, not in training: its weights are laid out for the kernels once, for any number of rows.

use candle_core::{Result, Tensor};

use super::chain::{Chain, Prepared, prepare};
use super::storage::with_values;

/// A network's layers: down to the code or, of a variational one, to what the heads for its mean and its log variance are given, and
/// back to logits.
pub(crate) struct Chains {
    pub(crate) encoder: Chain,
    pub(crate) heads: Option<[Chain; 2]>,
    pub(crate) decoder: Chain,
}

/// The same with its weights.
pub(crate) struct Ready<'a> {
    chains: Vec<&'a Chain>,
    weights: &'a [Prepared<'a>],
}

impl Chains {
    /// In the order of the parameters.
    pub(super) fn all(&self) -> Vec<&Chain> {
        [&self.encoder].into_iter().chain(self.heads.iter().flatten()).chain([&self.decoder]).collect()
    }

    /// Calls `work` with the network as it is now.
    pub(crate) fn ready<R>(&self, work: impl FnOnce(&Ready) -> R) -> Result<R> {
        let chains = self.all();
        let parameters: Vec<&Tensor> = chains.iter().flat_map(|chain| chain.parameters()).collect();
        with_values(&parameters, |parameters| {
            prepare(&chains, parameters, |weights| work(&Ready { chains: chains.clone(), weights }))
        })
    }
}

impl Ready<'_> {
    /// Values that the heads are given of a row; none unless variational.
    pub(crate) fn features(&self) -> usize {
        if self.chains.len() > 2 { self.chains[0].output() } else { 0 }
    }

    /// `rows` `[n, width] -> code` `[n, latent_dim]`, or its mean and, in `log_variance`, that; `features` is room for what the
    /// heads are given.
    pub(crate) fn encode(&self, rows: &[f32], features: &mut [f32], [code, log_variance]: [&mut [f32]; 2]) {
        if self.features() == 0 {
            return self.forward(0, rows, code);
        }
        self.forward(0, rows, features);
        self.forward(1, features, code);
        self.forward(2, features, log_variance);
    }

    /// `code` `[n, latent_dim] -> logits` `[n, width]`
    pub(crate) fn decode(&self, code: &[f32], logits: &mut [f32]) {
        self.forward(self.chains.len() - 1, code, logits);
    }

    fn forward(&self, index: usize, rows: &[f32], out: &mut [f32]) {
        let chain = self.chains[index];
        let block = chain.block();
        for (rows, out) in rows.chunks(block * chain.input()).zip(out.chunks_mut(block * chain.output())) {
            chain.forward_rows(&self.weights[index], rows, out);
        }
    }
}

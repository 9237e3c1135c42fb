//! Inference: the weights are packed for the kernels once, for any number of rows.

use candle_core::{Result, Tensor};

use super::chain::Chain;
use super::chain_run::{PackedWeights, with_packed_weights};
use super::chains::Chains;
use super::storage::with_values;

/// A network in use.
pub(crate) trait Inference: Sync {
    /// Values in a row of the heads' input; 0 unless variational.
    fn features(&self) -> usize;

    /// `rows` `[n, width] -> latent` `[n, latent_dim]`; if variational, the mean and `log_variance`. `features` is scratch for
    /// the input of the heads.
    fn encode(&self, rows: &[f32], features: &mut [f32], latents: [&mut [f32]; 2]);

    /// `latent` `[n, latent_dim] -> logits` `[n, width]`
    fn decode(&self, latent: &[f32], logits: &mut [f32]);
}

/// A network with its packed weights.
pub(crate) struct PackedNetwork<'a> {
    chains: Vec<&'a Chain>,
    weights: &'a [PackedWeights<'a>],
}

impl Chains {
    /// Calls `work` with the network as its parameters are now.
    pub(crate) fn with_packed<R>(&self, work: impl FnOnce(&PackedNetwork) -> R) -> Result<R> {
        let chains = self.all();
        let parameters: Vec<&Tensor> = chains.iter().flat_map(|chain| chain.parameters()).collect();
        with_values(&parameters, |parameters| {
            with_packed_weights(&chains, parameters, |weights| work(&PackedNetwork { chains: chains.clone(), weights }))
        })
    }
}

impl Inference for PackedNetwork<'_> {
    fn features(&self) -> usize {
        if self.chains.len() > 2 { self.chains[0].output() } else { 0 }
    }

    fn encode(&self, rows: &[f32], features: &mut [f32], [latent, log_variance]: [&mut [f32]; 2]) {
        if self.features() == 0 {
            return self.forward(0, rows, latent);
        }
        self.forward(0, rows, features);
        self.forward(1, features, latent);
        self.forward(2, features, log_variance);
    }

    fn decode(&self, latent: &[f32], logits: &mut [f32]) {
        self.forward(self.chains.len() - 1, latent, logits);
    }
}

impl PackedNetwork<'_> {
    fn forward(&self, index: usize, rows: &[f32], out: &mut [f32]) {
        let chain = self.chains[index];
        let block = chain.block();
        for (rows, out) in rows.chunks(block * chain.input()).zip(out.chunks_mut(block * chain.output())) {
            chain.forward_rows(&self.weights[index], rows, out);
        }
    }
}

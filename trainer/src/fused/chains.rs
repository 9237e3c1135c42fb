//! The layers of a whole network.

use super::chain::Chain;

/// A network's layers: the encoder down to the latent or, if variational, down to the input of the heads for its mean and its
/// log variance; the heads; and the decoder, up to the logits.
pub(crate) struct Chains {
    pub(crate) encoder: Chain,
    pub(crate) heads: Option<[Chain; 2]>,
    pub(crate) decoder: Chain,
}

impl Chains {
    /// All chains, in the order of the parameters.
    pub(super) fn all(&self) -> Vec<&Chain> {
        [&self.encoder].into_iter().chain(self.heads.iter().flatten()).chain([&self.decoder]).collect()
    }
}

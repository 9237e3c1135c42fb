//! What a layer in a network does: forward, forward in training, and its part of a fused chain.

use candle_core::{Result, Tensor};
use rand_chacha::ChaCha8Rng;

use crate::fused::Chain;

/// A layer in a network.
pub(super) trait LayerModule {
    /// The layer in use, not in training.
    fn forward(&self, x: &Tensor) -> Result<Tensor>;

    /// The layer in training; what is random is drawn from `rng`.
    fn forward_training(&self, x: &Tensor, _rng: &mut ChaCha8Rng) -> Result<Tensor> {
        self.forward(x)
    }

    /// Appends the layer to `chain`; false where there is no kernel for it.
    fn fuse(&self, _chain: &mut Chain) -> bool {
        false
    }
}

//! What a layer in a network does: forward, forward in training, and its part of a fused chain.

use candle_core::{Result, Tensor};
use rand_chacha::ChaCha8Rng;

use crate::fused::{Chain, SegmentKind};

/// A layer in a network.
pub(in crate::model) trait LayerModule {
    /// The layer in use, not in training.
    fn forward(&self, x: &Tensor) -> Result<Tensor>;

    /// The layer in training; what is random is drawn from `rng`.
    fn forward_training(&self, x: &Tensor, _rng: &mut ChaCha8Rng) -> Result<Tensor> {
        self.forward(x)
    }

    /// What it is between two chains, on rows of the shape `dims`, images with their channels last or first; nothing where there is no
    /// kernel for it.
    fn segment(&self, _dims: &[usize], _channels_last: bool) -> Option<SegmentKind> {
        None
    }

    /// Appends the layer to `chain`; false where there is no kernel for it.
    fn fuse(&self, _chain: &mut Chain) -> bool {
        false
    }
}

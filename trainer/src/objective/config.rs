//! What a config chooses about the loss.

use super::loss::Loss;

/// The settings of the loss: reconstruction + sparsity * |latent| + beta * divergence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ObjectiveConfig {
    /// How a reconstruction is compared with its target.
    pub(crate) loss: Loss,
    /// Weight of the L1 norm of the latent, from 0.
    pub(crate) sparsity: f64,
    /// Weight of a variational latent's divergence, from 0.
    pub(crate) beta: f64,
}

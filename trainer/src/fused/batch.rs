//! The rows of a training step.

/// Writes rows, or changes them in place; the index is that of the first one.
pub(crate) type Rows<'a> = &'a (dyn Fn(usize, &mut [f32]) + Sync);

/// The rows of a training step.
pub(crate) struct Batch<'a> {
    /// The number of rows.
    pub(crate) rows: usize,
    /// Writes the rows that are to be reconstructed.
    pub(crate) clean: Rows<'a>,
    /// Makes them noisy, if the network is given noisy rows.
    pub(crate) noise: Option<Rows<'a>>,
    /// Draws of the standard normal distribution, `[rows, latent_dim]`; empty unless the network is variational.
    pub(crate) sample: &'a [f32],
}

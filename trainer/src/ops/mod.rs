//! Operators that candle computes slowly, or not as training needs them. For `f32` on the CPU they are kernels of this project,
//! for everything else they are composed of candle's operators.

mod batch_norm;
mod bce;
mod chain;
mod images;
mod linear;
mod lstm;
mod relu;

pub(crate) use batch_norm::{Normalised, batch_norm, channels, scale_channels};
pub(crate) use bce::bce_with_logits;
pub(crate) use images::{avg_pool2d, conv2d, max_pool2d, upsample2d};
pub(crate) use linear::linear;
pub(crate) use lstm::lstm;
pub(crate) use relu::relu;

#[cfg(test)]
mod tests;

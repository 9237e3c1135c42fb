//! Images with their channels last, `[batch, height, width, channels]`: a pixel's channels are what vectors hold, so
//! convolutions are plain products of matrices. All on one thread.

mod ends;
mod pool;
mod tiled;
mod tiles;
mod transform;

pub use ends::{FromOne, UpToOne};
pub use pool::{max_pool2, max_pool2_backward};
pub use tiled::Tiled;

/// What the numbers of channels are multiples of, besides one.
pub const CHANNELS: usize = 16;

#[cfg(test)]
mod tests;

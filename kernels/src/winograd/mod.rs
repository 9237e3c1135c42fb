//! Winograd convolutions and the layers around them, on images with their channels last, `[batch, height, width, channels]`: a
//! vector holds a pixel's channels, so convolutions are plain matrix products. All on one thread.

mod conv;
mod geometry;
mod pooling;
mod single_channel;
mod tiles;
mod transform;

pub use geometry::{CHANNELS, WinogradConv};
pub use pooling::{max_pool2_channels_last, max_pool2_channels_last_backward};
pub use single_channel::{FromSingleChannel, UpsampledToSingleChannel};

#[cfg(test)]
mod tests;

//! The network: one description, the candle module built from it, and the checkpoint that carries both.

mod autoencoder;
mod checkpoint;
mod layer;
mod mirror;
mod network;
mod stack;

pub use autoencoder::Autoencoder;
pub(crate) use autoencoder::Code;
pub(crate) use checkpoint::Checkpoint;
pub use layer::LayerConfig;
pub use network::{ModelConfig, NetworkConfig};
pub use stack::{Layer, Lstm, Stack};

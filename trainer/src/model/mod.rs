//! The network: one description, the candle module built from it, and the checkpoint that carries both.

mod autoencoder;
mod checkpoint;
mod config;
mod encoding;
mod layers;
mod memory;
mod mirror;
mod network;
mod stack;
mod walk;

pub use autoencoder::Autoencoder;
pub(crate) use checkpoint::Checkpoint;
pub use config::{ModelConfig, Output};
pub(crate) use encoding::Encoding;
pub use layers::{
    Activation, AvgPool, BatchNorm, BatchNormConfig, Conv1d, Conv1dConfig, ConvConfig, ConvTransposeConfig, Crop,
    Dropout, Flatten, Layer, LayerConfig, LayerNormConfig, LinearConfig, Lstm, LstmConfig, MaxPool, Noise, Repeat,
    Reshape, ReshapeConfig, ResidualConfig, ResidualLayers, Upsample,
};
pub use network::NetworkConfig;
pub use stack::Stack;

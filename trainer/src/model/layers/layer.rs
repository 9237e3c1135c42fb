//! A layer in a network, of any kind, with its parameters.

use candle_core::{Result, Tensor};
use candle_nn::{Conv2d, ConvTranspose2d, LayerNorm, Linear, Module};
use rand_chacha::ChaCha8Rng;

use super::activation::Activation;
use super::batch_norm::BatchNorm;
use super::conv1d::Conv1d;
use super::crop::Crop;
use super::dropout::Dropout;
use super::lstm::Lstm;
use super::module::LayerModule;
use super::noise::Noise;
use super::pool::{AvgPool, MaxPool};
use super::repeat::Repeat;
use super::reshape::Reshape;
use super::residual::Residual;
use super::upsample::Upsample;
use crate::fused::{Chain, SegmentKind};

/// Makes the enum of all layers in a network.
macro_rules! modules {
    ($(#[$enum_attribute:meta])* pub enum Layer { $($(#[$attribute:meta])* $layer:ident($module:ident),)* }) => {
        $(#[$enum_attribute])*
        pub enum Layer {
            $($(#[$attribute])* $layer($module),)*
        }

        $(impl From<$module> for Layer {
            fn from(module: $module) -> Self {
                Self::$layer(module)
            }
        })*

        impl Layer {
            fn module(&self) -> &dyn LayerModule {
                match self {
                    $(Self::$layer(module) => module,)*
                }
            }
        }
    };
}

modules! {
    /// One layer of a [`Stack`](crate::Stack), with its parameters.
    #[derive(Clone, Debug)]
    pub enum Layer {
        /// Fully connected, on the last dimension.
        Linear(Linear),
        /// `[batch, c, h, w] -> [batch, channels, h', w']`
        Conv(Conv2d),
        /// `[batch, c, h, w] -> [batch, channels, h', w']`, enlarging
        ConvTranspose(ConvTranspose2d),
        /// `[batch, steps, n] -> [batch, steps', channels]`
        Conv1d(Conv1d),
        /// The largest value of each window, the last one perhaps cut off.
        MaxPool(MaxPool),
        /// The mean of each whole window.
        AvgPool(AvgPool),
        /// Every pixel several times.
        Upsample(Upsample),
        /// The top left part of an image.
        Crop(Crop),
        /// Other dimensions after the batch.
        Reshape(Reshape),
        /// `[batch, steps, n] -> [batch, steps, units]` or `[batch, units]`
        Lstm(Lstm),
        /// `[batch, n] -> [batch, steps, n]`
        Repeat(Repeat),
        /// By the mean and variance of each channel.
        BatchNorm(BatchNorm),
        /// By the mean and variance of each row.
        LayerNorm(LayerNorm),
        /// Layers whose output is added to their input.
        Residual(ResidualLayers),
        /// Zeros for a random part of the values, in training.
        Dropout(Dropout),
        /// Gaussian noise, in training.
        Noise(Noise),
        /// A function of each value alone.
        Activation(Activation),
    }
}

/// A residual of any layers.
pub type ResidualLayers = Residual<Layer>;

impl LayerModule for Layer {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.module().forward(x)
    }

    fn forward_training(&self, x: &Tensor, rng: &mut ChaCha8Rng) -> Result<Tensor> {
        self.module().forward_training(x, rng)
    }

    fn fuse(&self, chain: &mut Chain) -> bool {
        self.module().fuse(chain)
    }

    fn segment(&self, dims: &[usize], channels_last: bool) -> Option<SegmentKind> {
        self.module().segment(dims, channels_last)
    }
}

impl Module for Layer {
    /// The layer in use, not in training: noise and dropout do nothing.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.module().forward(x)
    }
}

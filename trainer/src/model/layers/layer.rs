//! A layer in a network, of any kind, with its parameters.

use candle_core::{Result, Tensor};
use candle_nn::{Conv2d, Linear, Module};
use rand_chacha::ChaCha8Rng;

use super::activation::Activation;
use super::crop::Crop;
use super::dropout::Dropout;
use super::lstm::Lstm;
use super::module::LayerModule;
use super::noise::Noise;
use super::pool::{AvgPool, MaxPool};
use super::repeat::Repeat;
use super::reshape::Reshape;
use super::upsample::Upsample;
use crate::fused::Chain;

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
        /// Zeros for a random part of the values, in training.
        Dropout(Dropout),
        /// Gaussian noise, in training.
        Noise(Noise),
        /// A function of each value alone.
        Activation(Activation),
    }
}

impl Layer {
    /// The layer in training; what is random is drawn from `rng`.
    pub(in crate::model) fn forward_training(&self, x: &Tensor, rng: &mut ChaCha8Rng) -> Result<Tensor> {
        self.module().forward_training(x, rng)
    }

    /// Appends the layer to `chain`; false where there is no kernel for it.
    pub(in crate::model) fn fuse(&self, chain: &mut Chain) -> bool {
        self.module().fuse(chain)
    }
}

impl Module for Layer {
    /// The layer in use, not in training: noise and dropout do nothing.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.module().forward(x)
    }
}

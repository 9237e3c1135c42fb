//! What paths into `candle_nn` mean in the twin of a `forward`.

pub use candle_nn::Activation;

use super::layer::Layer;
pub use super::layer::{Module, ModuleT};

pub mod ops;
pub mod rotary_emb;

macro_rules! layers {
    ($($layer:ident)+) => {
        $(
            #[doc = concat!("The twin of `candle_nn::", stringify!($layer), "`.")]
            pub type $layer = Layer<candle_nn::$layer>;
        )+
    };
}

layers!(BatchNorm Conv1d Conv2d ConvTranspose1d ConvTranspose2d Dropout Embedding LayerNorm Linear PReLU RmsNorm);

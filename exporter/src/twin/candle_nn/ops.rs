//! What paths into `candle_nn::ops` mean in the twin of a `forward`.

use candle_core::shape::Dim as Axis;
use candle_core::{D, Result};

use crate::twin::tensor::Tensor;

/// candle's `softmax`: [`crate::GraphBuilder::softmax`].
///
/// # Errors
///
/// As there.
pub fn softmax<A: Axis>(x: &Tensor, axis: A) -> Result<Tensor> {
    x.map(|graph, x| graph.softmax(x, axis))
}

/// candle's `softmax_last_dim`: [`crate::GraphBuilder::softmax`].
///
/// # Errors
///
/// As there.
pub fn softmax_last_dim(x: &Tensor) -> Result<Tensor> {
    softmax(x, D::Minus1)
}

/// candle's `log_softmax`: [`crate::GraphBuilder::log_softmax`].
///
/// # Errors
///
/// As there.
pub fn log_softmax<A: Axis>(x: &Tensor, axis: A) -> Result<Tensor> {
    x.map(|graph, x| graph.log_softmax(x, axis))
}

macro_rules! functions {
    ($($name:ident)+) => {
        $(
            #[doc = concat!("candle's `", stringify!($name), "`: [`crate::GraphBuilder::", stringify!($name), "`].")]
            ///
            /// # Errors
            ///
            /// As there.
            pub fn $name(x: &Tensor) -> Result<Tensor> {
                x.map(|graph, x| graph.$name(x))
            }
        )+
    };
}

functions!(silu sigmoid hard_sigmoid mish);

/// candle's `swiglu`: SiLU of the first half, times the second.
///
/// # Errors
///
/// As [`crate::GraphBuilder::chunk`].
pub fn swiglu(x: &Tensor) -> Result<Tensor> {
    let halves = x.chunk(2, D::Minus1)?;
    &halves[0].silu()? * &halves[1]
}

/// candle's `leaky_relu`: [`crate::GraphBuilder::leaky_relu`].
///
/// # Errors
///
/// As there.
pub fn leaky_relu(x: &Tensor, slope: f64) -> Result<Tensor> {
    x.map(|graph, x| graph.leaky_relu(x, slope as f32))
}

/// candle's `pixel_shuffle`: [`crate::GraphBuilder::pixel_shuffle`].
///
/// # Errors
///
/// As there.
pub fn pixel_shuffle(x: &Tensor, factor: usize) -> Result<Tensor> {
    x.map(|graph, x| graph.pixel_shuffle(x, factor))
}

/// candle's `pixel_unshuffle`: `[batch, c, h * f, w * f] -> [batch, c * f * f, h, w]`.
///
/// # Errors
///
/// As [`crate::GraphBuilder::reshape`].
pub fn pixel_unshuffle(x: &Tensor, factor: usize) -> Result<Tensor> {
    let (batch, channels, height, width) = x.dims4()?;
    let (height, width) = (height / factor, width / factor);
    x.reshape((batch, channels, height, factor, width, factor))?.permute((0, 1, 3, 5, 2, 4))?.reshape((
        batch,
        channels * factor * factor,
        height,
        width,
    ))
}

/// candle's `replication_pad2d`: the outermost pixels repeated on every side.
///
/// # Errors
///
/// As [`crate::GraphBuilder::pad_with_same`].
pub fn replication_pad2d(x: &Tensor, padding: usize) -> Result<Tensor> {
    x.pad_with_same(2, padding, padding)?.pad_with_same(3, padding, padding)
}

/// candle's `rms_norm`: over the last dimension.
///
/// # Errors
///
/// As [`crate::GraphBuilder::mean`].
pub fn rms_norm(x: &Tensor, weight: &Tensor, epsilon: f32) -> Result<Tensor> {
    let mean = x.sqr()?.mean_keepdim(D::Minus1)?;
    x.broadcast_div(&(mean + f64::from(epsilon))?.sqrt()?)?.broadcast_mul(weight)
}

/// candle's `layer_norm`: over the last dimension.
///
/// # Errors
///
/// As [`crate::GraphBuilder::mean`].
pub fn layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, epsilon: f32) -> Result<Tensor> {
    let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    rms_norm(&centred, weight, epsilon)?.broadcast_add(bias)
}

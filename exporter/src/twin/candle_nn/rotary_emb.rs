//! What paths into `candle_nn::rotary_emb` mean in the twin of a `forward`.

use candle_core::Result;

use crate::twin::tensor::Tensor;

/// candle's `rope`: [`crate::GraphBuilder::rope`].
///
/// # Errors
///
/// As there.
pub fn rope(x: &Tensor, cos: &Tensor, sin: &Tensor) -> Result<Tensor> {
    x.map(|graph, x| {
        let (cos, sin) = (cos.value(graph)?, sin.value(graph)?);
        graph.rope(x, cos, sin)
    })
}

/// The same as [`rope`].
///
/// # Errors
///
/// As there.
pub fn rope_slow(x: &Tensor, cos: &Tensor, sin: &Tensor) -> Result<Tensor> {
    rope(x, cos, sin)
}

/// candle's `rope_i`: [`crate::GraphBuilder::rope_i`].
///
/// # Errors
///
/// As there.
pub fn rope_i(x: &Tensor, cos: &Tensor, sin: &Tensor) -> Result<Tensor> {
    x.map(|graph, x| {
        let (cos, sin) = (cos.value(graph)?, sin.value(graph)?);
        graph.rope_i(x, cos, sin)
    })
}

/// candle's `rope_thd`: [`crate::GraphBuilder::rope_thd`].
///
/// # Errors
///
/// As there.
pub fn rope_thd(x: &Tensor, cos: &Tensor, sin: &Tensor) -> Result<Tensor> {
    x.map(|graph, x| {
        let (cos, sin) = (cos.value(graph)?, sin.value(graph)?);
        graph.rope_thd(x, cos, sin)
    })
}

/// The same as [`rope_i`].
///
/// # Errors
///
/// As there.
pub fn rope_i_slow(x: &Tensor, cos: &Tensor, sin: &Tensor) -> Result<Tensor> {
    rope_i(x, cos, sin)
}

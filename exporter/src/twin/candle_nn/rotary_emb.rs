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
        let (mut cos, mut sin) = (cos.value(graph)?, sin.value(graph)?);
        // candle takes tables that are longer than the sequence.
        if cos.rank() == 2 && x.rank() == 4 && cos.dim(0) != x.dim(2) {
            (cos, sin) = (graph.narrow(cos, 0, 0, x.dim(2))?, graph.narrow(sin, 0, 0, x.dim(2))?);
        }
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

/// candle's `rope_i`: each element of an even place is turned with the next one.
///
/// # Errors
///
/// As [`crate::GraphBuilder::reshape`].
pub fn rope_i(x: &Tensor, cos: &Tensor, sin: &Tensor) -> Result<Tensor> {
    let (batch, heads, length, width) = x.dims4()?;
    let table = |table: &Tensor| table.narrow(0, 0, length)?.reshape((length, width / 2, 1));
    let (cos, sin) = (table(cos)?, table(sin)?);
    let pairs = x.reshape((batch, heads, length, width / 2, 2))?;
    let (even, odd) = (pairs.narrow(4, 0, 1)?, pairs.narrow(4, 1, 1)?);
    let first = (even.broadcast_mul(&cos)? - odd.broadcast_mul(&sin)?)?;
    let second = (even.broadcast_mul(&sin)? + odd.broadcast_mul(&cos)?)?;
    Tensor::cat(&[first, second], 4)?.reshape((batch, heads, length, width))
}

/// The same as [`rope_i`].
///
/// # Errors
///
/// As there.
pub fn rope_i_slow(x: &Tensor, cos: &Tensor, sin: &Tensor) -> Result<Tensor> {
    rope_i(x, cos, sin)
}

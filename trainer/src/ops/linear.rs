//! Linear layers.

use candle_core::{Result, Tensor};
use candle_nn::{Linear, Module};

use crate::fused::{Chain, is_f32_cpu};

/// `[.., n] -> [.., units]`
pub(crate) fn linear(linear: &Linear, x: &Tensor) -> Result<Tensor> {
    let Some((&width, before)) = x.dims().split_last() else { return linear.forward(x) };
    let mut chain = Chain::new(&[width]);
    if !is_f32_cpu(x) || x.elem_count() == 0 || !chain.linear(linear) {
        return linear.forward(x);
    }
    let rows = chain.forward(&x.contiguous()?.reshape(((), width))?)?;
    rows.reshape([before, &[linear.weight().dim(0)?]].concat())
}

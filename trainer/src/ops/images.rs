//! Layers on images that a chain has no kernel for, composed of candle's operators.

use candle_core::{D, Result, Tensor};
use candle_nn::{Conv2d, Conv2dConfig, Module};

/// `[batch, c, h, w] -> [batch, channels, h', w']`, for what a chain has no kernel for.
pub(crate) fn conv2d(conv: &Conv2d, x: &Tensor) -> Result<Tensor> {
    let Conv2dConfig { padding, stride, .. } = *conv.config();
    if stride == 1 {
        return conv.forward(x);
    }
    // candle's backward mixes up the rows that the steps leave over at the bottom and the columns on the right, so cut both
    // off.
    let (_, _, kernel, _) = conv.weight().dims4()?;
    let windows = |x: Tensor, axis: usize| {
        let x = x.pad_with_zeros(axis, padding, padding)?;
        x.narrow(axis, 0, (x.dim(axis)? - kernel) / stride * stride + kernel)
    };
    let x = windows(windows(x.clone(), 2)?, 3)?.contiguous()?;
    let config = Conv2dConfig { padding: 0, ..*conv.config() };
    Conv2d::new(conv.weight().clone(), conv.bias().cloned(), config).forward(&x)
}

/// The maximum of each window of `size` x `size`, without overlap; those at the edge may be smaller:
/// `[batch, c, h, w] -> [batch, c, ceil(h / size), ceil(w / size)]`, for what a chain has no kernel for.
pub(crate) fn max_pool2d(x: &Tensor, size: usize) -> Result<Tensor> {
    // candle's own drops incomplete windows, and divides the gradient by the window's area.
    let x = fill_windows(&fill_windows(x, 2, size)?, 3, size)?;
    let (batch, channels, height, width) = x.dims4()?;
    let windows = x.reshape((batch * channels, height / size, size, width / size, size))?;
    let windows = windows.transpose(2, 3)?.contiguous()?.flatten_from(3)?;
    // Among equal values, only the first gets the gradient; candle's `max` would give each of them all of it.
    let first = windows.argmax_keepdim(D::Minus1)?;
    windows.gather(&first, D::Minus1)?.reshape((batch, channels, height / size, width / size))
}

/// The mean of each complete window of `size` x `size`, without overlap: `[batch, c, h, w] -> [batch, c, h / size, w / size]`.
pub(crate) fn avg_pool2d(x: &Tensor, size: usize) -> Result<Tensor> {
    // candle spreads the gradient over incomplete windows too.
    let whole = |x: Tensor, axis: usize| x.narrow(axis, 0, x.dim(axis)? / size * size);
    whole(whole(x.clone(), 2)?, 3)?.contiguous()?.avg_pool2d(size)
}

/// Repeats every pixel `size` times in both directions: `[batch, c, h, w] -> [batch, c, h * size, w * size]`, for what a chain
/// has no kernel for.
pub(crate) fn upsample2d(x: &Tensor, size: usize) -> Result<Tensor> {
    let (_, _, height, width) = x.dims4()?;
    x.upsample_nearest2d(height * size, width * size)
}

/// Pads `axis` to a multiple of `size` with values below any other.
fn fill_windows(x: &Tensor, axis: usize, size: usize) -> Result<Tensor> {
    let length = x.dim(axis)?;
    let missing = length.next_multiple_of(size) - length;
    if missing == 0 {
        return Ok(x.clone());
    }
    let mut dims = x.dims().to_vec();
    dims[axis] = missing;
    let low = Tensor::full(-1e30f32, dims, x.device())?.to_dtype(x.dtype())?;
    Tensor::cat(&[x, &low], axis)
}

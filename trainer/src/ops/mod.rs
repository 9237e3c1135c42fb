//! Operators on images that candle computes slowly or not as training needs them.

use candle_core::{D, Result, Tensor};
use candle_nn::{Conv2d, Conv2dConfig, Module};

/// `[batch, c, h, w] -> [batch, channels, h', w']`.
pub(crate) fn conv2d(conv: &Conv2d, x: &Tensor) -> Result<Tensor> {
    let Conv2dConfig { padding, stride, .. } = *conv.config();
    if stride == 1 {
        return conv.forward(x);
    }
    // candle's backward takes what the steps leave over at the bottom for what they leave over on the right, so nothing is
    // left over.
    let (_, _, kernel, _) = conv.weight().dims4()?;
    let windows = |x: Tensor, axis: usize| {
        let x = x.pad_with_zeros(axis, padding, padding)?;
        x.narrow(axis, 0, (x.dim(axis)? - kernel) / stride * stride + kernel)
    };
    let x = windows(windows(x.clone(), 2)?, 3)?.contiguous()?;
    let config = Conv2dConfig { padding: 0, ..*conv.config() };
    Conv2d::new(conv.weight().clone(), conv.bias().cloned(), config).forward(&x)
}

/// The largest value of each window of `size` x `size`, one beside the other; the last one may be cut off:
/// `[batch, c, h, w] -> [batch, c, ceil(h / size), ceil(w / size)]`.
pub(crate) fn max_pool2d(x: &Tensor, size: usize) -> Result<Tensor> {
    // candle's own leaves out what fills no window, and divides the gradient by the window's area.
    let x = fill_windows(&fill_windows(x, 2, size)?, 3, size)?;
    let (batch, channels, height, width) = x.dims4()?;
    let windows = x.reshape((batch * channels, height / size, size, width / size, size))?;
    windows.max(D::Minus1)?.max(2)?.reshape((batch, channels, height / size, width / size))
}

/// The mean of each whole window of `size` x `size`, one beside the other: `[batch, c, h, w] -> [batch, c, h / size, w / size]`.
pub(crate) fn avg_pool2d(x: &Tensor, size: usize) -> Result<Tensor> {
    // candle spreads the gradient over what fills no window too.
    let whole = |x: Tensor, axis: usize| x.narrow(axis, 0, x.dim(axis)? / size * size);
    whole(whole(x.clone(), 2)?, 3)?.contiguous()?.avg_pool2d(size)
}

/// Every pixel `size` times down and right: `[batch, c, h, w] -> [batch, c, h * size, w * size]`.
pub(crate) fn upsample2d(x: &Tensor, size: usize) -> Result<Tensor> {
    let (_, _, height, width) = x.dims4()?;
    x.upsample_nearest2d(height * size, width * size)
}

/// Lengthens `axis` to a multiple of `size` by values below any other.
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

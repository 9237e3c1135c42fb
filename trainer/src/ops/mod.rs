//! Operators that candle computes slowly, or not as training needs them: kernels of our own for `f32` on the CPU, and the same
//! composed of candle's operators for everything else.

mod chain;
mod dense;
mod lanes;
mod pass;
mod ready;
mod storage;
mod wide;

use candle_core::{D, Result, Tensor};
use candle_nn::{Conv2d, Conv2dConfig, Linear, Module};

pub(crate) use chain::Chain;
use dense::{Bce, Recurrence, Relu};
pub(crate) use pass::{Batch, Pass, Terms};
pub(crate) use ready::{Chains, Ready};
pub(crate) use storage::{takes, with_values, with_values_mut};

/// `[.., n] -> [.., units]`
pub(crate) fn linear(linear: &Linear, x: &Tensor) -> Result<Tensor> {
    let Some((&width, before)) = x.dims().split_last() else { return linear.forward(x) };
    let mut chain = Chain::new(&[width]);
    if !takes(x) || x.elem_count() == 0 || !chain.linear(linear) {
        return linear.forward(x);
    }
    let rows = chain.forward(&x.contiguous()?.reshape(((), width))?)?;
    rows.reshape([before, &[linear.weight().dim(0)?]].concat())
}

/// The mean binary cross-entropy of `sigmoid(logits)` against `target`, a scalar.
pub(crate) fn bce_with_logits(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
    let both = takes(logits) && takes(target) && logits.dims() == target.dims();
    // The kernel has no gradient for the target.
    if both && !target.track_op() && logits.elem_count() > 0 {
        return logits.contiguous()?.apply_op2(&target.contiguous()?, Bce);
    }
    composed_bce(logits, target)
}

/// The states of an LSTM after each step, `[batch, steps, units]`, from `x` `[batch, steps, n]` and the weights `[4 * units, n]`,
/// `[4 * units, units]` and `[4 * units]`. Nothing where candle's own is to be used.
pub(crate) fn lstm(x: &Tensor, weight_ih: &Tensor, weight_hh: &Tensor, bias: &Tensor) -> Result<Option<Tensor>> {
    if !takes(x) {
        return Ok(None);
    }
    let projected = linear(&Linear::new(weight_ih.clone(), Some(bias.clone())), x)?;
    projected.apply_op2(weight_hh, Recurrence).map(Some)
}

/// max(x, 0)
pub(crate) fn relu(x: &Tensor) -> Result<Tensor> {
    if takes(x) { x.contiguous()?.apply_op1(Relu) } else { x.relu() }
}

/// `[batch, c, h, w] -> [batch, channels, h', w']`, for what a [`Chain`] does not take.
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

fn composed_bce(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
    let softplus = (logits.abs()?.neg()?.exp()? + 1.)?.log()?;
    ((logits.relu()? - (logits * target)?)? + softplus)?.mean_all()
}

/// The largest value of each window of `size` x `size`, one beside the other; the last one may be cut off:
/// `[batch, c, h, w] -> [batch, c, ceil(h / size), ceil(w / size)]`, for what a [`Chain`] does not take.
pub(crate) fn max_pool2d(x: &Tensor, size: usize) -> Result<Tensor> {
    // candle's own leaves out what fills no window, and divides the gradient by the window's area.
    let x = fill_windows(&fill_windows(x, 2, size)?, 3, size)?;
    let (batch, channels, height, width) = x.dims4()?;
    let windows = x.reshape((batch * channels, height / size, size, width / size, size))?;
    let windows = windows.transpose(2, 3)?.contiguous()?.flatten_from(3)?;
    // Of equals the first alone has a gradient; candle's `max` would give each of them the whole.
    let first = windows.argmax_keepdim(D::Minus1)?;
    windows.gather(&first, D::Minus1)?.reshape((batch, channels, height / size, width / size))
}

/// The mean of each whole window of `size` x `size`, one beside the other: `[batch, c, h, w] -> [batch, c, h / size, w / size]`.
pub(crate) fn avg_pool2d(x: &Tensor, size: usize) -> Result<Tensor> {
    // candle spreads the gradient over what fills no window too.
    let whole = |x: Tensor, axis: usize| x.narrow(axis, 0, x.dim(axis)? / size * size);
    whole(whole(x.clone(), 2)?, 3)?.contiguous()?.avg_pool2d(size)
}

/// Every pixel `size` times down and right: `[batch, c, h, w] -> [batch, c, h * size, w * size]`, for what a [`Chain`] does not
/// take.
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

#[cfg(test)]
mod tests;

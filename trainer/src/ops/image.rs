//! The kernels on images as candle operators: for `f32` on the CPU, forward and backward.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};

use super::kernel::conv::{self, Conv};
use super::kernel::{elementwise, pool};
use super::storage::{filled, values};

/// A convolution with stride 1: `x` `[batch, in, h, w]`, `weight` `[out, in, k, k]`, `bias` `[out]`.
pub(super) struct Convolution {
    pub(super) padding: usize,
}

impl Convolution {
    fn sizes(&self, x: &Shape, weight: &Shape) -> Result<Conv> {
        let (batch, in_channels, height, width) = x.dims4()?;
        let (out_channels, _, kernel, _) = weight.dims4()?;
        Ok(Conv { batch, in_channels, height, width, out_channels, kernel, padding: self.padding })
    }
}

impl CustomOp3 for Convolution {
    fn name(&self) -> &'static str {
        "convolution"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let conv = self.sizes(x_layout.shape(), weight_layout.shape())?;
        let (x, weight, bias) = (values(x, x_layout)?, values(weight, weight_layout)?, values(bias, bias_layout)?);
        filled((conv.batch, conv.out_channels, conv.out_height(), conv.out_width()), |out| {
            conv::forward(&conv, x, weight, bias, out)
        })
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _bias: &Tensor,
        _out: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let conv = self.sizes(x.shape(), weight.shape())?;
        let grad = grad.contiguous()?;
        // No one asks for the gradient of the rows themselves.
        let dx = if x.track_op() { Some(grad.apply_op2_no_bwd(weight, &InputGradient(conv))?) } else { None };
        let both = x.apply_op2_no_bwd(&grad, &WeightGradient(conv))?;
        let dweight = both.narrow(0, 0, weight.elem_count())?.reshape(weight.shape())?;
        let dbias = both.narrow(0, weight.elem_count(), conv.out_channels)?;
        Ok((dx, Some(dweight), Some(dbias)))
    }
}

/// From the gradient of the output and the weight, the gradient of the input.
struct InputGradient(Conv);

impl CustomOp2 for InputGradient {
    fn name(&self) -> &'static str {
        "convolution-input-gradient"
    }

    fn cpu_fwd(
        &self,
        grad: &CpuStorage,
        grad_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let Self(conv) = self;
        let (grad, weight) = (values(grad, grad_layout)?, values(weight, weight_layout)?);
        let dims = (conv.batch, conv.in_channels, conv.height, conv.width);
        filled(dims, |dx| conv::backward_input(conv, grad, weight, dx))
    }
}

/// From the input and the gradient of the output, the gradients of weight and bias, one behind the other.
struct WeightGradient(Conv);

impl CustomOp2 for WeightGradient {
    fn name(&self) -> &'static str {
        "convolution-weight-gradient"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        grad: &CpuStorage,
        grad_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let Self(conv) = self;
        let (x, grad) = (values(x, x_layout)?, values(grad, grad_layout)?);
        let weights = conv.out_channels * conv.in_channels * conv.kernel * conv.kernel;
        filled(weights + conv.out_channels, |both| {
            let (dweight, dbias) = both.split_at_mut(weights);
            conv::backward_weight(conv, x, grad, dweight, dbias);
        })
    }
}

/// `h -> ceil(h / 2)`, the largest value of each window of 2 x 2.
pub(super) struct MaxPool2;

impl CustomOp1 for MaxPool2 {
    fn name(&self) -> &'static str {
        "max-pool-2"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, channels, height, width) = layout.shape().dims4()?;
        let x = values(x, layout)?;
        filled((batch, channels, height.div_ceil(2), width.div_ceil(2)), |out| {
            pool::max_pool2(batch * channels, height, width, x, out)
        })
    }

    fn bwd(&self, x: &Tensor, out: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        x.apply_op3_no_bwd(out, &grad.contiguous()?, &MaxPool2Gradient).map(Some)
    }
}

struct MaxPool2Gradient;

impl CustomOp3 for MaxPool2Gradient {
    fn name(&self) -> &'static str {
        "max-pool-2-gradient"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        out: &CpuStorage,
        out_layout: &Layout,
        grad: &CpuStorage,
        grad_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (batch, channels, height, width) = x_layout.shape().dims4()?;
        let (x, out, grad) = (values(x, x_layout)?, values(out, out_layout)?, values(grad, grad_layout)?);
        filled((batch, channels, height, width), |dx| {
            pool::max_pool2_backward(batch * channels, height, width, x, out, grad, dx)
        })
    }
}

/// `h -> 2 h`, every pixel four times.
pub(super) struct Upsample2;

impl CustomOp1 for Upsample2 {
    fn name(&self) -> &'static str {
        "upsample-2"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, channels, height, width) = layout.shape().dims4()?;
        let x = values(x, layout)?;
        filled((batch, channels, 2 * height, 2 * width), |out| pool::upsample2(batch * channels, height, width, x, out))
    }

    fn bwd(&self, _x: &Tensor, _out: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        grad.contiguous()?.apply_op1_no_bwd(&Upsample2Gradient).map(Some)
    }
}

struct Upsample2Gradient;

impl CustomOp1 for Upsample2Gradient {
    fn name(&self) -> &'static str {
        "upsample-2-gradient"
    }

    fn cpu_fwd(&self, grad: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, channels, height, width) = layout.shape().dims4()?;
        let grad = values(grad, layout)?;
        filled((batch, channels, height / 2, width / 2), |dx| {
            pool::upsample2_backward(batch * channels, height / 2, width / 2, grad, dx)
        })
    }
}

/// max(x, 0)
pub(super) struct Relu;

impl CustomOp1 for Relu {
    fn name(&self) -> &'static str {
        "relu"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(x, layout)?;
        filled(layout.shape().clone(), |out| elementwise::relu(x, out))
    }

    fn bwd(&self, _x: &Tensor, out: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        out.apply_op2_no_bwd(&grad.contiguous()?, &ReluGradient).map(Some)
    }
}

struct ReluGradient;

impl CustomOp2 for ReluGradient {
    fn name(&self) -> &'static str {
        "relu-gradient"
    }

    fn cpu_fwd(
        &self,
        out: &CpuStorage,
        out_layout: &Layout,
        grad: &CpuStorage,
        grad_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (out, grad) = (values(out, out_layout)?, values(grad, grad_layout)?);
        filled(out_layout.shape().clone(), |dx| elementwise::relu_backward(out, grad, dx))
    }
}

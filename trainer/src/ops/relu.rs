//! ReLU.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor};

use crate::fused::{filled, is_f32_cpu, values};

/// max(x, 0)
pub(crate) fn relu(x: &Tensor) -> Result<Tensor> {
    if is_f32_cpu(x) { x.contiguous()?.apply_op1(Relu) } else { x.relu() }
}

/// max(x, 0), with NaN kept.
struct Relu;

impl CustomOp1 for Relu {
    fn name(&self) -> &'static str {
        "relu"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(x, layout)?;
        filled(layout.shape().clone(), |out| kernels::relu(x, out))
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
        filled(out_layout.shape().clone(), |dx| kernels::relu_backward(out, grad, dx))
    }
}

//! The binary cross-entropy.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};

use crate::fused::{filled, is_f32_cpu, values};

/// The mean binary cross-entropy of `sigmoid(logits)` against `target`, a scalar.
pub(crate) fn bce_with_logits(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
    let both = is_f32_cpu(logits) && is_f32_cpu(target) && logits.dims() == target.dims();
    // The kernel has no gradient for the target.
    if both && !target.track_op() && logits.elem_count() > 0 {
        return logits.contiguous()?.apply_op2(&target.contiguous()?, Bce);
    }
    composed_bce(logits, target)
}

/// The same, composed of candle's operators.
pub(super) fn composed_bce(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
    let softplus = (logits.abs()?.neg()?.exp()? + 1.)?.log()?;
    ((logits.relu()? - (logits * target)?)? + softplus)?.mean_all()
}

/// As [`bce_with_logits`]; logits and target have the same shape.
struct Bce;

impl CustomOp2 for Bce {
    fn name(&self) -> &'static str {
        "bce-with-logits"
    }

    fn cpu_fwd(
        &self,
        logits: &CpuStorage,
        logits_layout: &Layout,
        target: &CpuStorage,
        target_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (logits, target) = (values(logits, logits_layout)?, values(target, target_layout)?);
        let [sum, _] = kernels::bce_and_squared_error(logits, target);
        let mean = sum / logits.len() as f64;
        Ok((CpuStorage::F32(vec![mean as f32]), Shape::from(())))
    }

    fn bwd(
        &self,
        logits: &Tensor,
        target: &Tensor,
        _loss: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let scale = grad.to_scalar::<f32>()? / logits.elem_count() as f32;
        Ok((Some(logits.apply_op2_no_bwd(target, &BceGradient { scale })?), None))
    }
}

struct BceGradient {
    scale: f32,
}

impl CustomOp2 for BceGradient {
    fn name(&self) -> &'static str {
        "bce-with-logits-gradient"
    }

    fn cpu_fwd(
        &self,
        logits: &CpuStorage,
        logits_layout: &Layout,
        target: &CpuStorage,
        target_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (logits, target) = (values(logits, logits_layout)?, values(target, target_layout)?);
        filled(logits_layout.shape().clone(), |dx| kernels::bce_backward(logits, target, self.scale, dx))
    }
}

//! ReLU, loss and recurrence as candle operators: for `f32` on the CPU, forward and backward.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};

use super::storage::{filled, values};
use kernels::Lstm;

/// The mean binary cross-entropy of `sigmoid(logits)` against a target of the same shape.
pub(super) struct Bce;

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

/// The states of an LSTM, `[batch, steps, units]`, from the input's part of the gates, `[batch, steps, 4 * units]`, and the
/// recurrent weight `[4 * units, units]`.
pub(super) struct Recurrence;

fn sizes(projected: &Shape) -> Result<Lstm> {
    let (batch, steps, gates) = projected.dims3()?;
    Ok(Lstm { batch, steps, units: gates / 4 })
}

impl CustomOp2 for Recurrence {
    fn name(&self) -> &'static str {
        "lstm"
    }

    fn cpu_fwd(
        &self,
        projected: &CpuStorage,
        projected_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let lstm = sizes(projected_layout.shape())?;
        let (projected, weight) = (values(projected, projected_layout)?, values(weight, weight_layout)?);
        let dims = (lstm.batch, lstm.steps, lstm.units);
        filled(dims, |states| lstm.forward(projected, weight, states))
    }

    fn bwd(
        &self,
        projected: &Tensor,
        weight: &Tensor,
        states: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        // An operator takes three tensors: the states and their gradient go as one.
        let both = Tensor::cat(&[&states.flatten_all()?, &grad.flatten_all()?], 0)?;
        let gradients = projected.apply_op3_no_bwd(weight, &both, &RecurrenceGradient)?;
        let dprojected = gradients.narrow(0, 0, projected.elem_count())?.reshape(projected.shape())?;
        let dweight = gradients.narrow(0, projected.elem_count(), weight.elem_count())?.reshape(weight.shape())?;
        Ok((Some(dprojected), Some(dweight)))
    }
}

/// From projections, weight, and the states with their gradient behind them: the gradient of the projections, that of the weight
/// behind it.
struct RecurrenceGradient;

impl CustomOp3 for RecurrenceGradient {
    fn name(&self) -> &'static str {
        "lstm-gradient"
    }

    fn cpu_fwd(
        &self,
        projected: &CpuStorage,
        projected_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        both: &CpuStorage,
        both_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let lstm = sizes(projected_layout.shape())?;
        let (projected, weight) = (values(projected, projected_layout)?, values(weight, weight_layout)?);
        let both = values(both, both_layout)?;
        let (states, grad) = both.split_at(both.len() / 2);
        filled(projected.len() + weight.len(), |gradients| {
            let (dprojected, dweight) = gradients.split_at_mut(projected.len());
            lstm.backward(projected, weight, states, grad, dprojected, dweight);
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

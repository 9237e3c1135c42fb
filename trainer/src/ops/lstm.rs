//! The recurrence of an LSTM.

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};
use candle_nn::Linear;
use kernels::Lstm;

use super::linear::linear;
use crate::fused::{filled, is_f32_cpu, values};

/// The states of an LSTM after each step, `[batch, steps, units]`, from `x` `[batch, steps, n]` and the weights `[4 * units,
/// n]`, `[4 * units, units]` and `[4 * units]`; `None` where candle has to compute them.
pub(crate) fn lstm(x: &Tensor, weight_ih: &Tensor, weight_hh: &Tensor, bias: &Tensor) -> Result<Option<Tensor>> {
    if !is_f32_cpu(x) {
        return Ok(None);
    }
    let projected = linear(&Linear::new(weight_ih.clone(), Some(bias.clone())), x)?;
    projected.apply_op2(weight_hh, Recurrence).map(Some)
}

/// The states of an LSTM, `[batch, steps, units]`, from the input's part of the gates, `[batch, steps, 4 * units]`, and the
/// recurrent weight `[4 * units, units]`.
struct Recurrence;

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
        // An operator takes at most three tensors, so the states and their gradient go in one.
        let both = Tensor::cat(&[&states.flatten_all()?, &grad.flatten_all()?], 0)?;
        let gradients = projected.apply_op3_no_bwd(weight, &both, &RecurrenceGradient)?;
        let dprojected = gradients.narrow(0, 0, projected.elem_count())?.reshape(projected.shape())?;
        let dweight = gradients.narrow(0, projected.elem_count(), weight.elem_count())?.reshape(weight.shape())?;
        Ok((Some(dprojected), Some(dweight)))
    }
}

/// From projections, weight, and the states followed by their gradient: the gradient of the projections, followed by that of
/// the weight.
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

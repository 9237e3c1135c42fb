//! Optimisers as published, with state that can be saved: one rule a file, one driver for all.

mod adadelta;
mod adam;
mod config;
mod rmsprop;
mod rule;
mod schedule;
mod sgd;

use std::collections::{HashMap, HashSet};
use std::iter::once;

use candle_core::backprop::GradStore;
use candle_core::{DType, Tensor, Var};
use kernels::for_each_task;

pub use config::OptimizerConfig;
pub use schedule::Schedule;

use rule::{Moment, Rule};

use crate::error::{Error, Result};
use crate::fused::{is_f32_cpu, with_values, with_values_mut};
use crate::timing::Phase;

/// Values that a thread moves at once.
const PART: usize = 1 << 13;
/// Parameters that are updated together. candle lends each tensor within the call that lent the one before, so all tensors of a deep
/// network at once would overflow the stack.
const LENT: usize = 64;

/// Moves named parameters along their gradients.
///
/// ```
/// use candle_core::{Device, Var};
/// use trainer::{Optimizer, OptimizerConfig};
/// # fn main() -> trainer::Result<()> {
/// let x = Var::new(4f32, &Device::Cpu)?;
/// let sgd = OptimizerConfig::Sgd { learning_rate: 0.25, momentum: 0., weight_decay: 0. };
/// let mut optimizer = Optimizer::new(&sgd, vec![("x".into(), x.clone())])?;
/// optimizer.step(&x.sqr()?.backward()?)?; // x - 0.25 * 2 x
/// assert_eq!(x.to_scalar::<f32>()?, 2.);
/// # Ok(()) }
/// ```
pub struct Optimizer {
    rule: Box<dyn Rule>,
    learning_rate: f64,
    parameters: Vec<Parameter>,
    /// Whether a parameter has two names.
    tied: bool,
    step: u64,
}

struct Parameter {
    name: String,
    var: Var,
    slots: Vec<Tensor>,
}

impl Optimizer {
    /// An optimiser for `parameters`, at step 0.
    ///
    /// # Errors
    ///
    /// When the device cannot hold the state.
    pub fn new(config: &OptimizerConfig, parameters: Vec<(String, Var)>) -> Result<Self> {
        let rule = config.rule();
        let ids: HashSet<_> = parameters.iter().map(|(_, var)| var.id()).collect();
        let tied = ids.len() < parameters.len();
        let parameters = parameters
            .into_iter()
            .map(|(name, var)| {
                let slots = rule.slots().iter().map(|_| var.zeros_like()).collect::<candle_core::Result<_>>()?;
                Ok(Parameter { name, var, slots })
            })
            .collect::<Result<_>>()?;
        Ok(Self { rule, learning_rate: config.learning_rate(), parameters, tied, step: 0 })
    }

    /// The factor on every update.
    pub fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    /// Changes the factor on every update, for schedules.
    pub fn set_learning_rate(&mut self, learning_rate: f64) {
        self.learning_rate = learning_rate;
    }

    /// Steps taken so far.
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// Moves every parameter that has a gradient.
    ///
    /// # Errors
    ///
    /// When a gradient has another shape than its parameter.
    pub fn step(&mut self, gradients: &GradStore) -> Result<()> {
        self.step_clipped(gradients, f64::INFINITY).map(drop)
    }

    /// As [`Optimizer::step`], with all gradients scaled down together so that their Euclidean norm is at most `most` (Pascanu
    /// et al. 2013); returns the norm before, infinite when it was not asked for.
    ///
    /// # Errors
    ///
    /// When a gradient has another shape than its parameter.
    pub fn step_clipped(&mut self, gradients: &GradStore, most: f64) -> Result<f64> {
        let norm = if most.is_finite() { self.norm(gradients)? } else { f64::INFINITY };
        let scale = clipping(norm, most);
        // Without `detach`, the state would keep the graph of every step before alive.
        let scaled = |gradient: &Tensor| if scale == 1. { gradient.contiguous() } else { gradient * scale };
        let gradients = self
            .parameters
            .iter()
            .map(|parameter| gradients.get(&parameter.var).map(|gradient| scaled(&gradient.detach())).transpose());
        let gradients = gradients.collect::<candle_core::Result<Vec<_>>>()?;
        for (Parameter { name, var, .. }, gradient) in self.parameters.iter().zip(&gradients) {
            if let Some(gradient) = gradient.as_ref().filter(|gradient| gradient.dims() != var.dims()) {
                let (expected, found) = (var.dims(), gradient.dims());
                return Err(Error::setting(
                    "optimizer",
                    format!("expected a gradient {expected:?} of `{name}`, found {found:?}"),
                ));
            }
        }
        self.step += 1;
        if self.parameters.iter().all(|parameter| is_f32_cpu(&parameter.var)) {
            let moved: Vec<&Tensor> = gradients.iter().flatten().collect();
            let parameters = self.parameters.iter().zip(&gradients).filter(|(_, gradient)| gradient.is_some());
            let parameters: Vec<&Parameter> = parameters.map(|(parameter, _)| parameter).collect();
            with_values(&moved, |gradients| self.update_in_place(&parameters, gradients))??;
            return Ok(norm);
        }
        let moment = self.moment();
        for (Parameter { var, slots, .. }, gradient) in self.parameters.iter_mut().zip(gradients) {
            let Some(gradient) = gradient else { continue };
            let parameter = var.as_detached_tensor();
            let moved = self.rule.update(&parameter, &gradient, slots, moment)?;
            var.set(&moved)?;
        }
        Ok(norm)
    }

    /// As [`Optimizer::step_clipped`], with the gradients of all parameters, one after the other.
    pub(crate) fn step_values(&mut self, gradients: &mut [f32], most: f64) -> Result<()> {
        if most.is_finite() {
            let norm = gradients.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
            let scale = clipping(norm, most) as f32;
            gradients.iter_mut().for_each(|value| *value *= scale);
        }
        self.step += 1;
        let mut rest = &*gradients;
        let parts = self.parameters.iter().map(|Parameter { var, .. }| rest.split_off(..var.elem_count()));
        let parts: Vec<&[f32]> = parts.map(Option::unwrap_or_default).collect();
        self.update_in_place(&self.parameters.iter().collect::<Vec<_>>(), &parts)
    }

    /// Moves `parameters`, `f32` on the CPU.
    fn update_in_place(&self, parameters: &[&Parameter], gradients: &[&[f32]]) -> Result<()> {
        // One under two names can't be lent twice at a time.
        let at_once = if self.tied { 1 } else { LENT };
        if parameters.len() > at_once {
            let mut groups = parameters.chunks(at_once).zip(gradients.chunks(at_once));
            return groups.try_for_each(|(parameters, gradients)| self.update_in_place(parameters, gradients));
        }
        let tensors = parameters.iter().flat_map(|parameter| once(parameter.var.as_tensor()).chain(&parameter.slots));
        let kept = 1 + self.rule.slots().len();
        with_values_mut(&tensors.collect::<Vec<_>>(), |mut values| {
            let mut tasks = Vec::new();
            for (values, gradient) in values.chunks_mut(kept).zip(gradients) {
                assert_eq!(values[0].len(), gradient.len());
                let mut parts: Vec<_> = values.iter_mut().map(|values| values.chunks_mut(PART)).collect();
                for gradient in gradient.chunks(PART) {
                    let parts: Vec<&mut [f32]> = parts.iter_mut().filter_map(Iterator::next).collect();
                    tasks.push((gradient, parts));
                }
            }
            for_each_task(tasks, |(gradient, mut parts)| {
                if let Some((parameter, slots)) = parts.split_first_mut() {
                    Phase::Update.time(|| self.rule.update_in_place(parameter, gradient, slots, self.moment()));
                }
            });
        })?;
        Ok(())
    }

    fn moment(&self) -> Moment {
        Moment { learning_rate: self.learning_rate, step: self.step }
    }

    /// The Euclidean norm of all gradients together.
    fn norm(&self, gradients: &GradStore) -> Result<f64> {
        let gradients = self.parameters.iter().filter_map(|parameter| gradients.get(&parameter.var));
        let sum = gradients.map(|gradient| -> Result<f64> {
            // In f64: the square of a diverged gradient overflows f32.
            Ok(gradient.to_dtype(DType::F64)?.sqr()?.sum_all()?.to_scalar::<f64>()?)
        });
        Ok(sum.sum::<Result<f64>>()?.sqrt())
    }

    /// Copies of the state beside the parameters and [`Optimizer::steps`]: tensors named `slot.parameter`.
    ///
    /// # Errors
    ///
    /// When the device cannot hold the copies.
    pub fn state(&self) -> Result<Vec<(String, Tensor)>> {
        self.slots().map(|(name, tensor)| Ok((name, tensor.copy()?))).collect()
    }

    /// The state itself, which steps change in place.
    pub(crate) fn slots(&self) -> impl Iterator<Item = (String, &Tensor)> {
        let names = self.rule.slots();
        self.parameters.iter().flat_map(move |Parameter { name, slots, .. }| {
            names.iter().zip(slots).map(move |(slot, tensor)| (format!("{slot}.{name}"), tensor))
        })
    }

    /// Restores the state that [`Optimizer::state`] gave.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when a tensor is missing or has another shape; nothing is changed then.
    pub fn load_state(&mut self, state: &HashMap<String, Tensor>, steps: u64) -> Result<()> {
        let names = self.rule.slots();
        let mut loaded = Vec::new();
        for Parameter { name, var, .. } in &self.parameters {
            for slot in names {
                let name = format!("{slot}.{name}");
                let tensor = state.get(&name).filter(|tensor| tensor.dims() == var.dims()).ok_or_else(|| {
                    Error::setting("optimizer", format!("expected saved state `{name}` of shape {:?}", var.dims()))
                })?;
                // A copy, since steps may change it in place.
                loaded.push(tensor.to_device(var.device())?.copy()?);
            }
        }
        let mut loaded = loaded.into_iter();
        for Parameter { slots, .. } in &mut self.parameters {
            slots.iter_mut().zip(&mut loaded).for_each(|(slot, tensor)| *slot = tensor);
        }
        self.step = steps;
        Ok(())
    }
}

/// The factor that brings a norm down to `most`.
fn clipping(norm: f64, most: f64) -> f64 {
    if norm.is_finite() && norm > most { most / norm } else { 1. }
}

#[cfg(test)]
mod tests;

//! Optimisers as published, with state that can be saved: one rule a file, one driver for all.

mod adadelta;
mod adam;
mod config;
mod rmsprop;
mod sgd;

use std::collections::{HashMap, HashSet};
use std::iter::once;

use candle_core::backprop::GradStore;
use candle_core::{DType, Tensor, Var};
use rayon::prelude::*;

pub use config::OptimizerConfig;

use crate::ops::{takes, with_values, with_values_mut};
use crate::phase::Phase;
use crate::{Error, Result};

/// One optimiser's update of one parameter.
trait Rule: Send + Sync {
    /// The names of the tensors kept for each parameter, of the parameter's shape, zero at the start.
    fn slots(&self) -> &'static [&'static str];

    /// The new parameter, given the gradient and the learning rate; `slots` are moved on. `step` counts from 1.
    fn update(
        &self,
        parameter: &Tensor,
        gradient: &Tensor,
        slots: &mut [Tensor],
        learning_rate: f64,
        step: u64,
    ) -> candle_core::Result<Tensor>;

    /// The same of a part of the parameter, its gradient and its slots, in place.
    fn update_in_place(
        &self,
        parameter: &mut [f32],
        gradient: &[f32],
        slots: &mut [&mut [f32]],
        learning_rate: f64,
        step: u64,
    );
}

/// Values that a thread moves at once.
const PART: usize = 1 << 13;

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
        if self.parameters.iter().all(|parameter| takes(&parameter.var)) {
            let moved: Vec<&Tensor> = gradients.iter().flatten().collect();
            let parameters = self.parameters.iter().zip(&gradients).filter(|(_, gradient)| gradient.is_some());
            let parameters: Vec<&Parameter> = parameters.map(|(parameter, _)| parameter).collect();
            with_values(&moved, |gradients| self.update_in_place(&parameters, gradients))??;
            return Ok(norm);
        }
        for (Parameter { var, slots, .. }, gradient) in self.parameters.iter_mut().zip(gradients) {
            let Some(gradient) = gradient else { continue };
            let parameter = var.as_detached_tensor();
            let moved = self.rule.update(&parameter, &gradient, slots, self.learning_rate, self.step)?;
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
        if self.tied && parameters.len() > 1 {
            // One under two names can't be lent twice at a time.
            let one = |(parameter, gradient): (&&Parameter, &&[f32])| self.update_in_place(&[parameter], &[gradient]);
            return parameters.iter().zip(gradients).try_for_each(one);
        }
        let tensors = parameters.iter().flat_map(|parameter| once(parameter.var.as_tensor()).chain(&parameter.slots));
        let each = 1 + self.rule.slots().len();
        with_values_mut(&tensors.collect::<Vec<_>>(), |mut values| {
            let mut tasks = Vec::new();
            for (values, gradient) in values.chunks_mut(each).zip(gradients) {
                assert_eq!(values[0].len(), gradient.len());
                let mut parts: Vec<_> = values.iter_mut().map(|values| values.chunks_mut(PART)).collect();
                for gradient in gradient.chunks(PART) {
                    let parts: Vec<&mut [f32]> = parts.iter_mut().filter_map(Iterator::next).collect();
                    tasks.push((gradient, parts));
                }
            }
            tasks.into_par_iter().for_each(|(gradient, mut parts)| {
                if let Some((parameter, slots)) = parts.split_first_mut() {
                    let (rate, step) = (self.learning_rate, self.step);
                    Phase::Update.time(|| self.rule.update_in_place(parameter, gradient, slots, rate, step));
                }
            });
        })?;
        Ok(())
    }

    /// The Euclidean norm of all gradients together.
    fn norm(&self, gradients: &GradStore) -> Result<f64> {
        let gradients = self.parameters.iter().filter_map(|parameter| gradients.get(&parameter.var));
        let sum = gradients.map(|gradient| -> Result<f64> {
            // In f64: the square of what has run away overflows f32.
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

    /// Takes up the state that [`Optimizer::state`] gave.
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
mod tests {
    use candle_core::Device;

    use super::*;

    /// Steps each optimiser over fixed gradients and compares with `expected`, the published formula on plain f64s.
    fn follows(config: &OptimizerConfig, mut expected: impl FnMut(f64, f64, i32) -> f64) {
        // Large, tiny, zero and sign-changing gradients.
        let gradients = [0.3, -1.7, 0., 1e-6, 25., -0.4, -0.4, 0.01];
        let mut theta = 0.8;
        let var = Var::new(theta, &Device::Cpu).unwrap();
        let mut optimizer = Optimizer::new(config, vec![("w".into(), var.clone())]).unwrap();
        for (t, gradient) in gradients.into_iter().enumerate() {
            theta = expected(theta, gradient, t as i32 + 1);
            // A factor in a tensor: candle drops the gradient of a product with the plain number 0.
            let factor = Tensor::new(gradient, &Device::Cpu).unwrap();
            optimizer.step(&(var.as_tensor() * factor).unwrap().backward().unwrap()).unwrap();
            let found = var.to_scalar::<f64>().unwrap();
            // Both are f64 and differ only in the order of a dozen operations.
            assert!((found - theta).abs() < 1e-12, "step {}: expected {theta}, found {found}", t + 1);
        }
    }

    #[test]
    fn updates_in_place_are_the_formulas() {
        for name in OptimizerConfig::NAMES {
            let mut config = OptimizerConfig::named(name).unwrap().with_learning_rate(0.01);
            if let OptimizerConfig::Adam { weight_decay, .. } | OptimizerConfig::Adamw { weight_decay, .. } =
                &mut config
            {
                *weight_decay = 0.1;
            }
            let run = |dtype: DType| {
                let start = Tensor::arange(-20f32, 20., &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
                let var = Var::from_tensor(&(start / 10.).unwrap()).unwrap();
                let mut optimizer = Optimizer::new(&config, vec![("w".into(), var.clone())]).unwrap();
                for _ in 0..5 {
                    let loss = (var.sqr().unwrap() + var.as_tensor()).unwrap().sum_all().unwrap();
                    optimizer.step(&loss.backward().unwrap()).unwrap();
                }
                var.to_dtype(DType::F64).unwrap().to_vec1::<f64>().unwrap()
            };
            // f32 in place against f64 composed: five steps of a few roundings of 6e-8 each, on values up to 2.
            for (a, b) in run(DType::F32).into_iter().zip(run(DType::F64)) {
                assert!((a - b).abs() < 2e-6, "{name}: {a}, not {b}");
            }
        }
    }

    #[test]
    fn state_keeps_no_graph_alive() {
        for name in OptimizerConfig::NAMES {
            for dtype in [DType::F32, DType::F64] {
                let ones = Tensor::ones(3, dtype, &Device::Cpu).unwrap();
                let (a, b) = (Var::from_tensor(&ones).unwrap(), Var::from_tensor(&ones).unwrap());
                let parameters = vec![("a".into(), a.clone()), ("b".into(), b.clone())];
                let mut optimizer = Optimizer::new(&OptimizerConfig::named(name).unwrap(), parameters).unwrap();
                // The gradient of each depends on the other, so it has a graph of its own.
                let loss = (a.as_tensor() * b.as_tensor()).unwrap().sum_all().unwrap();
                optimizer.step(&loss.backward().unwrap()).unwrap();
                let slots = optimizer.parameters.iter().flat_map(|parameter| &parameter.slots);
                assert!(slots.into_iter().all(|slot| !slot.track_op()), "{name}");
            }
        }
    }

    #[test]
    fn a_parameter_under_two_names_is_moved_twice_and_another_shape_is_refused() {
        let var = Var::new(&[1f32, 2.], &Device::Cpu).unwrap();
        let sgd = OptimizerConfig::Sgd { learning_rate: 0.25, momentum: 0., weight_decay: 0. };
        let mut optimizer = Optimizer::new(&sgd, vec![("a".into(), var.clone()), ("b".into(), var.clone())]).unwrap();
        let gradients = var.sum_all().unwrap().backward().unwrap();
        optimizer.step(&gradients).unwrap();
        assert_eq!(var.to_vec1::<f32>().unwrap(), [0.5, 1.5]);
        let mut gradients = gradients;
        gradients.insert(&var, Tensor::zeros((1, 2), DType::F32, &Device::Cpu).unwrap());
        let error = optimizer.step(&gradients).unwrap_err().to_string();
        assert!(error.contains("expected a gradient [2] of `a`, found [1, 2]"), "{error}");
    }

    #[test]
    fn steps_by_values_are_steps_by_tensors() {
        for (name, most) in OptimizerConfig::NAMES.into_iter().flat_map(|name| [(name, f64::INFINITY), (name, 0.5)]) {
            let start = Tensor::arange(-2f32, 3., &Device::Cpu).unwrap();
            let run = |by_values: bool| {
                let vars = [Var::from_tensor(&start).unwrap(), Var::from_tensor(&(&start * 2.).unwrap()).unwrap()];
                let named = vars.iter().zip(["a", "b"]).map(|(var, name)| (name.to_owned(), var.clone()));
                let mut optimizer = Optimizer::new(&OptimizerConfig::named(name).unwrap(), named.collect()).unwrap();
                for _ in 0..3 {
                    if by_values {
                        let all = vars.iter().flat_map(|var| var.to_vec1::<f32>().unwrap());
                        optimizer.step_values(&mut all.map(|value| 2. * value).collect::<Vec<_>>(), most).unwrap();
                    } else {
                        let squares = vars.each_ref().map(|var| var.sqr().unwrap().sum_all().unwrap());
                        let gradients = (&squares[0] + &squares[1]).unwrap().backward().unwrap();
                        optimizer.step_clipped(&gradients, most).unwrap();
                    }
                }
                vars.map(|var| var.to_vec1::<f32>().unwrap()).concat()
            };
            for (a, b) in run(true).into_iter().zip(run(false)) {
                // Clipped by norms that were summed in another order.
                assert!((a - b).abs() < 1e-6, "{name}, {most}: {a}, not {b}");
            }
        }
    }

    #[test]
    fn clipping_keeps_the_direction_of_all_gradients_together() {
        let (a, b) = (Var::new(0f64, &Device::Cpu).unwrap(), Var::new(0f64, &Device::Cpu).unwrap());
        let sgd = OptimizerConfig::Sgd { learning_rate: 1., momentum: 0., weight_decay: 0. };
        let mut optimizer = Optimizer::new(&sgd, vec![("a".into(), a.clone()), ("b".into(), b.clone())]).unwrap();
        let gradients = ((a.as_tensor() * 3.).unwrap() + (b.as_tensor() * 4.).unwrap()).unwrap().backward().unwrap();
        let at = |optimizer: &mut Optimizer, most| {
            a.set(&a.zeros_like().unwrap()).unwrap();
            b.set(&b.zeros_like().unwrap()).unwrap();
            optimizer.step_clipped(&gradients, most).unwrap();
            [a.to_scalar::<f64>().unwrap(), b.to_scalar::<f64>().unwrap()]
        };
        assert_eq!(at(&mut optimizer, 10.), [-3., -4.]);
        let [a, b] = at(&mut optimizer, 1.);
        assert!((a + 0.6).abs() < 1e-12 && (b + 0.8).abs() < 1e-12);
    }

    #[test]
    fn adadelta_follows_algorithm_1_of_zeiler_2012() {
        let (lr, rho, eps) = (0.7, 0.95, 1e-7);
        let config = OptimizerConfig::Adadelta { learning_rate: lr, rho, epsilon: eps, weight_decay: 0. };
        let (mut g2, mut x2) = (0., 0.);
        follows(&config, |theta, g, _| {
            g2 = rho * g2 + (1. - rho) * g * g;
            let dx = -f64::sqrt(x2 + eps) / f64::sqrt(g2 + eps) * g;
            x2 = rho * x2 + (1. - rho) * dx * dx;
            theta + lr * dx
        });
    }

    #[test]
    fn adam_follows_algorithm_1_of_kingma_and_ba_2015() {
        let (lr, b1, b2, eps) = (1e-3, 0.9, 0.999, 1e-8);
        let config = OptimizerConfig::Adam { learning_rate: lr, beta1: b1, beta2: b2, epsilon: eps, weight_decay: 0. };
        let (mut m, mut v) = (0., 0.);
        follows(&config, |theta, g, t| {
            m = b1 * m + (1. - b1) * g;
            v = b2 * v + (1. - b2) * g * g;
            let (m_hat, v_hat) = (m / (1. - b1.powi(t)), v / (1. - b2.powi(t)));
            theta - lr * m_hat / (f64::sqrt(v_hat) + eps)
        });
    }

    #[test]
    fn adam_moves_by_the_learning_rate_at_first() {
        // (1 - b1) g / (1 - b1) over sqrt of (1 - b2) g^2 / (1 - b2): the sign of the gradient.
        let var = Var::new(1f64, &Device::Cpu).unwrap();
        let config = OptimizerConfig::default().with_learning_rate(0.125);
        let mut optimizer = Optimizer::new(&config, vec![("w".into(), var.clone())]).unwrap();
        optimizer.step(&(var.as_tensor() * 3.).unwrap().backward().unwrap()).unwrap();
        assert!((var.to_scalar::<f64>().unwrap() - 0.875).abs() < 1e-8);
    }

    #[test]
    fn adamw_follows_algorithm_2_of_loshchilov_and_hutter_2019() {
        let (lr, b1, b2, eps, decay) = (1e-2, 0.9, 0.999, 1e-8, 0.1);
        let config =
            OptimizerConfig::Adamw { learning_rate: lr, beta1: b1, beta2: b2, epsilon: eps, weight_decay: decay };
        let (mut m, mut v) = (0., 0.);
        follows(&config, |theta, g, t| {
            m = b1 * m + (1. - b1) * g;
            v = b2 * v + (1. - b2) * g * g;
            let (m_hat, v_hat) = (m / (1. - b1.powi(t)), v / (1. - b2.powi(t)));
            // The published schedule multiplier is the learning rate: decay is decoupled from the gradient, not from it.
            theta - lr * (m_hat / (f64::sqrt(v_hat) + eps) + decay * theta)
        });
    }

    #[test]
    fn adam_with_weight_decay_adds_it_to_the_gradient() {
        let (lr, b1, b2, eps, decay) = (1e-2, 0.9, 0.999, 1e-8, 0.1);
        let config =
            OptimizerConfig::Adam { learning_rate: lr, beta1: b1, beta2: b2, epsilon: eps, weight_decay: decay };
        let (mut m, mut v) = (0., 0.);
        follows(&config, |theta, g, t| {
            let g = g + decay * theta;
            m = b1 * m + (1. - b1) * g;
            v = b2 * v + (1. - b2) * g * g;
            let (m_hat, v_hat) = (m / (1. - b1.powi(t)), v / (1. - b2.powi(t)));
            theta - lr * m_hat / (f64::sqrt(v_hat) + eps)
        });
    }

    #[test]
    fn sgd_follows_polyaks_momentum() {
        let (lr, mu) = (0.01, 0.9);
        let config = OptimizerConfig::Sgd { learning_rate: lr, momentum: mu, weight_decay: 0. };
        let mut v = 0.;
        follows(&config, |theta, g, _| {
            v = mu * v + g;
            theta - lr * v
        });
    }

    #[test]
    fn rmsprop_follows_hintons_lecture_6e() {
        let (lr, rho, eps) = (1e-3, 0.9, 1e-7);
        let config = OptimizerConfig::Rmsprop { learning_rate: lr, rho, epsilon: eps, weight_decay: 0. };
        let mut g2 = 0.;
        follows(&config, |theta, g, _| {
            g2 = rho * g2 + (1. - rho) * g * g;
            theta - lr * g / (f64::sqrt(g2) + eps)
        });
    }

    #[test]
    fn saved_state_continues_every_optimizer_exactly() {
        for name in OptimizerConfig::NAMES {
            let config = OptimizerConfig::named(name).unwrap();
            let start = |value: f32| {
                let var = Var::new(&[value, -value], &Device::Cpu).unwrap();
                let optimizer = Optimizer::new(&config, vec![("w".into(), var.clone())]).unwrap();
                (var, optimizer)
            };
            let advance = |var: &Var, optimizer: &mut Optimizer| {
                for _ in 0..3 {
                    optimizer.step(&var.powf(3.).unwrap().sum_all().unwrap().backward().unwrap()).unwrap();
                }
            };
            let (var, mut optimizer) = start(0.7);
            advance(&var, &mut optimizer);
            let (resumed_var, mut resumed) = start(0.);
            resumed_var.set(var.as_tensor()).unwrap();
            let state = optimizer.state().unwrap().into_iter().collect();
            resumed.load_state(&state, optimizer.steps()).unwrap();
            advance(&var, &mut optimizer);
            advance(&resumed_var, &mut resumed);
            assert_eq!(var.to_vec1::<f32>().unwrap(), resumed_var.to_vec1::<f32>().unwrap(), "{name}");
        }
    }

    #[test]
    fn foreign_state_is_refused() {
        let var = Var::new(1f32, &Device::Cpu).unwrap();
        let mut optimizer = Optimizer::new(&OptimizerConfig::default(), vec![("w".into(), var)]).unwrap();
        let error = optimizer.load_state(&HashMap::new(), 1).unwrap_err().to_string();
        assert!(error.contains("expected saved state `mean.w`"), "{error}");
    }
}

//! Updates in place, for optimisers: `f32` on the CPU.

use candle_core::{CpuStorage, InplaceOp2, InplaceOp3, Layout, Result, Tensor};

use super::storage::{values, values_mut};
use kernels::elementwise;

/// Moves the running mean of values or of their squares: `mean = decay * mean + (1 - decay) * value`.
pub(crate) struct MoveMean {
    pub(crate) decay: f64,
    pub(crate) squared: bool,
}

impl InplaceOp2 for MoveMean {
    fn name(&self) -> &'static str {
        "move-mean"
    }

    fn cpu_fwd(
        &self,
        mean: &mut CpuStorage,
        mean_layout: &Layout,
        new: &CpuStorage,
        new_layout: &Layout,
    ) -> Result<()> {
        elementwise::move_mean(values_mut(mean, mean_layout)?, values(new, new_layout)?, self.decay, self.squared);
        Ok(())
    }
}

/// Adam's step of a parameter, given its running means:
/// `parameter = parameter * kept - rate * mean / (sqrt(variance * unbias) + epsilon)`.
pub(crate) struct AdamStep {
    pub(crate) kept: f64,
    pub(crate) rate: f64,
    pub(crate) unbias: f64,
    pub(crate) epsilon: f64,
}

impl InplaceOp3 for AdamStep {
    fn name(&self) -> &'static str {
        "adam-step"
    }

    fn cpu_fwd(
        &self,
        parameter: &mut CpuStorage,
        parameter_layout: &Layout,
        mean: &CpuStorage,
        mean_layout: &Layout,
        variance: &CpuStorage,
        variance_layout: &Layout,
    ) -> Result<()> {
        let Self { kept, rate, unbias, epsilon } = *self;
        let (mean, variance) = (values(mean, mean_layout)?, values(variance, variance_layout)?);
        elementwise::adam(values_mut(parameter, parameter_layout)?, mean, variance, [kept, rate, unbias, epsilon]);
        Ok(())
    }
}

/// Whether `x` can be changed in place here.
pub(crate) fn in_place(x: &Tensor) -> bool {
    super::storage::takes(x) && x.is_contiguous()
}

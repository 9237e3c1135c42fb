//! What an optimiser does to one parameter.

use candle_core::Tensor;

/// One optimiser's update of one parameter.
pub(super) trait Rule: Send + Sync {
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

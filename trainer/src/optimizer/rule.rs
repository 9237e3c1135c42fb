//! What an optimiser does to one parameter.

use candle_core::Tensor;

/// Where in the course of training an update is made.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    pub(super) learning_rate: f64,
    /// From 1.
    pub(super) step: u64,
}

/// One optimiser's update of one parameter.
pub(super) trait Rule: Send + Sync {
    /// The names of the tensors kept for each parameter, of the parameter's shape, zero at the start.
    fn slots(&self) -> &'static [&'static str];

    /// The new parameter, given its gradient; `slots` are moved on.
    fn update(
        &self,
        parameter: &Tensor,
        gradient: &Tensor,
        slots: &mut [Tensor],
        moment: Moment,
    ) -> candle_core::Result<Tensor>;

    /// The same of a part of the parameter, its gradient and its slots, in place.
    fn update_in_place(&self, parameter: &mut [f32], gradient: &[f32], slots: &mut [&mut [f32]], moment: Moment);
}

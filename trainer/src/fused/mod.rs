//! A network without candle's graph: training steps without autograd, and inference, by kernels on slices.

mod batch;
mod batch_norm;
mod categories;
mod chain;
mod chain_layout;
mod chain_run;
mod chain_step;
mod chain_windows;
mod chains;
mod dropout;
mod feature_major;
mod inference;
mod layer;
mod loss;
mod row_major;
mod segmented;
mod segments;
mod step;
mod storage;

pub(crate) use batch::Batch;
pub use batch_norm::BatchNorm;
pub(crate) use categories::Categories;
pub(crate) use chain::Chain;
pub(crate) use chain_run::{PackedWeights, Shard, weight_gradients, with_packed_weights};
pub(crate) use chains::Chains;
pub(crate) use dropout::dropout_mask;
pub(crate) use inference::Inference;
pub(crate) use loss::{ErrorTerm, LossTerms};
pub(crate) use segments::{Segment, SegmentKind, Segments};
pub(crate) use step::TrainStep;
pub(crate) use storage::{filled, is_f32_cpu, values, with_values, with_values_mut};

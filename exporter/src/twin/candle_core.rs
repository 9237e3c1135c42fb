//! What paths into `candle_core` mean in the twin of a `forward`.

pub use candle_core::{D, DType, Device, Error, Result, bail};

pub use super::dims::Shape;
pub use super::index::IndexOp;
pub use super::layer::{Module, ModuleT};
pub use super::tensor::Tensor;

//! The twin of candle: the names that a `forward` uses, over values of a graph.
//!
//! The macros write paths into this module; [`crate::Exportable`] explains them. What is not here does not compile, and the
//! compiler's message has its name: ``no method named `to_vec1` found for struct `exporter::twin::Tensor` ``.

mod array;
pub mod candle_core;
pub mod candle_nn;
mod cast;
mod compare;
mod constants;
mod context;
mod dims;
mod elementwise;
mod exportable;
mod func;
mod index;
mod layer;
mod length;
mod lengths;
mod operators;
mod real;
mod reduce;
mod resize;
mod run;
mod shapes;
mod slices;
mod tensor;

pub use self::array::{Array, array};
pub use self::cast::{Cast, Counted, cast, range, range_as};
pub use self::context::{Inside, Scope, Scoped, enter};
pub use self::dims::{IntoLengths, Part, Shape};
pub use self::elementwise::Operand;
pub use self::exportable::Exportable;
pub use self::func::{Func, Sequential, seq};
pub use self::index::{IndexOp, Indexer};
pub use self::layer::{Layer, Module, ModuleT};
pub use self::length::Length;
pub use self::lengths::Lengths;
pub use self::real::Real;
pub use self::run::Outputs;
pub use self::tensor::Tensor;

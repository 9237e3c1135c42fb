//! Exports candle models to ONNX. A model of candle's own layers needs no code:
//!
//! ```
//! # use candle_core::{DType, Device, Tensor};
//! # use candle_nn::{Activation, Linear};
//! # fn main() -> exporter::Result<()> {
//! # let linear = |inputs: usize, outputs: usize| -> exporter::Result<Linear> {
//! #     Ok(Linear::new(Tensor::zeros((outputs, inputs), DType::F32, &Device::Cpu)?, None))
//! # };
//! # let file = std::env::temp_dir().join("lib-example.onnx");
//! let classifier = (linear(784, 64)?, Activation::Relu, linear(64, 10)?); // candle's own layers
//! let trace = exporter::Model::trace(&classifier).input("image", ("batch", 784)).output("logits");
//! trace.save(file)?;
//! # Ok(()) }
//! ```
//!
//! A module of your own is exported by its `forward`, as it stands. [`Exportable`] says what may stand in it:
//!
//! ```
//! use candle_core::{DType, Device, Result, Tensor};
//! use candle_nn::{Linear, Module};
//! use exporter::{Exportable, Model, exportable};
//!
//! #[derive(Exportable)]
//! struct Classifier {
//!     hidden: Linear,
//!     output: Linear,
//! }
//!
//! #[exportable]
//! impl Classifier {
//!     fn forward(&self, x: &Tensor) -> Result<Tensor> {
//!         self.output.forward(&self.hidden.forward(x)?.relu()?)
//!     }
//! }
//!
//! # fn main() -> exporter::Result<()> {
//! # let linear = |inputs: usize, outputs: usize| -> Result<Linear> {
//! #     Ok(Linear::new(Tensor::zeros((outputs, inputs), DType::F32, &Device::Cpu)?, None))
//! # };
//! let classifier = Classifier { hidden: linear(784, 64)?, output: linear(64, 10)? };
//! let model = Model::trace(&classifier).input("image", ("batch", 784)).output("logits").build()?;
//! assert_eq!(model.output_shape(), ["batch", "10"]);
//! assert_eq!(model.initializers(), ["hidden.weight", "output.weight"]);
//! # Ok(()) }
//! ```
//!
//! Or it implements [`ToOnnx`], which says operator by operator what `forward` computes.

mod attribute;
mod data;
mod error;
mod graph;
#[cfg(feature = "hourglass")]
mod hourglass;
mod layers;
mod model;
mod operators;
mod shape;
mod trace;
pub mod twin;
mod value;

pub use error::{Error, Result};
pub use exporter_macros::{Exportable, exportable, func};
pub use graph::GraphBuilder;
pub use graph::to_onnx::ToOnnx;
#[cfg(feature = "hourglass")]
pub use hourglass::{Bundle, ExportError, ExportOptions, InputType, Layout, Parity, ParityRow, export};
pub use layers::{GroupNorm, Gru, Lstm};
pub use model::Model;
pub use onnx::check;
pub use operators::{Convolution, Gemm, Pool, TransposedConvolution};
pub use shape::{Dim, DimSpec, IntoDims, Symbol};
pub use trace::Trace;
pub use twin::{Exportable, Func, Sequential, seq};
pub use value::{ElementType, Value};

/// The README's examples, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

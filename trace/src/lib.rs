//! Exports candle models that are not yours to ONNX: the model is run, and what candle computes is written down.
//!
//! ```
//! use candle_core::{DType, Device, Result, Tensor};
//! use trace::Input;
//!
//! // Stands for a model of another crate.
//! fn forward(x: &Tensor) -> Result<Tensor> {
//!     let length = x.dim(1)?;
//!     let places = Tensor::arange(0u32, length as u32, &Device::Cpu)?.to_dtype(DType::F32)?;
//!     candle_nn::ops::softmax(&x.broadcast_add(&places)?, 1)
//! }
//!
//! # fn main() -> trace::Result<()> {
//! let exported = trace::export(|x| forward(&x[0]), [Input::f32("x", ("batch", "length"))]).build()?;
//! assert_eq!(exported.model.output_shape(), ["batch", "length"]);
//! assert!(exported.proof.difference.is_some_and(|difference| difference < 1e-6)); // tract computes the same
//! # Ok(()) }
//! ```
//!
//! candle is a copy that can be recorded: `cargo run --manifest-path trace/hook/Cargo.toml` makes it. Where the compiler finds no `record` in
//! `candle_core::op`, the `[patch.crates-io]` that this prints is missing.

mod error;
mod export;
mod fold;
mod input;
mod lengths;
mod lower;
mod names;
mod operators;
mod outputs;
mod proof;
mod random;
mod recording;
mod sizes;

pub use error::{Error, Result};
pub use export::{Export, Exported, export, load};
pub use input::Input;
pub use outputs::Outputs;
pub use proof::{Proof, Sample};

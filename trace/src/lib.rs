//! Exports candle models that are not yours to ONNX: the model is run, and what candle computes is written down.

mod error;
mod export;
mod fold;
mod input;
mod lengths;
mod lower;
mod names;
mod operators;
mod proof;
mod random;
mod recording;
mod sizes;

pub use error::{Error, Result};
pub use export::{Export, Exported, Outputs, export};
pub use input::Input;
pub use proof::{Proof, Sample};

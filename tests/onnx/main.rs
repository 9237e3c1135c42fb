//! The exporter as a library: every layer, operator and architecture, exported and compared with candle.
//!
//! tract is compared here. Each case also leaves its files in `target/onnx-cases`, where `interop/check_cases.py`
//! compares onnxruntime with the same values.
#![allow(clippy::unwrap_used, missing_docs)]

mod architectures;
mod case;
mod exportable;
mod layers;
mod lengths;
mod operators;
mod random_stacks;
mod rules;
mod weights;

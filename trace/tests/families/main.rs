//! Families of candle-transformers, sources untouched: exported, run with tract, and kept for onnxruntime.

// Helpers of tests fail by panicking, as tests do.
#![allow(clippy::unwrap_used)]

mod case;
mod images;
mod others;
mod sounds;
mod texts;

//! Families of candle-transformers, sources untouched: exported, run with tract, and kept for onnxruntime.

mod case;
mod images;
mod sounds;
mod texts;

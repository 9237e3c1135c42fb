//! candle's own layers.

mod activation;
mod linear;

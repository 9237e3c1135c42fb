//! candle's own layers, one file for each kind.

mod activation;
mod composite;
mod conv;
mod embedding;
mod linear;
mod normalisation;
pub(crate) mod recurrent;

pub use normalisation::GroupNorm;
pub use recurrent::{Gru, Lstm};

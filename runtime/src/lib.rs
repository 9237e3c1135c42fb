//! Runs exported autoencoders: embed it, give it rows, get latent vectors and reconstructions.
//!
//! ```no_run
//! use runtime::Autoencoder;
//!
//! # fn main() -> runtime::Result<()> {
//! let autoencoder = Autoencoder::load("runs/simple-digits-1/onnx")?;
//! let row = vec![0.5f32; autoencoder.input_len()];
//! let latent = autoencoder.encode(&row[..])?; // [1, latent_dim]
//! let reconstruction = autoencoder.decode(&latent)?; // [1, input_len]
//! assert_eq!(reconstruction.row(0).len(), row.len());
//! # Ok(()) }
//! ```
//!
//! Everything takes `&self` and is `Send + Sync`: share one [`Autoencoder`] between threads.

mod autoencoder;
mod decoder;
mod encoder;
mod engine;
mod error;
mod limits;
mod load;
mod matrix;
mod score;
mod scorer;
mod threads;

pub use autoencoder::Autoencoder;
pub use bundle::{Column, ColumnKind, Drift, Manifest, Preprocessing, Schema, Tensor, Threshold, is_anomaly};
pub use decoder::Decoder;
pub use encoder::Encoder;
pub use error::{Error, Result};
pub use limits::Limits;
pub use matrix::{Matrix, MatrixView};
#[cfg(feature = "tract")]
pub use scorer::ScorerOnTract;
pub use scorer::{Explained, ScoredRows, Scorer, calibrate};
pub use threads::{Pool, Threads};

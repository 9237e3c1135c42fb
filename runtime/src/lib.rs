//! Runs exported autoencoders: embed it, hand it rows, get codes and reconstructions.
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
mod blocks;
mod check;
mod error;
mod graph;
mod halves;
mod matrix;
mod network;
mod onnx;
#[cfg(feature = "tract")]
mod plan;
#[cfg(not(feature = "tract"))]
#[path = "no_plan.rs"]
mod plan;
mod pool;

pub use autoencoder::Autoencoder;
pub use bundle::{Manifest, Preprocessing, Tensor, Threshold};
pub use error::{Error, Result};
pub use halves::{Decoder, Encoder};
pub use matrix::{Matrix, MatrixView};
pub use pool::{Pool, Threads};

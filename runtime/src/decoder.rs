//! The second half of an autoencoder: latent to reconstruction.

use std::path::Path;
use std::sync::Arc;

use bundle::{DECODER_FILE, Manifest};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

use crate::engine::{Graph, GraphFile, Tensors};
use crate::error::Result;
use crate::limits::Limits;
use crate::load::{Half, load};
use crate::matrix::{Matrix, MatrixView};
use crate::threads::Pool;

fn half(manifest: &Manifest) -> Half<'_> {
    let Manifest { latent, reconstruction, .. } = manifest;
    Half { file: DECODER_FILE, input: latent, is_named: false, output: reconstruction, second: None }
}

/// What stands for a decoder from bytes in errors.
const NAME: &str = "decoder";

/// The second half of an autoencoder: `[batch, latent_dim] -> [batch, output_len]`.
pub struct Decoder {
    pub(crate) graph: Graph,
}

impl Decoder {
    /// Loads `decoder.onnx` of the bundle in `dir`.
    ///
    /// # Errors
    ///
    /// [`Error::Bundle`](crate::Error::Bundle) when there is no whole bundle, [`Error::Graph`](crate::Error::Graph) when
    /// the graph cannot be computed.
    pub fn load(dir: impl AsRef<Path>) -> Result<Self> {
        Self::load_within(dir, &Limits::default())
    }

    /// As [`Decoder::load`], for a bundle that keeps to these limits.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn load_within(dir: impl AsRef<Path>, limits: &Limits) -> Result<Self> {
        load(dir.as_ref(), limits, half).map(|(graph, _)| Self { graph })
    }

    /// Takes the bytes of an ONNX file, embedded with `include_bytes!` for instance.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`](crate::Error::Graph) when they are not a graph with one input and an output of shape
    /// `[batch, ..]`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::from_bytes_within(bytes, &Limits::default())
    }

    /// As [`Decoder::from_bytes`], for a graph that keeps to these limits.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn from_bytes_within(bytes: &[u8], limits: &Limits) -> Result<Self> {
        Graph::read(GraphFile { name: NAME, bytes, limits }, &Tensors::default()).map(|graph| Self { graph })
    }

    /// As [`Decoder::from_bytes`], but always computed by tract: slower, for comparison.
    ///
    /// # Errors
    ///
    /// As there.
    #[cfg(feature = "tract")]
    pub fn from_bytes_on_tract(bytes: &[u8]) -> Result<Self> {
        let limits = &Limits::default();
        Graph::on_tract(GraphFile { name: NAME, bytes, limits }, &Tensors::default()).map(|graph| Self { graph })
    }

    /// Computes on the threads of `pool` from now on instead of on [`Threads::all`](crate::Threads::all). The results
    /// are the same bytes.
    pub fn with_pool(mut self, pool: Arc<dyn Pool>) -> Self {
        self.graph.set_pool(pool);
        self
    }

    /// `[batch, latent_dim] -> [batch, output_len]`, for a [`Matrix`] or a slice of latent vectors.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`](crate::Error::Shape) when the latent vectors have another length.
    pub fn decode<'a>(&self, latent: impl Into<MatrixView<'a>>) -> Result<Matrix> {
        let [rows] = self.graph.run(latent.into(), [0])?;
        Ok(rows)
    }

    /// As [`Decoder::decode`], into a buffer that you provide: `rows` has `batch * output_len` values. It allocates as
    /// little as [`Encoder::encode_into`](crate::Encoder::encode_into).
    ///
    /// # Errors
    ///
    /// [`Error::Shape`](crate::Error::Shape) when the latent vectors have another length,
    /// [`Error::OutputLength`](crate::Error::OutputLength) when `rows` has.
    pub fn decode_into<'a>(&self, latent: impl Into<MatrixView<'a>>, rows: &mut [f32]) -> Result<()> {
        self.graph.run_into(latent.into(), rows)
    }

    /// Decodes `count` latent vectors drawn from the standard normal distribution: `[count, output_len]`. The same seed
    /// gives the same rows.
    ///
    /// This is of use where training brought the latent vectors near that distribution, as a variational autoencoder's
    /// does.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`](crate::Error::Graph) when the graph cannot be computed, or `count` rows do not fit into memory.
    pub fn sample(&self, count: usize, seed: u64) -> Result<Matrix> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut latent = self.graph.zeros(count, self.graph.input())?;
        latent.as_mut_slice().fill_with(|| StandardNormal.sample(&mut rng));
        self.decode(&latent)
    }

    /// Values in one latent vector.
    pub fn latent_dim(&self) -> usize {
        self.graph.input().row_len()
    }

    /// Values in one reconstruction.
    pub fn output_len(&self) -> usize {
        self.graph.output().row_len()
    }
}

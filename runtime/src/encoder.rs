//! The first half of an autoencoder: input to latent.

use std::path::Path;
use std::sync::Arc;

use bundle::{ENCODER_FILE, LOG_VARIANCE, Manifest};

use crate::engine::{Graph, GraphFile, Tensors};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::load::{Half, load};
use crate::matrix::{Matrix, MatrixView};
use crate::threads::Pool;

/// What stands for an encoder from bytes in errors.
const NAME: &str = "encoder";

/// The first half of an autoencoder: `[batch, input_len] -> [batch, latent_dim]`.
pub struct Encoder {
    pub(crate) graph: Graph,
}

impl Encoder {
    /// Loads `encoder.onnx` of the bundle in `dir`.
    ///
    /// # Errors
    ///
    /// [`Error::Bundle`] when there is no whole bundle, [`Error::Graph`] when the graph cannot be computed.
    pub fn load(dir: impl AsRef<Path>) -> Result<Self> {
        Self::load_within(dir, &Limits::default())
    }

    /// As [`Encoder::load`], for a bundle that keeps to these limits.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn load_within(dir: impl AsRef<Path>, limits: &Limits) -> Result<Self> {
        Self::load_with_manifest(dir.as_ref(), limits).map(|(encoder, _)| encoder)
    }

    pub(crate) fn load_with_manifest(dir: &Path, limits: &Limits) -> Result<(Self, Manifest)> {
        load(dir, limits, half).map(|(graph, manifest)| (Self { graph }, manifest))
    }

    /// Takes the bytes of an ONNX file, embedded with `include_bytes!` for instance.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`] when they are not a graph with one input and an output of shape `[batch, ..]`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::from_bytes_within(bytes, &Limits::default())
    }

    /// As [`Encoder::from_bytes`], for a graph that keeps to these limits.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn from_bytes_within(bytes: &[u8], limits: &Limits) -> Result<Self> {
        Graph::read(GraphFile { name: NAME, bytes, limits }, &plain()).map(|graph| Self { graph })
    }

    /// As [`Encoder::from_bytes`], but always computed by tract: slower, for comparison.
    ///
    /// # Errors
    ///
    /// As there.
    #[cfg(feature = "tract")]
    pub fn from_bytes_on_tract(bytes: &[u8]) -> Result<Self> {
        let limits = &Limits::default();
        Graph::on_tract(GraphFile { name: NAME, bytes, limits }, &plain()).map(|graph| Self { graph })
    }

    /// Computes on the threads of `pool` from now on instead of on [`Threads::all`](crate::Threads::all). The results
    /// are the same bytes.
    pub fn with_pool(mut self, pool: Arc<dyn Pool>) -> Self {
        self.graph.set_pool(pool);
        self
    }

    /// `[batch, input_len] -> [batch, latent_dim]`, for a [`Matrix`] or a slice of rows.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the rows have another length.
    pub fn encode<'a>(&self, rows: impl Into<MatrixView<'a>>) -> Result<Matrix> {
        let [latent] = self.graph.run(rows.into(), [0])?;
        Ok(latent)
    }

    /// As [`Encoder::encode`], into a buffer that you provide: `latent` has `batch * latent_dim` values.
    ///
    /// For a network of linear layers, small batches allocate nothing after the first call of a thread.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the rows have another length, [`Error::OutputLength`] when `latent` has.
    pub fn encode_into<'a>(&self, rows: impl Into<MatrixView<'a>>, latent: &mut [f32]) -> Result<()> {
        self.graph.run_into(rows.into(), latent)
    }

    /// The distribution of the latent vector, `[batch, latent_dim]` both: its mean, which [`Encoder::encode`] gives too,
    /// and the logarithm of its variance.
    ///
    /// # Errors
    ///
    /// [`Error::Untrained`] unless the encoder is variational, [`Error::Shape`] when the rows have another length.
    pub fn encode_distribution<'a>(&self, rows: impl Into<MatrixView<'a>>) -> Result<(Matrix, Matrix)> {
        self.check_variational("give a distribution")?;
        let [mean, log_variance] = self.graph.run(rows.into(), [0, 1])?;
        Ok((mean, log_variance))
    }

    /// Whether the latent vector is a distribution.
    pub fn is_variational(&self) -> bool {
        self.graph.has_second_output()
    }

    /// Fails unless the encoder is variational, as `action` needs it.
    pub(crate) fn check_variational(&self, action: &'static str) -> Result<()> {
        let reason = "the encoder is not variational; `trainer fit --preset vae` trains one that is";
        if self.is_variational() { Ok(()) } else { Err(Error::Untrained { action, reason }) }
    }

    /// Values in one row.
    pub fn input_len(&self) -> usize {
        self.graph.input().row_len()
    }

    /// Values in one latent vector.
    pub fn latent_dim(&self) -> usize {
        self.graph.output().row_len()
    }
}

fn half(manifest: &Manifest) -> Half<'_> {
    let second = manifest.log_variance.as_ref().map_or(LOG_VARIANCE, |tensor| &tensor.name);
    Half { file: ENCODER_FILE, input: &manifest.input, is_named: true, output: &manifest.latent, second: Some(second) }
}

/// What an encoder without a manifest should compute.
fn plain() -> Tensors {
    Tensors { second: Some(LOG_VARIANCE.into()), ..Tensors::default() }
}

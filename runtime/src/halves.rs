//! The two halves of an autoencoder, each of use alone.

use std::path::Path;
use std::sync::Arc;

use bundle::{DECODER_FILE, ENCODER_FILE, LOG_VARIANCE, Manifest, locate};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

use crate::graph::Graph;
use crate::{Error, Matrix, MatrixView, Pool, Result};

/// The first half: rows to codes.
pub struct Encoder {
    pub(crate) graph: Graph,
}

/// The second half: codes to rows.
pub struct Decoder {
    pub(crate) graph: Graph,
}

/// A graph of the bundle in `dir`, and what the bundle says of itself.
pub(crate) fn load(dir: &Path, file: &str) -> Result<(Graph, Manifest)> {
    let dir = &locate(dir)?;
    let manifest = Manifest::read(dir)?;
    let bytes = manifest.read_file(dir, file)?;
    Ok((Graph::from_bytes(&dir.join(file).display().to_string(), &bytes)?, manifest))
}

impl Encoder {
    /// Loads `encoder.onnx` of the bundle in `dir`.
    ///
    /// # Errors
    ///
    /// [`Error::Bundle`] when `dir` is no whole bundle, [`Error::Graph`] when the graph cannot be computed.
    pub fn load(dir: impl AsRef<Path>) -> Result<Self> {
        load(dir.as_ref(), ENCODER_FILE).map(|(graph, _)| Self { graph })
    }

    /// Takes the bytes of an ONNX file, embedded with `include_bytes!` for instance.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`] when they are no graph with one input and an output of shape `[batch, ..]`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Graph::from_bytes("encoder", bytes).map(|graph| Self { graph })
    }

    /// As [`Encoder::from_bytes`], computed on tract whether there are kernels or not: slower, and a second opinion.
    ///
    /// # Errors
    ///
    /// As there.
    #[cfg(feature = "tract")]
    pub fn from_bytes_on_tract(bytes: &[u8]) -> Result<Self> {
        Graph::on_tract("encoder", bytes).map(|graph| Self { graph })
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
        let [codes] = self.graph.run(rows.into(), [0])?;
        Ok(codes)
    }

    /// As [`Encoder::encode`], into memory of the caller's: `codes` has `batch * latent_dim` values. A network of
    /// linear layers then allocates nothing, from the second call of a thread on, as long as the rows are too few for
    /// more threads.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the rows have another length, [`Error::Room`] when `codes` has.
    pub fn encode_into<'a>(&self, rows: impl Into<MatrixView<'a>>, codes: &mut [f32]) -> Result<()> {
        self.graph.run_into(rows.into(), codes)
    }

    /// The code's distribution, `[batch, latent_dim]` both: its mean, which [`Encoder::encode`] gives too, and the
    /// logarithm of its variance.
    ///
    /// # Errors
    ///
    /// [`Error::Untrained`] unless the encoder is variational, [`Error::Shape`] when the rows have another length.
    pub fn encode_distribution<'a>(&self, rows: impl Into<MatrixView<'a>>) -> Result<(Matrix, Matrix)> {
        let [mean, log_variance] = self.graph.run(rows.into(), [0, self.log_variance("give a distribution")?])?;
        Ok((mean, log_variance))
    }

    /// Whether the code is a distribution.
    pub fn is_variational(&self) -> bool {
        self.twin().is_some()
    }

    pub(crate) fn log_variance(&self, action: &'static str) -> Result<usize> {
        let reason = "the encoder is not variational; train one with the preset `vae`";
        self.twin().ok_or(Error::Untrained { action, reason })
    }

    /// The place of the log variance; the first output is the code itself.
    fn twin(&self) -> Option<usize> {
        self.graph.twin_output(LOG_VARIANCE).filter(|&place| place > 0)
    }

    /// Values in one row.
    pub fn input_len(&self) -> usize {
        self.graph.input().row_len()
    }

    /// Values in one code.
    pub fn latent_dim(&self) -> usize {
        self.graph.output().row_len()
    }
}

impl Decoder {
    /// Loads `decoder.onnx` of the bundle in `dir`.
    ///
    /// # Errors
    ///
    /// [`Error::Bundle`] when `dir` is no whole bundle, [`Error::Graph`] when the graph cannot be computed.
    pub fn load(dir: impl AsRef<Path>) -> Result<Self> {
        load(dir.as_ref(), DECODER_FILE).map(|(graph, _)| Self { graph })
    }

    /// Takes the bytes of an ONNX file, embedded with `include_bytes!` for instance.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`] when they are no graph with one input and an output of shape `[batch, ..]`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Graph::from_bytes("decoder", bytes).map(|graph| Self { graph })
    }

    /// Computes on the threads of `pool` from now on instead of on [`Threads::all`](crate::Threads::all). The results
    /// are the same bytes.
    pub fn with_pool(mut self, pool: Arc<dyn Pool>) -> Self {
        self.graph.set_pool(pool);
        self
    }

    /// `[batch, latent_dim] -> [batch, output_len]`, for a [`Matrix`] or a slice of codes.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the codes have another length.
    pub fn decode<'a>(&self, codes: impl Into<MatrixView<'a>>) -> Result<Matrix> {
        let [rows] = self.graph.run(codes.into(), [0])?;
        Ok(rows)
    }

    /// As [`Decoder::decode`], into memory of the caller's: `rows` has `batch * output_len` values. As little is
    /// allocated as by [`Encoder::encode_into`].
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the codes have another length, [`Error::Room`] when `rows` has.
    pub fn decode_into<'a>(&self, codes: impl Into<MatrixView<'a>>, rows: &mut [f32]) -> Result<()> {
        self.graph.run_into(codes.into(), rows)
    }

    /// What the decoder makes of `count` codes from the standard normal distribution, `[count, output_len]`. The same
    /// seed gives the same codes. Of use where training brought the codes near that distribution, as a variational
    /// autoencoder's does.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`] when the graph cannot be computed, or there is no memory for so many rows.
    pub fn sample(&self, count: usize, seed: u64) -> Result<Matrix> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut codes = self.graph.zeros(count, self.graph.input())?;
        codes.as_mut_slice().fill_with(|| StandardNormal.sample(&mut rng));
        self.decode(&codes)
    }

    /// Values in one code.
    pub fn latent_dim(&self) -> usize {
        self.graph.input().row_len()
    }

    /// Values in one reconstruction.
    pub fn output_len(&self) -> usize {
        self.graph.output().row_len()
    }
}

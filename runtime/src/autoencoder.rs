//! The autoencoder and its two halves, loaded from a bundle or from bytes.

use std::path::Path;
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

use crate::bundle::Manifest;
use crate::graph::Graph;
use crate::{Error, Matrix, MatrixView, Pool, Result};

const ENCODER: &str = "encoder.onnx";
const DECODER: &str = "decoder.onnx";
/// The second output of a variational encoder.
const LOG_VARIANCE: &str = "log_variance";

/// The first half: rows to codes.
pub struct Encoder {
    graph: Graph,
}

/// The second half: codes to rows.
pub struct Decoder {
    graph: Graph,
}

/// Both halves of a trained autoencoder.
pub struct Autoencoder {
    encoder: Encoder,
    decoder: Decoder,
    manifest: Option<Manifest>,
}

fn load(dir: &Path, file: &str) -> Result<(Graph, Manifest)> {
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
        load(dir.as_ref(), ENCODER).map(|(graph, _)| Self { graph })
    }

    /// Takes the bytes of an ONNX file, embedded with `include_bytes!` for instance.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`] when they are no graph with one input and an output of shape `[batch, ..]`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Graph::from_bytes("encoder", bytes).map(|graph| Self { graph })
    }

    /// Computes on the threads of `pool` from now on instead of on [`Threads::all`](crate::Threads::all). The results are the same bytes.
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

    /// As [`Encoder::encode`], into memory of the caller's: `codes` has `batch * latent_dim` values. A network of linear layers
    /// then allocates nothing, from the second call of a thread on, as long as the rows are too few for more threads.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the rows have another length, [`Error::Room`] when `codes` has.
    pub fn encode_into<'a>(&self, rows: impl Into<MatrixView<'a>>, codes: &mut [f32]) -> Result<()> {
        self.graph.run_into(rows.into(), codes)
    }

    /// The code's distribution, `[batch, latent_dim]` both: its mean, which [`Encoder::encode`] gives too, and the logarithm of
    /// its variance.
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
        self.graph.twin_output(LOG_VARIANCE).is_some()
    }

    fn log_variance(&self, action: &'static str) -> Result<usize> {
        let reason = "the encoder is not variational; train one with the preset `vae`";
        self.graph.twin_output(LOG_VARIANCE).ok_or(Error::Untrained { action, reason })
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
        load(dir.as_ref(), DECODER).map(|(graph, _)| Self { graph })
    }

    /// Takes the bytes of an ONNX file, embedded with `include_bytes!` for instance.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`] when they are no graph with one input and an output of shape `[batch, ..]`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Graph::from_bytes("decoder", bytes).map(|graph| Self { graph })
    }

    /// Computes on the threads of `pool` from now on instead of on [`Threads::all`](crate::Threads::all). The results are the same bytes.
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

    /// As [`Decoder::decode`], into memory of the caller's: `rows` has `batch * output_len` values. As little is allocated as by
    /// [`Encoder::encode_into`].
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the codes have another length, [`Error::Room`] when `rows` has.
    pub fn decode_into<'a>(&self, codes: impl Into<MatrixView<'a>>, rows: &mut [f32]) -> Result<()> {
        self.graph.run_into(codes.into(), rows)
    }

    /// What the decoder makes of `count` codes from the standard normal distribution, `[count, output_len]`. The same seed gives
    /// the same codes. Of use where training brought the codes near that distribution, as a variational autoencoder's does.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`] when the graph cannot be computed.
    pub fn sample(&self, count: usize, seed: u64) -> Result<Matrix> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let codes: Vec<f32> = (0..count * self.latent_dim()).map(|_| StandardNormal.sample(&mut rng)).collect();
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

impl Autoencoder {
    /// Loads the bundle in `dir`.
    ///
    /// # Errors
    ///
    /// [`Error::Bundle`] when `dir` is no whole bundle, [`Error::Graph`] when a graph cannot be computed,
    /// [`Error::Halves`] when the decoder does not take what the encoder gives.
    pub fn load(dir: impl AsRef<Path>) -> Result<Self> {
        let dir = dir.as_ref();
        let (encoder, manifest) = load(dir, ENCODER)?;
        let (decoder, _) = load(dir, DECODER)?;
        Self::new(encoder, decoder, Some(manifest))
    }

    /// Takes the bytes of both ONNX files, embedded with `include_bytes!` for instance.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`] when a graph cannot be computed, [`Error::Halves`] when they do not fit.
    pub fn from_bytes(encoder: &[u8], decoder: &[u8]) -> Result<Self> {
        Self::new(Graph::from_bytes("encoder", encoder)?, Graph::from_bytes("decoder", decoder)?, None)
    }

    fn new(encoder: Graph, decoder: Graph, manifest: Option<Manifest>) -> Result<Self> {
        let fit = encoder.output().row_shape == decoder.input().row_shape
            && encoder.input().row_shape == decoder.output().row_shape;
        if !fit {
            return Err(Error::Halves { encoder: encoder.describe(), decoder: decoder.describe() });
        }
        Ok(Self { encoder: Encoder { graph: encoder }, decoder: Decoder { graph: decoder }, manifest })
    }

    /// Computes on the threads of `pool` from now on instead of on [`Threads::all`](crate::Threads::all). The results are the same bytes.
    pub fn with_pool(mut self, pool: Arc<dyn Pool>) -> Self {
        self.encoder.graph.set_pool(pool.clone());
        self.decoder.graph.set_pool(pool);
        self
    }

    /// `[batch, input_len] -> [batch, latent_dim]`, for a [`Matrix`] or a slice of rows.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the rows have another length.
    pub fn encode<'a>(&self, rows: impl Into<MatrixView<'a>>) -> Result<Matrix> {
        self.encoder.encode(rows)
    }

    /// `[batch, latent_dim] -> [batch, input_len]`, for a [`Matrix`] or a slice of codes.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the codes have another length.
    pub fn decode<'a>(&self, codes: impl Into<MatrixView<'a>>) -> Result<Matrix> {
        self.decoder.decode(codes)
    }

    /// As [`Encoder::encode_into`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn encode_into<'a>(&self, rows: impl Into<MatrixView<'a>>, codes: &mut [f32]) -> Result<()> {
        self.encoder.encode_into(rows, codes)
    }

    /// As [`Decoder::decode_into`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn decode_into<'a>(&self, codes: impl Into<MatrixView<'a>>, rows: &mut [f32]) -> Result<()> {
        self.decoder.decode_into(codes, rows)
    }

    /// `[batch, input_len] -> [batch, input_len]`, through the code.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the rows have another length.
    pub fn reconstruct<'a>(&self, rows: impl Into<MatrixView<'a>>) -> Result<Matrix> {
        self.decode(&self.encode(rows)?)
    }

    /// `[batch, input_len] -> [batch, input_len]`: noisy rows in, clean ones out.
    ///
    /// # Errors
    ///
    /// [`Error::Untrained`] when the bundle says that the network was not trained to remove noise; what comes from bytes is taken
    /// at its word. [`Error::Shape`] when the rows have another length.
    pub fn denoise<'a>(&self, rows: impl Into<MatrixView<'a>>) -> Result<Matrix> {
        if self.manifest.as_ref().is_some_and(|manifest| manifest.input_noise.is_none()) {
            let reason = "the network was not trained to remove noise; train one with the preset `denoise`";
            return Err(Error::Untrained { action: "denoise", reason });
        }
        self.reconstruct(rows)
    }

    /// `count` new rows, `[count, input_len]`: what the decoder makes of codes from the standard normal distribution. The same
    /// seed gives the same rows.
    ///
    /// # Errors
    ///
    /// [`Error::Untrained`] unless the encoder is variational: the codes of any other lie elsewhere.
    pub fn sample(&self, count: usize, seed: u64) -> Result<Matrix> {
        self.encoder.log_variance("sample")?;
        self.decoder.sample(count, seed)
    }

    /// The code's distribution, `[batch, latent_dim]` both: its mean and the logarithm of its variance.
    ///
    /// # Errors
    ///
    /// [`Error::Untrained`] unless the encoder is variational, [`Error::Shape`] when the rows have another length.
    pub fn encode_distribution<'a>(&self, rows: impl Into<MatrixView<'a>>) -> Result<(Matrix, Matrix)> {
        self.encoder.encode_distribution(rows)
    }

    /// Whether the code is a distribution.
    pub fn is_variational(&self) -> bool {
        self.encoder.is_variational()
    }

    /// Values in one row.
    pub fn input_len(&self) -> usize {
        self.encoder.input_len()
    }

    /// Values in one code.
    pub fn latent_dim(&self) -> usize {
        self.encoder.latent_dim()
    }

    /// What the bundle says about itself; nothing for an autoencoder from bytes.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_autoencoder_can_be_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Autoencoder>();
        shared::<Encoder>();
        shared::<Decoder>();
        shared::<Matrix>();
    }

    #[test]
    fn bytes_that_are_no_graph_are_refused_in_one_line() {
        for bytes in [&b""[..], b"not a graph", &[0x0a, 0xff, 0xff, 0xff, 0x7f]] {
            let Err(error) = Encoder::from_bytes(bytes) else { panic!("accepted {bytes:?}") };
            let error = error.to_string();
            assert!(error.starts_with("encoder: ") && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn what_is_no_bundle_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let message = |dir: &Path| Autoencoder::load(dir).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(message(Path::new("no/such")).contains("no such bundle"));
        assert!(message(dir.path()).contains("it has no model.json"));
        std::fs::write(dir.path().join("model.json"), "{").unwrap();
        assert!(message(dir.path()).contains("model.json: "));
    }
}

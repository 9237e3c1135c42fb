//! An autoencoder, loaded from a bundle or from bytes.

use std::path::Path;
use std::sync::Arc;

use bundle::{DECODER_FILE, ENCODER_FILE, Manifest};

use crate::graph::Graph;
use crate::halves::load;
use crate::{Decoder, Encoder, Error, Matrix, MatrixView, Pool, Result};

/// Both halves of a trained autoencoder.
pub struct Autoencoder {
    encoder: Encoder,
    decoder: Decoder,
    manifest: Option<Manifest>,
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
        let (encoder, manifest) = load(dir, ENCODER_FILE)?;
        let (decoder, _) = load(dir, DECODER_FILE)?;
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

    /// As [`Autoencoder::from_bytes`], computed on tract whether there are kernels or not: slower, and a second
    /// opinion.
    ///
    /// # Errors
    ///
    /// As there.
    #[cfg(feature = "tract")]
    pub fn from_bytes_on_tract(encoder: &[u8], decoder: &[u8]) -> Result<Self> {
        Self::new(Graph::on_tract("encoder", encoder)?, Graph::on_tract("decoder", decoder)?, None)
    }

    fn new(encoder: Graph, decoder: Graph, manifest: Option<Manifest>) -> Result<Self> {
        let fit = encoder.output().row_shape == decoder.input().row_shape
            && encoder.input().row_shape == decoder.output().row_shape;
        if !fit {
            return Err(Error::Halves { encoder: encoder.describe(), decoder: decoder.describe() });
        }
        Ok(Self { encoder: Encoder { graph: encoder }, decoder: Decoder { graph: decoder }, manifest })
    }

    /// Computes on the threads of `pool` from now on instead of on [`Threads::all`](crate::Threads::all). The results
    /// are the same bytes.
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
    /// [`Error::Untrained`] when the bundle says that the network was not trained to remove noise; what comes from
    /// bytes is taken at its word. [`Error::Shape`] when the rows have another length.
    pub fn denoise<'a>(&self, rows: impl Into<MatrixView<'a>>) -> Result<Matrix> {
        if self.manifest.as_ref().is_some_and(|manifest| manifest.input_noise.is_none()) {
            let reason = "the network was not trained to remove noise; train one with the preset `denoise`";
            return Err(Error::Untrained { action: "denoise", reason });
        }
        self.reconstruct(rows)
    }

    /// `count` new rows, `[count, input_len]`: what the decoder makes of codes from the standard normal distribution.
    /// The same seed gives the same rows.
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

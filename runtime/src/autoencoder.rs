//! An autoencoder, loaded from a bundle or from bytes.

use std::path::Path;
use std::sync::Arc;

use bundle::Manifest;

use crate::decoder::Decoder;
use crate::encoder::Encoder;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::load::steady;
use crate::matrix::{Matrix, MatrixView};
use crate::threads::Pool;

/// A trained autoencoder: its encoder and its decoder.
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
    /// [`Error::Bundle`] when there is no whole bundle, [`Error::Graph`] when a graph cannot be computed,
    /// [`Error::Mismatch`] when the decoder does not take what the encoder gives.
    pub fn load(dir: impl AsRef<Path>) -> Result<Self> {
        Self::load_within(dir, &Limits::default())
    }

    /// As [`Autoencoder::load`], for a bundle of which each file keeps to these limits.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn load_within(dir: impl AsRef<Path>, limits: &Limits) -> Result<Self> {
        let dir = bundle::locate(dir)?;
        steady(&dir, || {
            let (encoder, manifest) = Encoder::load_with_manifest(&dir, limits)?;
            Self::new(encoder, Decoder::load_within(&dir, limits)?, Some(manifest))
        })
    }

    /// Takes the bytes of both ONNX files, embedded with `include_bytes!` for instance.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`] when a graph cannot be computed, [`Error::Mismatch`] when the decoder does not take what the encoder gives.
    pub fn from_bytes(encoder: &[u8], decoder: &[u8]) -> Result<Self> {
        Self::from_bytes_within(encoder, decoder, &Limits::default())
    }

    /// As [`Autoencoder::from_bytes`], for graphs that keep to these limits.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn from_bytes_within(encoder: &[u8], decoder: &[u8], limits: &Limits) -> Result<Self> {
        let decoder = Decoder::from_bytes_within(decoder, limits);
        Self::new(Encoder::from_bytes_within(encoder, limits)?, decoder?, None)
    }

    /// As [`Autoencoder::from_bytes`], but always computed by tract: slower, for comparison.
    ///
    /// # Errors
    ///
    /// As there.
    #[cfg(feature = "tract")]
    pub fn from_bytes_on_tract(encoder: &[u8], decoder: &[u8]) -> Result<Self> {
        Self::new(Encoder::from_bytes_on_tract(encoder)?, Decoder::from_bytes_on_tract(decoder)?, None)
    }

    fn new(encoder: Encoder, decoder: Decoder, manifest: Option<Manifest>) -> Result<Self> {
        if encoder.latent_dim() != decoder.latent_dim() || encoder.input_len() != decoder.output_len() {
            return Err(Error::Mismatch { encoder: encoder.graph.describe(), decoder: decoder.graph.describe() });
        }
        Ok(Self { encoder, decoder, manifest })
    }

    /// Computes on the threads of `pool` from now on instead of on [`Threads::all`](crate::Threads::all). The results
    /// are the same bytes.
    pub fn with_pool(mut self, pool: Arc<dyn Pool>) -> Self {
        self.encoder = self.encoder.with_pool(pool.clone());
        self.decoder = self.decoder.with_pool(pool);
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

    /// `[batch, latent_dim] -> [batch, input_len]`, for a [`Matrix`] or a slice of latent vectors.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the latent vectors have another length.
    pub fn decode<'a>(&self, latent: impl Into<MatrixView<'a>>) -> Result<Matrix> {
        self.decoder.decode(latent)
    }

    /// As [`Encoder::encode_into`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn encode_into<'a>(&self, rows: impl Into<MatrixView<'a>>, latent: &mut [f32]) -> Result<()> {
        self.encoder.encode_into(rows, latent)
    }

    /// As [`Decoder::decode_into`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn decode_into<'a>(&self, latent: impl Into<MatrixView<'a>>, rows: &mut [f32]) -> Result<()> {
        self.decoder.decode_into(latent, rows)
    }

    /// `[batch, input_len] -> [batch, input_len]`, through the latent vector.
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
    /// [`Error::Untrained`] when the bundle says that the network was not trained to remove noise; a network from bytes
    /// says nothing. [`Error::Shape`] when the rows have another length.
    pub fn denoise<'a>(&self, rows: impl Into<MatrixView<'a>>) -> Result<Matrix> {
        self.check_denoises()?;
        self.reconstruct(rows)
    }

    /// Fails unless the network was trained to remove noise; a network from bytes is taken to be.
    ///
    /// # Errors
    ///
    /// [`Error::Untrained`].
    pub fn check_denoises(&self) -> Result<()> {
        if self.manifest.as_ref().is_some_and(|manifest| manifest.input_noise.is_none()) {
            let reason =
                "the network was not trained to remove noise; `trainer fit --preset denoise` trains one that is";
            return Err(Error::Untrained { action: "denoise", reason });
        }
        Ok(())
    }

    /// `count` new rows, `[count, input_len]`, decoded from latent vectors of the standard normal distribution. The same
    /// seed gives the same rows.
    ///
    /// # Errors
    ///
    /// [`Error::Untrained`] unless the encoder is variational: only then are its latent vectors near that distribution.
    pub fn sample(&self, count: usize, seed: u64) -> Result<Matrix> {
        self.encoder.check_variational("sample")?;
        self.decoder.sample(count, seed)
    }

    /// The distribution of the latent vector, `[batch, latent_dim]` both: its mean and the logarithm of its variance.
    ///
    /// # Errors
    ///
    /// [`Error::Untrained`] unless the encoder is variational, [`Error::Shape`] when the rows have another length.
    pub fn encode_distribution<'a>(&self, rows: impl Into<MatrixView<'a>>) -> Result<(Matrix, Matrix)> {
        self.encoder.encode_distribution(rows)
    }

    /// Whether the latent vector is a distribution.
    pub fn is_variational(&self) -> bool {
        self.encoder.is_variational()
    }

    /// Values in one row.
    pub fn input_len(&self) -> usize {
        self.encoder.input_len()
    }

    /// Values in one latent vector.
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

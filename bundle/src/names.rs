//! The names of a bundle's files and tensors.

/// The first half: input to latent.
pub const ENCODER_FILE: &str = "encoder.onnx";
/// The second half: latent to reconstruction.
pub const DECODER_FILE: &str = "decoder.onnx";
/// Both halves in one graph: input to reconstruction.
pub const AUTOENCODER_FILE: &str = "autoencoder.onnx";
/// A few real inputs with all outputs, to check other clients against.
pub const GOLDEN_FILE: &str = "golden.npz";
/// The largest differences between the bundle and the trained model, as verified on export.
pub const PARITY_FILE: &str = "parity.json";
/// The file that makes a folder a bundle. It is written last.
pub const MANIFEST_FILE: &str = "model.json";

/// Every file that a bundle may have, in the order in which they are written.
pub const BUNDLE_FILES: [&str; 6] =
    [ENCODER_FILE, DECODER_FILE, AUTOENCODER_FILE, GOLDEN_FILE, PARITY_FILE, MANIFEST_FILE];

/// The bundle's folder in the folder of a run.
pub const RUN_BUNDLE: &str = "onnx";
/// The same, for a bundle with [`AUTOENCODER_FILE`].
pub const RUN_WHOLE_BUNDLE: &str = "onnx-whole";

/// What the encoder takes: `[batch, ..]`.
pub const INPUT: &str = "input";
/// What the encoder gives and the decoder takes: `[batch, latent_dim]`.
pub const LATENT: &str = "latent";
/// The second output of a variational encoder: `[batch, latent_dim]`.
pub const LOG_VARIANCE: &str = "log_variance";
/// What the decoder gives: `[batch, ..]`.
pub const RECONSTRUCTION: &str = "reconstruction";

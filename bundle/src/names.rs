//! The names of a bundle's files and tensors.

/// The first half: input to latent.
pub const ENCODER_FILE: &str = "encoder.onnx";
/// The second half: latent to reconstruction.
pub const DECODER_FILE: &str = "decoder.onnx";
/// Both halves in one graph: input to reconstruction.
pub const AUTOENCODER_FILE: &str = "autoencoder.onnx";
/// How unusual a row is: input to score, p-value, alarm and reasons.
pub const SCORER_FILE: &str = "scorer.onnx";
/// A few real inputs with all outputs, to check other clients against.
pub const GOLDEN_FILE: &str = "golden.npz";
/// The largest differences between the bundle and the trained model, as verified on export.
pub const PARITY_FILE: &str = "parity.json";
/// The file that makes a folder a bundle. It is written last.
pub const MANIFEST_FILE: &str = "model.json";

/// Every file that a bundle may have, in the order in which they are written.
pub const BUNDLE_FILES: [&str; 7] =
    [ENCODER_FILE, DECODER_FILE, AUTOENCODER_FILE, SCORER_FILE, GOLDEN_FILE, PARITY_FILE, MANIFEST_FILE];

/// The bundle's folder in the folder of a run.
pub const RUN_BUNDLE: &str = "onnx";
/// The same, for a bundle with [`AUTOENCODER_FILE`].
pub const RUN_WHOLE_BUNDLE: &str = "onnx-whole";

/// The link beside the runs that leads to the newest finished one.
pub const LATEST_RUN: &str = "latest";

/// What the encoder takes: `[batch, ..]`.
pub const INPUT: &str = "input";
/// What the encoder gives and the decoder takes: `[batch, latent_dim]`.
pub const LATENT: &str = "latent";
/// The second output of a variational encoder: `[batch, latent_dim]`.
pub const LOG_VARIANCE: &str = "log_variance";
/// What the decoder gives: `[batch, ..]`.
pub const RECONSTRUCTION: &str = "reconstruction";

/// The scorer's second input: the rate of false alarms that is accepted, in 0.0..1.0.
pub const ALPHA: &str = "alpha";
/// The scorer's first output: how unusual each row is, `[batch]`.
pub const SCORE: &str = "score";
/// The part of usual rows that are as unusual, `[batch]`.
pub const P_VALUE: &str = "p_value";
/// Whether `p_value` is at most `alpha`, `[batch]`.
pub const IS_ANOMALY: &str = "is_anomaly";
/// How many standard deviations of its error on usual rows each value is off, as `input` is shaped.
pub const FEATURE_ERROR: &str = "feature_error";

/// The tensors of a detector, by the same names in a run's checkpoint and among the scorer's initializers.
pub const DETECTOR: DetectorNames = DetectorNames {
    whitening: "detector.whitening",
    known: "detector.known",
    known_low: "detector.known_low",
    known_step: "detector.known_step",
    weights: "detector.weights",
    middle: "detector.centre_middle",
    scale: "detector.centre_scale",
    spread: "detector.spread",
    bounds: "detector.calibration_bounds",
    counts: "detector.calibration_counts",
};

/// The names of a detector's tensors.
#[derive(Clone, Copy, Debug)]
pub struct DetectorNames {
    /// [`crate::Detector::whitening`], `[features, features]`.
    pub whitening: &'static str,
    /// [`crate::Detector::known`] as bytes, `[rows, features]`.
    pub known: &'static str,
    /// What the byte 0 stands for, `[features]`.
    pub known_low: &'static str,
    /// What lies between two bytes, `[features]`.
    pub known_step: &'static str,
    /// The middle of [`crate::Detector::centre`], `[features]`.
    pub middle: &'static str,
    /// Its scale, `[features]`.
    pub scale: &'static str,
    /// [`crate::Detector::weights`], `[3]`.
    pub weights: &'static str,
    /// [`crate::Detector::spread`], `[columns]`.
    pub spread: &'static str,
    /// [`crate::Calibration::bounds`].
    pub bounds: &'static str,
    /// [`crate::Calibration::counts`].
    pub counts: &'static str,
}

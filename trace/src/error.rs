//! What can go wrong while a model is traced, written and proven.

/// The result of this crate's functions.
///
/// ```
/// fn sizes() -> trace::Result<()> {
///     Err(trace::Error::Input("no input".into()))
/// }
/// assert_eq!(sizes().unwrap_err().to_string(), "no input");
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong in this crate.
///
/// ```
/// let error = trace::Error::Unsupported { operator: "scatter".into(), reason: "it has no ONNX form here".into() };
/// assert_eq!(error.to_string(), "cannot write `scatter`: it has no ONNX form here");
/// ```
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The inputs or what is said of them cannot be right.
    #[error("{0}")]
    Input(String),
    /// The model computes something else at another size.
    #[error("the model's structure depends on the size of its inputs: {0}")]
    Structure(String),
    /// A number or a constant changes with the sizes, and it is not seen how.
    #[error("{0}")]
    Size(String),
    /// An operator that is not written.
    #[error("cannot write `{operator}`: {reason}")]
    Unsupported {
        /// candle's name for it.
        operator: String,
        /// Why not.
        reason: String,
    },
    /// The file computes something else than candle.
    #[error("output `{output}` differs from candle by {difference} at {sizes}, expected at most {tolerance}")]
    Different {
        /// The output's name.
        output: String,
        /// The largest difference, relative to the largest number of the output.
        difference: f32,
        /// The sizes of that run.
        sizes: String,
        /// The largest difference that is accepted.
        tolerance: f32,
    },
    /// tract cannot run the file, or what it computes proves nothing.
    #[error("the file is not proven: {reason}; `allow_unverified` accepts that")]
    Unverified {
        /// What tract says, or why its answer proves nothing.
        reason: String,
    },
    /// The graph could not be built or written.
    #[error(transparent)]
    Export(#[from] exporter::Error),
    /// candle could not run the model.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

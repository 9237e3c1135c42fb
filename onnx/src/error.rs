//! What can be wrong with an ONNX file.

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong in this crate.
///
/// ```
/// let error = onnx::check(b"not a model").unwrap_err();
/// assert!(error.to_string().starts_with("not an ONNX file, or not a whole one: "));
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The bytes are not the messages of an ONNX file.
    #[error("not an ONNX file, or not a whole one: {reason}")]
    Decode {
        /// What the protobuf decoder found.
        reason: String,
    },
    /// The model breaks a rule of the ONNX specification.
    #[error("graph `{graph}`: {reason}")]
    Invalid {
        /// The graph's name; `?` where there is no graph.
        graph: String,
        /// The rule, and what breaks it.
        reason: String,
    },
}

//! What can go wrong while a graph is built, checked or written, each error saying where, what was expected and what was
//! found.

/// The result of this crate's functions.
///
/// ```
/// fn opset(opset: i64) -> exporter::Result<i64> {
///     Ok(exporter::Model::trace(&candle_nn::Activation::Relu).input("x", ("batch", 4)).opset(opset).build()?.versions().0)
/// }
/// assert!(opset(13).is_ok() && opset(12).is_err());
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong in this crate.
///
/// ```
/// let error = exporter::Model::build("example", 17, |graph| {
///     let x = graph.input("x", ("batch", 4))?;
///     let y = graph.scoped("head", |graph| graph.squeeze(x, 1))?;
///     graph.output("y", y)
/// })
/// .unwrap_err();
/// assert_eq!(error.to_string(), r#"layer `head`: Squeeze expected length 1 along axis 1, found ["batch", "4"]"#);
/// ```
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An operator does not accept its inputs.
    #[error("{}{operator} expected {expected}, found {found}", place(layer))]
    Shape {
        /// The scope in which the operator was added: `decoder.2`; empty outside any.
        layer: String,
        /// The ONNX operator.
        operator: &'static str,
        /// The shape or type that the operator accepts.
        expected: String,
        /// The one that it was given.
        found: String,
    },
    /// The graph breaks a rule of the ONNX specification.
    #[error("graph `{graph}`: {reason}")]
    Invalid {
        /// The graph's name.
        graph: String,
        /// The rule, and what breaks it.
        reason: String,
    },
    /// An opset that this crate does not write.
    #[error("opset {found}: expected {} to {}", onnx::OPSETS.start(), onnx::OPSETS.end())]
    Opset {
        /// The opset that was asked for.
        found: i64,
    },
    /// A file could not be read or written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// `read`, `write`, `create`.
        action: &'static str,
        /// The file or folder.
        path: std::path::PathBuf,
        /// The operating system's reason.
        #[source]
        source: std::io::Error,
    },
    /// candle could not read or convert a tensor.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

fn place(layer: &str) -> String {
    if layer.is_empty() { String::new() } else { format!("layer `{layer}`: ") }
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &std::path::Path, source: std::io::Error) -> Self {
        Self::Io { action, path: path.into(), source }
    }
}

impl From<onnx::Error> for Error {
    fn from(error: onnx::Error) -> Self {
        match error {
            onnx::Error::Invalid { graph, reason } => Self::Invalid { graph, reason },
            unreadable => Self::Invalid { graph: "?".into(), reason: unreadable.to_string() },
        }
    }
}

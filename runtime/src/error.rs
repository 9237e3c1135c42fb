//! What can go wrong while running, each error saying where, what was expected and what was found.

use bundle::safe;

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong in this crate.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The rows have another width than the graph's input.
    #[error("input `{input}`: expected shape {expected}, found {found}")]
    Shape {
        /// The graph's name for its input.
        input: String,
        /// The shape the graph takes: `[batch, 784]`.
        expected: String,
        /// The shape that came.
        found: String,
    },
    /// A graph that takes bytes was given another number.
    #[error("input `{input}`: expected bytes, whole numbers from 0 to 255, found {found} in row {row}")]
    Byte {
        /// The graph's name for its input.
        input: String,
        /// The row, from 1.
        row: usize,
        /// The number that is no byte.
        found: f32,
    },
    /// The buffer for a result has another length than the result.
    #[error("output `{output}`: expected a buffer of {expected} values, found {found}")]
    OutputLength {
        /// The graph's name for its output.
        output: String,
        /// Values in the result.
        expected: usize,
        /// Values in the buffer.
        found: usize,
    },
    /// A matrix was made of the wrong number of values.
    #[error("expected {rows} x {columns} values, found {found}")]
    Matrix {
        /// The matrix's rows.
        rows: usize,
        /// The matrix's columns.
        columns: usize,
        /// The number of values that came.
        found: usize,
    },
    /// The folder is no finished bundle, or one of its files is not the one that was exported.
    #[error(transparent)]
    Bundle(#[from] bundle::Error),
    /// A graph is malformed, or needs something that this runtime does not compute.
    #[error("{graph}: {reason}")]
    Graph {
        /// `encoder`, `decoder`, or the file.
        graph: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The autoencoder was not trained for what is asked of it.
    #[error("cannot {action}: {reason}")]
    Untrained {
        /// `sample`, `denoise`.
        action: &'static str,
        /// What would have been needed.
        reason: &'static str,
    },
    /// There is no threshold for the anomaly score.
    #[error("expected a threshold for the mean squared error, found {found}; compare the scores with your own")]
    NoThreshold {
        /// What there is instead.
        found: String,
    },
    /// The decoder does not take what the encoder gives.
    #[error("encoder and decoder do not fit: the encoder maps {encoder}, the decoder {decoder}")]
    Mismatch {
        /// `[batch, 784] -> [batch, 32]`.
        encoder: String,
        /// `[batch, 16] -> [batch, 784]`.
        decoder: String,
    },
}

/// The most characters of a reason that another library gives.
const MAX_CHARS: usize = 1000;

impl Error {
    pub(crate) fn graph(graph: &str, reason: impl ToString) -> Self {
        // Other libraries' messages may run over several lines.
        let reason = reason.to_string().lines().map(str::trim).collect::<Vec<_>>().join(" ");
        Self::Graph { graph: graph.into(), reason: safe(&reason, MAX_CHARS) }
    }
}

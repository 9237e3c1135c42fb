//! `scorer.onnx` as any runtime computes it, on tract: slower than [`Scorer`](super::Scorer), for comparison.

use bundle::{FEATURE_ERROR, P_VALUE, RECONSTRUCTION, SCORE};

use super::on_kernels::Explained;
use crate::engine::{Graph, GraphFile, Tensors};
use crate::error::Result;
use crate::limits::Limits;
use crate::matrix::MatrixView;

/// A scorer that tract computes whole.
pub struct ScorerOnTract {
    /// Score and p-value.
    scores: Graph,
    /// Feature error and reconstruction.
    values: Graph,
}

impl ScorerOnTract {
    /// Takes the bytes of `scorer.onnx`.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`](crate::Error::Graph) when tract cannot compute them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let graph = |output: &str, second: &str| {
            let tensors = Tensors { output: Some(output.into()), second: Some(second.into()), ..Tensors::default() };
            Graph::on_tract(GraphFile { name: "scorer", bytes, limits: &Limits::default() }, &tensors)
        };
        Ok(Self { scores: graph(SCORE, P_VALUE)?, values: graph(FEATURE_ERROR, RECONSTRUCTION)? })
    }

    /// As [`Scorer::explain`](super::Scorer::explain).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn explain<'a>(&self, rows: impl Into<MatrixView<'a>>) -> Result<Explained> {
        let rows = rows.into();
        let [scores, p_values] = self.scores.run(rows, [0, 1])?;
        let [feature_errors, reconstructions] = self.values.run(rows, [0, 1])?;
        let [scores, p_values] = [scores, p_values].map(|matrix| matrix.as_slice().to_vec());
        Ok(Explained { scores, p_values, feature_errors, reconstructions })
    }
}

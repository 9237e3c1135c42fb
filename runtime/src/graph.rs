//! One ONNX graph, optimised and ready to run on any number of rows.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tract_onnx::prelude::*;

use crate::check::{Signature, signatures};
use crate::matrix::{Matrix, MatrixView};
use crate::{Error, Result};

/// Rows that are computed at once. Larger blocks are slower: the buffers they need pass glibc's threshold of 128 KiB, above
/// which memory is mapped and unmapped at every call (measured at 4 times the time per row for 256 rows of 784 values).
const BLOCK_ROWS: usize = 32;

/// A graph with one input and one output or more, all `[batch, ..]`.
pub(crate) struct Graph {
    name: String,
    input: Signature,
    outputs: Vec<Signature>,
    plan: Arc<TypedSimplePlan>,
}

impl Graph {
    /// Reads the bytes of an ONNX file; `name` stands for it in errors.
    pub(crate) fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self> {
        let build = || -> Result<Self> {
            let onnx = tract_onnx::onnx();
            let truncated = |error| Error::graph(name, format!("not an ONNX file, or not a whole one: {error:#}"));
            let proto = onnx.proto_model_for_read(&mut Cursor::new(bytes)).map_err(truncated)?;
            let (input, outputs) = signatures(&proto).map_err(|reason| Error::graph(name, reason))?;
            let plan = onnx
                .model_for_proto_model(&proto)
                .and_then(|model| model.into_optimized()?.into_runnable())
                .map_err(|error| Error::graph(name, format!("cannot be prepared: {error:#}")))?;
            Ok(Self { name: name.into(), input, outputs, plan })
        };
        contained(name, build)?
    }

    pub(crate) fn input(&self) -> &Signature {
        &self.input
    }

    /// The first output.
    pub(crate) fn output(&self) -> &Signature {
        &self.outputs[0]
    }

    /// The place of the output called `name`, which is as wide as the first.
    pub(crate) fn twin_output(&self, name: &str) -> Option<usize> {
        self.outputs.iter().position(|output| output.name == name && output.row_shape == self.output().row_shape)
    }

    /// `[batch, 784] -> [batch, 32]`.
    pub(crate) fn describe(&self) -> String {
        format!("{} -> {}", self.input.describe(), self.output().describe())
    }

    /// Computes the first output for all rows of `view`, block by block.
    pub(crate) fn run(&self, view: MatrixView) -> Result<Matrix> {
        let [output] = self.run_outputs(view, [0])?;
        Ok(output)
    }

    /// Computes the outputs at `places` for all rows of `view`, block by block.
    pub(crate) fn run_outputs<const N: usize>(&self, view: MatrixView, places: [usize; N]) -> Result<[Matrix; N]> {
        let rows = self.rows(view)?;
        let width = self.input.row_len();
        let mut values = places.map(|place| Vec::with_capacity(rows * self.outputs[place].row_len()));
        for block in view.values.chunks(BLOCK_ROWS * width) {
            self.run_block(block, places, &mut values)?;
        }
        let mut matrices = places.map(|_| Matrix::default());
        for ((matrix, values), place) in matrices.iter_mut().zip(values).zip(places) {
            *matrix = Matrix::new(rows, self.outputs[place].row_len(), values)?;
        }
        Ok(matrices)
    }

    fn rows(&self, view: MatrixView) -> Result<usize> {
        let width = self.input.row_len();
        let found = match view.shape {
            Some((rows, columns)) if columns == width => return Ok(rows),
            None if view.values.len().is_multiple_of(width) => return Ok(view.values.len() / width),
            Some((rows, columns)) => format!("[{rows}, {columns}]"),
            None => format!("{} values, no whole number of rows", view.values.len()),
        };
        Err(Error::Shape { input: self.input.name.clone(), expected: self.input.describe(), found })
    }

    fn run_block<const N: usize>(&self, block: &[f32], places: [usize; N], values: &mut [Vec<f32>; N]) -> Result<()> {
        let rows = block.len() / self.input.row_len();
        let shape: Vec<usize> = [rows].into_iter().chain(self.input.row_shape.iter().copied()).collect();
        let compute = || -> TractResult<TVec<TValue>> {
            let input = Tensor::from_shape(&shape, block)?;
            let outputs = self.plan.run(tvec!(input.into()))?;
            for (values, place) in values.iter_mut().zip(places) {
                values.extend_from_slice(outputs[place].try_as_plain_ram()?.as_slice::<f32>()?);
            }
            Ok(outputs)
        };
        let outputs =
            contained(&self.name, compute)?.map_err(|error| Error::graph(&self.name, format!("{error:#}")))?;
        for place in places {
            let (signature, found) = (&self.outputs[place], outputs[place].shape());
            let expected = [rows].into_iter().chain(signature.row_shape.iter().copied());
            if !expected.eq(found.iter().copied()) {
                let (name, claimed) = (&signature.name, signature.describe());
                let reason = format!("its output `{name}` claims shape {claimed} and has {found:?}");
                return Err(Error::graph(&self.name, reason));
            }
        }
        Ok(())
    }
}

/// Turns a panic of tract's into an error: a malformed file must not end the embedding program.
fn contained<T>(name: &str, compute: impl FnOnce() -> T) -> Result<T> {
    // What the closure leaves half done is dropped with the error, so nothing broken can be seen.
    catch_unwind(AssertUnwindSafe(compute)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Error::graph(name, format!("the graph cannot be computed: {text}"))
    })
}

//! One ONNX graph, ready to run on any number of rows.

mod blocks;
mod native;
mod signature;
#[cfg(test)]
mod tests;
mod tract;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use prost::Message;

use crate::error::{Error, Result};
use crate::matrix::{Matrix, MatrixView};
use crate::onnx::ModelProto;
use crate::threads::{Pool, Threads};
use blocks::Blocks;
use native::Network;
use signature::{Signature, signatures};
use tract::Plan;

/// Rows that tract computes at once. Larger blocks are slower: their buffers pass glibc's threshold of 128 KiB, above
/// which memory is mapped and unmapped at every call (measured for 256 rows of 784 values: 4 times the time per row).
const TRACT_BLOCK_ROWS: usize = 32;
/// Multiplications that are worth a second thread: waking it takes as long as several hundred thousand.
const MIN_SHARED_WORK: usize = 1_500_000;

/// A graph with one input and one output or more, all `[batch, ..]`.
pub(crate) struct Graph {
    name: String,
    input: Signature,
    outputs: Vec<Signature>,
    engine: Engine,
    pool: Arc<dyn Pool>,
}

enum Engine {
    Native(Network),
    Tract(Plan),
}

impl Graph {
    /// Reads the bytes of an ONNX file; `name` stands for it in errors.
    pub(crate) fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self> {
        Self::with_engine(name, bytes, native::read)
    }

    /// The same, always on tract.
    #[cfg(feature = "tract")]
    pub(crate) fn on_tract(name: &str, bytes: &[u8]) -> Result<Self> {
        Self::with_engine(name, bytes, |_, _, _| Err(String::new()))
    }

    fn with_engine(
        name: &str,
        bytes: &[u8],
        read: impl FnOnce(&ModelProto, &Signature, &[Signature]) -> Result<Network, String>,
    ) -> Result<Self> {
        let build = || -> Result<Self> {
            let truncated = |error| Error::graph(name, format!("not an ONNX file, or not a whole one: {error}"));
            let proto = ModelProto::decode(bytes).map_err(truncated)?;
            let (input, outputs) = signatures(&proto).map_err(|reason| Error::graph(name, reason))?;
            let engine = match read(&proto, &input, &outputs) {
                Ok(network) => Engine::Native(network),
                Err(unsupported) => {
                    Engine::Tract(Plan::new(bytes, &unsupported).map_err(|reason| Error::graph(name, reason))?)
                }
            };
            Ok(Self { name: name.into(), input, outputs, engine, pool: Threads::all() })
        };
        contained(name, build)?
    }

    pub(crate) fn set_pool(&mut self, pool: Arc<dyn Pool>) {
        self.pool = pool;
    }

    pub(crate) fn input(&self) -> &Signature {
        &self.input
    }

    /// The first output.
    pub(crate) fn output(&self) -> &Signature {
        &self.outputs[0]
    }

    /// The number of the output called `name`, if it has the first output's shape.
    pub(crate) fn output_like_first(&self, name: &str) -> Option<usize> {
        self.outputs.iter().position(|output| output.name == name && output.row_shape == self.output().row_shape)
    }

    /// `[batch, 784] -> [batch, 32]`.
    pub(crate) fn describe(&self) -> String {
        format!("{} -> {}", self.input.describe(), self.output().describe())
    }

    /// Computes the outputs at `places` for all rows of `view`.
    pub(crate) fn run<const N: usize>(&self, view: MatrixView, places: [usize; N]) -> Result<[Matrix; N]> {
        let rows = self.rows(view)?;
        let mut matrices = [(); N].map(|()| Matrix::default());
        for (matrix, place) in matrices.iter_mut().zip(places) {
            *matrix = self.zeros(rows, &self.outputs[place])?;
        }
        self.compute(view.values, places, matrices.each_mut().map(Matrix::as_mut_slice))?;
        Ok(matrices)
    }

    /// Computes the first output for all rows of `view` into `out`.
    pub(crate) fn run_into(&self, view: MatrixView, out: &mut [f32]) -> Result<()> {
        let expected = self.rows(view)?.saturating_mul(self.output().row_len());
        if out.len() != expected {
            return Err(Error::OutputLength { output: self.output().name.clone(), expected, found: out.len() });
        }
        self.compute(view.values, [0], [out])
    }

    /// A matrix for `rows` rows of an input or output, if there is memory for one: the width is what the file claims.
    pub(crate) fn zeros(&self, rows: usize, signature: &Signature) -> Result<Matrix> {
        Matrix::zeros(rows, signature.row_len()).ok_or_else(|| {
            let (name, shape) = (&signature.name, signature.describe());
            Error::graph(&self.name, format!("there is no memory for {rows} rows of `{name}`, {shape}"))
        })
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

    /// Computes blocks of rows, on several threads if there is enough work. A row's result does not depend on its block.
    fn compute<const N: usize>(&self, rows: &[f32], places: [usize; N], outputs: [&mut [f32]; N]) -> Result<()> {
        let count = rows.len() / self.input.row_len();
        let work = match &self.engine {
            Engine::Native(network) => network.work().saturating_mul(count),
            Engine::Tract(_) if count > TRACT_BLOCK_ROWS => usize::MAX,
            Engine::Tract(_) => 0,
        };
        let threads = if work < MIN_SHARED_WORK { 1 } else { self.pool.threads().max(1) };
        let block = match &self.engine {
            Engine::Native(network) => network.block_rows(count.div_ceil(threads)),
            Engine::Tract(_) => TRACT_BLOCK_ROWS,
        };
        let widths = places.map(|place| self.outputs[place].row_len());
        let most = count.div_ceil(block.max(1));
        let mut blocks = Blocks::new([block, self.input.row_len()], widths, rows, outputs);
        if threads == 1 || most < 2 {
            return blocks.try_for_each(|(rows, outputs)| self.block(rows, places, outputs));
        }
        let (blocks, error) = (Mutex::new(blocks), Mutex::new(None));
        let work = || {
            let next = || blocks.lock().unwrap_or_else(PoisonError::into_inner).next();
            while let Some((rows, outputs)) = next() {
                if let Err(found) = self.block(rows, places, outputs) {
                    error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(found);
                }
            }
        };
        self.pool.run(most, &work);
        // Blocks that the pool left undone, one that is being shut down for instance.
        work();
        error.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    fn block<const N: usize>(&self, rows: &[f32], places: [usize; N], outputs: [&mut [f32]; N]) -> Result<()> {
        match &self.engine {
            Engine::Native(network) => {
                network.run(rows, places, outputs);
                Ok(())
            }
            Engine::Tract(plan) => {
                let signatures = places.map(|place| (place, &self.outputs[place]));
                let run = || plan.run(rows, &self.input, signatures, outputs);
                contained(&self.name, run)?.map_err(|reason| Error::graph(&self.name, reason))
            }
        }
    }
}

/// Turns a panic into an error: a malformed file must not end the embedding program.
fn contained<T>(name: &str, compute: impl FnOnce() -> T) -> Result<T> {
    // What the closure leaves half done is dropped with the error, so nobody can see it.
    catch_unwind(AssertUnwindSafe(compute)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Error::graph(name, format!("the graph cannot be computed: {text}"))
    })
}

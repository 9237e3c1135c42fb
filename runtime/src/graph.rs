//! One ONNX graph, ready to run on any number of rows.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use onnx::ModelProto;

use crate::blocks::Blocks;
use crate::check::{Signature, signatures};
use crate::matrix::{Matrix, MatrixView};
use crate::network::{self, Network};
use crate::plan::Plan;
use crate::{Error, Pool, Result, Threads};

/// Rows that tract computes at once. Larger blocks are slower: the buffers they need pass glibc's threshold of 128 KiB,
/// above which memory is mapped and unmapped at every call (measured at 4 times the time per row for 256 rows of 784
/// values).
const TRACT_ROWS: usize = 32;
/// Multiplications that are worth a second thread: waking it takes as long as some hundred thousand.
const WORTH_SHARING: usize = 1_500_000;

/// A graph with one input and one output or more, all `[batch, ..]`.
pub(crate) struct Graph {
    name: String,
    input: Signature,
    outputs: Vec<Signature>,
    engine: Engine,
    pool: Arc<dyn Pool>,
}

enum Engine {
    Network(Network),
    Tract(Plan),
}

impl Graph {
    /// Reads the bytes of an ONNX file; `name` stands for it in errors.
    pub(crate) fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self> {
        Self::with_engine(name, bytes, network::read)
    }

    /// The same, whatever layers there are kernels for.
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
            let proto = ModelProto::from_bytes(bytes).map_err(|error| Error::graph(name, error.to_string()))?;
            let (input, outputs) = signatures(&proto).map_err(|reason| Error::graph(name, reason))?;
            let engine = match read(&proto, &input, &outputs) {
                Ok(network) => Engine::Network(network),
                Err(refusal) => Engine::Tract(Plan::new(bytes, &refusal).map_err(|reason| Error::graph(name, reason))?),
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

    /// The place of the output called `name`, which is as wide as the first.
    pub(crate) fn twin_output(&self, name: &str) -> Option<usize> {
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
            return Err(Error::Room { output: self.output().name.clone(), expected, found: out.len() });
        }
        self.compute(view.values, [0], [out])
    }

    /// Memory for so many rows of an input or output, whose width is what the file claims.
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

    /// Computes blocks of rows, side by side if they are worth it. A row's result does not depend on the block that it
    /// is in.
    fn compute<const N: usize>(&self, rows: &[f32], places: [usize; N], outputs: [&mut [f32]; N]) -> Result<()> {
        let count = rows.len() / self.input.row_len();
        let work = match &self.engine {
            Engine::Network(network) => network.work().saturating_mul(count),
            Engine::Tract(_) if count > TRACT_ROWS => usize::MAX,
            Engine::Tract(_) => 0,
        };
        let threads = if work < WORTH_SHARING { 1 } else { self.pool.threads().max(1) };
        let block = match &self.engine {
            Engine::Network(network) => network.block_rows(count.div_ceil(threads)),
            Engine::Tract(_) => TRACT_ROWS,
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
        // Whatever a pool left undone, one that is being shut down for instance.
        work();
        error.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    fn block<const N: usize>(&self, rows: &[f32], places: [usize; N], outputs: [&mut [f32]; N]) -> Result<()> {
        match &self.engine {
            Engine::Network(network) => {
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

/// Turns a panic of tract's into an error: a malformed file must not end the embedding program.
fn contained<T>(name: &str, compute: impl FnOnce() -> T) -> Result<T> {
    // What the closure leaves half done is dropped with the error, so nothing broken can be seen.
    catch_unwind(AssertUnwindSafe(compute)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Error::graph(name, format!("the graph cannot be computed: {text}"))
    })
}

#[cfg(test)]
mod tests;

//! One ONNX graph, ready to run on any number of rows.

mod blocks;
#[cfg(feature = "tract")]
mod budget;
mod check;
mod claims;
mod constants;
mod contained;
mod describe;
mod native;
mod request;
mod signature;
#[cfg(test)]
mod tests;
mod tract;

use std::sync::{Arc, Mutex, PoisonError};

use onnx::ModelProto;

use crate::error::{Error, Result};
use crate::limits::{Limits, within};
use crate::matrix::{Matrix, MatrixView};
use crate::threads::{Pool, Threads};
use blocks::Blocks;
use contained::contained;
use native::Network;
use request::Request;
use tract::Plan;

pub(crate) use constants::{dims, floats};
pub(crate) use signature::{Signature, Tensors};

/// Multiplications that are worth a second thread: waking it takes as long as several hundred thousand.
const MIN_SHARED_WORK: usize = 1_500_000;

/// A graph with one input and one output, or two.
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

/// The bytes of an ONNX file.
#[derive(Clone, Copy)]
pub(crate) struct GraphFile<'a> {
    /// What stands for it in errors.
    pub(crate) name: &'a str,
    pub(crate) bytes: &'a [u8],
    pub(crate) limits: &'a Limits,
}

impl Graph {
    /// Reads a graph that keeps to the limits.
    pub(crate) fn read(file: GraphFile, tensors: &Tensors) -> Result<Self> {
        Self::with_engine(file, tensors, native::read)
    }

    /// The same, always on tract.
    #[cfg(feature = "tract")]
    pub(crate) fn on_tract(file: GraphFile, tensors: &Tensors) -> Result<Self> {
        Self::with_engine(file, tensors, |_| Err(String::new()))
    }

    fn with_engine(
        GraphFile { name, bytes, limits }: GraphFile,
        tensors: &Tensors,
        read: impl FnOnce(&Request) -> Result<(Network, Vec<Signature>), String>,
    ) -> Result<Self> {
        let build = || -> Result<Self, String> {
            limits.check_file(bytes)?;
            let model = ModelProto::from_bytes(bytes).map_err(|error| error.to_string())?;
            let graph = model.graph.as_ref().ok_or("it holds no graph")?;
            let (input, layout) = signature::input(check::check(graph)?, tensors.row_shape.as_deref())?;
            claims::check(&model, graph, tensors.opset)?;
            limits.check_weights(bytes.len(), claims::weights(graph))?;
            within("row_values", "values in a row", limits.row_values, input.row_len())?;
            let wanted = signature::wanted(graph, tensors)?;
            let request = Request { model: &model, input: &input, layout, wanted: &wanted, limits };
            let (engine, outputs) = match read(&request) {
                Ok((network, outputs)) => {
                    network.check(limits)?;
                    (Engine::Native(network), outputs)
                }
                Err(unsupported) => {
                    let plan = Plan::new(bytes, &request, &unsupported)?;
                    let outputs = plan.outputs().to_vec();
                    (Engine::Tract(plan), outputs)
                }
            };
            Ok(Self { name: name.into(), input, outputs, engine, pool: Threads::all() })
        };
        contained(build).map_err(|reason| Error::graph(name, reason))
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

    /// Whether there is a second output, as long as the first.
    pub(crate) fn has_second_output(&self) -> bool {
        self.outputs.get(1).is_some_and(|second| second.row_len() == self.output().row_len())
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
        if let Some(misfit) = self.input.misfit(rows) {
            let (input, row) = (self.input.name.clone(), misfit / self.input.row_len() + 1);
            return Err(Error::Byte { input, row, found: rows[misfit] });
        }
        let count = rows.len() / self.input.row_len();
        let work = match &self.engine {
            Engine::Native(network) => network.work().saturating_mul(count),
            Engine::Tract(plan) if count > plan.block_rows() => usize::MAX,
            Engine::Tract(_) => 0,
        };
        let threads = if work < MIN_SHARED_WORK { 1 } else { self.pool.threads().max(1) };
        let block = match &self.engine {
            Engine::Native(network) => network.block_rows(count.div_ceil(threads)),
            Engine::Tract(plan) => plan.block_rows(),
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
                contained(|| plan.run(rows, places, outputs)).map_err(|reason| Error::graph(&self.name, reason))
            }
        }
    }
}

//! Graphs that run on tract, and what stands in for it in a program built without tract.

#[cfg(not(feature = "tract"))]
pub(crate) use disabled::Plan;
#[cfg(feature = "tract")]
pub(crate) use enabled::Plan;

#[cfg(feature = "tract")]
mod enabled {
    use std::borrow::Cow;
    use std::io::Cursor;
    use std::iter;
    use std::sync::Arc;

    use bundle::printable;
    use tract_onnx::prelude::*;
    use tract_onnx::tract_hir::internal::{DimLike, InferenceFact};

    use crate::engine::budget::rows_at_once;
    use crate::engine::contained::contained;
    use crate::engine::describe::describe;
    use crate::engine::request::Request;
    use crate::engine::signature::{Batch, Layout, Signature};

    /// Rows that tract computes at once. Larger blocks are slower: their buffers pass glibc's threshold of 128 KiB, above
    /// which memory is mapped and unmapped at every call (measured for 256 rows of 784 values: 4 times the time per row).
    const BLOCK_ROWS: usize = 32;

    /// A graph that tract has prepared.
    pub(crate) struct Plan {
        plan: Arc<TypedSimplePlan>,
        input: Signature,
        layout: Layout,
        outputs: Vec<Signature>,
        block_rows: usize,
    }

    impl Plan {
        /// Prepares the graph. Fails with a reason; may panic.
        pub(crate) fn new(bytes: &[u8], request: &Request, _unsupported: &str) -> Result<Self, String> {
            check_operators(request)?;
            let layout = request.layout;
            let with = |batch| (Layout { batch, ..layout }, true);
            let analysed = |(layout, optimise): (Layout, bool)| {
                let block_rows = rows_at_once(request, layout, BLOCK_ROWS)?;
                contained(|| analyse(bytes, request, layout, optimise).map_err(|error| format!("{error:#}")))
                    .map(|model| (model, layout, block_rows))
                    .map_err(|error| format!("cannot be prepared: {error}"))
            };
            let (model, layout, block_rows) = analysed((layout, true)).or_else(|error| {
                let another = match layout.batch {
                    // Graphs that were exported for a single row may still leave their batch open.
                    Batch::Any => analysed(with(Batch::Fixed(1))),
                    // And others work for any batch, although they fix it.
                    Batch::Fixed(_) => analysed(with(Batch::Any)),
                    Batch::Single => Err(String::new()),
                };
                // tract's optimisation fails for some graphs that it can compute.
                let found = another.or_else(|_| analysed((layout, false)));
                found.map_err(|_| error)
            })?;
            let outputs = outputs(&model, request, layout)?;
            let block_rows = match layout.batch {
                Batch::Any | Batch::Single => block_rows,
                Batch::Fixed(rows) => (BLOCK_ROWS / rows).max(1) * rows,
            };
            let plan = model.into_runnable().map_err(|error| format!("cannot be prepared: {error:#}"))?;
            Ok(Self { plan, input: request.input.clone(), layout, outputs, block_rows })
        }

        /// The outputs that were wanted, in their order.
        pub(crate) fn outputs(&self) -> &[Signature] {
            &self.outputs
        }

        /// Rows to compute at once.
        pub(crate) fn block_rows(&self) -> usize {
            self.block_rows
        }

        /// Computes the outputs with these `numbers` for all `rows`. Fails with a reason; may panic.
        pub(crate) fn run<const N: usize>(
            &self,
            rows: &[f32],
            numbers: [usize; N],
            mut outputs: [&mut [f32]; N],
        ) -> Result<(), String> {
            let len = self.input.row_len();
            let count = match self.layout.batch {
                Batch::Any => rows.len() / len,
                Batch::Fixed(count) => count,
                Batch::Single => 1,
            };
            let mut done = 0;
            for rows in rows.chunks(count * len) {
                let found = self.call(rows, count).map_err(|error| format!("{error:#}"))?;
                for (number, output) in numbers.into_iter().zip(&mut outputs) {
                    let signature = &self.outputs[number];
                    let found = found[number].try_as_plain_ram().and_then(|plain| plain.as_slice::<f32>());
                    let found = found.map_err(|error| format!("{error:#}"))?;
                    if found.len() != count * signature.row_len() {
                        let (name, expected) = (&signature.name, signature.describe());
                        return Err(format!(
                            "its output `{name}` has {} values for {count} rows of {expected}",
                            found.len()
                        ));
                    }
                    let output = &mut output[done * signature.row_len()..][..rows.len() / len * signature.row_len()];
                    output.copy_from_slice(&found[..output.len()]);
                }
                done += rows.len() / len;
            }
            Ok(())
        }

        /// Computes a batch of `count` rows; where there are fewer, the last one is repeated.
        fn call(&self, rows: &[f32], count: usize) -> TractResult<TVec<TValue>> {
            let shape = shape(self.layout, count, &self.input.row_shape);
            let len = self.input.row_len();
            let missing = rows[rows.len() - len..].repeat(count - rows.len() / len);
            let rows = if missing.is_empty() { Cow::from(rows) } else { Cow::from([rows, &missing].concat()) };
            let bytes = || rows.iter().map(|&value| value as u8).collect::<Vec<_>>();
            let is_bytes = self.input.is_bytes;
            let input =
                if is_bytes { Tensor::from_shape(&shape, &bytes())? } else { Tensor::from_shape(&shape, &rows)? };
            self.plan.run(tvec!(input.into()))
        }
    }

    /// The graph for batches of this layout. The shapes that the file claims for other values than the input are left aside:
    /// they follow from the input's.
    fn analyse(bytes: &[u8], request: &Request, layout: Layout, optimise: bool) -> TractResult<TypedModel> {
        let onnx = tract_onnx::onnx().with_ignore_output_shapes(true).with_ignore_value_info(true);
        let mut model = onnx.model_for_read(&mut Cursor::new(bytes))?;
        let shape = shape(layout, batch(&model.symbols, layout), &request.input.row_shape);
        let kind = if request.input.is_bytes { u8::datum_type() } else { f32::datum_type() };
        model.set_input_fact(0, InferenceFact::dt_shape(kind, shape))?;
        let outlets: Vec<OutletId> = request.wanted.iter().map(|(number, _)| model.outputs[*number]).collect();
        model.select_output_outlets(&outlets)?;
        let model = model.into_typed()?;
        if optimise { model.into_optimized() } else { Ok(model) }
    }

    /// The wanted outputs, which have a row for each of the input's.
    fn outputs(model: &TypedModel, request: &Request, layout: Layout) -> Result<Vec<Signature>, String> {
        let batch = batch(&model.symbols, layout);
        let output = |(place, (_, name)): (usize, &(usize, String))| {
            let fact = model.output_fact(place).map_err(|error| format!("{error:#}"))?;
            let place = || format!("its output `{}`", printable(name));
            if fact.datum_type != f32::datum_type() {
                return Err(format!("{}: expected 32-bit floats, found {:?}", place(), fact.datum_type));
            }
            let row_shape = row_shape(&fact.shape, layout.batch, &batch).ok_or_else(|| {
                let found: Vec<String> = fact.shape.iter().map(ToString::to_string).collect();
                format!("{}: expected a row for each row of the input, found shape [{}]", place(), found.join(", "))
            })?;
            Ok(Signature { name: name.clone(), row_shape, is_bytes: false })
        };
        request.wanted.iter().enumerate().map(output).collect()
    }

    /// The length of a batch.
    fn batch(symbols: &SymbolScope, layout: Layout) -> TDim {
        match layout.batch {
            Batch::Any => symbols.sym("batch").to_dim(),
            Batch::Fixed(rows) => rows.to_dim(),
            Batch::Single => 1.to_dim(),
        }
    }

    /// Names the first node whose operator tract does not have.
    fn check_operators(request: &Request) -> Result<(), String> {
        let known = tract_onnx::onnx().op_register.0;
        let nodes = request.model.graph.iter().flat_map(|graph| &graph.node);
        let Some(node) = nodes.into_iter().find(|node| !known.contains_key(&node.op_type)) else { return Ok(()) };
        let domain = if node.domain.is_empty() { String::new() } else { format!(" of `{}`", printable(&node.domain)) };
        Err(format!("{}: the operator{domain} is not supported", describe(node)))
    }

    /// The input's shape for a batch of this dimension.
    fn shape<T: From<usize>>(layout: Layout, batch: T, row_shape: &[usize]) -> Vec<T> {
        let batch = if layout.batch == Batch::Single { None } else { Some(batch) };
        let before = iter::repeat_with(|| T::from(1)).take(layout.before);
        before.chain(batch).chain(row_shape.iter().map(|&dim| T::from(dim))).collect()
    }

    /// The shape of a row of an output of this shape: what comes after the batch, which only dimensions of 1 may precede.
    fn row_shape(shape: &[TDim], batch: Batch, dim: &TDim) -> Option<Vec<usize>> {
        let one = 1.to_dim();
        let row = match batch {
            Batch::Single => shape,
            Batch::Fixed(1) => shape.strip_prefix(&[one][..]).unwrap_or(shape),
            _ => &shape[shape.iter().position(|found| *found != one).filter(|&axis| shape[axis] == *dim)? + 1..],
        };
        row.iter().map(|dim| dim.to_usize().ok()).collect()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_batch_has_the_shape_that_the_graph_takes() {
            let found = |before, batch| shape(Layout { before, batch }, 3usize, &[8, 8]);
            assert_eq!(found(0, Batch::Any), [3, 8, 8]);
            assert_eq!(found(1, Batch::Fixed(3)), [1, 3, 8, 8]);
            assert_eq!(found(0, Batch::Single), [8, 8]);
        }

        #[test]
        fn an_output_has_a_row_for_each_of_the_inputs_behind_dimensions_of_one() {
            let symbols = SymbolScope::default();
            let batch = symbols.sym("batch").to_dim();
            let [one, four, eight] = [1, 4, 8].map(|dim: usize| dim.to_dim());
            for (shape, layout, dim, expected) in [
                (vec![batch.clone(), eight.clone()], Batch::Any, &batch, Some(vec![8])),
                (vec![one.clone(), batch.clone(), eight.clone()], Batch::Any, &batch, Some(vec![8])),
                (vec![batch.clone(), eight.clone(), one.clone()], Batch::Any, &batch, Some(vec![8, 1])),
                (vec![eight.clone(), batch.clone()], Batch::Any, &batch, None),
                (vec![one.clone(), eight.clone()], Batch::Any, &batch, None),
                (vec![four.clone(), eight.clone()], Batch::Fixed(4), &four, Some(vec![8])),
                (vec![eight.clone(), eight.clone()], Batch::Fixed(4), &four, None),
                (vec![one.clone(), eight.clone()], Batch::Fixed(1), &one, Some(vec![8])),
                (vec![eight.clone()], Batch::Fixed(1), &one, Some(vec![8])),
                (vec![eight.clone()], Batch::Single, &one, Some(vec![8])),
            ] {
                assert_eq!(row_shape(&shape, layout, dim), expected, "{shape:?}, {layout:?}");
            }
        }
    }
}

#[cfg(not(feature = "tract"))]
mod disabled {
    use crate::engine::request::Request;
    use crate::engine::signature::Signature;

    /// There is none.
    pub(crate) enum Plan {}

    impl Plan {
        /// Fails with the reason why there are not kernels for the whole graph.
        pub(crate) fn new(_bytes: &[u8], _request: &Request, unsupported: &str) -> Result<Self, String> {
            Err(format!("{unsupported}; build with the feature `tract`"))
        }

        pub(crate) fn outputs(&self) -> &[Signature] {
            match *self {}
        }

        pub(crate) fn block_rows(&self) -> usize {
            match *self {}
        }

        pub(crate) fn run<const N: usize>(
            &self,
            _rows: &[f32],
            _numbers: [usize; N],
            _outputs: [&mut [f32]; N],
        ) -> Result<(), String> {
            match *self {}
        }
    }
}

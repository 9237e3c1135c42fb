//! Which symbolic length a size is: equal in every run is equal in the graph.

use exporter::{Dim, GraphBuilder, Value};

use crate::error::{Error, Result};

/// The lengths that are known, each with its size in every run.
#[derive(Default)]
pub(crate) struct Lengths {
    known: Vec<(Vec<usize>, Dim)>,
}

impl Lengths {
    /// Notes the lengths of a value, and names those that are known already by the length that was first.
    pub(crate) fn settle(&mut self, graph: &mut GraphBuilder, value: Value, shapes: &[Vec<usize>]) -> Result<Value> {
        let mut dims = vec![];
        for (axis, &dim) in value.dims().iter().enumerate() {
            let sizes: Vec<usize> = shapes.iter().map(|shape| shape[axis]).collect();
            dims.push(match (dim, self.find(&sizes)) {
                (Dim::Symbol(_), Some(known)) => known,
                (Dim::Symbol(_), None) => {
                    if sizes.iter().any(|&size| size != sizes[0]) {
                        self.known.push((sizes, dim));
                    }
                    dim
                }
                (Dim::Fixed(_), _) => dim,
            });
        }
        if dims == value.dims() {
            return Ok(value);
        }
        Ok(graph.with_equal_dims(value, dims.into_iter().map(Into::into).collect::<Vec<_>>())?)
    }

    /// The length that has these sizes: a number, one that is known, or what is computed from those.
    pub(crate) fn dim(&mut self, graph: &mut GraphBuilder, sizes: &[usize]) -> Result<Dim> {
        if sizes.iter().all(|&size| size == sizes[0]) {
            return Ok(Dim::Fixed(sizes[0]));
        }
        if let Some(dim) = self.find(sizes) {
            return Ok(dim);
        }
        let found = self.compute(graph, sizes)?;
        let found = found.ok_or_else(|| {
            let known: Vec<&Vec<usize>> = self.known.iter().map(|(sizes, _)| sizes).collect();
            let expected = "a product, a whole part or a sum of lengths with these sizes";
            Error::Size(format!("a length of {sizes:?} in the runs is not seen to follow from the inputs': expected {expected}: {known:?}; `multiple_of` may be missing"))
        })?;
        self.known.push((sizes.to_vec(), found));
        Ok(found)
    }

    /// The shape that has these sizes.
    pub(crate) fn dims(&mut self, graph: &mut GraphBuilder, shapes: &[Vec<usize>]) -> Result<Vec<Dim>> {
        let axes = 0..shapes[0].len();
        axes.map(|axis| self.dim(graph, &shapes.iter().map(|shape| shape[axis]).collect::<Vec<_>>())).collect()
    }

    /// The known length that these numbers are multiples of, and of how much: `numbers = factor * length`.
    pub(crate) fn proportional(&self, numbers: &[f64]) -> Option<(f64, Dim)> {
        self.known.iter().find_map(|(sizes, dim)| {
            let factor = numbers[0] / sizes[0] as f64;
            let fits = numbers.iter().zip(sizes).all(|(number, &size)| close(*number, factor * size as f64));
            fits.then_some((factor, *dim))
        })
    }

    fn find(&self, sizes: &[usize]) -> Option<Dim> {
        self.known.iter().find(|(known, _)| known == sizes).map(|&(_, dim)| dim)
    }

    fn compute(&self, graph: &mut GraphBuilder, sizes: &[usize]) -> Result<Option<Dim>> {
        // Products of up to three lengths and a number, the simplest first.
        let count = self.known.len();
        let one = (0..count).map(|a| vec![a]);
        let two = (0..count).flat_map(|a| (a..count).map(move |b| vec![a, b]));
        let three = (0..count).flat_map(|a| (a..count).flat_map(move |b| (b..count).map(move |c| vec![a, b, c])));
        let combined: Vec<Vec<usize>> = one.chain(two).chain(three).collect();
        for parts in &combined {
            let product = |run: usize| parts.iter().map(|&part| self.known[part].0[run]).product::<usize>();
            let products: Vec<usize> = (0..sizes.len()).map(product).collect();
            let dims: Vec<Dim> = parts.iter().map(|&part| self.known[part].1).collect();
            let ratio = |of: &[usize], by: &[usize]| {
                let ratio = of[0] / by[0];
                of.iter().zip(by).all(|(of, by)| *of == ratio * by).then_some(ratio)
            };
            if let Some(factor) = ratio(sizes, &products) {
                return Ok(Some(graph.product(&[&dims[..], &[Dim::Fixed(factor)]].concat())?));
            }
            if let Some(by) = ratio(&products, sizes) {
                let whole = graph.product(&dims)?;
                // Not every length that was divisible in the runs always is.
                if let Ok(part) = graph.quotient(whole, by) {
                    return Ok(Some(part));
                }
            }
            let offset = |run: usize| sizes[run] as i64 - products[run] as i64;
            if (0..sizes.len()).all(|run| offset(run) == offset(0)) {
                let whole = graph.product(&dims)?;
                return Ok(Some(graph.plus(whole, offset(0))?));
            }
        }
        Ok(None)
    }
}

pub(crate) fn close(a: f64, b: f64) -> bool {
    // Numbers that went through f32 differ by 6e-8 of their size.
    (a - b).abs() <= 1e-6 * a.abs().max(b.abs())
}

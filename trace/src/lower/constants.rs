//! Weights and constants, and the constants that grow with the inputs: ranges, masks, tables.

use candle_core::{DType, Tensor};
use exporter::{Dim, ElementType, Value};

use crate::error::{Error, Result};
use crate::fold::same_in_all_runs;
use crate::lower::{Lowering, computed_in, specs};
use crate::recording::{Id, Source};

impl Lowering<'_> {
    pub(super) fn leaf(&mut self, id: Id) -> Result<Value> {
        match &self.recording.nodes[id].source {
            Source::Input(_) => Ok(self.values[&id]),
            Source::Weight(_) => self.weight(id),
            _ if same_in_all_runs(self.recording, id) => self.constant(self.recording.tensor(id)),
            _ => self.growing(id),
        }
    }

    /// A weight under its name.
    pub(super) fn weight(&mut self, id: Id) -> Result<Value> {
        let tensor = self.recording.tensor(id);
        match &self.recording.nodes[id].source {
            Source::Weight(Some(name)) => Ok(self.graph.initializer(name, &stored(tensor)?)?),
            _ => self.constant(tensor),
        }
    }

    fn constant(&mut self, tensor: &Tensor) -> Result<Value> {
        if tensor.rank() == 0 && tensor.dtype().is_float() {
            let number = tensor.to_dtype(DType::F32)?.to_scalar::<f32>()?;
            return Ok(self.graph.scalar(number)?);
        }
        Ok(self.graph.constant(&stored(tensor)?)?)
    }

    /// A constant that the model makes anew at each size.
    fn growing(&mut self, id: Id) -> Result<Value> {
        let runs = numbers(&self.recording.nodes[id].runs)?;
        let element_type = computed_in(self.recording.dtype(id))?;
        let dims = self.dims(id)?;
        let first = runs[0].first().copied().unwrap_or(0.);
        if runs.iter().flatten().all(|&number| number.to_bits() == first.to_bits()) {
            let value = self.filled(first, element_type)?;
            return Ok(self.graph.expand(value, specs(&dims))?);
        }
        if runs.iter().all(|numbers| numbers.len() == 1) {
            let number = self.number(&runs.iter().map(|numbers| numbers[0]).collect::<Vec<_>>())?;
            let value = self.as_type(number, element_type)?;
            return Ok(if dims.is_empty() { value } else { self.graph.expand(value, specs(&dims))? });
        }
        if let Some(value) = self.range(&runs, &dims)? {
            return self.as_type(value, element_type);
        }
        if let Some(value) = self.triangle(id, (&runs, &dims))? {
            return Ok(value);
        }
        self.table(id, &dims)
    }

    fn filled(&mut self, number: f64, element_type: ElementType) -> Result<Value> {
        let value = self.graph.scalar(number as f32)?;
        self.as_type(value, element_type)
    }

    /// `first, first + step, ..` of any length.
    fn range(&mut self, runs: &[Vec<f64>], dims: &[Dim]) -> Result<Option<Value>> {
        let [.., length] = dims else { return Ok(None) };
        if dims[..dims.len() - 1].iter().any(|&dim| dim != Dim::Fixed(1)) || runs[0].len() < 2 {
            return Ok(None);
        }
        let (first, step) = (runs[0][0], runs[0][1] - runs[0][0]);
        // Numbers that were computed in f32 differ from these by 6e-8 of what was added up.
        let fits = |(place, &number): (usize, &f64)| {
            let way = place as f64 * step;
            (number - (first + way)).abs() <= 1e-6 * (first.abs() + way.abs())
        };
        if !runs.iter().all(|numbers| numbers.iter().enumerate().all(fits)) || step == 0. {
            return Ok(None);
        }
        let mut places = self.graph.arange(*length)?;
        if (first, step) != (0., 1.) {
            places = self.graph.cast(places, ElementType::F32)?;
            places = self.graph.affine(places, step as f32, first as f32)?;
        }
        for axis in 0..dims.len() - 1 {
            places = self.graph.unsqueeze(places, axis)?;
        }
        Ok(Some(places))
    }

    /// One number below the diagonal and on it, another one above: a causal mask. Or any number on each of the three.
    fn triangle(&mut self, id: Id, (runs, dims): (&[Vec<f64>], &[Dim])) -> Result<Option<Value>> {
        let [before @ .., rows, columns] = dims else { return Ok(None) };
        if rows != columns || before.iter().any(|&dim| dim != Dim::Fixed(1)) {
            return Ok(None);
        }
        let sides = self.recording.length(id, dims.len() - 1);
        let mut parts: [Option<f64>; 3] = [None; 3];
        for (numbers, side) in runs.iter().zip(sides) {
            for (at, &number) in numbers.iter().enumerate() {
                let part = (at % side).cmp(&(at / side)) as i8 + 1;
                if parts[part as usize].get_or_insert(number).to_bits() != number.to_bits() {
                    return Ok(None);
                }
            }
        }
        let [Some(below), Some(on), Some(above)] = parts else { return Ok(None) };
        let element_type = computed_in(self.recording.dtype(id))?;
        let column = self.graph.arange(*columns)?;
        let row = self.graph.unsqueeze(column, 1)?;
        let is_above = self.graph.gt(column, row)?;
        let (above, below) = (self.filled(above, element_type)?, self.filled(below, element_type)?);
        let mut value = self.graph.where_cond(is_above, above, below)?;
        if parts[0] != parts[1] {
            let is_on = self.graph.eq(column, row)?;
            let on = self.filled(on, element_type)?;
            value = self.graph.where_cond(is_on, on, value)?;
        }
        for axis in 0..before.len() {
            value = self.graph.unsqueeze(value, axis)?;
        }
        Ok(Some(value))
    }

    /// The first part of one table, which the largest run has whole.
    fn table(&mut self, id: Id, dims: &[Dim]) -> Result<Value> {
        let runs = &self.recording.nodes[id].runs;
        let largest = runs.last().expect("there are runs");
        let shape = format!("a constant of the shapes {:?}", self.recording.shapes(id));
        for run in runs {
            let mut part = largest.detach();
            for (axis, &size) in run.dims().iter().enumerate() {
                if size > part.dims()[axis] {
                    return Err(Error::Size(format!("{shape} does not grow with the sizes")));
                }
                part = part.narrow(axis, 0, size)?;
            }
            if numbers(&[part.contiguous()?])? != numbers(std::slice::from_ref(run))? {
                let causes = "numbers that are made up, or tensors that are written in place, are no constants either";
                return Err(Error::Size(format!("{shape} depends on the sizes, and it is not seen how; {causes}")));
            }
        }
        let mut value = self.constant(largest)?;
        for (axis, &dim) in dims.iter().enumerate() {
            if !matches!(dim, Dim::Fixed(_)) {
                value = self.graph.narrow(value, axis, 0, dim)?;
            }
        }
        // Every size that a side of it is made of.
        let sides = self.graph.describe(value);
        let words = || sides.iter().flat_map(|side| side.split(|c: char| !c.is_alphanumeric() && c != '_'));
        let is_open = |name: &&String| !self.sizes.longest.contains_key(*name) && words().any(|word| word == *name);
        if let Some(name) = self.sizes.names().iter().find(is_open) {
            let advice = format!("say with `longest` how long `{name}` can be, and so much of it is stored");
            return Err(Error::Size(format!("{shape} is a table that grows with the sizes; {advice}")));
        }
        self.as_type(value, computed_in(self.recording.dtype(id))?)
    }
}

/// The tensor in a type that is stored.
fn stored(tensor: &Tensor) -> Result<Tensor> {
    match tensor.dtype() {
        DType::F64 => Ok(tensor.detach().to_dtype(DType::F32)?),
        DType::I32 | DType::I16 => Ok(tensor.detach().to_dtype(DType::I64)?),
        // The same tensor, so that it is stored once.
        _ => Ok(tensor.clone()),
    }
}

fn numbers(runs: &[Tensor]) -> Result<Vec<Vec<f64>>> {
    let of = |tensor: &Tensor| Ok(tensor.detach().to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?);
    runs.iter().map(of).collect()
}

//! What changes shapes: reshaping, cutting, joining, broadcasting.

use candle_core::op::Op;
use exporter::{Dim, ElementType, Value};

use crate::error::{Error, Result};
use crate::lower::{Lowering, computed_in, specs};
use crate::recording::Id;

impl Lowering<'_> {
    pub(super) fn reshape(&mut self, id: Id, x: Id) -> Result<Value> {
        let (from, to) = (self.recording.tensor(x).dims(), self.recording.tensor(id).dims());
        if from.iter().product::<usize>() != to.iter().product::<usize>() {
            let reason = "windows that overlap have no ONNX form here".into();
            return Err(Error::Unsupported { operator: "unfold".into(), reason });
        }
        let value = self.values[&x];
        // One dimension of length 1 more or less is clearer than a shape, and runtimes see through it.
        if to.len() == from.len() + 1
            && let Some(axis) = added(&self.recording.shapes(x), &self.recording.shapes(id))
        {
            return Ok(self.graph.unsqueeze(value, axis)?);
        }
        if from.len() == to.len() + 1
            && let Some(axis) = added(&self.recording.shapes(id), &self.recording.shapes(x))
            && value.dim(axis) == Dim::Fixed(1)
        {
            return Ok(self.graph.squeeze(value, axis)?);
        }
        let dims = self.dims(id)?;
        if dims == value.dims() {
            return Ok(value);
        }
        Ok(self.graph.reshape(value, specs(&dims))?)
    }

    pub(super) fn broadcast(&mut self, id: Id, x: Id) -> Result<Value> {
        let dims = self.dims(id)?;
        let value = self.values[&x];
        if dims == value.dims() {
            return Ok(value);
        }
        // Bytes and conditions are not expanded by every runtime.
        let element_type = match value.element_type() {
            ElementType::Bool | ElementType::U8 => ElementType::I64,
            other => other,
        };
        let value = self.as_type(value, element_type)?;
        Ok(self.graph.expand(value, specs(&dims))?)
    }

    pub(super) fn narrow(&mut self, id: Id, x: Id, axis: usize) -> Result<Value> {
        let cuts: Vec<(usize, usize)> = self
            .recording
            .ops(id)
            .filter_map(|op| match op {
                Op::Narrow(_, _, start, length) => Some((*start, *length)),
                _ => None,
            })
            .collect();
        let (starts, lengths): (Vec<usize>, Vec<usize>) = cuts.into_iter().unzip();
        let value = self.values[&x];
        let length = self.lengths.dim(self.graph, &lengths)?;
        if starts.iter().all(|&start| start == starts[0]) {
            return Ok(self.graph.narrow(value, axis, starts[0], length)?);
        }
        let sizes = self.recording.length(x, axis);
        if length == Dim::Fixed(1) && starts.iter().zip(&sizes).all(|(start, size)| start + 1 == *size) {
            let last = self.graph.last(value, axis)?;
            return Ok(self.graph.unsqueeze(last, axis)?);
        }
        // The places are counted when the model runs.
        let start = self.lengths.dim(self.graph, &starts)?;
        let (places, start) = (self.graph.arange(length)?, self.graph.length(start)?);
        let places = self.graph.add(places, start)?;
        Ok(self.graph.index_select(value, places, axis)?)
    }

    pub(super) fn cat(&mut self, id: Id, args: &[Id], axis: usize) -> Result<Value> {
        let element_type = computed_in(self.recording.dtype(id))?;
        if let [x] = *args {
            return self.repeat(id, x, axis);
        }
        let mut values = vec![];
        for arg in args {
            values.push(self.as_type(self.values[arg], element_type)?);
        }
        Ok(self.graph.cat(&values, axis)?)
    }

    /// Joins a value with itself, as often as the lengths say.
    fn repeat(&mut self, id: Id, x: Id, axis: usize) -> Result<Value> {
        let value = self.as_type(self.values[&x], computed_in(self.recording.dtype(id))?)?;
        let (whole, part) = (self.recording.length(id, axis), self.recording.length(x, axis));
        let count = whole[0] / part[0];
        if whole.iter().zip(&part).all(|(whole, part)| *whole == count * part) {
            return Ok(self.graph.cat(&vec![value; count], axis)?);
        }
        let dims = self.dims(id)?;
        if part.iter().all(|&size| size == 1) {
            return Ok(self.graph.expand(value, specs(&dims))?);
        }
        let times: Vec<usize> = whole.iter().zip(&part).map(|(whole, part)| whole / part).collect();
        let times = self.lengths.dim(self.graph, &times)?;
        let one = self.graph.unsqueeze(value, axis)?;
        let mut several = one.dims().to_vec();
        several[axis] = times;
        let several = self.graph.expand(one, specs(&several))?;
        Ok(self.graph.reshape(several, specs(&dims))?)
    }
}

/// The axis at which the second shapes have a 1 that the first ones have not.
fn added(without: &[Vec<usize>], with: &[Vec<usize>]) -> Option<usize> {
    let fits = |axis: usize| {
        without.iter().zip(with).all(|(without, with)| {
            let mut rest = with.clone();
            rest.remove(axis) == 1 && rest == *without
        })
    };
    (0..with[0].len()).find(|&axis| fits(axis))
}

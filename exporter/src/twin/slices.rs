//! Joining, cutting, padding, and picking by indices.

use candle_core::Result;
use candle_core::shape::Dim as Axis;

use super::context::with;
use super::dims::{IntoLengths, Part};
use super::length::Length;
use super::tensor::Tensor;
use crate::graph::GraphBuilder;
use crate::value::{ElementType, Value};

fn values<A: AsRef<Tensor>>(graph: &mut GraphBuilder, tensors: &[A]) -> crate::Result<Vec<Value>> {
    tensors.iter().map(|tensor| tensor.as_ref().value(graph)).collect()
}

/// Indices are I64 in a graph.
fn indices(graph: &mut GraphBuilder, tensor: &Tensor) -> crate::Result<Value> {
    let value = tensor.value(graph)?;
    if value.element_type() == ElementType::U8 { graph.cast(value, ElementType::I64) } else { Ok(value) }
}

impl Tensor {
    /// Joins tensors along an axis.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::cat`].
    pub fn cat<A: AsRef<Tensor>, D: Axis>(tensors: &[A], axis: D) -> Result<Self> {
        with(|graph| {
            let values = values(graph, tensors)?;
            graph.cat(&values, axis)
        })
        .map(Tensor::from)
    }

    /// Joins tensors along a new axis.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::stack`].
    pub fn stack<A: AsRef<Tensor>, D: Axis>(tensors: &[A], axis: D) -> Result<Self> {
        with(|graph| {
            let values = values(graph, tensors)?;
            graph.stack(&values, axis)
        })
        .map(Tensor::from)
    }

    /// Cuts a known length into parts.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::chunk`].
    pub fn chunk<D: Axis>(&self, parts: usize, axis: D) -> Result<Vec<Self>> {
        let parts = with(|graph| {
            let x = self.value(graph)?;
            graph.chunk(x, parts, axis)
        });
        Ok(parts?.into_iter().map(Tensor::from).collect())
    }

    /// `length` elements along an axis, starting at `start`.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::narrow`].
    pub fn narrow<D: Axis>(&self, axis: D, start: impl Into<Length>, length: impl Into<Length>) -> Result<Self> {
        let (start, length) = (start.into().dim(), length.into().dim());
        self.map(|graph, x| graph.narrow(x, axis, start, length))
    }

    /// One element along an axis, which is dropped.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::narrow`].
    pub fn get_on_dim<D: Axis>(&self, axis: D, index: impl Into<Length>) -> Result<Self> {
        let axis = self.axis(axis, "get_on_dim")?;
        self.narrow(axis, index, 1)?.squeeze(axis)
    }

    /// One element along the first axis, which is dropped.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::narrow`].
    pub fn get(&self, index: impl Into<Length>) -> Result<Self> {
        self.get_on_dim(0, index)
    }

    /// Moves the elements along an axis, and those beyond the end to the start.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::roll`].
    pub fn roll<D: Axis>(&self, shift: i32, axis: D) -> Result<Self> {
        self.map(|graph, x| graph.roll(x, shift, axis))
    }

    /// Zeros before and after the elements along an axis.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::pad_with_zeros`], and for a number of zeros that is known only when the model runs.
    pub fn pad_with_zeros<D: Axis>(&self, axis: D, left: impl Into<Length>, right: impl Into<Length>) -> Result<Self> {
        let (left, right) = (left.into().expect_known("padding"), right.into().expect_known("padding"));
        self.map(|graph, x| graph.pad_with_zeros(x, axis, left, right))
    }

    /// The outermost elements repeated before and after the elements along an axis.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::pad_with_same`], and for a number of elements that is known only when the model runs.
    pub fn pad_with_same<D: Axis>(&self, axis: D, left: impl Into<Length>, right: impl Into<Length>) -> Result<Self> {
        let (left, right) = (left.into().expect_known("padding"), right.into().expect_known("padding"));
        self.map(|graph, x| graph.pad_with_same(x, axis, left, right))
    }

    /// The tensor repeated so often along each axis, from the first on; further numbers stand for dimensions in front, as in candle.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::cat`], and for a number that is known only when the model runs.
    pub fn repeat(&self, times: impl IntoLengths) -> Result<Self> {
        let known = |part: Part| match part {
            Part::Length(length) => length.expect_known("repeating"),
            Part::Rest => 1,
        };
        let times: Vec<usize> = times.parts().into_iter().map(known).collect();
        let mut repeated = self.clone();
        for _ in self.rank()..times.len() {
            repeated = repeated.unsqueeze(0)?;
        }
        for (axis, times) in times.into_iter().enumerate().filter(|(_, times)| *times != 1) {
            repeated = Tensor::cat(&vec![repeated; times], axis)?;
        }
        Ok(repeated)
    }

    /// Slices along an axis, picked by indices.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::index_select`].
    pub fn index_select<D: Axis>(&self, picks: &Tensor, axis: D) -> Result<Self> {
        self.map(|graph, x| {
            let picks = indices(graph, picks)?;
            graph.index_select(x, picks, axis)
        })
    }

    /// Rows picked by indices: `[words, n]` picked by `[.., length]` gives `[.., length, n]`.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::index_select`].
    pub fn embedding(&self, picks: &Tensor) -> Result<Self> {
        self.index_select(picks, 0)
    }

    /// Single elements along an axis, picked by indices.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::gather`].
    pub fn gather<D: Axis>(&self, picks: &Tensor, axis: D) -> Result<Self> {
        self.map(|graph, x| {
            let picks = indices(graph, picks)?;
            graph.gather(x, picks, axis)
        })
    }

    /// Single elements of `source` in place of those at their indices.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::scatter`].
    pub fn scatter<D: Axis>(&self, places: &Tensor, source: &Tensor, axis: D) -> Result<Self> {
        self.map(|graph, x| {
            let (places, source) = (indices(graph, places)?, source.value(graph)?);
            graph.scatter(x, places, source, axis)
        })
    }

    /// Single elements of `source` added at their indices.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::scatter_add`].
    pub fn scatter_add<D: Axis>(&self, places: &Tensor, source: &Tensor, axis: D) -> Result<Self> {
        self.map(|graph, x| {
            let (places, source) = (indices(graph, places)?, source.value(graph)?);
            graph.scatter_add(x, places, source, axis)
        })
    }

    /// Slices of `source` added at their indices.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::index_add`].
    pub fn index_add<D: Axis>(&self, places: &Tensor, source: &Tensor, axis: D) -> Result<Self> {
        self.map(|graph, x| {
            let (places, source) = (indices(graph, places)?, source.value(graph)?);
            graph.index_add(x, places, source, axis)
        })
    }
}

//! Picking elements by their indices.

use candle_core::shape::Dim as Axis;

use crate::attribute::{int, text};
use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::shape::{Dim, DimSpec};
use crate::value::{ElementType, Value};

/// The opset from which ScatterElements can add.
const SCATTER_ADDS: i64 = 16;

impl GraphBuilder {
    /// Slices of `x` along `axis`, picked by `indices`, whose dimensions replace the axis: `[words, 64]` picked by
    /// `[batch, length]` along axis 0 gives `[batch, length, 64]`. With indices of one dimension, it is candle's `index_select`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let words = graph.input_of(exporter::ElementType::I64, "words", ("batch", "length"))?;
    /// let table = graph.constant(&candle_core::Tensor::new(&[[0f32; 64]; 100], &candle_core::Device::Cpu)?)?;
    /// let y = graph.index_select(table, words, 0)?; // [batch, length, 64]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when `x` has no such axis or the indices are not I64.
    pub fn index_select(&mut self, x: Value, indices: Value, axis: impl Axis) -> Result<Value> {
        let axis = self.axis("Gather", x, axis)?;
        self.expect_type("Gather", indices, ElementType::I64)?;
        let dims = [&x.dims()[..axis], indices.dims(), &x.dims()[axis + 1..]].concat();
        let shape = self.shape("Gather", &dims)?;
        self.node("Gather", &[x, indices], vec![int("axis", axis as i64)], shape)
    }

    /// Single elements of `x` along `axis`, one for each of `indices`: candle's `gather`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 4))?;
    /// let picks = graph.input_of(exporter::ElementType::I64, "picks", ("batch", 2))?;
    /// let y = graph.gather(x, picks, 1)?; // [batch, 2]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when the ranks differ or the indices are not I64.
    pub fn gather(&mut self, x: Value, indices: Value, axis: impl Axis) -> Result<Value> {
        let axis = self.axis("GatherElements", x, axis)?;
        self.expect_type("GatherElements", indices, ElementType::I64)?;
        if indices.rank() != x.rank() {
            let expected = format!("indices of {} dimensions", x.rank());
            return Err(self.mismatch("GatherElements", expected, format!("{:?}", self.describe(indices))));
        }
        for other in (0..x.rank()).filter(|&other| other != axis) {
            let fits = match (x.dim(other), indices.dim(other)) {
                (Dim::Fixed(size), Dim::Fixed(picked)) => picked <= size,
                (a, b) => a == b,
            };
            if !fits {
                let expected = format!("indices no longer than {:?} but for axis {axis}", self.describe(x));
                return Err(self.mismatch("GatherElements", expected, format!("{:?}", self.describe(indices))));
            }
        }
        self.node("GatherElements", &[x, indices], vec![int("axis", axis as i64)], indices.shape)
    }

    /// `x` with single elements of `source` in place of its own along `axis`, each at its index: candle's `scatter`. Where two have the same
    /// index, either may stay.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let (x, source) = (graph.input("x", ("batch", 4))?, graph.input("source", ("batch", 2))?);
    /// let places = graph.input_of(exporter::ElementType::I64, "places", ("batch", 2))?;
    /// let y = graph.scatter(x, places, source, 1)?; // [batch, 4]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when indices and source differ in shape, or from `x` but for `axis`, or the indices are not I64.
    pub fn scatter(&mut self, x: Value, indices: Value, source: Value, axis: impl Axis) -> Result<Value> {
        let axis = self.scatter_axis(x, [indices, source], axis)?;
        self.node("ScatterElements", &[x, indices, source], vec![int("axis", axis as i64)], x.shape)
    }

    /// `x` plus single elements of `source` along `axis`, each at its index: candle's `scatter_add`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let (x, source) = (graph.input("x", ("batch", 4))?, graph.input("source", ("batch", 2))?);
    /// let places = graph.input_of(exporter::ElementType::I64, "places", ("batch", 2))?;
    /// let y = graph.scatter_add(x, places, source, 1)?; // [batch, 4]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::scatter`].
    pub fn scatter_add(&mut self, x: Value, indices: Value, source: Value, axis: impl Axis) -> Result<Value> {
        let axis = self.scatter_axis(x, [indices, source], axis)?;
        if self.opset() >= SCATTER_ADDS {
            let attributes = vec![int("axis", axis as i64), text("reduction", "add")];
            return self.node("ScatterElements", &[x, indices, source], attributes, x.shape);
        }
        // Each element of the source beside each place: 1 where it belongs.
        let last = x.rank() - 1;
        let (indices, source) = (self.transpose(indices, axis, last)?, self.transpose(source, axis, last)?);
        let (indices, source) = (self.unsqueeze(indices, last + 1)?, self.unsqueeze(source, last + 1)?);
        let places = self.arange(x.dim(axis))?;
        let belongs = self.eq(indices, places)?;
        let nothing = self.scalar(0.)?;
        let placed = self.where_cond(belongs, source, nothing)?;
        let sum = self.sum(placed, last)?;
        let sum = self.transpose(sum, axis, last)?;
        self.add(x, sum)
    }

    /// `x` plus slices of `source` along `axis`, each at its index: candle's `index_add`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let (x, source) = (graph.input("x", ("batch", 4, 8))?, graph.input("source", ("batch", 2, 8))?);
    /// let places = graph.constant(&candle_core::Tensor::new(&[3u32, 0], &candle_core::Device::Cpu)?)?;
    /// let y = graph.index_add(x, places, source, 1)?; // [batch, 4, 8]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when there are not as many indices as slices, the source differs from `x` but for `axis`, or the indices are
    /// not I64.
    pub fn index_add(&mut self, x: Value, indices: Value, source: Value, axis: impl Axis) -> Result<Value> {
        let axis = self.axis("ScatterElements", x, axis)?;
        let fits = source.rank() == x.rank() && indices.dims() == [source.dim(axis)];
        if !fits {
            let expected = format!("an index for each slice of {:?} along axis {axis}", self.describe(source));
            return Err(self.mismatch("ScatterElements", expected, format!("{:?}", self.describe(indices))));
        }
        let mut indices = indices;
        for _ in axis + 1..x.rank() {
            indices = self.unsqueeze(indices, indices.rank())?;
        }
        let dims: Vec<DimSpec> = source.dims().iter().map(|&dim| dim.into()).collect();
        let indices = self.expand(indices, dims)?;
        self.scatter_add(x, indices, source, axis)
    }

    fn scatter_axis(&self, x: Value, [indices, source]: [Value; 2], axis: impl Axis) -> Result<usize> {
        let axis = self.axis("ScatterElements", x, axis)?;
        self.expect_floats("ScatterElements", &[x, source])?;
        self.expect_type("ScatterElements", indices, ElementType::I64)?;
        let fits = source.rank() == x.rank() && source.shape.with(axis, x.dim(axis)) == x.shape;
        if !fits || indices.shape != source.shape {
            let expected = format!("indices and source of {:?} but for axis {axis}", self.describe(x));
            let found = format!("{:?} and {:?}", self.describe(indices), self.describe(source));
            return Err(self.mismatch("ScatterElements", expected, found));
        }
        Ok(axis)
    }

    /// The places of the `count` smallest elements along the last axis, the smallest first: `[batch, 100]` gives `[batch, count]`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 100))?;
    /// let y = graph.smallest(x, 5)?; // [batch, 5], I64
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when `x` has no dimension, or fewer elements along its last one.
    pub fn smallest(&mut self, x: Value, count: usize) -> Result<Value> {
        let axis = self.axis("TopK", x, candle_core::D::Minus1)?;
        if matches!(x.dim(axis), Dim::Fixed(size) if size < count) {
            return Err(self.mismatch("TopK", format!("at least {count} elements"), format!("{:?}", self.describe(x))));
        }
        let count_input = self.integers("count", &[count as i64])?;
        let shape = x.shape.with(axis, Dim::Fixed(count));
        let attributes = vec![int("axis", axis as i64), int("largest", 0), int("sorted", 1)];
        let values = self.node("TopK", &[x, count_input], attributes, shape)?;
        self.second_output(values, (ElementType::I64, shape))
    }
}

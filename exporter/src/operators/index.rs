//! Picking elements by their indices.

use candle_core::shape::Dim as Axis;

use crate::attribute::int;
use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::shape::Dim;
use crate::value::{ElementType, Value};

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

//! Rotary embeddings.

use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::shape::Dim;
use crate::value::Value;

impl GraphBuilder {
    /// Rotary embeddings as `candle_nn::rotary_emb::rope`: `[batch, heads, length, width]`, with tables of cosines and sines, `[rows, width / 2]`,
    /// of which the first `length` rows count. Each element of the first half of a row is turned with that of the second half.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 2, "length", 8))?;
    /// let angles = candle_core::Tensor::zeros((512, 4), candle_core::DType::F32, &candle_core::Device::Cpu)?;
    /// let (cos, sin) = (graph.constant(&angles.cos()?)?, graph.constant(&angles.sin()?)?);
    /// let y = graph.rope(x, cos, sin)?; // [batch, 2, length, 8]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when the width is odd or not known, or cosines and sines have another shape.
    pub fn rope(&mut self, x: Value, cos: Value, sin: Value) -> Result<Value> {
        let (half, tables) = self.rope_tables(x, [cos, sin], 2)?;
        let (low, high) = (self.narrow(x, 3, 0, half)?, self.narrow(x, 3, half, half)?);
        let turned = self.turn([low, high], tables)?;
        self.cat(&turned, 3)
    }

    /// The same as `candle_nn::rotary_emb::rope_i`: each element at an even place is turned with the one behind it.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::rope`].
    pub fn rope_i(&mut self, x: Value, cos: Value, sin: Value) -> Result<Value> {
        let (half, [cos, sin]) = self.rope_tables(x, [cos, sin], 2)?;
        let tables = [self.unsqueeze(cos, 2)?, self.unsqueeze(sin, 2)?];
        let pairs = self.reshape(x, (x.dim(0), x.dim(1), x.dim(2), half, 2))?;
        let (even, odd) = (self.narrow(pairs, 4, 0, 1)?, self.narrow(pairs, 4, 1, 1)?);
        let turned = self.turn([even, odd], tables)?;
        let turned = self.cat(&turned, 4)?;
        self.flatten_from(turned, 3)
    }

    /// The same as `candle_nn::rotary_emb::rope_thd`: of `[batch, length, heads, width]`.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::rope`].
    pub fn rope_thd(&mut self, x: Value, cos: Value, sin: Value) -> Result<Value> {
        let (half, [cos, sin]) = self.rope_tables(x, [cos, sin], 1)?;
        let tables = [self.unsqueeze(cos, 1)?, self.unsqueeze(sin, 1)?];
        let (low, high) = (self.narrow(x, 3, 0, half)?, self.narrow(x, 3, half, half)?);
        let turned = self.turn([low, high], tables)?;
        self.cat(&turned, 3)
    }

    /// Half of the width, and as many rows of the tables as there are places along `axis`.
    fn rope_tables(&mut self, x: Value, tables: [Value; 2], axis: usize) -> Result<(usize, [Value; 2])> {
        let half = match x.dims() {
            [.., Dim::Fixed(width)] if x.rank() == 4 && width.is_multiple_of(2) => width / 2,
            _ => 0,
        };
        if half == 0 || tables.iter().any(|table| table.rank() != 2 || table.dim(1) != Dim::Fixed(half)) {
            let [cos, sin] = tables.map(|table| self.describe(table));
            let found = format!("{:?}, {cos:?} and {sin:?}", self.describe(x));
            let expected = "[batch, heads, length, width], and tables of [length, width / 2]";
            return Err(self.mismatch("RotaryEmbedding", expected, found));
        }
        let [cos, sin] = tables.map(|table| self.narrow(table, 0, 0, x.dim(axis)));
        Ok((half, [cos?, sin?]))
    }

    fn turn(&mut self, [low, high]: [Value; 2], [cos, sin]: [Value; 2]) -> Result<[Value; 2]> {
        let (a, b) = (self.mul(low, cos)?, self.mul(high, sin)?);
        let (c, d) = (self.mul(low, sin)?, self.mul(high, cos)?);
        Ok([self.sub(a, b)?, self.add(c, d)?])
    }
}

//! Joining, cutting and padding along one axis.

use candle_core::shape::Dim as Axis;

use crate::attribute::{int, text};
use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::graph::sums::Sum;
use crate::shape::Dim;
use crate::value::Value;

impl GraphBuilder {
    /// Concatenates `values` along `axis`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 3, 4))?;
    /// let y = graph.cat(&[x, x], 1)?; // [batch, 6, 4]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when there is no value, or the other dimensions differ.
    pub fn cat(&mut self, values: &[Value], axis: impl Axis) -> Result<Value> {
        let Some(&first) = values.first() else {
            return Err(self.mismatch("Concat", "one value or more", "none"));
        };
        let axis = self.axis("Concat", first, axis)?;
        let mut length = Sum::default();
        for &value in values {
            self.same_type("Concat", first, value)?;
            let fits = value.rank() == first.rank() && value.shape.with(axis, first.dim(axis)) == first.shape;
            if !fits {
                let expected = format!("{:?} but for axis {axis}", self.describe(first));
                return Err(self.mismatch("Concat", expected, format!("{:?}", self.describe(value))));
            }
            length = length.plus(&self.symbols.sum(value.dim(axis)));
        }
        let length = self.symbols.length(length);
        self.node("Concat", values, vec![int("axis", axis as i64)], first.shape.with(axis, length))
    }

    /// Joins values along a new dimension: two of `[batch, 4]` become `[batch, 2, 4]` at axis 1.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 4))?;
    /// let y = graph.stack(&[x, x], 1)?; // [batch, 2, 4]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when there is no value, or their shapes differ.
    pub fn stack(&mut self, values: &[Value], axis: impl Axis) -> Result<Value> {
        let Some(first) = values.first() else {
            return Err(self.mismatch("Concat", "one value or more", "none"));
        };
        let rank = candle_core::Shape::from(vec![1; first.rank()]);
        let axis = axis.to_index_plus_one(&rank, "stack")?;
        let values: Vec<Value> = values.iter().map(|&value| self.unsqueeze(value, axis)).collect::<Result<_>>()?;
        self.cat(&values, axis)
    }

    /// Cuts the length along `axis` into so many parts, the first ones one longer where it does not divide, as candle's `chunk`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 12))?;
    /// let parts = graph.chunk(x, 3, 1)?; // three of [batch, 4]
    /// # graph.output("y", parts[0])
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when there are no parts, or the length is not known, nor that it is a multiple of them.
    pub fn chunk(&mut self, x: Value, parts: usize, axis: impl Axis) -> Result<Vec<Value>> {
        let axis = self.axis("Slice", x, axis)?;
        if parts == 0 {
            return Err(self.mismatch("Slice", "one part or more", "0"));
        }
        let Dim::Fixed(size) = x.dim(axis) else {
            let length = self.quotient(x.dim(axis), parts)?;
            let cut = |part: usize| {
                let start = self.product(&[length, part.into()])?;
                self.narrow(x, axis, start, length)
            };
            return (0..parts).map(cut).collect();
        };
        let (each, longer) = (size / parts, size % parts);
        let mut start = 0;
        let lengths = (0..parts).map(|part| each + usize::from(part < longer)).filter(|&length| length > 0);
        let cut = |length: usize| {
            start += length;
            self.narrow(x, axis, start - length, length)
        };
        lengths.map(cut).collect()
    }

    /// Moves the elements along `axis` by `shift` places, and those beyond the end to the start; a negative shift moves them forward.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 12))?;
    /// let y = graph.roll(x, 3, 1)?; // [batch, 12]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// A length that is known only when the model runs must be at least `shift` then; nothing checks it.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when `x` has no such axis.
    pub fn roll(&mut self, x: Value, shift: i32, axis: impl Axis) -> Result<Value> {
        let axis = self.axis("Slice", x, axis)?;
        let shift = match x.dim(axis) {
            Dim::Fixed(size) => i64::from(shift).rem_euclid(size.max(1) as i64),
            Dim::Symbol(_) => i64::from(shift),
        };
        if shift == 0 {
            return Ok(x);
        }
        let moved = Dim::Fixed(shift.unsigned_abs() as usize);
        let others = self.plus(x.dim(axis), -shift.abs())?;
        let (first, second) = if shift > 0 { (others, moved) } else { (moved, others) };
        let (start, end) = (self.narrow(x, axis, 0, first)?, self.narrow(x, axis, first, second)?);
        self.cat(&[end, start], axis)
    }

    /// `length` elements along `axis`, starting at `start`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 3, 4))?;
    /// let y = graph.narrow(x, 2, 1, 2)?; // [batch, 3, 2]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// The start, the length, and that of the axis may be known only when the model runs. Then nothing checks that there are so many:
    /// fewer are given.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", "length", 64))?;
    /// let places = graph.constant(&candle_core::Tensor::zeros((512, 64), candle_core::DType::F32, &candle_core::Device::Cpu)?)?;
    /// let places = graph.narrow(places, 0, 0, x.dim(1))?; // [length, 64]
    /// let y = graph.add(x, places)?; // [batch, length, 64]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when the dimension is known to be shorter.
    pub fn narrow(
        &mut self,
        x: Value,
        axis: impl Axis,
        start: impl Into<Dim>,
        length: impl Into<Dim>,
    ) -> Result<Value> {
        let axis = self.axis("Slice", x, axis)?;
        let dims = self.dims((start.into(), length.into()))?;
        let (start, length) = (dims[0], dims[1]);
        let end = self.symbols.sum(start).plus(&self.symbols.sum(length));
        let left = self.symbols.sum(x.dim(axis)).minus(&end);
        if self.symbols.lowest_of(&Sum::default().minus(&left)).is_some_and(|missing| missing > 0) {
            let expected = format!("at most {} elements along axis {axis}", self.symbols.describe(x.dim(axis)));
            let found = format!("{} from {}", self.symbols.describe(length), self.symbols.describe(start));
            return Err(self.mismatch("Slice", expected, found));
        }
        if start == Dim::Fixed(0) && left.as_number() == Some(0) {
            return Ok(x);
        }
        let end = self.symbols.length(end);
        let [starts, ends] = [("starts", start), ("ends", end)].map(|(what, dim)| {
            let number = if let Dim::Fixed(size) = dim { Ok(size as i64) } else { Err(dim) };
            self.vector(what, &[number])
        });
        self.slice_between([starts?, ends?], x, axis, length)
    }

    /// The last element along `axis`, whose dimension is dropped: the last step of a sequence of any length.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", "length", 16))?;
    /// let y = graph.last(x, 1)?; // [batch, 16]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when `x` has no such axis.
    pub fn last(&mut self, x: Value, axis: impl Axis) -> Result<Value> {
        let axis = self.axis("Slice", x, axis)?;
        let last = self.slice(x, axis, [-1, i64::MAX], Dim::Fixed(1))?;
        self.squeeze(last, axis)
    }

    /// `left` zeros before and `right` zeros after the elements along `axis`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 3, 4))?;
    /// let y = graph.pad_with_zeros(x, 1, 1, 2)?; // [batch, 6, 4]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when `x` has no such axis.
    pub fn pad_with_zeros(&mut self, x: Value, axis: impl Axis, left: usize, right: usize) -> Result<Value> {
        self.pad(x, axis, [left, right], "constant")
    }

    /// The first element repeated `left` times before, and the last repeated `right` times after the elements along `axis`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 3, 4))?;
    /// let y = graph.pad_with_same(x, 1, 1, 2)?; // [batch, 6, 4]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when `x` has no such axis.
    pub fn pad_with_same(&mut self, x: Value, axis: impl Axis, left: usize, right: usize) -> Result<Value> {
        self.pad(x, axis, [left, right], "edge")
    }

    fn pad(&mut self, x: Value, axis: impl Axis, [left, right]: [usize; 2], mode: &str) -> Result<Value> {
        let axis = self.axis("Pad", x, axis)?;
        let mut pads = vec![0; 2 * x.rank()];
        (pads[axis], pads[x.rank() + axis]) = (left as i64, right as i64);
        let pads = self.integers("pads", &pads)?;
        let length = self.symbols.sum(x.dim(axis)).plus(&Sum::number((left + right) as i64));
        let length = self.symbols.length(length);
        self.node("Pad", &[x, pads], vec![text("mode", mode)], x.shape.with(axis, length))
    }

    fn slice(&mut self, x: Value, axis: usize, [start, end]: [i64; 2], length: Dim) -> Result<Value> {
        let (starts, ends) = (self.integers("starts", &[start])?, self.integers("ends", &[end])?);
        self.slice_between([starts, ends], x, axis, length)
    }

    fn slice_between(&mut self, [starts, ends]: [Value; 2], x: Value, axis: usize, length: Dim) -> Result<Value> {
        let axes = self.integers("axes", &[axis as i64])?;
        self.node("Slice", &[x, starts, ends, axes], vec![], x.shape.with(axis, length))
    }
}

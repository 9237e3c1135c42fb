//! Joining, cutting and padding along one axis.

use candle_core::shape::Dim as Axis;

use crate::attribute::{int, text};
use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::graph::symbols::Length;
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
        let (mut fixed, mut symbols) = (0, Vec::new());
        for &value in values {
            self.same_type("Concat", first, value)?;
            let fits = value.rank() == first.rank() && value.shape.with(axis, first.dim(axis)) == first.shape;
            if !fits {
                let expected = format!("{:?} but for axis {axis}", self.describe(first));
                return Err(self.mismatch("Concat", expected, format!("{:?}", self.describe(value))));
            }
            match value.dim(axis) {
                Dim::Fixed(size) => fixed += size,
                Dim::Symbol(symbol) => symbols.push(symbol),
            }
        }
        let length = match symbols[..] {
            [] => Dim::Fixed(fixed),
            [symbol] => self.symbols.derive(symbol, Length::Windows { offset: fixed as i64, stride: 1 }),
            _ => self.symbols.sum(symbols, fixed),
        };
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

    /// Cuts a known length along `axis` into so many parts, the first ones one longer where it does not divide, as candle's `chunk`.
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
    /// [`crate::Error::Shape`] when the length is not known, or there are no parts.
    pub fn chunk(&mut self, x: Value, parts: usize, axis: impl Axis) -> Result<Vec<Value>> {
        let axis = self.axis("Slice", x, axis)?;
        let size = self.known("Slice", x, axis)?;
        if parts == 0 {
            return Err(self.mismatch("Slice", "one part or more", "0"));
        }
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
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when the length along `axis` is not known.
    pub fn roll(&mut self, x: Value, shift: i32, axis: impl Axis) -> Result<Value> {
        let axis = self.axis("Slice", x, axis)?;
        let size = self.known("Slice", x, axis)?;
        let shift = i64::from(shift).rem_euclid(size as i64) as usize;
        if shift == 0 {
            return Ok(x);
        }
        let end = self.narrow(x, axis, size - shift, shift)?;
        let start = self.narrow(x, axis, 0, size - shift)?;
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
    /// The length, or that of the axis, may be known only when the model runs. Then nothing checks that there are so many: fewer are given.
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
        let (start, length) = (start.into(), length.into());
        if let Dim::Symbol(_) = start {
            return self.narrow_from(x, axis, start, length);
        }
        let length = self.dims((length,))?[0];
        let (_, first) = self.symbols.as_sum(start);
        if first < 0 {
            return Err(self.mismatch("Slice", "a start that can be counted", self.symbols.describe(start)));
        }
        let ((root, size), (other, count)) = (self.symbols.as_sum(x.dim(axis)), self.symbols.as_sum(length));
        if root == other && first.checked_add(count).is_none_or(|end| end > size) {
            let (size, length) = (self.symbols.describe(x.dim(axis)), self.symbols.describe(length));
            let expected = format!("at most {size} elements along axis {axis}");
            return Err(self.mismatch("Slice", expected, format!("{length} from {first}")));
        }
        let end = match length {
            Dim::Fixed(length) => Ok(first + length as i64),
            length => Err(self.plus(length, first)?),
        };
        let starts = self.integers("starts", &[first])?;
        let ends = self.vector("ends", &[end])?;
        self.slice_to(x, axis, (starts, ends), length)
    }

    /// The same with a start that is known only when the model runs, and a length that is known now.
    fn narrow_from(&mut self, x: Value, axis: usize, start: Dim, length: Dim) -> Result<Value> {
        let start = self.dims((start,))?[0];
        let Dim::Fixed(count) = length else {
            let found = format!("{} from {}", self.symbols.describe(length), self.symbols.describe(start));
            return Err(self.mismatch("Slice", "a known length behind a start that is none", found));
        };
        let ((root, size), (other, first)) = (self.symbols.as_sum(x.dim(axis)), self.symbols.as_sum(start));
        if root == other && first + count as i64 > size {
            let expected = format!("at most {} elements along axis {axis}", self.symbols.describe(x.dim(axis)));
            let found = format!("{count} from {}", self.symbols.describe(start));
            return Err(self.mismatch("Slice", expected, found));
        }
        let end = self.plus(start, count as i64)?;
        let (starts, ends) = (self.vector("starts", &[Err(start)])?, self.vector("ends", &[Err(end)])?);
        self.slice_to(x, axis, (starts, ends), length)
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
        let length = match x.dim(axis) {
            Dim::Fixed(size) => Dim::Fixed(left + size + right),
            Dim::Symbol(symbol) => {
                self.symbols.derive(symbol, Length::Windows { offset: (left + right) as i64, stride: 1 })
            }
        };
        self.node("Pad", &[x, pads], vec![text("mode", mode)], x.shape.with(axis, length))
    }

    fn slice(&mut self, x: Value, axis: usize, [start, end]: [i64; 2], length: Dim) -> Result<Value> {
        let (starts, ends) = (self.integers("starts", &[start])?, self.integers("ends", &[end])?);
        self.slice_to(x, axis, (starts, ends), length)
    }

    fn slice_to(&mut self, x: Value, axis: usize, (starts, ends): (Value, Value), length: Dim) -> Result<Value> {
        let axes = self.integers("axes", &[axis as i64])?;
        self.node("Slice", &[x, starts, ends, axes], vec![], x.shape.with(axis, length))
    }
}

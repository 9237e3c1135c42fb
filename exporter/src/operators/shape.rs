//! Moving elements without changing them: reshape, transpose, concatenate, cut, pad.

use candle_core::shape::Dim as Axis;

use super::{Dim, ElementType};
use crate::attribute::{int, ints, text};
use crate::graph::Length;
use crate::value::{IntoDims, Value};
use crate::{GraphBuilder, Result};

impl GraphBuilder {
    /// The same elements in another shape; symbols are taken from `x`: `graph.reshape(x, (x.dim(0), 4, 16))`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", "length", 64))?;
    /// let y = graph.reshape(x, (x.dim(0), x.dim(1), 4, 16))?; // [batch, length, 4, 16]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when the numbers of elements differ.
    pub fn reshape(&mut self, x: Value, dims: impl IntoDims) -> Result<Value> {
        let dims: Vec<Dim> = dims.into_dims().into_iter().map(|dim| self.dim(dim)).collect();
        let shape = self.shape("Reshape", &dims)?;
        if dims.contains(&Dim::Fixed(0)) {
            let found = format!("{:?}", self.describe_dims(&dims));
            return Err(self.mismatch("Reshape", "lengths from 1", found));
        }
        if elements(x.dims()) != elements(&dims) {
            let expected = format!("as many elements as {:?}", self.describe(x));
            return Err(self.mismatch("Reshape", expected, format!("{:?}", self.describe_dims(&dims))));
        }
        // 0 stands for the length at the same place in `x`, -1 for whatever is left.
        let mut rest = 0;
        let numbers: Vec<i64> = dims
            .iter()
            .enumerate()
            .map(|(axis, &dim)| match dim {
                Dim::Fixed(size) => size as i64,
                Dim::Symbol(_) if x.dims().get(axis) == Some(&dim) => 0,
                Dim::Symbol(_) => {
                    rest += 1;
                    -1
                }
            })
            .collect();
        if rest > 1 {
            let expected = "at most one unknown length away from its old place";
            return Err(self.mismatch("Reshape", expected, format!("{:?}", self.describe_dims(&dims))));
        }
        let numbers = self.integers("shape", &numbers)?;
        self.node("Reshape", &[x, numbers], vec![], shape)
    }

    /// All dimensions from `axis` on as one: `[batch, 8, 4, 4] -> [batch, 128]` from axis 1.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 8, 28, 28))?;
    /// let y = graph.flatten_from(x, 1)?; // [batch, 6272]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when one of them is symbolic.
    pub fn flatten_from(&mut self, x: Value, axis: impl Axis) -> Result<Value> {
        let axis = self.axis("Flatten", x, axis)?;
        let mut size = 1;
        for index in axis..x.rank() {
            size *= self.known("Flatten", x, index)?;
        }
        let mut dims: Vec<crate::DimSpec> = x.dims()[..axis].iter().map(|&dim| dim.into()).collect();
        dims.push(size.into());
        self.reshape(x, dims)
    }

    /// Swaps two dimensions.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 3, 4))?;
    /// let y = graph.transpose(x, 1, 2)?; // [batch, 4, 3]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when `x` has no such axes.
    pub fn transpose(&mut self, x: Value, a: impl Axis, b: impl Axis) -> Result<Value> {
        let (a, b) = (self.axis("Transpose", x, a)?, self.axis("Transpose", x, b)?);
        let mut order: Vec<usize> = (0..x.rank()).collect();
        order.swap(a, b);
        self.permute(x, &order)
    }

    /// Dimension `i` becomes what `order[i]` was.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 8, 28, 28))?;
    /// let y = graph.permute(x, &[0, 2, 3, 1])?; // [batch, 28, 28, 8]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when `order` is no permutation of the axes.
    pub fn permute(&mut self, x: Value, order: &[usize]) -> Result<Value> {
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(0..x.rank()) {
            let expected = format!("a permutation of {} axes", x.rank());
            return Err(self.mismatch("Transpose", expected, format!("{order:?}")));
        }
        let dims: Vec<Dim> = order.iter().map(|&axis| x.dim(axis)).collect();
        let shape = self.shape("Transpose", &dims)?;
        self.node("Transpose", &[x], vec![ints("perm", order)], shape)
    }

    /// A new dimension of length 1 at `axis`, from 0 to the rank.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 4))?;
    /// let y = graph.unsqueeze(x, 1)?; // [batch, 1, 4]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when `axis` is beyond the rank.
    pub fn unsqueeze(&mut self, x: Value, axis: usize) -> Result<Value> {
        if axis > x.rank() {
            return Err(self.mismatch("Unsqueeze", format!("an axis up to {}", x.rank()), axis.to_string()));
        }
        let mut dims = x.dims().to_vec();
        dims.insert(axis, Dim::Fixed(1));
        let shape = self.shape("Unsqueeze", &dims)?;
        let axes = self.integers("axes", &[axis as i64])?;
        self.node("Unsqueeze", &[x, axes], vec![], shape)
    }

    /// Without dimension `axis`, which must have length 1.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 1, 4))?;
    /// let y = graph.squeeze(x, 1)?; // [batch, 4]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when it has not.
    pub fn squeeze(&mut self, x: Value, axis: impl Axis) -> Result<Value> {
        let axis = self.axis("Squeeze", x, axis)?;
        if x.dim(axis) != Dim::Fixed(1) {
            let expected = format!("length 1 along axis {axis}");
            return Err(self.mismatch("Squeeze", expected, format!("{:?}", self.describe(x))));
        }
        let mut dims = x.dims().to_vec();
        dims.remove(axis);
        let shape = self.shape("Squeeze", &dims)?;
        let axes = self.integers("axes", &[axis as i64])?;
        self.node("Squeeze", &[x, axes], vec![], shape)
    }

    /// `values` one after the other along `axis`.
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
    /// [`crate::Error::Shape`] when there are none, or their other dimensions differ.
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
            [symbol] => self.derive(symbol, Length::Windows { offset: fixed as i64, stride: 1 }),
            _ => self.unknown(),
        };
        self.node("Concat", values, vec![int("axis", axis as i64)], first.shape.with(axis, length))
    }

    /// `length` elements from `start` on along `axis`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 3, 4))?;
    /// let y = graph.narrow(x, 2, 1, 2)?; // [batch, 3, 2]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when the dimension is shorter, or not known.
    pub fn narrow(&mut self, x: Value, axis: impl Axis, start: usize, length: usize) -> Result<Value> {
        let axis = self.axis("Slice", x, axis)?;
        let size = self.known("Slice", x, axis)?;
        if start.checked_add(length).is_none_or(|end| end > size) {
            let found = format!("{length} from {start}");
            return Err(self.mismatch("Slice", format!("at most {size} elements along axis {axis}"), found));
        }
        self.slice(x, axis, [start as i64, (start + length) as i64], Dim::Fixed(length))
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

    /// `left` zeros before and `right` zeros behind the elements along `axis`.
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

    /// The first element `left` times before and the last `right` times behind the elements along `axis`.
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

    /// Zeros of the shape that `dims` makes of `x`'s dimension `axis`, whose length may be known only when the model runs.
    pub(crate) fn zeros_for_each<const N: usize>(
        &mut self,
        x: Value,
        axis: usize,
        dims: impl FnOnce(Dim) -> [Dim; N],
    ) -> Result<Value> {
        let dims = dims(x.dim(axis));
        let shape = self.shape("Expand", &dims)?;
        let lengths = self.shape("Shape", &[Dim::Fixed(x.rank())])?;
        let lengths = self.typed_node("Shape", &[Some(x)], vec![], ElementType::I64, lengths)?;
        let length = self.narrow(lengths, 0, axis, 1)?;
        let mut parts = Vec::new();
        for dim in dims {
            parts.push(match dim {
                Dim::Fixed(size) => self.integers("length", &[size as i64])?,
                Dim::Symbol(_) => length,
            });
        }
        let target = self.cat(&parts, 0)?;
        let zero = self.scalar(0.)?;
        self.node("Expand", &[zero, target], vec![], shape)
    }

    fn pad(&mut self, x: Value, axis: impl Axis, [left, right]: [usize; 2], mode: &str) -> Result<Value> {
        let axis = self.axis("Pad", x, axis)?;
        let mut pads = vec![0; 2 * x.rank()];
        (pads[axis], pads[x.rank() + axis]) = (left as i64, right as i64);
        let pads = self.integers("pads", &pads)?;
        let length = match x.dim(axis) {
            Dim::Fixed(size) => Dim::Fixed(left + size + right),
            Dim::Symbol(symbol) => self.derive(symbol, Length::Windows { offset: (left + right) as i64, stride: 1 }),
        };
        self.node("Pad", &[x, pads], vec![text("mode", mode)], x.shape.with(axis, length))
    }

    fn slice(&mut self, x: Value, axis: usize, [start, end]: [i64; 2], length: Dim) -> Result<Value> {
        let starts = self.integers("starts", &[start])?;
        let ends = self.integers("ends", &[end])?;
        let axes = self.integers("axes", &[axis as i64])?;
        self.node("Slice", &[x, starts, ends, axes], vec![], x.shape.with(axis, length))
    }
}

/// The product of the known lengths, and the unknown ones in a fixed order.
fn elements(dims: &[Dim]) -> (usize, Vec<u16>) {
    let known = dims.iter().map(|dim| if let Dim::Fixed(size) = dim { *size } else { 1 }).product();
    let symbol = |dim: &Dim| if let Dim::Symbol(symbol) = dim { Some(symbol.0) } else { None };
    let mut symbols: Vec<u16> = dims.iter().filter_map(symbol).collect();
    symbols.sort_unstable();
    (known, symbols)
}

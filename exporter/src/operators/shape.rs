//! The same elements in another shape or order.

use candle_core::shape::Dim as Axis;

use crate::attribute::ints;
use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::shape::{Dim, DimSpec, IntoDims};
use crate::value::Value;

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
        let dims = self.dims(dims)?;
        let shape = self.shape("Reshape", &dims)?;
        if dims.contains(&Dim::Fixed(0)) {
            let found = format!("{:?}", self.describe_dims(&dims));
            return Err(self.mismatch("Reshape", "lengths from 1", found));
        }
        if self.symbols.elements(x.dims()) != self.symbols.elements(&dims) {
            let expected = format!("as many elements as {:?}", self.describe(x));
            return Err(self.mismatch("Reshape", expected, format!("{:?}", self.describe_dims(&dims))));
        }
        // 0 stands for the length at the same place in `x`, -1 for one that is left; further ones are computed.
        let mut rest = 0;
        let mut numbers = vec![];
        for (axis, &dim) in dims.iter().enumerate() {
            numbers.push(match dim {
                Dim::Fixed(size) => Ok(size as i64),
                _ if x.dims().get(axis) == Some(&dim) => Ok(0),
                _ if rest == 0 => {
                    rest += 1;
                    Ok(-1)
                }
                _ => Err(dim),
            });
        }
        let numbers = self.vector("shape", &numbers)?;
        self.node("Reshape", &[x, numbers], vec![], shape)
    }

    /// Joins all dimensions: `[batch, 8, 4] -> [batch * 32]`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 8, 4))?;
    /// let y = graph.flatten_all(x)?; // [32 * batch]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] for a value without dimensions.
    pub fn flatten_all(&mut self, x: Value) -> Result<Value> {
        self.flatten_from(x, 0)
    }

    /// Joins all dimensions from `axis` on: `[batch, 8, 4, 4] -> [batch, 128]` from axis 1.
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
    /// [`crate::Error::Shape`] when `x` has no such axis.
    pub fn flatten_from(&mut self, x: Value, axis: impl Axis) -> Result<Value> {
        let axis = self.axis("Flatten", x, axis)?;
        let joined = self.product(&x.dims()[axis..])?;
        let mut dims: Vec<DimSpec> = x.dims()[..axis].iter().map(|&dim| dim.into()).collect();
        dims.push(joined.into());
        self.reshape(x, dims)
    }

    /// Repeats dimensions of length 1, and adds dimensions in front: `[1, length] -> [batch, length]`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", "length", 64))?;
    /// let token = graph.constant(&candle_core::Tensor::zeros((1, 1, 64), candle_core::DType::F32, &candle_core::Device::Cpu)?)?;
    /// let token = graph.expand(token, (x.dim(0), 1, 64))?; // [batch, 1, 64]
    /// let y = graph.cat(&[token, x], 1)?; // [batch, length + 1, 64]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when `x` does not broadcast to this shape, [`crate::Error::Invalid`] for a dimension of another graph.
    pub fn expand(&mut self, x: Value, dims: impl IntoDims) -> Result<Value> {
        let dims = self.dims(dims)?;
        let shape = self.shape("Expand", &dims)?;
        if self.broadcast("Expand", x, Value { shape, ..x })? != shape {
            let expected = format!("a shape that {:?} broadcasts to", self.describe(x));
            return Err(self.mismatch("Expand", expected, format!("{:?}", self.describe_dims(&dims))));
        }
        // 1 leaves the length of `x`.
        let missing = dims.len() - x.rank();
        let number = |(axis, &dim): (usize, &Dim)| match dim {
            _ if axis >= missing && x.dim(axis - missing) == dim => Ok(1),
            Dim::Fixed(size) => Ok(size as i64),
            _ => Err(dim),
        };
        let numbers: Vec<_> = dims.iter().enumerate().map(number).collect();
        let numbers = self.vector("shape", &numbers)?;
        self.node("Expand", &[x, numbers], vec![], shape)
    }

    /// [`GraphBuilder::expand`] by candle's other name.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::expand`].
    pub fn broadcast_as(&mut self, x: Value, dims: impl IntoDims) -> Result<Value> {
        self.expand(x, dims)
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

    /// Reorders the dimensions: number `i` of the result is number `order[i]` of `x`.
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
    /// [`crate::Error::Shape`] when `order` is not a permutation of the axes.
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

    /// Adds a dimension of length 1 at `axis`, from 0 to the rank; `D::Minus1` adds it behind all others.
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
    pub fn unsqueeze(&mut self, x: Value, axis: impl Axis) -> Result<Value> {
        let Ok(axis) = axis.to_index_plus_one(&candle_core::Shape::from(vec![1; x.rank()]), "unsqueeze") else {
            let found = format!("one that {:?} does not have", self.describe(x));
            return Err(self.mismatch("Unsqueeze", format!("an axis up to {}", x.rank()), found));
        };
        let mut dims = x.dims().to_vec();
        dims.insert(axis, Dim::Fixed(1));
        let shape = self.shape("Unsqueeze", &dims)?;
        let axes = self.integers("axes", &[axis as i64])?;
        self.node("Unsqueeze", &[x, axes], vec![], shape)
    }

    /// Removes dimension `axis`, which must have length 1.
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
    /// [`crate::Error::Shape`] when its length is not 1.
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
}

//! Lengths that are known only when the model runs, as values: read from the inputs, and computed with.

use crate::attribute::int;
use crate::data::Data;
use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::graph::symbols::{Length, Origin};
use crate::shape::{Dim, DimSpec, IntoDims, Symbol};
use crate::value::{ElementType, Value};

impl GraphBuilder {
    /// The length that is the product of some.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", "length", 64))?;
    /// let rows = graph.product(&[x.dim(0), x.dim(1)])?;
    /// let y = graph.reshape(x, (rows, 64))?; // [batch * length, 64]
    /// let z = graph.reshape(y, (x.dim(0), x.dim(1), 64))?; // [batch, length, 64]
    /// # graph.output("z", z)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Invalid`] for a dimension of another graph.
    pub fn product(&mut self, dims: &[Dim]) -> Result<Dim> {
        let dims = self.dims(dims.iter().map(|&dim| dim.into()).collect::<Vec<DimSpec>>())?;
        Ok(self.symbols.product(&dims))
    }

    /// A length divided by a number that divides it: a known length, a product, or one of which [`GraphBuilder::multiple_of`] says so.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when a rest may be left, [`crate::Error::Invalid`] for a dimension of another graph.
    pub fn quotient(&mut self, dim: Dim, by: usize) -> Result<Dim> {
        let dim = self.dims((dim,))?[0];
        self.symbols.quotient(dim, by).ok_or_else(|| {
            let advice = match self.symbols.factors(&[dim]).1[..] {
                [] => "",
                [_] => "; if it always is one, say so with `multiple_of`",
                _ => "; if one of its factors always is one, say so with `multiple_of` of that",
            };
            let expected = format!("a multiple of {by}{advice}");
            self.mismatch("Div", expected, self.symbols.describe(dim))
        })
    }

    /// A length plus a number.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", "length"))?;
    /// let longer = graph.plus(x.dim(1), 2)?;
    /// let y = graph.pad_with_zeros(x, 1, 1, 1)?;
    /// assert_eq!(y.dim(1), longer);
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when less than 1 is left of a known length, [`crate::Error::Invalid`] for a dimension of another graph.
    pub fn plus(&mut self, dim: Dim, number: i64) -> Result<Dim> {
        match self.dims((dim,))?[0] {
            Dim::Symbol(symbol) => Ok(self.symbols.derive(symbol, Length::Windows { offset: number, stride: 1 })),
            Dim::Fixed(size) => match usize::try_from(size as i64 + number) {
                Ok(sum) if sum > 0 => Ok(Dim::Fixed(sum)),
                _ => Err(self.mismatch("Add", "a length from 1", format!("{size} + {number}"))),
            },
        }
    }

    /// States that a length is a multiple of a number whenever the model runs. Nothing checks it then. State it before the length is
    /// used: what operators made of it before may count as another length.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", "length", 64))?;
    /// graph.multiple_of(x.dim(1), 2)?;
    /// let half = graph.quotient(x.dim(1), 2)?;
    /// let pairs = graph.reshape(x, (x.dim(0), half, 128))?; // [batch, length / 2, 128]
    /// # graph.output("pairs", pairs)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] for a known length that is none, and for a product of several symbols, of which the statement must be made
    /// for one; [`crate::Error::Invalid`] for a dimension of another graph.
    pub fn multiple_of(&mut self, dim: Dim, of: usize) -> Result<()> {
        let dim = self.dims((dim,))?[0];
        if of > 0 && self.symbols.state_multiple(dim, of) {
            return Ok(());
        }
        Err(self.mismatch("Div", format!("a multiple of {of}, or one symbol"), self.symbols.describe(dim)))
    }

    /// `x` with other symbols for its lengths, which the caller knows to be equal though the graph does not. Nothing checks it when the
    /// model runs.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let (a, b) = (graph.input("a", ("batch", "length"))?, graph.input("b", ("batch", "places"))?);
    /// assert!(graph.add(a, b).is_err());
    /// let b = graph.with_equal_dims(b, (a.dim(0), a.dim(1)))?;
    /// let y = graph.add(a, b)?; // [batch, length]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] for another number of dimensions, or a known length that is another one; [`crate::Error::Invalid`] for a
    /// dimension of another graph.
    pub fn with_equal_dims(&mut self, x: Value, dims: impl IntoDims) -> Result<Value> {
        let dims = self.dims(dims)?;
        let shape = self.shape("Shape", &dims)?;
        let differ = |(a, b): (&Dim, &Dim)| matches!((a, b), (Dim::Fixed(a), Dim::Fixed(b)) if a != b);
        if dims.len() != x.rank() || x.dims().iter().zip(&dims).any(differ) {
            let found = format!("{:?}", self.describe_dims(&dims));
            return Err(self.mismatch("Shape", format!("lengths that {:?} may have", self.describe(x)), found));
        }
        Ok(Value { shape, ..x })
    }

    /// A length as a whole number in the graph, without dimensions.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", "length"))?;
    /// let sum = graph.sum_keepdim(x, 1)?;
    /// let length = graph.length(x.dim(1))?;
    /// let length = graph.cast(length, exporter::ElementType::F32)?;
    /// let mean = graph.div(sum, length)?; // [batch, 1]
    /// # graph.output("mean", mean)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Invalid`] for a dimension of another graph.
    pub fn length(&mut self, dim: Dim) -> Result<Value> {
        match self.dims((dim,))?[0] {
            Dim::Fixed(size) => self.whole(size as i64),
            Dim::Symbol(symbol) => self.symbol_length(symbol),
        }
    }

    /// The whole numbers from 0 to below a length: `[length]`, I64.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", "length"))?;
    /// let positions = graph.arange(x.dim(1))?; // [length]
    /// # graph.output("positions", positions)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::length`].
    pub fn arange(&mut self, length: Dim) -> Result<Value> {
        let (start, end, step) = (self.whole(0)?, self.length(length)?, self.whole(1)?);
        let shape = self.shape("Range", &[length])?;
        self.node("Range", &[start, end, step], vec![], shape)
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

    /// The mask of a decoder for any length: `[length, length]`, 0 where a row may look, and minus infinity behind it.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let scores = graph.input("scores", ("batch", "length", "length"))?;
    /// let mask = graph.causal_mask(scores.dim(1))?;
    /// let y = graph.add(scores, mask)?; // [batch, length, length]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::length`].
    pub fn causal_mask(&mut self, length: Dim) -> Result<Value> {
        let place = self.arange(length)?;
        let row = self.unsqueeze(place, 1)?;
        let hidden = self.gt(place, row)?;
        let (never, free) = (self.scalar(f32::NEG_INFINITY)?, self.scalar(0.)?);
        self.where_cond(hidden, never, free)
    }

    /// A vector of whole numbers, some of them lengths that the model computes when it runs.
    pub(crate) fn vector(&mut self, what: &str, numbers: &[std::result::Result<i64, Dim>]) -> Result<Value> {
        let known: std::result::Result<Vec<i64>, _> = numbers.iter().copied().collect();
        if let Ok(known) = known {
            return self.integers(what, &known);
        }
        let mut parts = vec![];
        for number in numbers {
            parts.push(match number {
                Ok(number) => self.integers(what, &[*number])?,
                Err(dim) => {
                    let length = self.length(*dim)?;
                    self.unsqueeze(length, 0)?
                }
            });
        }
        self.cat(&parts, 0)
    }

    /// A whole number without dimensions.
    fn whole(&mut self, number: i64) -> Result<Value> {
        let name = self.names.free("length");
        self.store(name, ElementType::I64, &[], Data::Bytes(number.to_le_bytes().to_vec()))
    }

    fn symbol_length(&mut self, symbol: Symbol) -> Result<Value> {
        if let Some(&length) = self.lengths.get(&symbol) {
            return Ok(length);
        }
        let length = match (self.sources.get(&symbol).copied(), self.symbols.origin(symbol).cloned()) {
            (Some((value, axis)), _) => {
                let shape = self.shape("Shape", &[Dim::Fixed(value.rank())])?;
                let dims = self.typed_node("Shape", &[Some(value)], vec![], (ElementType::I64, shape))?;
                let index = self.whole(axis as i64)?;
                let none = self.shape("Gather", &[])?;
                self.typed_node("Gather", &[Some(dims), Some(index)], vec![int("axis", 0)], (ElementType::I64, none))?
            }
            (None, Some(Origin::Product(number, symbols))) => {
                let mut length = self.whole(number as i64)?;
                for symbol in symbols {
                    let factor = self.symbol_length(symbol)?;
                    length = self.mul(length, factor)?;
                }
                length
            }
            (None, Some(Origin::Part(symbol, by))) => self.computed(symbol, [1, 0, by as i64])?,
            (None, Some(Origin::Computed(symbol, Length::Windows { offset, stride }))) => {
                self.computed(symbol, [1, offset, stride as i64])?
            }
            (None, Some(Origin::Computed(symbol, Length::Scaled { factor, offset }))) => {
                self.computed(symbol, [factor as i64, offset, 1])?
            }
            (None, _) => {
                let found = self.symbols.describe(Dim::Symbol(symbol));
                return Err(self.mismatch("Shape", "a length of some value", found));
            }
        };
        self.lengths.insert(symbol, length);
        Ok(length)
    }

    /// `(length * factor + offset) / by`, rounded down.
    fn computed(&mut self, symbol: Symbol, [factor, offset, by]: [i64; 3]) -> Result<Value> {
        let mut length = self.symbol_length(symbol)?;
        if factor != 1 {
            let factor = self.whole(factor)?;
            length = self.mul(length, factor)?;
        }
        if offset != 0 {
            let offset = self.whole(offset)?;
            length = self.add(length, offset)?;
        }
        if by != 1 {
            let by = self.whole(by)?;
            length = self.div(length, by)?;
        }
        Ok(length)
    }
}

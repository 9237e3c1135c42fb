//! Lengths that are known only when the model runs, as values: read from the inputs, and computed with.

use crate::attribute::int;
use crate::data::Data;
use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::graph::sums::Sum;
use crate::graph::symbols::Origin;
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
        let product = self.symbols.elements(&dims);
        Ok(self.symbols.length(product))
    }

    /// The length that is the sum of some: that of values put one behind the other.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let past = graph.input("past", ("batch", "past", 64))?;
    /// let x = graph.input("x", ("batch", "length", 64))?;
    /// let all = graph.total(&[past.dim(1), x.dim(1)])?;
    /// let y = graph.cat(&[past, x], 1)?;
    /// assert_eq!(y.dim(1), all);
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Invalid`] for a dimension of another graph.
    pub fn total(&mut self, dims: &[Dim]) -> Result<Dim> {
        let dims = self.dims(dims.iter().map(|&dim| dim.into()).collect::<Vec<DimSpec>>())?;
        let sum = dims.iter().fold(Sum::default(), |sum, &dim| sum.plus(&self.symbols.sum(dim)));
        Ok(self.symbols.length(sum))
    }

    /// A length divided by a number that divides it: a known length, a product, or one of which [`GraphBuilder::multiple_of`] says so.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when a rest may be left, [`crate::Error::Invalid`] for a dimension of another graph.
    pub fn quotient(&mut self, dim: Dim, by: usize) -> Result<Dim> {
        let dim = self.dims((dim,))?[0];
        self.symbols.quotient(dim, by).ok_or_else(|| {
            let sum = self.symbols.sum(dim);
            let advice = match sum.as_term() {
                Some((symbols, _)) if symbols.len() < 2 => match symbols {
                    [] => "",
                    _ => "; if it always is one, say so with `multiple_of`",
                },
                _ => "; if one of its lengths always is one, say so with `multiple_of` of that",
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
            length @ Dim::Symbol(_) => {
                let sum = self.symbols.sum(length).plus(&Sum::number(number));
                Ok(self.symbols.length(sum))
            }
            Dim::Fixed(size) => match usize::try_from(size as i64 + number) {
                Ok(sum) if sum > 0 => Ok(Dim::Fixed(sum)),
                _ => Err(self.mismatch("Add", "a length from 1", format!("{size} + {number}"))),
            },
        }
    }

    /// States that a length is a multiple of a number whenever the model runs. Nothing checks it then.
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
    /// [`crate::Error::Shape`] for a known length that is none, and for a product or sum of several symbols, of which the statement must be
    /// made for one; [`crate::Error::Invalid`] for a dimension of another graph.
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
    pub(crate) fn whole(&mut self, number: i64) -> Result<Value> {
        let name = self.names.made_up("length");
        self.store(name, ElementType::I64, &[], Data::Bytes(number.to_le_bytes().to_vec()))
    }

    fn symbol_length(&mut self, symbol: Symbol) -> Result<Value> {
        if let Some(&length) = self.lengths.get(&symbol) {
            return Ok(length);
        }
        let length = match self.sources.get(&symbol).copied() {
            Some((value, axis)) => {
                let shape = self.shape("Shape", &[Dim::Fixed(value.rank())])?;
                let dims = self.typed_node("Shape", &[Some(value)], vec![], (ElementType::I64, shape))?;
                let index = self.whole(axis as i64)?;
                let none = self.shape("Gather", &[])?;
                self.typed_node("Gather", &[Some(dims), Some(index)], vec![int("axis", 0)], (ElementType::I64, none))?
            }
            None => match self.symbols.origin(symbol).clone() {
                Origin::Named(name) => return Err(self.mismatch("Shape", "a length of some value", name)),
                Origin::Part(whole, by) => self.divided(&Sum::symbol(whole), by)?,
                Origin::Rounded(sum, by) => self.divided(&sum, by)?,
                Origin::Sum => self.computed(&self.symbols.sum(Dim::Symbol(symbol)))?,
            },
        };
        self.lengths.insert(symbol, length);
        Ok(length)
    }

    /// A sum divided by a number, rounded down.
    fn divided(&mut self, sum: &Sum, by: i64) -> Result<Value> {
        let (sum, by) = (self.computed(sum)?, self.whole(by)?);
        self.div(sum, by)
    }

    /// The value of a sum.
    fn computed(&mut self, sum: &Sum) -> Result<Value> {
        let mut total = None;
        // The number alone comes last.
        let (numbers, products): (Vec<_>, Vec<_>) = sum.terms().partition(|(symbols, _)| symbols.is_empty());
        for (symbols, number) in products.into_iter().chain(numbers) {
            let mut factors = vec![];
            for &symbol in symbols {
                factors.push(self.symbol_length(symbol)?);
            }
            if number != 1 || factors.is_empty() {
                factors.push(self.whole(number)?);
            }
            let mut product = factors[0];
            for &factor in &factors[1..] {
                product = self.mul(product, factor)?;
            }
            total = Some(total.map_or(Ok(product), |total| self.add(total, product))?);
        }
        total.map_or_else(|| self.whole(0), Ok)
    }
}

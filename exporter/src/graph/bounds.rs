//! What a length is at least, whenever the model runs.

use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::graph::sums::Sum;
use crate::graph::symbols::{Origin, Symbols};
use crate::shape::{Dim, Symbol};

impl Symbols {
    /// The lowest number that a length can be.
    pub(crate) fn lowest(&self, dim: Dim) -> i64 {
        match dim {
            Dim::Fixed(size) => size as i64,
            Dim::Symbol(symbol) => self.lowest.get(&symbol).copied().unwrap_or_else(|| self.lowest_by_origin(symbol)),
        }
    }

    fn lowest_by_origin(&self, symbol: Symbol) -> i64 {
        match self.origin(symbol) {
            Origin::Named(_) => 1,
            Origin::Part(whole, by) => (self.lowest(Dim::Symbol(*whole)) / by).max(1),
            Origin::Rounded(sum, by) => self.lowest_of(sum).unwrap_or(0).div_euclid(*by).max(0),
            Origin::Sum => self.lowest_of(&self.sum(Dim::Symbol(symbol))).unwrap_or(0).max(0),
        }
    }

    /// The lowest number that a sum can be; nothing where it takes away what may be of any length.
    pub(crate) fn lowest_of(&self, sum: &Sum) -> Option<i64> {
        let term = |(symbols, number): (&[Symbol], i64)| {
            symbols.iter().fold(number, |product, &symbol| product.saturating_mul(self.lowest(Dim::Symbol(symbol))))
        };
        let is_open = sum.terms().any(|(symbols, number)| number < 0 && !symbols.is_empty());
        (!is_open).then(|| sum.terms().map(term).fold(0, i64::saturating_add))
    }
}

impl GraphBuilder {
    /// The length that a caller named.
    pub(crate) fn named(&self, name: &str) -> Result<Dim> {
        let mut names: Vec<&str> = self.symbols.by_name.keys().map(String::as_str).collect();
        names.sort_unstable();
        let found = self.symbols.by_name.get(name).map(|&symbol| Dim::Symbol(symbol));
        found.ok_or_else(|| self.mismatch("Shape", format!("one of the lengths {names:?}"), format!("{name:?}")))
    }

    /// States that a length is at least a number whenever the model runs. Nothing checks it then. A `forward` that compares a length with a
    /// number needs it: `if length == 1`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", "length", 64))?;
    /// graph.at_least(x.dim(1), 2)?;
    /// # graph.output("y", x)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] for a known length that is shorter, [`crate::Error::Invalid`] for a dimension of another graph.
    pub fn at_least(&mut self, dim: Dim, number: usize) -> Result<()> {
        match self.dims((dim,))?[0] {
            Dim::Symbol(symbol) => {
                let lowest = self.symbols.lowest(dim).max(number as i64);
                self.symbols.lowest.insert(symbol, lowest);
                Ok(())
            }
            Dim::Fixed(size) if size >= number => Ok(()),
            Dim::Fixed(size) => Err(self.mismatch("Shape", format!("at least {number}"), size.to_string())),
        }
    }
}

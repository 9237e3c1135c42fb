//! What a length is at least, whenever the model runs.

use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::graph::symbols::{Length, Origin, Symbols};
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
        let of = |symbol: &Symbol| self.lowest(Dim::Symbol(*symbol));
        match self.origin(symbol) {
            Some(Origin::Product(number, symbols)) => *number as i64 * symbols.iter().map(of).product::<i64>(),
            Some(Origin::Part(whole, by)) => (of(whole) / *by as i64).max(1),
            Some(Origin::Computed(root, Length::Windows { offset, stride })) => {
                (of(root) + offset).div_euclid(*stride as i64).max(0)
            }
            Some(Origin::Computed(root, Length::Scaled { factor, offset })) => {
                (of(root) * *factor as i64 + offset).max(0)
            }
            None | Some(Origin::Unknown) => 1,
        }
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

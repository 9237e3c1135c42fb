//! Lengths that are known only when the model runs, and the lengths that operators compute from them.

use std::collections::HashMap;

use crate::shape::{Dim, DimSpec, Symbol};

/// How a length is computed from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Length {
    /// `(length + offset) / stride`, rounded down; the offset of windows counts the stride in.
    Windows { offset: i64, stride: usize },
    /// `length * factor + offset`.
    Scaled { factor: usize, offset: i64 },
}

/// The symbols of one graph.
#[derive(Debug, Default)]
pub(crate) struct Symbols {
    /// The name of each symbol; one that an operator computed has none.
    names: Vec<Option<String>>,
    /// Lengths that were computed from a symbol, so that the same arithmetic gives the same symbol.
    derived: HashMap<(Symbol, Length), Symbol>,
    /// Of these, the ones that are another symbol plus a number.
    moved: HashMap<Symbol, (Symbol, i64)>,
}

impl Symbols {
    /// The dimension that a caller wrote; equal names give equal symbols.
    pub(crate) fn dim(&mut self, spec: DimSpec) -> Dim {
        let name = match spec {
            DimSpec::Known(dim) => return dim,
            DimSpec::Named(name) => Some(name),
        };
        let known = self.names.iter().position(|symbol| *symbol == name);
        Dim::Symbol(known.map_or_else(|| self.add(name), |index| Symbol(index as u16)))
    }

    /// The length that `length` computes from a symbol; equal lengths are the same symbol, however they were computed.
    pub(crate) fn derive(&mut self, symbol: Symbol, length: Length) -> Dim {
        let (root, moved) = self.moved.get(&symbol).copied().unwrap_or((symbol, 0));
        let length = match length {
            Length::Windows { offset, stride } => Length::Windows { offset: offset + moved, stride },
            Length::Scaled { factor, offset } => Length::Scaled { factor, offset: offset + moved * factor as i64 },
        };
        if length == (Length::Windows { offset: 0, stride: 1 }) {
            return Dim::Symbol(root);
        }
        if let Some(&symbol) = self.derived.get(&(root, length)) {
            return Dim::Symbol(symbol);
        }
        let symbol = self.add(None);
        self.derived.insert((root, length), symbol);
        if let Length::Windows { offset, stride: 1 } = length {
            self.moved.insert(symbol, (root, offset));
        }
        Dim::Symbol(symbol)
    }

    /// A length that depends on several symbols and has no name.
    pub(crate) fn unknown(&mut self) -> Dim {
        Dim::Symbol(self.add(None))
    }

    /// The name that the caller gave the symbol, if any.
    pub(crate) fn name(&self, Symbol(index): Symbol) -> Option<&str> {
        self.names[usize::from(index)].as_deref()
    }

    /// `784`, `batch`, or `?` for a length that an operator computed.
    pub(crate) fn describe(&self, dim: Dim) -> String {
        match dim {
            Dim::Fixed(size) => size.to_string(),
            Dim::Symbol(symbol) => self.name(symbol).unwrap_or("?").into(),
        }
    }

    fn add(&mut self, name: Option<String>) -> Symbol {
        self.names.push(name);
        Symbol(self.names.len() as u16 - 1)
    }
}

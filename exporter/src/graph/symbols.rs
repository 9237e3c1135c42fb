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

/// How a symbol that is no caller's name follows from others.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// This number times all of these, in order.
    Product(usize, Vec<Symbol>),
    /// The symbol divided by a number that divides it: a part of it.
    Part(Symbol, usize),
    /// Computed by an operator.
    Computed(Symbol, Length),
    /// A sum of several lengths, whose value must be read.
    Unknown,
}

/// The symbols of one graph.
#[derive(Debug)]
pub(crate) struct Symbols {
    /// The mark of the graph.
    graph: u32,
    /// The name of each symbol; one that an operator computed has none.
    names: Vec<Option<String>>,
    pub(super) by_name: HashMap<String, Symbol>,
    /// Lengths that were computed from a symbol, so that the same arithmetic gives the same symbol.
    derived: HashMap<(Symbol, Length), Symbol>,
    /// Of these, the ones that are another symbol plus a number.
    moved: HashMap<Symbol, (Symbol, i64)>,
    origins: HashMap<Symbol, Origin>,
    /// What a symbol is a product of: by definition, or since the caller says that a number divides it.
    factors: HashMap<Symbol, Factors>,
    products: HashMap<Factors, Symbol>,
    sums: HashMap<(Vec<Symbol>, usize), Symbol>,
    /// The lowest numbers that callers stated.
    pub(super) lowest: HashMap<Symbol, i64>,
}

/// A number, and the symbols that are products of no others, in order.
pub(crate) type Factors = (usize, Vec<Symbol>);

impl Symbols {
    /// The symbols of the graph with this mark: none yet.
    pub(super) fn new(graph: u32) -> Self {
        Self {
            graph,
            names: vec![],
            by_name: HashMap::new(),
            derived: HashMap::new(),
            moved: HashMap::new(),
            origins: HashMap::new(),
            factors: HashMap::new(),
            products: HashMap::new(),
            sums: HashMap::new(),
            lowest: HashMap::new(),
        }
    }

    /// Whether a dimension belongs to this graph.
    pub(super) fn owns(&self, dim: Dim) -> bool {
        !matches!(dim, Dim::Symbol(symbol) if symbol.graph != self.graph)
    }

    /// The dimension that a caller wrote; equal names give equal symbols. Nothing for a dimension of another graph.
    pub(crate) fn dim(&mut self, spec: DimSpec) -> Option<Dim> {
        let name = match spec {
            DimSpec::Known(dim) => return self.owns(dim).then_some(dim),
            DimSpec::Named(name) => name,
        };
        if let Some(&symbol) = self.by_name.get(&name) {
            return Some(Dim::Symbol(symbol));
        }
        let symbol = self.add(Some(name.clone()));
        self.by_name.insert(name, symbol);
        Some(Dim::Symbol(symbol))
    }

    /// How a symbol follows from others; nothing where it is a caller's.
    pub(super) fn origin(&self, symbol: Symbol) -> Option<&Origin> {
        self.origins.get(&symbol)
    }

    /// The product of some lengths: shapes of as many elements have equal ones.
    pub(crate) fn factors(&self, dims: &[Dim]) -> Factors {
        let (mut number, mut symbols) = (1, vec![]);
        for &dim in dims {
            match dim {
                Dim::Fixed(size) => number *= size,
                Dim::Symbol(symbol) => match self.factors.get(&symbol) {
                    None => symbols.push(symbol),
                    Some((factor, parts)) => {
                        number *= factor;
                        symbols.extend(parts);
                    }
                },
            }
        }
        symbols.sort_unstable();
        (number, symbols)
    }

    /// The length that is the product of these.
    pub(crate) fn product(&mut self, dims: &[Dim]) -> Dim {
        let factors = self.factors(dims);
        match &factors {
            (number, symbols) if symbols.is_empty() || *number == 0 => return Dim::Fixed(*number),
            (1, symbols) if symbols.len() == 1 => return Dim::Symbol(symbols[0]),
            _ => (),
        }
        if let Some(&symbol) = self.products.get(&factors) {
            return Dim::Symbol(symbol);
        }
        let symbol = self.add(None);
        self.origins.insert(symbol, Origin::Product(factors.0, factors.1.clone()));
        self.products.insert(factors.clone(), symbol);
        self.factors.insert(symbol, factors);
        Dim::Symbol(symbol)
    }

    /// The length divided by a number; nothing where it is not known that there is no rest.
    pub(crate) fn quotient(&mut self, dim: Dim, by: usize) -> Option<Dim> {
        self.ratio(dim, Dim::Fixed(by))
    }

    /// One length divided by another; nothing where it is not known that there is no rest.
    pub(crate) fn ratio(&mut self, dim: Dim, by: Dim) -> Option<Dim> {
        let ((number, mut symbols), (by, divisors)) = (self.factors(&[dim]), self.factors(&[by]));
        for divisor in divisors {
            symbols.remove(symbols.iter().position(|&symbol| symbol == divisor)?);
        }
        if by == 0 || !number.is_multiple_of(by) {
            return None;
        }
        let dims: Vec<Dim> = symbols.into_iter().map(Dim::Symbol).chain([Dim::Fixed(number / by)]).collect();
        Some(self.product(&dims))
    }

    /// States that a number, which must not be 0, divides a length.
    pub(crate) fn state_multiple(&mut self, dim: Dim, of: usize) -> bool {
        let (number, symbols) = self.factors(&[dim]);
        let missing = of / common_divisor(number, of);
        let [only] = symbols[..] else { return missing == 1 };
        if missing == 1 {
            return true;
        }
        // The symbol becomes a number of parts, here and wherever it is a factor. An operator may have halved it before it was said to be even.
        let known = self.derived.get(&(only, Length::Windows { offset: 0, stride: missing })).copied();
        let part = known.unwrap_or_else(|| self.add(None));
        self.origins.entry(part).or_insert(Origin::Part(only, missing));
        self.factors.insert(only, (missing, vec![part]));
        let replaced = |(number, symbols): &Factors| {
            let found = symbols.iter().filter(|&&symbol| symbol == only).count() as u32;
            let mut symbols: Vec<Symbol> = symbols.iter().map(|&s| if s == only { part } else { s }).collect();
            symbols.sort_unstable();
            (number * missing.pow(found), symbols)
        };
        for (symbol, factors) in &mut self.factors {
            if *symbol != only && factors.1.contains(&only) {
                *factors = replaced(factors);
            }
        }
        // Of two that are equal now, the older one stands for both.
        let mut known: Vec<_> = self.factors.iter().map(|(&symbol, factors)| (symbol, factors.clone())).collect();
        known.sort_unstable();
        self.products.clear();
        for (symbol, factors) in known {
            self.products.entry(factors).or_insert(symbol);
        }
        true
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
        match length {
            Length::Scaled { factor, offset: 0 } => return self.product(&[Dim::Fixed(factor), Dim::Symbol(root)]),
            // Of a length without rest, only the offset is rounded.
            Length::Windows { offset, stride } if stride > 1 => {
                if let Some(Dim::Symbol(part)) = self.quotient(Dim::Symbol(root), stride) {
                    let offset = offset.div_euclid(stride as i64);
                    return self.derive(part, Length::Windows { offset, stride: 1 });
                }
            }
            _ => (),
        }
        let symbol = self.add(None);
        self.origins.insert(symbol, Origin::Computed(root, length));
        self.derived.insert((root, length), symbol);
        if let Length::Windows { offset, stride: 1 } = length {
            self.moved.insert(symbol, (root, offset));
        }
        Dim::Symbol(symbol)
    }

    /// A length as another one plus a number; without another one, the number.
    pub(crate) fn as_sum(&self, dim: Dim) -> (Option<Symbol>, i64) {
        match dim {
            Dim::Fixed(size) => (None, size as i64),
            Dim::Symbol(symbol) => match self.moved.get(&symbol) {
                Some(&(root, offset)) => (Some(root), offset),
                None => (Some(symbol), 0),
            },
        }
    }

    /// The sum of several symbols and a number, the same for the same ones.
    pub(crate) fn sum(&mut self, mut symbols: Vec<Symbol>, number: usize) -> Dim {
        symbols.sort_unstable();
        if symbols.iter().all(|symbol| *symbol == symbols[0]) && number == 0 {
            return self.product(&[Dim::Fixed(symbols.len()), Dim::Symbol(symbols[0])]);
        }
        if let Some(&symbol) = self.sums.get(&(symbols.clone(), number)) {
            return Dim::Symbol(symbol);
        }
        let sum = self.unknown();
        if let Dim::Symbol(symbol) = sum {
            self.sums.insert((symbols, number), symbol);
        }
        sum
    }

    /// A length that depends on several symbols and has no name.
    fn unknown(&mut self) -> Dim {
        let symbol = self.add(None);
        self.origins.insert(symbol, Origin::Unknown);
        Dim::Symbol(symbol)
    }

    /// The name that the caller gave the symbol, if any.
    pub(crate) fn name(&self, symbol: Symbol) -> Option<&str> {
        self.names[symbol.number as usize].as_deref()
    }

    /// `784`, `batch`, `batch * length`, `height / 2`, or `?` for the sum of several lengths.
    pub(crate) fn describe(&self, dim: Dim) -> String {
        let symbol = match dim {
            Dim::Fixed(size) => return size.to_string(),
            Dim::Symbol(symbol) if symbol.graph != self.graph => return "a dimension of another graph".into(),
            Dim::Symbol(symbol) => symbol,
        };
        let signed = |offset: i64| match offset {
            0 => String::new(),
            _ => format!(" {} {}", if offset < 0 { '-' } else { '+' }, offset.abs()),
        };
        let of = |symbol: Symbol| {
            let text = self.describe(Dim::Symbol(symbol));
            if [" + ", " - ", " / "].iter().any(|sign| text.contains(sign)) { format!("({text})") } else { text }
        };
        match self.origin(symbol) {
            None => self.name(symbol).unwrap_or("?").into(),
            Some(Origin::Unknown) => "?".into(),
            Some(Origin::Part(whole, by)) => format!("{} / {by}", of(*whole)),
            Some(Origin::Product(number, symbols)) => {
                let number = (*number != 1).then(|| number.to_string());
                number.into_iter().chain(symbols.iter().map(|&symbol| of(symbol))).collect::<Vec<_>>().join(" * ")
            }
            Some(Origin::Computed(root, Length::Windows { offset, stride: 1 })) => {
                format!("{}{}", of(*root), signed(*offset))
            }
            Some(Origin::Computed(root, Length::Windows { offset: 0, stride })) => format!("{} / {stride}", of(*root)),
            Some(Origin::Computed(root, Length::Windows { offset, stride })) => {
                format!("({}{}) / {stride}", of(*root), signed(*offset))
            }
            Some(Origin::Computed(root, Length::Scaled { factor, offset })) => {
                format!("{factor} * {}{}", of(*root), signed(*offset))
            }
        }
    }

    fn add(&mut self, name: Option<String>) -> Symbol {
        self.names.push(name);
        Symbol { graph: self.graph, number: self.names.len() as u32 - 1 }
    }
}

fn common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_and_parts_are_the_same_however_they_were_made() {
        let mut symbols = Symbols::new(0);
        let [b, l, h] = ["b", "l", "h"].map(|name| symbols.dim(name.into()).unwrap());
        let four = Dim::Fixed(4);
        let rows = symbols.product(&[b, l]);
        assert_eq!(rows, symbols.product(&[l, b]));
        assert_eq!(symbols.describe(rows), "b * l");
        assert_eq!(symbols.factors(&[rows, four]), symbols.factors(&[b, four, l]));
        assert_eq!(symbols.quotient(h, 2), None);
        assert!(symbols.state_multiple(h, 4));
        let half = symbols.quotient(h, 2).unwrap();
        let quarter = symbols.quotient(half, 2).unwrap();
        assert_eq!(symbols.describe(quarter), "h / 4");
        assert_eq!(symbols.factors(&[quarter, four]), symbols.factors(&[h]));
        assert_eq!(symbols.product(&[half, Dim::Fixed(2)]), h);
        let doubled = symbols.product(&[h, Dim::Fixed(2)]);
        assert_eq!(symbols.quotient(doubled, 2), Some(h));
        assert!(symbols.state_multiple(rows, 1) && !symbols.state_multiple(rows, 2));
        // Windows of three, two apart, with one of padding on each side.
        let Dim::Symbol(height) = h else { panic!("{h:?}") };
        assert_eq!(symbols.derive(height, Length::Windows { offset: 1, stride: 2 }), half);
        // Halved first, and then said to be even.
        let Dim::Symbol(length) = l else { panic!("{l:?}") };
        let halved = symbols.derive(length, Length::Windows { offset: 0, stride: 2 });
        assert!(symbols.state_multiple(l, 2));
        assert_eq!(symbols.quotient(l, 2), Some(halved));
        assert_eq!(symbols.product(&[halved, Dim::Fixed(2)]), l);
        assert_eq!(symbols.sum(vec![height, length], 1), symbols.sum(vec![length, height], 1));
    }
}

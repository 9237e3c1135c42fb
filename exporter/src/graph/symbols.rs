//! Lengths that are known only when the model runs, and the lengths that operators compute from them.

use std::collections::HashMap;

use crate::graph::sums::Sum;
use crate::shape::{Dim, DimSpec, Symbol};

/// What a symbol stands for.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// A name that the caller gave.
    Named(String),
    /// A symbol divided by a number of which the caller says that it divides it.
    Part(Symbol, i64),
    /// A sum divided by a number, rounded down.
    Rounded(Sum, i64),
    /// A sum of products of the other kinds.
    Sum,
}

#[derive(Debug)]
struct Entry {
    origin: Origin,
    /// The symbol by those that are no sums themselves. It is the symbol alone until something more is known of it.
    sum: Sum,
}

/// The symbols of one graph.
#[derive(Debug)]
pub(crate) struct Symbols {
    /// The mark of the graph.
    graph: u32,
    /// Each symbol, by its number.
    entries: Vec<Entry>,
    pub(super) by_name: HashMap<String, Symbol>,
    /// The oldest symbol of each sum, so that the same arithmetic gives the same symbol.
    known: HashMap<Sum, Symbol>,
    rounded: HashMap<(Sum, i64), Symbol>,
    /// The lowest numbers that callers stated.
    pub(super) lowest: HashMap<Symbol, i64>,
}

impl Symbols {
    /// The symbols of the graph with this mark: none yet.
    pub(super) fn new(graph: u32) -> Self {
        Self {
            graph,
            entries: vec![],
            by_name: HashMap::new(),
            known: HashMap::new(),
            rounded: HashMap::new(),
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
        let symbol = self.add(Origin::Named(name.clone()), None);
        self.by_name.insert(name, symbol);
        Some(Dim::Symbol(symbol))
    }

    /// What a symbol stands for.
    pub(super) fn origin(&self, symbol: Symbol) -> &Origin {
        &self.entries[symbol.number as usize].origin
    }

    /// A length by the symbols that are no sums themselves. Equal lengths have equal ones.
    pub(crate) fn sum(&self, dim: Dim) -> Sum {
        match dim {
            Dim::Fixed(size) => Sum::number(i64::try_from(size).unwrap_or(i64::MAX)),
            Dim::Symbol(symbol) => self.entries[symbol.number as usize].sum.clone(),
        }
    }

    /// The product of some lengths. Shapes of as many elements have equal ones.
    pub(crate) fn elements(&self, dims: &[Dim]) -> Sum {
        dims.iter().fold(Sum::number(1), |product, &dim| product.times(&self.sum(dim)))
    }

    /// The length that is this sum.
    pub(crate) fn length(&mut self, sum: Sum) -> Dim {
        if let Some(number) = sum.as_number() {
            return Dim::Fixed(usize::try_from(number).unwrap_or(0));
        }
        match self.known.get(&sum) {
            Some(&symbol) => Dim::Symbol(symbol),
            None => Dim::Symbol(self.add(Origin::Sum, Some(sum))),
        }
    }

    /// `(dim + offset) / by`, rounded down: how many windows there are, `by` apart.
    pub(crate) fn windows(&mut self, dim: Dim, offset: i64, by: usize) -> Dim {
        let sum = self.sum(dim).plus(&Sum::number(offset));
        let (whole, rest) = self.divide(&sum, by as i64);
        let sum = self.with_rounded(whole, rest);
        self.length(sum)
    }

    /// The length divided by a number; nothing where it is not known that nothing is left.
    pub(crate) fn quotient(&mut self, dim: Dim, by: usize) -> Option<Dim> {
        self.ratio(dim, Dim::Fixed(by))
    }

    /// One length divided by another; nothing where it is not known that nothing is left.
    pub(crate) fn ratio(&mut self, dim: Dim, by: Dim) -> Option<Dim> {
        let sum = self.sum(dim).over(&self.sum(by))?;
        Some(self.length(sum))
    }

    /// States that a number, which must not be 0, divides a length. False where that is no statement about one symbol.
    pub(crate) fn state_multiple(&mut self, dim: Dim, of: usize) -> bool {
        let Ok(of) = i64::try_from(of) else { return false };
        let sum = self.sum(dim);
        if sum.exactly(of).is_some() {
            return true;
        }
        let Some((&[only], number)) = sum.as_term() else { return false };
        let missing = of / common_divisor(number, of);
        let part = self.add(Origin::Part(only, missing), None);
        self.entries[only.number as usize].sum = Sum::symbol(part).times(&Sum::number(missing));
        self.refresh();
        true
    }

    /// Takes what has become known of single symbols into all sums.
    fn refresh(&mut self) {
        loop {
            self.rounded.clear();
            let mut is_settled = true;
            for number in 0..self.entries.len() {
                let symbol = Symbol { graph: self.graph, number: number as u32 };
                let Entry { origin, sum } = &self.entries[number];
                let found = match origin {
                    Origin::Rounded(inner, by) if *sum == Sum::symbol(symbol) => {
                        let (whole, rest) = self.divide(&self.current(inner), *by);
                        if let (Some(0), Some(rest)) = (whole.as_number(), &rest) {
                            // It stays what it is, unless another symbol turns out to be the same.
                            self.rounded.entry(rest.clone()).or_insert(symbol);
                        }
                        self.with_rounded(whole, rest)
                    }
                    _ => self.current(sum),
                };
                is_settled &= found == self.entries[number].sum;
                self.entries[number].sum = found;
            }
            if is_settled {
                break;
            }
        }
        // Of those that are equal now, the oldest stands for all.
        self.known.clear();
        for (number, entry) in self.entries.iter().enumerate() {
            let symbol = Symbol { graph: self.graph, number: number as u32 };
            self.known.entry(entry.sum.clone()).or_insert(symbol);
        }
    }

    /// A sum by what is known of its symbols now.
    fn current(&self, sum: &Sum) -> Sum {
        sum.substitute(|symbol| self.entries[symbol.number as usize].sum.clone())
    }

    /// `sum / by`, rounded down, as a sum and what must be rounded when the model runs, divided by a number.
    fn divide(&self, sum: &Sum, by: i64) -> (Sum, Option<(Sum, i64)>) {
        let (whole, rest) = sum.split(by);
        let divisor = rest.terms().filter(|(symbols, _)| !symbols.is_empty());
        let divisor = divisor.fold(by, |divisor, (_, number)| common_divisor(divisor, number));
        let (rest, by) = (rest.split(divisor).0, by / divisor);
        if by == 1 {
            return (whole.plus(&rest), None);
        }
        // What was rounded already can be rounded at once: (x / a + c) / b is (x + a c) / (a b).
        let products: Vec<_> = rest.terms().filter(|(symbols, _)| !symbols.is_empty()).collect();
        if let [(&[only], 1)] = products[..]
            && let Origin::Rounded(inner, first) = self.origin(only)
        {
            let further = rest.minus(&Sum::symbol(only)).times(&Sum::number(*first));
            let (more, rest) = self.divide(&self.current(inner).plus(&further), first.saturating_mul(by));
            return (whole.plus(&more), rest);
        }
        (whole, Some((rest, by)))
    }

    /// The name that the caller gave the symbol, if any.
    pub(crate) fn name(&self, symbol: Symbol) -> Option<&str> {
        match self.origin(symbol) {
            Origin::Named(name) => Some(name),
            _ => None,
        }
    }

    /// `784`, `batch`, `batch * length`, `height / 2`, `(height + 1) / 2`.
    pub(crate) fn describe(&self, dim: Dim) -> String {
        let symbol = match dim {
            Dim::Fixed(size) => return size.to_string(),
            Dim::Symbol(symbol) if symbol.graph != self.graph => return "a dimension of another graph".into(),
            Dim::Symbol(symbol) => symbol,
        };
        match self.origin(symbol) {
            Origin::Named(name) => name.clone(),
            Origin::Part(whole, by) => format!("{} / {by}", self.describe_factor(*whole)),
            Origin::Rounded(inner, by) => format!("{} / {by}", in_brackets(self.describe_sum(inner))),
            Origin::Sum => self.describe_sum(&self.entries[symbol.number as usize].sum),
        }
    }

    fn describe_sum(&self, sum: &Sum) -> String {
        let mut text = String::new();
        let (numbers, products): (Vec<_>, Vec<_>) = sum.terms().partition(|(symbols, _)| symbols.is_empty());
        for (symbols, number) in products.into_iter().chain(numbers) {
            text += match (text.is_empty(), number < 0) {
                (true, false) => "",
                (true, true) => "-",
                (false, false) => " + ",
                (false, true) => " - ",
            };
            text += &self.describe_term(symbols, number.abs());
        }
        text
    }

    fn describe_term(&self, symbols: &[Symbol], number: i64) -> String {
        // Two of four parts are a half.
        if let [only] = symbols
            && let Origin::Part(whole, by) = self.origin(*only)
            && by % number == 0
        {
            let whole = self.describe_factor(*whole);
            return if *by == number { whole } else { format!("{whole} / {}", by / number) };
        }
        let number = (number != 1 || symbols.is_empty()).then(|| number.to_string());
        let symbols = symbols.iter().map(|&symbol| self.describe_factor(symbol));
        number.into_iter().chain(symbols).collect::<Vec<_>>().join(" * ")
    }

    fn describe_factor(&self, symbol: Symbol) -> String {
        in_brackets(self.describe(Dim::Symbol(symbol)))
    }

    /// A sum plus what must be rounded when the model runs, as a symbol.
    fn with_rounded(&mut self, whole: Sum, rest: Option<(Sum, i64)>) -> Sum {
        let Some(rest) = rest else { return whole };
        let known = self.rounded.get(&rest).copied();
        let symbol = known.unwrap_or_else(|| {
            let symbol = self.add(Origin::Rounded(rest.0.clone(), rest.1), None);
            self.rounded.insert(rest, symbol);
            symbol
        });
        whole.plus(&Sum::symbol(symbol))
    }

    /// A symbol that is this sum, or one of its own.
    fn add(&mut self, origin: Origin, sum: Option<Sum>) -> Symbol {
        let symbol = Symbol { graph: self.graph, number: self.entries.len() as u32 };
        let sum = sum.unwrap_or_else(|| Sum::symbol(symbol));
        self.known.entry(sum.clone()).or_insert(symbol);
        self.entries.push(Entry { origin, sum });
        symbol
    }
}

fn in_brackets(text: String) -> String {
    if [" + ", " - ", " / "].iter().any(|sign| text.contains(sign)) { format!("({text})") } else { text }
}

fn common_divisor(a: i64, b: i64) -> i64 {
    if b == 0 { a.abs() } else { common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Symbols {
        fn product(&mut self, dims: &[Dim]) -> Dim {
            let sum = self.elements(dims);
            self.length(sum)
        }
    }

    #[test]
    fn products_and_parts_are_the_same_however_they_were_made() {
        let mut symbols = Symbols::new(0);
        let [b, l, h] = ["b", "l", "h"].map(|name| symbols.dim(name.into()).unwrap());
        let four = Dim::Fixed(4);
        let rows = symbols.product(&[b, l]);
        assert_eq!(rows, symbols.product(&[l, b]));
        assert_eq!(symbols.describe(rows), "b * l");
        assert_eq!(symbols.elements(&[rows, four]), symbols.elements(&[b, four, l]));
        assert_eq!(symbols.quotient(h, 2), None);
        assert!(symbols.state_multiple(h, 4));
        let half = symbols.quotient(h, 2).unwrap();
        let quarter = symbols.quotient(half, 2).unwrap();
        assert_eq!((symbols.describe(half), symbols.describe(quarter)), ("h / 2".into(), "h / 4".into()));
        assert_eq!(symbols.elements(&[quarter, four]), symbols.elements(&[h]));
        assert_eq!(symbols.product(&[half, Dim::Fixed(2)]), h);
        let doubled = symbols.product(&[h, Dim::Fixed(2)]);
        assert_eq!(symbols.quotient(doubled, 2), Some(h));
        assert!(symbols.state_multiple(rows, 1) && !symbols.state_multiple(rows, 2));
        // Windows of three, two apart, with one of padding on each side.
        assert_eq!(symbols.windows(h, 1, 2), half);
    }

    #[test]
    fn what_was_rounded_before_it_is_known_to_divide_is_found_again() {
        let mut symbols = Symbols::new(0);
        let [l, m] = ["l", "m"].map(|name| symbols.dim(name.into()).unwrap());
        let halved = symbols.windows(l, 0, 2);
        let quartered = symbols.windows(halved, 0, 2);
        let sum = symbols.sum(halved).plus(&symbols.sum(m));
        let sum = symbols.length(sum);
        assert_eq!(quartered, symbols.windows(l, 0, 4));
        assert_eq!(symbols.describe(quartered), "l / 4");
        assert!(symbols.state_multiple(l, 4));
        assert_eq!(symbols.quotient(l, 2), Some(halved));
        assert_eq!(symbols.quotient(l, 4), Some(quartered));
        assert_eq!(symbols.product(&[halved, Dim::Fixed(2)]), l);
        let again = symbols.sum(m).plus(&symbols.sum(halved));
        assert_eq!(symbols.length(again), sum);
    }

    #[test]
    fn windows_of_windows_are_windows() {
        let mut symbols = Symbols::new(0);
        let h = symbols.dim("h".into()).unwrap();
        // Two convolutions of three, two apart, with padding, are one of seven, four apart.
        let once = symbols.windows(h, 1, 2);
        let twice = symbols.windows(once, 1, 2);
        assert_eq!(twice, symbols.windows(h, 3, 4));
        assert_eq!(symbols.describe(twice), "(h + 3) / 4");
        // Twice the length and one more, halved.
        let odd = symbols.length(symbols.sum(h).times(&Sum::number(2)).plus(&Sum::number(1)));
        assert_eq!(symbols.describe(odd), "2 * h + 1");
        assert_eq!(symbols.windows(odd, 0, 2), h);
        let shorter = symbols.windows(h, -3, 1);
        assert_eq!(symbols.describe(shorter), "h - 3");
        assert_eq!(symbols.windows(shorter, 3, 1), h);
    }
}

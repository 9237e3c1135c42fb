//! Sums of products of symbols, in one form however they were made.

use std::collections::BTreeMap;

use crate::shape::Symbol;

/// A sum of products of symbols, each times a whole number: `2 * batch * length + 1`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Sum {
    /// The number before each product that is not 0. The symbols of a product are in order; none stand for the number alone.
    terms: BTreeMap<Vec<Symbol>, i64>,
}

impl Sum {
    pub(crate) fn number(number: i64) -> Self {
        Self::default().with(vec![], number)
    }

    pub(crate) fn symbol(symbol: Symbol) -> Self {
        Self::default().with(vec![symbol], 1)
    }

    /// The products with the numbers before them; the number alone, if any, comes first.
    pub(crate) fn terms(&self) -> impl Iterator<Item = (&[Symbol], i64)> {
        self.terms.iter().map(|(symbols, &number)| (&symbols[..], number))
    }

    /// The number that this is, without any symbol.
    pub(crate) fn as_number(&self) -> Option<i64> {
        match self.as_term() {
            Some((symbols, number)) => symbols.is_empty().then_some(number),
            None => self.terms.is_empty().then_some(0),
        }
    }

    /// The only product, where there is one.
    pub(crate) fn as_term(&self) -> Option<(&[Symbol], i64)> {
        let mut terms = self.terms();
        terms.next().filter(|_| terms.next().is_none())
    }

    pub(crate) fn plus(&self, other: &Self) -> Self {
        other.terms.iter().fold(self.clone(), |sum, (symbols, &number)| sum.with(symbols.clone(), number))
    }

    pub(crate) fn minus(&self, other: &Self) -> Self {
        self.plus(&other.times(&Self::number(-1)))
    }

    pub(crate) fn times(&self, other: &Self) -> Self {
        let mut product = Self::default();
        for (symbols, number) in self.terms() {
            for (others, factor) in other.terms() {
                let mut symbols = [symbols, others].concat();
                symbols.sort_unstable();
                product = product.with(symbols, number.saturating_mul(factor));
            }
        }
        product
    }

    /// Whole parts and rest, `self = by * whole + rest`: no number of the rest is below 0, and none reaches `by`.
    pub(crate) fn split(&self, by: i64) -> (Self, Self) {
        let (mut whole, mut rest) = (Self::default(), Self::default());
        for (symbols, &number) in &self.terms {
            whole = whole.with(symbols.clone(), number.div_euclid(by));
            rest = rest.with(symbols.clone(), number.rem_euclid(by));
        }
        (whole, rest)
    }

    /// `self / other` where nothing is left and `other` is one product.
    pub(crate) fn over(&self, other: &Self) -> Option<Self> {
        let (divisors, by) = other.as_term()?;
        let mut quotient = Self::default();
        for (symbols, &number) in &self.exactly(by)?.terms {
            let mut symbols = symbols.clone();
            for divisor in divisors {
                symbols.remove(symbols.iter().position(|symbol| symbol == divisor)?);
            }
            quotient = quotient.with(symbols, number);
        }
        Some(quotient)
    }

    /// `self / by` where nothing is left.
    pub(crate) fn exactly(&self, by: i64) -> Option<Self> {
        let (whole, rest) = (by > 0).then(|| self.split(by))?;
        rest.terms.is_empty().then_some(whole)
    }

    /// The same sum with another one in the place of each symbol.
    pub(crate) fn substitute(&self, sum: impl Fn(Symbol) -> Self) -> Self {
        let term = |(symbols, number): (&[Symbol], i64)| {
            symbols.iter().fold(Self::number(number), |product, &symbol| product.times(&sum(symbol)))
        };
        self.terms().map(term).fold(Self::default(), |total, term| total.plus(&term))
    }

    fn with(mut self, symbols: Vec<Symbol>, number: i64) -> Self {
        let found = self.terms.get(&symbols).copied().unwrap_or(0).saturating_add(number);
        match found {
            0 => self.terms.remove(&symbols),
            _ => self.terms.insert(symbols, found),
        };
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_equal_however_they_were_made() {
        let [a, b] = [0, 1].map(|number| Sum::symbol(Symbol { graph: 0, number }));
        let one = Sum::number(1);
        let square = a.plus(&one).times(&a.minus(&one));
        assert_eq!(square, a.times(&a).minus(&one));
        assert_eq!(b.times(&a).minus(&a.times(&b)).as_number(), Some(0));
        assert_eq!(a.plus(&a).exactly(2), Some(a.clone()));
        assert_eq!(a.plus(&one).exactly(2), None);
        assert_eq!(a.times(&b).plus(&a).over(&a), Some(b.plus(&one)));
        assert_eq!((a.over(&b), a.over(&Sum::number(0))), (None, None));
        let (whole, rest) = a.times(&Sum::number(5)).minus(&one).split(2);
        assert_eq!((whole, rest), (a.plus(&a).minus(&one), a.plus(&one)));
        assert_eq!(a.times(&b).substitute(|_| b.plus(&one)), b.times(&b).plus(&b).plus(&b).plus(&one));
    }
}

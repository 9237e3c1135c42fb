//! Lengths of tensors, known now or only when the model runs, and arithmetic on them as on `usize`.

use std::cmp::Ordering;
use std::fmt;
use std::ops::{Add, Div, Mul, Rem, Sub};

use super::context::with_or;
use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::graph::sums::Sum;
use crate::shape::Dim;

/// What a length is in the twin of a `forward`: a number, or a symbol that stands for any.
///
/// What arithmetic cannot know, such as whether a symbol is above 512, fails the graph and says so.
#[derive(Clone, Copy, Debug)]
pub struct Length(Dim);

impl From<usize> for Length {
    fn from(size: usize) -> Self {
        Self(Dim::Fixed(size))
    }
}

impl From<Dim> for Length {
    fn from(dim: Dim) -> Self {
        Self(dim)
    }
}

impl fmt::Display for Length {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let text = match self.0 {
            Dim::Fixed(size) => size.to_string(),
            dim => with_or("?".to_owned(), |graph| Ok(graph.symbols.describe(dim))),
        };
        formatter.pad(&text)
    }
}

impl Length {
    /// The dimension that it is.
    pub(super) fn dim(self) -> Dim {
        self.0
    }

    /// The number, where it is known now.
    pub(super) fn known(self) -> Option<usize> {
        match self.0 {
            Dim::Fixed(size) => Some(size),
            Dim::Symbol(_) => None,
        }
    }

    /// The number; the graph fails where it is known only when the model runs.
    pub(super) fn expect_known(self, what: &str) -> usize {
        self.known().unwrap_or_else(|| {
            with_or(1, |graph| {
                let found = graph.symbols.describe(self.0);
                Err(graph.mismatch("Shape", format!("a length that is known for {what}"), found))
            })
        })
    }

    /// The smaller of two lengths.
    pub fn min(self, other: impl Into<Self>) -> Self {
        let other = other.into();
        if self < other { self } else { other }
    }

    /// The larger of two lengths.
    pub fn max(self, other: impl Into<Self>) -> Self {
        let other = other.into();
        if self > other { self } else { other }
    }

    /// The length divided by another, rounded up.
    pub fn div_ceil(self, by: impl Into<Self>) -> Self {
        let by = by.into();
        (self + by - 1) / by
    }

    /// The length times itself, so many times.
    pub fn pow(self, exponent: u32) -> Self {
        (0..exponent).fold(1.into(), |product: Self, _| product * self)
    }

    /// Whether the length is a multiple of another.
    pub fn is_multiple_of(self, of: impl Into<Self>) -> bool {
        self % of.into() == 0
    }

    /// What is left of the length; the graph fails where that may be less than nothing.
    pub fn saturating_sub(self, other: impl Into<Self>) -> Self {
        let other = other.into();
        match (self.known(), other.known()) {
            (Some(a), Some(b)) => a.saturating_sub(b).into(),
            _ => self - other,
        }
    }
}

/// `a + sign b`.
fn plus(graph: &mut GraphBuilder, a: Dim, b: Dim, sign: i64) -> Result<Dim> {
    let sum = graph.symbols.sum(a).plus(&graph.symbols.sum(b).times(&Sum::number(sign)));
    if sum.as_number().is_some_and(|number| number < 0) {
        return unknown(graph, a, b, "-");
    }
    Ok(graph.symbols.length(sum))
}

/// The fault of a calculation that has no answer while the graph is built.
fn unknown<T>(graph: &GraphBuilder, a: Dim, b: Dim, sign: &str) -> Result<T> {
    let found = format!("{} {sign} {}", graph.symbols.describe(a), graph.symbols.describe(b));
    let advice = if ["<", "=="].contains(&sign) { "; `at_least` may say so" } else { "" };
    let expected = format!("an answer that is the same at every length{advice}");
    Err(graph.mismatch("Shape", expected, found))
}

fn product(graph: &mut GraphBuilder, a: Dim, b: Dim) -> Result<Dim> {
    graph.product(&[a, b])
}

/// Rounded down, as `usize` is.
fn quotient(graph: &mut GraphBuilder, a: Dim, b: Dim) -> Result<Dim> {
    if b != Dim::Fixed(0)
        && let Some(ratio) = graph.symbols.ratio(a, b)
    {
        return Ok(ratio);
    }
    match (a, b) {
        (Dim::Fixed(a), Dim::Fixed(b)) if b > 0 => Ok(Dim::Fixed(a / b)),
        (Dim::Symbol(_), Dim::Fixed(by)) if by > 0 => Ok(graph.symbols.windows(a, 0, by)),
        _ => unknown(graph, a, b, "/"),
    }
}

fn rest(graph: &mut GraphBuilder, a: Dim, b: Dim) -> Result<Dim> {
    match (a, b) {
        (Dim::Fixed(a), Dim::Fixed(b)) if b > 0 => Ok(Dim::Fixed(a % b)),
        _ if b != Dim::Fixed(0) && graph.symbols.ratio(a, b).is_some() => Ok(Dim::Fixed(0)),
        _ => unknown(graph, a, b, "%"),
    }
}

macro_rules! arithmetic {
    ($($operator:ident $name:ident $compute:expr;)+) => {
        $(
            impl<B: Into<Length>> $operator<B> for Length {
                type Output = Length;

                fn $name(self, other: B) -> Length {
                    let (a, b) = (self.0, other.into().0);
                    Length(with_or(Dim::Fixed(1), |graph| $compute(graph, a, b)))
                }
            }

            impl<B: Into<Length>> $operator<B> for &Length {
                type Output = Length;

                fn $name(self, other: B) -> Length {
                    (*self).$name(other)
                }
            }

            impl $operator<Length> for usize {
                type Output = Length;

                fn $name(self, other: Length) -> Length {
                    Length::from(self).$name(other)
                }
            }
        )+
    };
}

arithmetic! {
    Add add |graph, a, b| plus(graph, a, b, 1);
    Sub sub |graph, a, b| plus(graph, a, b, -1);
    Mul mul product;
    Div div quotient;
    Rem rem rest;
}

impl From<&Length> for Length {
    fn from(length: &Length) -> Self {
        *length
    }
}

/// Whether `a` is below `b` whatever the symbols are; the graph fails where that depends on them.
fn is_below(a: Length, b: Length) -> bool {
    with_or(false, |graph| {
        let (a, b) = (a.0, b.0);
        let more = graph.symbols.sum(b).minus(&graph.symbols.sum(a));
        if graph.symbols.lowest_of(&more).is_some_and(|lowest| lowest > 0) {
            return Ok(true);
        }
        let less = more.times(&Sum::number(-1));
        if graph.symbols.lowest_of(&less).is_some_and(|lowest| lowest >= 0) {
            return Ok(false);
        }
        unknown(graph, a, b, "<")
    })
}

/// The same for equality.
fn is_equal(a: Length, b: Length) -> bool {
    with_or(false, |graph| {
        let (a, b) = (a.0, b.0);
        let more = graph.symbols.sum(b).minus(&graph.symbols.sum(a));
        if more.as_number() == Some(0) {
            return Ok(true);
        }
        let less = more.times(&Sum::number(-1));
        let is_apart = |sum| graph.symbols.lowest_of(sum).is_some_and(|lowest| lowest > 0);
        if is_apart(&more) || is_apart(&less) {
            return Ok(false);
        }
        unknown(graph, a, b, "==")
    })
}

macro_rules! comparison {
    ($($a:ty, $b:ty;)+) => {
        $(
            impl PartialEq<$b> for $a {
                fn eq(&self, other: &$b) -> bool {
                    is_equal((*self).into(), (*other).into())
                }
            }

            impl PartialOrd<$b> for $a {
                fn partial_cmp(&self, other: &$b) -> Option<Ordering> {
                    Some(match () {
                        () if self < other => Ordering::Less,
                        () if self > other => Ordering::Greater,
                        () => Ordering::Equal,
                    })
                }

                fn lt(&self, other: &$b) -> bool {
                    is_below((*self).into(), (*other).into())
                }

                fn gt(&self, other: &$b) -> bool {
                    is_below((*other).into(), (*self).into())
                }

                fn le(&self, other: &$b) -> bool {
                    !self.gt(other)
                }

                fn ge(&self, other: &$b) -> bool {
                    !self.lt(other)
                }
            }
        )+
    };
}

comparison! {
    Length, Length;
    Length, usize;
    usize, Length;
}

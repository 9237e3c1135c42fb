//! Numbers that follow from lengths: `(width / heads) as f64`.

use std::ops::{Add, Div, Mul, Neg, Sub};

use super::context::with_or;
use super::length::Length;
use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::value::{ElementType, Value};

/// What a length is as `f64` in the twin of a `forward`: a number, or a value of the graph where the length is a symbol.
#[derive(Clone, Copy, Debug)]
pub struct Real(Kind);

#[derive(Clone, Copy, Debug)]
enum Kind {
    Known(f64),
    /// A length that is known only when the model runs.
    Length(Length),
    Value(Value),
}

impl From<f64> for Real {
    fn from(number: f64) -> Self {
        Self(Kind::Known(number))
    }
}

impl From<f32> for Real {
    fn from(number: f32) -> Self {
        Self(Kind::Known(number.into()))
    }
}

impl From<Length> for Real {
    fn from(length: Length) -> Self {
        Self(length.known().map_or(Kind::Length(length), |size| Kind::Known(size as f64)))
    }
}

impl Real {
    fn computed(add: impl FnOnce(&mut GraphBuilder) -> Result<Value>) -> Self {
        Self(with_or(Kind::Known(1.), |graph| add(graph).map(Kind::Value)))
    }

    /// The number, where it is known now.
    pub(super) fn known(self) -> Option<f64> {
        match self.0 {
            Kind::Known(number) => Some(number),
            _ => None,
        }
    }

    /// The length, where it is one that is known only when the model runs.
    pub(super) fn as_length(self) -> Option<Length> {
        match self.0 {
            Kind::Length(length) => Some(length),
            _ => None,
        }
    }

    /// The number in the graph, without dimensions.
    pub(super) fn value(self, graph: &mut GraphBuilder) -> Result<Value> {
        match self.0 {
            Kind::Known(number) => graph.scalar(number as f32),
            Kind::Length(length) => {
                let length = graph.length(length.dim())?;
                graph.cast(length, ElementType::F32)
            }
            Kind::Value(value) => Ok(value),
        }
    }

    fn map(self, known: impl Fn(f64) -> f64, add: impl FnOnce(&mut GraphBuilder, Value) -> Result<Value>) -> Self {
        match self.0 {
            Kind::Known(number) => known(number).into(),
            _ => Self::computed(|graph| {
                let value = self.value(graph)?;
                add(graph, value)
            }),
        }
    }

    /// The whole number below, as a length. The graph fails where it is known only when the model runs.
    pub(super) fn floor(self) -> Length {
        match self.0 {
            Kind::Known(number) => Length::from(number as usize),
            Kind::Length(length) => length,
            Kind::Value(_) => with_or(Length::from(1), |graph| {
                Err(graph.mismatch("Shape", "a number that is known before the model runs", "one of the graph"))
            }),
        }
    }

    /// The square root.
    pub fn sqrt(self) -> Self {
        self.map(f64::sqrt, |graph, x| graph.sqrt(x))
    }

    /// The natural logarithm.
    pub fn ln(self) -> Self {
        self.map(f64::ln, |graph, x| graph.log(x))
    }

    /// The exponential.
    pub fn exp(self) -> Self {
        self.map(f64::exp, |graph, x| graph.exp(x))
    }

    /// 1 divided by the number.
    pub fn recip(self) -> Self {
        self.map(f64::recip, |graph, x| graph.recip(x))
    }

    /// The number to a power.
    pub fn powf(self, exponent: f64) -> Self {
        self.map(|number| number.powf(exponent), |graph, x| graph.powf(x, exponent as f32))
    }

    /// The number to a whole power.
    pub fn powi(self, exponent: i32) -> Self {
        self.powf(exponent.into())
    }
}

impl Neg for Real {
    type Output = Real;

    fn neg(self) -> Real {
        self.map(|number| -number, |graph, x| graph.neg(x))
    }
}

macro_rules! arithmetic {
    ($($operator:ident $name:ident $sign:tt;)+) => {
        $(
            impl<B: Into<Real>> $operator<B> for Real {
                type Output = Real;

                fn $name(self, other: B) -> Real {
                    let other = other.into();
                    if let (Kind::Known(a), Kind::Known(b)) = (self.0, other.0) {
                        return (a $sign b).into();
                    }
                    Self::computed(|graph| {
                        let (a, b) = (self.value(graph)?, other.value(graph)?);
                        graph.$name(a, b)
                    })
                }
            }

            impl $operator<Real> for f64 {
                type Output = Real;

                fn $name(self, other: Real) -> Real {
                    Real::from(self).$name(other)
                }
            }
        )+
    };
}

arithmetic! {
    Add add +;
    Sub sub -;
    Mul mul *;
    Div div /;
}

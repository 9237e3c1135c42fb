//! Shapes as callers write them: tuples of lengths and numbers, with `()` for one that follows from the others.

use std::rc::Rc;

use super::context::{with, with_or};
use super::length::Length;
use crate::shape::{Dim, DimSpec};

/// What candle's `Shape` means in the twin: the lengths of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape(Rc<[Length]>);

impl FromIterator<Length> for Shape {
    fn from_iter<I: IntoIterator<Item = Length>>(lengths: I) -> Self {
        Self(lengths.into_iter().collect())
    }
}

impl Shape {
    /// The lengths in order.
    pub fn dims(&self) -> &[Length] {
        &self.0
    }

    /// The number of dimensions.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// The product of the lengths.
    pub fn elem_count(&self) -> Length {
        let dims: Vec<Dim> = self.0.iter().map(|length| length.dim()).collect();
        with_or(Dim::Fixed(1), |graph| graph.product(&dims)).into()
    }

    fn exactly<const N: usize>(&self) -> candle_core::Result<[Length; N]> {
        <[Length; N]>::try_from(self.dims()).map_err(|_| {
            let dims: Vec<String> = self.0.iter().map(ToString::to_string).collect();
            candle_core::Error::Msg(format!("expected {N} dimensions, found {dims:?}"))
        })
    }
}

macro_rules! dims {
    ($($name:ident ($($part:ident),+) $tuple:ty;)+) => {
        impl Shape {
            $(
                /// The lengths, of which there must be as many as the name says.
                ///
                /// # Errors
                ///
                /// When there are more or fewer.
                pub fn $name(&self) -> candle_core::Result<$tuple> {
                    let [$($part),+] = self.exactly()?;
                    Ok(($($part),+))
                }
            )+
        }
    };
}

dims! {
    dims1 (a) Length;
    dims2 (a, b) (Length, Length);
    dims3 (a, b, c) (Length, Length, Length);
    dims4 (a, b, c, d) (Length, Length, Length, Length);
    dims5 (a, b, c, d, e) (Length, Length, Length, Length, Length);
}

/// One dimension of a shape that a caller writes.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    /// A length.
    Length(Length),
    /// `()`: what is left of the elements.
    Rest,
}

impl From<usize> for Part {
    fn from(size: usize) -> Self {
        Self::Length(size.into())
    }
}

impl From<Length> for Part {
    fn from(length: Length) -> Self {
        Self::Length(length)
    }
}

impl From<()> for Part {
    fn from((): ()) -> Self {
        Self::Rest
    }
}

/// A shape that a caller writes: a number, a tuple, a slice or a vector.
pub trait IntoLengths {
    /// The dimensions in order.
    fn parts(self) -> Vec<Part>;
}

/// The dimensions of a new tensor, or of a tensor of `elements`, which `()` takes what is left of.
pub(super) fn dims_of(shape: impl IntoLengths, elements: Option<&Shape>) -> candle_core::Result<Vec<Dim>> {
    let parts = shape.parts();
    let known: Vec<Dim> = parts
        .iter()
        .filter_map(|part| match part {
            Part::Length(length) => Some(length.dim()),
            Part::Rest => None,
        })
        .collect();
    if known.len() == parts.len() {
        return Ok(known);
    }
    let all: Vec<Dim> = elements.into_iter().flat_map(|shape| shape.dims()).map(|length| length.dim()).collect();
    let rest = with(|graph| {
        let (whole, known_product) = (graph.product(&all)?, graph.product(&known)?);
        let found = (parts.len() == known.len() + 1).then(|| graph.symbols.ratio(whole, known_product)).flatten();
        found.ok_or_else(|| {
            let expected = format!("a part of {:?} without rest", graph.describe_dims(&all));
            graph.mismatch("Reshape", expected, format!("{:?} and one more", graph.describe_dims(&known)))
        })
    })?;
    let dims = parts.iter().map(|part| match part {
        Part::Length(length) => length.dim(),
        Part::Rest => rest,
    });
    Ok(dims.collect())
}

/// The same for an operator of the graph.
pub(super) fn specs_of(shape: impl IntoLengths, elements: Option<&Shape>) -> candle_core::Result<Vec<DimSpec>> {
    Ok(dims_of(shape, elements)?.into_iter().map(DimSpec::from).collect())
}

impl IntoLengths for usize {
    fn parts(self) -> Vec<Part> {
        vec![self.into()]
    }
}

impl IntoLengths for Length {
    fn parts(self) -> Vec<Part> {
        vec![self.into()]
    }
}

impl IntoLengths for () {
    fn parts(self) -> Vec<Part> {
        vec![]
    }
}

impl IntoLengths for &Shape {
    fn parts(self) -> Vec<Part> {
        self.dims().iter().map(|&length| length.into()).collect()
    }
}

impl IntoLengths for Shape {
    fn parts(self) -> Vec<Part> {
        (&self).parts()
    }
}

impl<T: Into<Part> + Copy> IntoLengths for &[T] {
    fn parts(self) -> Vec<Part> {
        self.iter().map(|&part| part.into()).collect()
    }
}

impl<T: Into<Part> + Copy> IntoLengths for Vec<T> {
    fn parts(self) -> Vec<Part> {
        self.as_slice().parts()
    }
}

impl<T: Into<Part> + Copy> IntoLengths for &Vec<T> {
    fn parts(self) -> Vec<Part> {
        self.as_slice().parts()
    }
}

impl<T: Into<Part> + Copy, const N: usize> IntoLengths for [T; N] {
    fn parts(self) -> Vec<Part> {
        self.as_slice().parts()
    }
}

impl<T: Into<Part> + Copy, const N: usize> IntoLengths for &[T; N] {
    fn parts(self) -> Vec<Part> {
        self.as_slice().parts()
    }
}

macro_rules! tuple_parts {
    ($($name:ident)+) => {
        impl<$($name: Into<Part>),+> IntoLengths for ($($name,)+) {
            #[allow(non_snake_case)]
            fn parts(self) -> Vec<Part> {
                let ($($name,)+) = self;
                vec![$($name.into()),+]
            }
        }
    };
}

tuple_parts!(A);
tuple_parts!(A B);
tuple_parts!(A B C);
tuple_parts!(A B C D);
tuple_parts!(A B C D E);
tuple_parts!(A B C D E F);

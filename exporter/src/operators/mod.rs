//! ONNX operators as typed methods: a typo does not compile, and a wrong shape fails at the line that made it.
//!
//! They have candle's names, and take axes as candle does: numbers from 0, or `D::Minus1`.

mod activation;
mod compare;
pub(crate) mod conv;
mod elementwise;
mod index;
pub(crate) mod matmul;
pub(crate) mod pool;
mod reduce;
mod resize;
mod rope;
mod shape;
mod slice;

use candle_core::shape::Dim as Axis;

pub use conv::{Convolution, TransposedConvolution};
pub use matmul::Gemm;
pub use pool::Pool;

use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::shape::{Dim, Shape};
use crate::value::{ElementType, Value};

impl GraphBuilder {
    /// `axis` of `x` as a number from 0.
    pub(crate) fn axis(&self, operator: &'static str, x: Value, axis: impl Axis) -> Result<usize> {
        let of = |rank: usize| axis.to_index(&candle_core::Shape::from(vec![1; rank]), operator);
        of(x.rank()).map_err(|_| {
            let needed = (x.rank()..64).find(|&rank| of(rank).is_ok()).map_or("more".into(), |rank| rank.to_string());
            let found = format!("{:?}, which has {}", self.describe(x), x.rank());
            self.mismatch(operator, format!("{needed} dimensions for this axis"), found)
        })
    }

    /// The shape of two values that are broadcast against each other.
    pub(crate) fn broadcast(&self, operator: &'static str, a: Value, b: Value) -> Result<Shape> {
        let rank = a.rank().max(b.rank());
        let padded = |value: Value| {
            let missing = rank - value.rank();
            (0..rank).map(move |axis| if axis < missing { Dim::Fixed(1) } else { value.dim(axis - missing) })
        };
        let dims: Option<Vec<Dim>> = padded(a)
            .zip(padded(b))
            .map(|(a, b)| match (a, b) {
                _ if a == b => Some(a),
                (Dim::Fixed(1), other) | (other, Dim::Fixed(1)) => Some(other),
                _ => None,
            })
            .collect();
        let Some(dims) = dims else {
            let expected = format!("a shape that broadcasts with {:?}", self.describe(a));
            return Err(self.mismatch(operator, expected, format!("{:?}", self.describe(b))));
        };
        self.shape(operator, &dims)
    }

    /// Fails unless both values have the type of the first.
    pub(crate) fn same_type(&self, operator: &'static str, a: Value, b: Value) -> Result<()> {
        if a.element_type == b.element_type {
            return Ok(());
        }
        Err(self.mismatch(operator, format!("{:?}", a.element_type), format!("{:?}", b.element_type)))
    }

    /// Fails unless `x` has elements of `expected`.
    pub(crate) fn expect_type(&self, operator: &'static str, x: Value, expected: ElementType) -> Result<()> {
        if x.element_type == expected {
            return Ok(());
        }
        Err(self.mismatch(operator, format!("{expected:?}"), format!("{:?}", x.element_type)))
    }

    /// Fails unless every value has f32 elements.
    pub(crate) fn expect_floats(&self, operator: &'static str, values: &[Value]) -> Result<()> {
        values.iter().try_for_each(|&value| self.expect_type(operator, value, ElementType::F32))
    }

    /// Fails unless `x` has f32 or I64 elements, which ONNX can calculate with in every opset.
    pub(crate) fn expect_numbers(&self, operator: &'static str, x: Value) -> Result<()> {
        if matches!(x.element_type, ElementType::F32 | ElementType::I64) {
            return Ok(());
        }
        Err(self.mismatch(operator, "F32 or I64", format!("{:?}", x.element_type)))
    }

    /// The known length of dimension `axis`.
    pub(crate) fn known(&self, operator: &'static str, x: Value, axis: usize) -> Result<usize> {
        match x.dims().get(axis) {
            Some(&Dim::Fixed(size)) => Ok(size),
            _ => {
                let expected = format!("a known length along axis {axis}");
                Err(self.mismatch(operator, expected, format!("{:?}", self.describe(x))))
            }
        }
    }
}

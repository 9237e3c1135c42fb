//! Operators on each element, and what may stand in place of a second tensor.

use candle_core::{DType, Result};

use super::context::with;
use super::length::Length;
use super::real::Real;
use super::tensor::Tensor;
use crate::graph::GraphBuilder;
use crate::value::{ElementType, Value};

/// A tensor or a number behind a tensor: `x.maximum(0f32)`, `x.eq(&y)`.
pub trait Operand {
    /// The value, of the type of `like` where it is a number.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::initializer`].
    fn operand(self, graph: &mut GraphBuilder, like: ElementType) -> crate::Result<Value>;
}

impl Operand for &Tensor {
    fn operand(self, graph: &mut GraphBuilder, _: ElementType) -> crate::Result<Value> {
        let value = self.value(graph)?;
        number(graph, value)
    }
}

impl Operand for Length {
    fn operand(self, graph: &mut GraphBuilder, like: ElementType) -> crate::Result<Value> {
        let value = graph.length(self.dim())?;
        if like == ElementType::I64 { Ok(value) } else { graph.cast(value, like) }
    }
}

impl Operand for Real {
    fn operand(self, graph: &mut GraphBuilder, like: ElementType) -> crate::Result<Value> {
        let value = self.value(graph)?;
        if like == ElementType::F32 { Ok(value) } else { graph.cast(value, like) }
    }
}

macro_rules! numbers {
    ($($number:ty)+) => {
        $(
            impl Operand for $number {
                fn operand(self, graph: &mut GraphBuilder, like: ElementType) -> crate::Result<Value> {
                    if like == ElementType::F32 { graph.scalar(self as f32) } else { graph.whole(self as i64) }
                }
            }
        )+
    };
}

numbers!(f32 f64 u8 u32 i16 i32 i64);

/// ONNX calculates with neither bytes nor conditions.
pub(super) fn number(graph: &mut GraphBuilder, x: Value) -> crate::Result<Value> {
    match x.element_type() {
        ElementType::U8 | ElementType::Bool => graph.cast(x, ElementType::I64),
        _ => Ok(x),
    }
}

macro_rules! unary {
    ($($name:ident)+) => {
        /// The largest f32 that is a u32.
const LARGEST_U32: f32 = 4_294_967_040.;

impl Tensor {
            $(
                #[doc = concat!("candle's `", stringify!($name), "`: [`GraphBuilder::", stringify!($name), "`].")]
                ///
                /// # Errors
                ///
                /// As there.
                pub fn $name(&self) -> Result<Self> {
                    self.map(|graph, x| graph.$name(x))
                }
            )+
        }
    };
}

unary!(relu silu tanh exp log sqrt abs neg recip erf sin cos sign floor ceil round gelu gelu_erf sqr);

macro_rules! binary {
    ($($broadcast:ident $name:ident)+) => {
        impl Tensor {
            $(
                #[doc = concat!("candle's `", stringify!($broadcast), "`: [`GraphBuilder::", stringify!($name), "`].")]
                ///
                /// # Errors
                ///
                /// As there.
                pub fn $broadcast(&self, other: &Tensor) -> Result<Self> {
                    self.zip(other, |graph, a, b| {
                        let (a, b) = (number(graph, a)?, number(graph, b)?);
                        graph.$name(a, b)
                    })
                }
            )+
        }
    };
}

binary! {
    broadcast_add add
    broadcast_sub sub
    broadcast_mul mul
    broadcast_div div
    broadcast_pow pow
    broadcast_maximum maximum
    broadcast_minimum minimum
    add add
    sub sub
    mul mul
    div div
    pow pow
}

impl Tensor {
    /// `mul x + add`.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::affine`].
    pub fn affine(&self, mul: impl Into<Real>, add: impl Into<Real>) -> Result<Self> {
        let (mul, add) = (mul.into(), add.into());
        self.map(|graph, x| {
            let x = number(graph, x)?;
            if let (Some(mul), Some(add), ElementType::F32) = (mul.known(), add.known(), x.element_type()) {
                return graph.affine(x, mul as f32, add as f32);
            }
            let like = x.element_type();
            let product = if mul.known() == Some(1.) {
                x
            } else {
                let factor = mul.operand(graph, like)?;
                graph.mul(x, factor)?
            };
            if add.known() == Some(0.) {
                return Ok(product);
            }
            let summand = add.operand(graph, like)?;
            graph.add(product, summand)
        })
    }

    /// The tensor divided by a number.
    pub(super) fn divided(&self, by: Real) -> Result<Self> {
        let by = if by.known().is_some() {
            by.recip()
        } else {
            return self.map(|graph, x| {
                let by = by.value(graph)?;
                graph.div(x, by)
            });
        };
        self.affine(by, 0.)
    }

    /// `x` to the power of a number.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::powf`].
    pub fn powf(&self, exponent: f64) -> Result<Self> {
        self.map(|graph, x| graph.powf(x, exponent as f32))
    }

    /// candle's `elu`.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::elu`].
    pub fn elu(&self, alpha: f64) -> Result<Self> {
        self.map(|graph, x| graph.elu(x, alpha as f32))
    }

    /// The larger of each element and that of another tensor, or a number.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::maximum`].
    pub fn maximum(&self, other: impl Operand) -> Result<Self> {
        self.map(|graph, x| {
            let other = other.operand(graph, x.element_type())?;
            graph.maximum(x, other)
        })
    }

    /// The smaller of each element and that of another tensor, or a number.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::minimum`].
    pub fn minimum(&self, other: impl Operand) -> Result<Self> {
        self.map(|graph, x| {
            let other = other.operand(graph, x.element_type())?;
            graph.minimum(x, other)
        })
    }

    /// `x` no lower than `low` and no higher than `high`.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::maximum`].
    pub fn clamp(&self, low: impl Operand, high: impl Operand) -> Result<Self> {
        self.maximum(low)?.minimum(high)
    }

    /// The same numbers as another type. f16 and bf16 are computed in f32, so that they change nothing here.
    ///
    /// # Errors
    ///
    /// candle's, for a type that is not written.
    pub fn to_dtype(&self, dtype: DType) -> Result<Self> {
        let to = match dtype {
            DType::F16 | DType::BF16 | DType::F32 | DType::F64 => ElementType::F32,
            DType::U32 | DType::I64 | DType::I32 | DType::I16 => ElementType::I64,
            DType::U8 => ElementType::U8,
            other => candle_core::bail!("no graph has elements of {other:?}"),
        };
        with(|graph| {
            let x = self.value(graph)?;
            // A condition counts as bytes already.
            let same = x.element_type() == to || (x.element_type() == ElementType::Bool && to == ElementType::U8);
            // candle takes the nearest number that there is; ONNX leaves it open.
            let x = match dtype {
                DType::U8 if x.element_type() == ElementType::F32 => graph.clamp(x, 0., 255.)?,
                DType::U32 if x.element_type() == ElementType::F32 => graph.clamp(x, 0., LARGEST_U32)?,
                _ => x,
            };
            if same { Ok(x) } else { graph.cast(x, to) }
        })
        .map(Tensor::from)
    }
}

//! Tensors that follow from no input: numbers, zeros, places, triangles.

use candle_core::{DType, Device, NdArray, Result, WithDType};

use super::context::with;
use super::dims::{IntoLengths, dims_of};
use super::elementwise::Operand;
use super::length::Length;
use super::real::Real;
use super::tensor::Tensor;
use crate::error::Result as GraphResult;
use crate::graph::GraphBuilder;
use crate::shape::Dim;
use crate::value::{ElementType, Value};

/// A bound of [`Tensor::arange`].
pub trait Bound: Operand + Copy {
    /// The number, where it is known now.
    fn known(self) -> Option<f64>;

    /// The type of the elements that it makes.
    fn element_type(self) -> ElementType;

    /// The length from 0 to it, where it is a whole number or a length.
    fn length(self) -> Option<Length>;
}

macro_rules! bounds {
    ($($number:ty => $element_type:ident;)+) => {
        $(
            impl Bound for $number {
                fn known(self) -> Option<f64> {
                    Some(self as f64)
                }

                fn element_type(self) -> ElementType {
                    ElementType::$element_type
                }

                fn length(self) -> Option<Length> {
                    (self as f64 >= 0. && (self as f64).fract() == 0.).then(|| Length::from(self as usize))
                }
            }
        )+
    };
}

bounds! {
    u8 => I64;
    u32 => I64;
    i64 => I64;
    f32 => F32;
    f64 => F32;
}

impl Bound for Length {
    fn known(self) -> Option<f64> {
        self.known().map(|size| size as f64)
    }

    fn element_type(self) -> ElementType {
        ElementType::I64
    }

    fn length(self) -> Option<Length> {
        Some(self)
    }
}

impl Bound for Real {
    fn known(self) -> Option<f64> {
        self.known()
    }

    fn element_type(self) -> ElementType {
        ElementType::F32
    }

    fn length(self) -> Option<Length> {
        self.known().map_or(self.as_length(), Bound::length)
    }
}

macro_rules! from_numbers {
    ($($number:ty)+) => {
        $(
            impl TryFrom<$number> for Tensor {
                type Error = candle_core::Error;

                fn try_from(number: $number) -> Result<Self> {
                    Self::new(number, &Device::Cpu)
                }
            }
        )+
    };
}

from_numbers!(u8 u32 i64 f32 f64);

fn element_type(dtype: DType) -> Result<ElementType> {
    ElementType::of(dtype)
        .or((dtype == DType::F64).then_some(ElementType::F32))
        .ok_or_else(|| candle_core::Error::Msg(format!("no graph has elements of {dtype:?}")))
}

/// `[length, length]`: whether the column is not beyond the row, or not before it.
fn triangle(graph: &mut GraphBuilder, length: Dim, upper: bool) -> GraphResult<Value> {
    let columns = graph.arange(length)?;
    let rows = graph.unsqueeze(columns, 1)?;
    // tract runs a mask of `LessOrEqual` wrongly at lengths that are not known before.
    let outside = if upper { graph.lt(columns, rows)? } else { graph.gt(columns, rows)? };
    graph.not(outside)
}

impl Tensor {
    /// The numbers of an array.
    ///
    /// # Errors
    ///
    /// candle's.
    pub fn new<A: NdArray>(array: A, device: &Device) -> Result<Self> {
        Ok(Self::constant(&candle_core::Tensor::new(array, device)?))
    }

    /// The numbers of a vector. Every length must be known now.
    ///
    /// # Errors
    ///
    /// candle's.
    pub fn from_vec<D: WithDType>(data: Vec<D>, shape: impl IntoLengths, device: &Device) -> Result<Self> {
        let all = [Length::from(data.len())].into_iter().collect();
        let dims = dims_of(shape, Some(&all))?.into_iter().map(|dim| Length::from(dim).expect_known("given numbers"));
        Ok(Self::constant(&candle_core::Tensor::from_vec(data, dims.collect::<Vec<_>>(), device)?))
    }

    /// The numbers of a slice. Every length must be known now.
    ///
    /// # Errors
    ///
    /// candle's.
    pub fn from_slice<D: WithDType>(data: &[D], shape: impl IntoLengths, device: &Device) -> Result<Self> {
        Self::from_vec(data.to_vec(), shape, device)
    }

    /// One number, repeated.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::expand`].
    pub fn full(number: impl Bound, shape: impl IntoLengths, _: &Device) -> Result<Self> {
        let element_type = number.element_type();
        Self::repeated(number, shape, element_type)
    }

    fn repeated(number: impl Operand, shape: impl IntoLengths, like: ElementType) -> Result<Self> {
        let number = with(|graph| {
            let counts = if like == ElementType::F32 { like } else { ElementType::I64 };
            let number = number.operand(graph, counts)?;
            if like == counts { Ok(number) } else { graph.cast(number, like) }
        })
        .map(Tensor::from)?;
        Ok(number.repeated_to(dims_of(shape, None)?.into_iter().map(Length::from).collect()))
    }

    /// Zeros of a shape, whose lengths may be known only when the model runs.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::expand`].
    pub fn zeros(shape: impl IntoLengths, dtype: DType, _: &Device) -> Result<Self> {
        Self::repeated(0f64, shape, element_type(dtype)?)
    }

    /// Ones of a shape, whose lengths may be known only when the model runs.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::expand`].
    pub fn ones(shape: impl IntoLengths, dtype: DType, _: &Device) -> Result<Self> {
        Self::repeated(1f64, shape, element_type(dtype)?)
    }

    /// Zeros of this shape.
    ///
    /// # Errors
    ///
    /// As [`Tensor::zeros`].
    pub fn zeros_like(&self) -> Result<Self> {
        Self::zeros(&self.shape, self.dtype(), &Device::Cpu)
    }

    /// Ones of this shape.
    ///
    /// # Errors
    ///
    /// As [`Tensor::zeros`].
    pub fn ones_like(&self) -> Result<Self> {
        Self::ones(&self.shape, self.dtype(), &Device::Cpu)
    }

    /// The numbers from `start` to below `end`, which may be a length.
    ///
    /// # Errors
    ///
    /// Where a bound is a fraction, or known only when the model runs and no length.
    pub fn arange(start: impl Bound, end: impl Bound, device: &Device) -> Result<Self> {
        let like = start.element_type();
        if let (Some(first), Some(last)) = (start.known(), end.known()) {
            let numbers = candle_core::Tensor::arange(first, last, device)?;
            let dtype = if like == ElementType::F32 { DType::F32 } else { DType::I64 };
            return Ok(Self::constant(&numbers.to_dtype(dtype)?));
        }
        let (Some(first), Some(last)) = (start.length(), end.length()) else {
            candle_core::bail!("`arange` takes whole numbers and lengths")
        };
        let (count, from_zero) = ((last - first).dim(), first == 0);
        with(|graph| {
            let mut numbers = graph.arange(count)?;
            if !from_zero {
                let first = graph.length(first.dim())?;
                numbers = graph.add(numbers, first)?;
            }
            if like == ElementType::F32 { graph.cast(numbers, like) } else { Ok(numbers) }
        })
        .map(Tensor::from)
    }

    /// Ones up to the diagonal, and zeros beyond it: `[length, length]`.
    ///
    /// # Errors
    ///
    /// candle's, for a type that is not written.
    pub fn tril2(length: impl Into<Length>, dtype: DType, _: &Device) -> Result<Self> {
        let length = length.into().dim();
        with(|graph| triangle(graph, length, false)).map(Tensor::from)?.to_dtype(dtype)
    }

    /// Ones from the diagonal on, and zeros before it: `[length, length]`.
    ///
    /// # Errors
    ///
    /// candle's, for a type that is not written.
    pub fn triu2(length: impl Into<Length>, dtype: DType, _: &Device) -> Result<Self> {
        let length = length.into().dim();
        with(|graph| triangle(graph, length, true)).map(Tensor::from)?.to_dtype(dtype)
    }

    /// Ones on the diagonal: `[length, length]`.
    ///
    /// # Errors
    ///
    /// candle's, for a type that is not written.
    pub fn eye(length: impl Into<Length>, dtype: DType, _: &Device) -> Result<Self> {
        let length = length.into().dim();
        let ones = with(|graph| {
            let columns = graph.arange(length)?;
            let rows = graph.unsqueeze(columns, 1)?;
            graph.eq(columns, rows)
        });
        Tensor::from(ones?).to_dtype(dtype)
    }
}

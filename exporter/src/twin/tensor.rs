//! The tensor of the twin: a value of the graph, or a weight that is added when it is first used.

use std::rc::Rc;

use candle_core::{DType, Device};

use super::context::{Scope, with};
use super::dims::Shape;
use super::length::Length;
use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::shape::{Dim, DimSpec};
use crate::value::{ElementType, Value};

/// What `Tensor` means in the twin of a `forward`. Its methods have candle's names; lengths are [`Length`]s.
#[derive(Clone, Debug)]
pub struct Tensor {
    pub(super) shape: Shape,
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    Value(Value),
    /// Its place and name, where it is a weight.
    Constant(Option<(Scope, Rc<str>)>, candle_core::Tensor),
    /// A number, which is repeated only where an operator does not do so itself.
    Repeated(Rc<Tensor>),
}

impl From<Value> for Tensor {
    fn from(value: Value) -> Self {
        Self { shape: value.dims().iter().map(|&dim| Length::from(dim)).collect(), source: Source::Value(value) }
    }
}

impl AsRef<Tensor> for Tensor {
    fn as_ref(&self) -> &Tensor {
        self
    }
}

impl Tensor {
    /// A weight, which becomes the initializer `name` of the layer.
    pub(super) fn weight(scope: &Scope, name: &str, tensor: &candle_core::Tensor) -> Self {
        Self::stored(Some((scope.clone(), name.into())), tensor)
    }

    /// A tensor that is no weight.
    pub(super) fn constant(tensor: &candle_core::Tensor) -> Self {
        Self::stored(None, tensor)
    }

    fn stored(name: Option<(Scope, Rc<str>)>, tensor: &candle_core::Tensor) -> Self {
        let shape = tensor.dims().iter().map(|&size| Length::from(Dim::Fixed(size))).collect();
        Self { shape, source: Source::Constant(name, tensor.clone()) }
    }

    /// The value in the graph.
    pub(super) fn value(&self, graph: &mut GraphBuilder) -> Result<Value> {
        match &self.source {
            Source::Value(value) => Ok(*value),
            Source::Constant(None, tensor) => graph.constant(tensor),
            Source::Repeated(number) => {
                let number = number.value(graph)?;
                let dims: Vec<DimSpec> = self.dims().iter().map(|length| length.dim().into()).collect();
                graph.expand(number, dims)
            }
            Source::Constant(Some((scope, name)), tensor) => {
                let outside = graph.enter_place(vec![]);
                let value = graph.initializer(scope.inner(name).name(), tensor);
                graph.enter_place(outside);
                value
            }
        }
    }

    /// This number, repeated to a shape.
    pub(super) fn repeated_to(self, shape: Shape) -> Self {
        if shape.rank() == 0 { self } else { Self { shape, source: Source::Repeated(Rc::new(self)) } }
    }

    /// The value in the graph, or the number of which this tensor is made, which broadcasts beside a value of this shape.
    pub(super) fn value_beside(&self, graph: &mut GraphBuilder, other: &Tensor) -> Result<Value> {
        match &self.source {
            Source::Repeated(number) if other.same_dims(self) && !other.is_repeated() => number.value(graph),
            _ => self.value(graph),
        }
    }

    fn is_repeated(&self) -> bool {
        matches!(self.source, Source::Repeated(_))
    }

    fn same_dims(&self, other: &Tensor) -> bool {
        let dims = |tensor: &Tensor| tensor.dims().iter().map(|length| length.dim()).collect::<Vec<_>>();
        dims(self) == dims(other)
    }

    /// What an operator makes of this tensor.
    pub(super) fn map(
        &self,
        add: impl FnOnce(&mut GraphBuilder, Value) -> Result<Value>,
    ) -> candle_core::Result<Tensor> {
        with(|graph| {
            let x = self.value(graph)?;
            add(graph, x)
        })
        .map(Tensor::from)
    }

    /// What an operator that broadcasts makes of two tensors.
    pub(super) fn zip(
        &self,
        other: &Tensor,
        add: impl FnOnce(&mut GraphBuilder, Value, Value) -> Result<Value>,
    ) -> candle_core::Result<Tensor> {
        with(|graph| {
            let (a, b) = (self.value_beside(graph, other)?, other.value_beside(graph, self)?);
            add(graph, a, b)
        })
        .map(Tensor::from)
    }

    /// The number of an axis from 0.
    pub(super) fn axis(&self, axis: impl candle_core::shape::Dim, of: &'static str) -> candle_core::Result<usize> {
        axis.to_index(&candle_core::Shape::from(vec![1; self.rank()]), of)
    }

    /// The type of the elements; comparisons give bytes, as candle's do.
    pub fn dtype(&self) -> DType {
        let value = match &self.source {
            Source::Value(value) => value,
            Source::Constant(_, tensor) => return tensor.dtype(),
            Source::Repeated(number) => return number.dtype(),
        };
        match value.element_type() {
            ElementType::F32 => DType::F32,
            ElementType::F16 => DType::F16,
            ElementType::Bf16 => DType::BF16,
            ElementType::I64 => DType::I64,
            ElementType::U8 | ElementType::Bool => DType::U8,
        }
    }

    /// The processor: a graph knows no device.
    pub fn device(&self) -> &Device {
        &Device::Cpu
    }

    /// The lengths in order.
    pub fn dims(&self) -> &[Length] {
        self.shape.dims()
    }

    /// The shape.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The number of dimensions.
    pub fn rank(&self) -> usize {
        self.dims().len()
    }

    /// The product of the lengths.
    pub fn elem_count(&self) -> Length {
        self.shape.elem_count()
    }

    /// The length along an axis.
    ///
    /// # Errors
    ///
    /// candle's, when there is no such axis.
    pub fn dim(&self, axis: impl candle_core::shape::Dim) -> candle_core::Result<Length> {
        Ok(self.dims()[self.axis(axis, "dim")?])
    }
}

macro_rules! dims {
    ($($name:ident $tuple:ty;)+) => {
        impl Tensor {
            $(
                /// The lengths, of which there must be as many as the name says.
                ///
                /// # Errors
                ///
                /// When there are more or fewer.
                pub fn $name(&self) -> candle_core::Result<$tuple> {
                    self.shape.$name()
                }
            )+
        }
    };
}

dims! {
    dims1 Length;
    dims2 (Length, Length);
    dims3 (Length, Length, Length);
    dims4 (Length, Length, Length, Length);
    dims5 (Length, Length, Length, Length, Length);
}

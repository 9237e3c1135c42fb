//! The same elements in another shape or order, and products of matrices.

use candle_core::shape::Dim as Axis;
use candle_core::shape::Dims;
use candle_core::{Device, Result};

use super::dims::{IntoLengths, dims_of, specs_of};
use super::length::Length;
use super::tensor::Tensor;
use crate::shape::{Dim, DimSpec};

impl Tensor {
    /// The same elements in another shape, of which one length may be `()`.
    ///
    /// # Errors
    ///
    /// As [`crate::GraphBuilder::reshape`].
    pub fn reshape(&self, shape: impl IntoLengths) -> Result<Self> {
        let dims = specs_of(shape, Some(&self.shape))?;
        self.map(|graph, x| graph.reshape(x, dims))
    }

    /// Repeats dimensions of length 1, and adds dimensions in front.
    ///
    /// # Errors
    ///
    /// As [`crate::GraphBuilder::expand`].
    pub fn broadcast_as(&self, shape: impl IntoLengths) -> Result<Self> {
        let dims = dims_of(shape, None)?;
        if self.rank() == 0 {
            return Ok(self.clone().repeated_to(dims.into_iter().map(Length::from).collect()));
        }
        self.map(|graph, x| graph.expand(x, dims.into_iter().map(DimSpec::from).collect::<Vec<_>>()))
    }

    /// Repeats dimensions of length 1, and adds dimensions in front.
    ///
    /// # Errors
    ///
    /// As [`crate::GraphBuilder::expand`].
    pub fn expand(&self, shape: impl IntoLengths) -> Result<Self> {
        self.broadcast_as(shape)
    }

    /// Repeats the tensor, with further dimensions in front.
    ///
    /// # Errors
    ///
    /// As [`crate::GraphBuilder::expand`].
    pub fn broadcast_left(&self, left: impl IntoLengths) -> Result<Self> {
        let mut dims = specs_of(left, None)?;
        self.map(|graph, x| {
            dims.extend(x.dims().iter().map(|&dim| dim.into()));
            graph.expand(x, dims)
        })
    }

    /// Joins the dimensions from one axis to another.
    ///
    /// # Errors
    ///
    /// As [`crate::GraphBuilder::reshape`].
    pub fn flatten<A: Axis, B: Axis>(&self, first: A, last: B) -> Result<Self> {
        let (first, last) = (self.axis(first, "flatten")?, self.axis(last, "flatten")?);
        if first >= last {
            return Ok(self.clone());
        }
        self.map(|graph, x| {
            let joined = graph.product(&x.dims()[first..=last])?;
            let dims: Vec<Dim> = [&x.dims()[..first], &[joined], &x.dims()[last + 1..]].concat();
            graph.reshape(x, dims.into_iter().map(|dim| dim.into()).collect::<Vec<DimSpec>>())
        })
    }

    /// Joins the dimensions up to an axis.
    ///
    /// # Errors
    ///
    /// As [`crate::GraphBuilder::reshape`].
    pub fn flatten_to<A: Axis>(&self, last: A) -> Result<Self> {
        self.flatten(0, last)
    }

    /// Joins the dimensions from an axis on.
    ///
    /// # Errors
    ///
    /// As [`crate::GraphBuilder::flatten_from`].
    pub fn flatten_from<A: Axis>(&self, first: A) -> Result<Self> {
        self.map(|graph, x| graph.flatten_from(x, first))
    }

    /// Joins all dimensions.
    ///
    /// # Errors
    ///
    /// As [`crate::GraphBuilder::flatten_all`].
    pub fn flatten_all(&self) -> Result<Self> {
        if self.rank() == 0 { self.unsqueeze(0) } else { self.map(|graph, x| graph.flatten_all(x)) }
    }

    /// Swaps two dimensions.
    ///
    /// # Errors
    ///
    /// As [`crate::GraphBuilder::transpose`].
    pub fn transpose<A: Axis, B: Axis>(&self, a: A, b: B) -> Result<Self> {
        self.map(|graph, x| graph.transpose(x, a, b))
    }

    /// Swaps the last two dimensions.
    ///
    /// # Errors
    ///
    /// As [`crate::GraphBuilder::transpose`].
    pub fn t(&self) -> Result<Self> {
        self.transpose(candle_core::D::Minus2, candle_core::D::Minus1)
    }

    /// Reorders the dimensions.
    ///
    /// # Errors
    ///
    /// As [`crate::GraphBuilder::permute`].
    pub fn permute<A: Dims>(&self, order: A) -> Result<Self> {
        let order = order.to_indexes(&candle_core::Shape::from(vec![1; self.rank()]), "permute")?;
        self.map(|graph, x| graph.permute(x, &order))
    }

    /// Adds a dimension of length 1.
    ///
    /// # Errors
    ///
    /// As [`crate::GraphBuilder::unsqueeze`].
    pub fn unsqueeze<A: Axis>(&self, axis: A) -> Result<Self> {
        self.map(|graph, x| graph.unsqueeze(x, axis))
    }

    /// Removes a dimension of length 1. As in candle, one of another length stays.
    ///
    /// # Errors
    ///
    /// As [`crate::GraphBuilder::squeeze`], for a length that is known only when the model runs.
    pub fn squeeze<A: Axis>(&self, axis: A) -> Result<Self> {
        let axis = self.axis(axis, "squeeze")?;
        if self.dims()[axis].known().is_some_and(|size| size != 1) {
            return Ok(self.clone());
        }
        self.map(|graph, x| graph.squeeze(x, axis))
    }

    /// The product of matrices.
    ///
    /// # Errors
    ///
    /// As [`crate::GraphBuilder::matmul`].
    pub fn matmul(&self, other: &Tensor) -> Result<Self> {
        self.map(|graph, x| {
            let other = other.value(graph)?;
            graph.matmul(x, other)
        })
    }

    /// The product of matrices, of which one may be repeated.
    ///
    /// # Errors
    ///
    /// As [`crate::GraphBuilder::matmul`].
    pub fn broadcast_matmul(&self, other: &Tensor) -> Result<Self> {
        self.matmul(other)
    }

    /// The tensor itself: a graph knows no strides.
    ///
    /// # Errors
    ///
    /// None.
    pub fn contiguous(&self) -> Result<Self> {
        Ok(self.clone())
    }

    /// The tensor itself: a graph knows no strides.
    ///
    /// # Errors
    ///
    /// None.
    pub fn force_contiguous(&self) -> Result<Self> {
        Ok(self.clone())
    }

    /// The tensor itself.
    ///
    /// # Errors
    ///
    /// None.
    pub fn copy(&self) -> Result<Self> {
        Ok(self.clone())
    }

    /// The tensor itself: a graph knows no gradients.
    pub fn detach(&self) -> Self {
        self.clone()
    }

    /// The tensor itself: a graph knows no devices.
    ///
    /// # Errors
    ///
    /// None.
    pub fn to_device(&self, _: &Device) -> Result<Self> {
        Ok(self.clone())
    }

    /// Always true: a graph knows no strides.
    pub fn is_contiguous(&self) -> bool {
        true
    }
}

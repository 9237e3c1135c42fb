//! Values of a graph: small copyable handles that know their type and shape, symbolic dimensions included.

use candle_core::DType;

/// ONNX tensors of more dimensions than this do not occur in feed-forward models.
pub(crate) const MAX_RANK: usize = 8;

/// A handle on a tensor in a [`crate::GraphBuilder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    pub(crate) id: u32,
    pub(crate) dtype: DType,
    pub(crate) shape: Shape,
}

impl Value {
    /// The number of dimensions.
    pub fn rank(&self) -> usize {
        self.shape.dims().len()
    }
}

/// One dimension: a number, or a symbol of the builder's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dim {
    Fixed(usize),
    Symbol(u16),
}

/// Dimensions in place, so that a [`Value`] can be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    rank: u8,
    dims: [Dim; MAX_RANK],
}

impl Shape {
    /// The shape of `dims`, if they are not too many.
    pub(crate) fn new(dims: &[Dim]) -> Option<Self> {
        let mut padded = [Dim::Fixed(0); MAX_RANK];
        padded.get_mut(..dims.len())?.copy_from_slice(dims);
        Some(Self { rank: dims.len() as u8, dims: padded })
    }

    pub(crate) fn dims(&self) -> &[Dim] {
        &self.dims[..usize::from(self.rank)]
    }

    /// The same shape with another last dimension.
    pub(crate) fn with_last(mut self, dim: Dim) -> Self {
        if let Some(last) = usize::from(self.rank).checked_sub(1) {
            self.dims[last] = dim;
        }
        self
    }
}

/// A dimension as a caller writes it: `28`, or `"batch"` for one that is known only when the model runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DimSpec {
    /// Always this long.
    Fixed(usize),
    /// As long as the caller of the model likes; equal names are equally long.
    Symbol(String),
}

impl From<usize> for DimSpec {
    fn from(dim: usize) -> Self {
        Self::Fixed(dim)
    }
}

impl From<&str> for DimSpec {
    fn from(name: &str) -> Self {
        Self::Symbol(name.into())
    }
}

/// Several dimensions: a tuple such as `("batch", 1, 28, 28)`, or a vector of [`DimSpec`].
pub trait IntoDims {
    /// The dimensions in order.
    fn into_dims(self) -> Vec<DimSpec>;
}

impl IntoDims for Vec<DimSpec> {
    fn into_dims(self) -> Vec<DimSpec> {
        self
    }
}

macro_rules! tuple_into_dims {
    ($($name:ident)+) => {
        impl<$($name: Into<DimSpec>),+> IntoDims for ($($name,)+) {
            #[allow(non_snake_case)]
            fn into_dims(self) -> Vec<DimSpec> {
                let ($($name,)+) = self;
                vec![$($name.into()),+]
            }
        }
    };
}

tuple_into_dims!(A);
tuple_into_dims!(A B);
tuple_into_dims!(A B C);
tuple_into_dims!(A B C D);
tuple_into_dims!(A B C D E);
tuple_into_dims!(A B C D E F);

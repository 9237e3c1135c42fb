//! Dimensions and shapes, symbolic ones included.

/// The most dimensions of a value. Feed-forward models do not have more.
pub(crate) const MAX_RANK: usize = 8;

/// One dimension of a [`crate::Value`].
///
/// ```
/// # exporter::Model::build("example", 17, |graph| {
/// let x = graph.input("x", ("batch", 4))?;
/// assert!(matches!(x.dims(), [exporter::Dim::Symbol(_), exporter::Dim::Fixed(4)]));
/// # graph.output("y", x)
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dim {
    /// The length, from 1.
    Fixed(usize),
    /// Known only when the model runs; equal symbols have equal lengths.
    Symbol(Symbol),
}

impl From<usize> for Dim {
    fn from(size: usize) -> Self {
        Self::Fixed(size)
    }
}

/// A dimension that is known only when the model runs.
///
/// ```
/// # exporter::Model::build("example", 17, |graph| {
/// let x = graph.input("x", ("batch", "length"))?;
/// assert_ne!(x.dim(0), x.dim(1)); // two symbols
/// let y = graph.pad_with_zeros(x, 1, 0, 0)?;
/// assert_eq!(y.dim(1), x.dim(1)); // still the same one
/// # graph.output("y", y)
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol {
    /// The mark of the graph that it belongs to.
    pub(crate) graph: u32,
    pub(crate) number: u32,
}

/// Dimensions stored in place, so that a [`crate::Value`] can be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    rank: u8,
    dims: [Dim; MAX_RANK],
}

impl Shape {
    /// The shape of `dims`; nothing where there are more than [`MAX_RANK`].
    pub(crate) fn new(dims: &[Dim]) -> Option<Self> {
        let mut padded = [Dim::Fixed(0); MAX_RANK];
        padded.get_mut(..dims.len())?.copy_from_slice(dims);
        Some(Self { rank: dims.len() as u8, dims: padded })
    }

    pub(crate) fn dims(&self) -> &[Dim] {
        &self.dims[..usize::from(self.rank)]
    }

    /// The same shape with another dimension at `axis`.
    pub(crate) fn with(mut self, axis: usize, dim: Dim) -> Self {
        self.dims[axis] = dim;
        self
    }
}

/// A dimension as a caller writes it: `28`, `"batch"` for one that is known only when the model runs, or a
/// [`crate::Value::dim`].
///
/// ```
/// use exporter::DimSpec;
/// assert_eq!(DimSpec::from("batch"), DimSpec::Named("batch".into()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DimSpec {
    /// A number, or another value's dimension.
    Known(Dim),
    /// Of any length when the model runs; equal names have equal lengths.
    Named(String),
}

impl From<usize> for DimSpec {
    fn from(size: usize) -> Self {
        Self::Known(Dim::Fixed(size))
    }
}

impl From<Dim> for DimSpec {
    fn from(dim: Dim) -> Self {
        Self::Known(dim)
    }
}

impl From<&str> for DimSpec {
    fn from(name: &str) -> Self {
        Self::Named(name.into())
    }
}

/// Several dimensions: a tuple such as `("batch", 1, 28, 28)`, or a vector of [`DimSpec`].
///
/// ```
/// use exporter::{DimSpec, IntoDims};
/// assert_eq!(("batch", 28usize).into_dims(), vec![DimSpec::from("batch"), DimSpec::from(28)]);
/// ```
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

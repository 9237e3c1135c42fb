//! Values of a graph: small copyable handles that know their type and shape, symbolic dimensions included.

use candle_core::DType;
use onnx::DataType;

/// ONNX tensors of more dimensions than this do not occur in feed-forward models.
pub(crate) const MAX_RANK: usize = 8;

/// A handle on a tensor in a [`crate::GraphBuilder`].
///
/// ```
/// # fn main() -> exporter::Result<()> {
/// exporter::Model::build("attention", 17, |graph| {
///     let x = graph.input("x", ("batch", "length", 64))?;
///     let (batch, length) = (x.dim(0), x.dim(1)); // symbols: known only when the model runs
///     let heads = graph.reshape(x, (batch, length, 4, 16))?;
///     assert_eq!(heads.rank(), 4);
///     graph.output("heads", heads)
/// })?;
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    /// The graph this is a value of.
    pub(crate) graph: u32,
    pub(crate) id: u32,
    pub(crate) element_type: ElementType,
    pub(crate) shape: Shape,
}

impl Value {
    /// The number of dimensions.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 3, 4))?;
    /// assert_eq!(x.rank(), 3);
    /// # let y = graph.relu(x)?;
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    pub fn rank(&self) -> usize {
        self.shape.dims().len()
    }

    /// The dimensions in order.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 3, 4))?;
    /// assert_eq!(x.dims()[1..], [exporter::Dim::Fixed(3), exporter::Dim::Fixed(4)]);
    /// # let y = graph.relu(x)?;
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    pub fn dims(&self) -> &[Dim] {
        self.shape.dims()
    }

    /// Dimension `axis`, from 0.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 3, 4))?;
    /// assert_eq!(x.dim(2), exporter::Dim::Fixed(4));
    /// # let y = graph.relu(x)?;
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Panics
    ///
    /// When `axis` is not below [`Value::rank`].
    pub fn dim(&self, axis: usize) -> Dim {
        self.dims()[axis]
    }

    /// The type of the elements.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 3, 4))?;
    /// assert_eq!(x.element_type(), exporter::ElementType::F32);
    /// # let y = graph.relu(x)?;
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    pub fn element_type(&self) -> ElementType {
        self.element_type
    }
}

/// What a tensor's elements are.
///
/// ```
/// # exporter::Model::build("example", 17, |graph| {
/// let words = graph.input_of(exporter::ElementType::I64, "words", ("batch", "length"))?;
/// assert_eq!(words.element_type(), exporter::ElementType::I64);
/// # graph.output("y", words)
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementType {
    /// 32-bit floats: what everything is computed in.
    F32,
    /// 16-bit floats; weights are stored so and computed in f32.
    F16,
    /// 16-bit floats with f32's exponents; weights are stored so and computed in f32.
    Bf16,
    /// 64-bit integers: indices.
    I64,
    /// Bytes.
    U8,
    /// What comparisons give; candle has bytes of 0 and 1 instead.
    Bool,
}

impl ElementType {
    pub(crate) fn of(dtype: DType) -> Option<Self> {
        Some(match dtype {
            DType::F32 => Self::F32,
            DType::F16 => Self::F16,
            DType::BF16 => Self::Bf16,
            DType::I64 | DType::U32 => Self::I64,
            DType::U8 => Self::U8,
            _ => return None,
        })
    }

    pub(crate) fn data_type(self) -> DataType {
        match self {
            Self::F32 => DataType::Float,
            Self::F16 => DataType::Float16,
            Self::Bf16 => DataType::Bfloat16,
            Self::I64 => DataType::Int64,
            Self::U8 => DataType::Uint8,
            Self::Bool => DataType::Bool,
        }
    }
}

/// One dimension of a [`Value`].
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
    /// Always this long.
    Fixed(usize),
    /// Known only when the model runs; equal symbols are equally long.
    Symbol(Symbol),
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Symbol(pub(crate) u16);

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

    /// The same shape with another dimension at `axis`.
    pub(crate) fn with(mut self, axis: usize, dim: Dim) -> Self {
        self.dims[axis] = dim;
        self
    }
}

/// A dimension as a caller writes it: `28`, `"batch"` for one that is known only when the model runs, or a
/// [`Value::dim`].
///
/// ```
/// use exporter::DimSpec;
/// assert_eq!(DimSpec::from("batch"), DimSpec::Named("batch".into()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DimSpec {
    /// A number, or another value's dimension.
    Known(Dim),
    /// As long as the caller of the model likes; equal names are equally long.
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

//! Values of a graph: small copyable handles that know their type and shape.

use candle_core::DType;
use onnx::DataType;

use crate::shape::{Dim, Shape};

/// A handle to a tensor in a [`crate::GraphBuilder`].
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
    /// The mark of the graph that the value belongs to.
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

/// The type of a tensor's elements.
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
    /// 32-bit floats, in which everything is computed.
    F32,
    /// 16-bit floats (half precision), for weights and inputs; converted to f32 before use.
    F16,
    /// 16-bit floats with the exponents of f32, for weights and inputs; converted to f32 before use.
    Bf16,
    /// 64-bit integers: indices.
    I64,
    /// Bytes.
    U8,
    /// The result of a comparison; candle has bytes of 0 and 1 instead.
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

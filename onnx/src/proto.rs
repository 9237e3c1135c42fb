//! The protobuf messages of ONNX that are written or read here, with the field numbers of the specification's `onnx.proto3`.

use prost::{Enumeration, Message, Oneof};

/// The whole file.
#[derive(Clone, PartialEq, Message)]
pub struct ModelProto {
    /// The version of the file format.
    #[prost(int64, tag = "1")]
    pub ir_version: i64,
    /// The program that wrote the file.
    #[prost(string, tag = "2")]
    pub producer_name: String,
    /// That program's version.
    #[prost(string, tag = "3")]
    pub producer_version: String,
    /// A description for people.
    #[prost(string, tag = "6")]
    pub doc_string: String,
    /// What is computed.
    #[prost(message, optional, tag = "7")]
    pub graph: Option<GraphProto>,
    /// The versions of the operators, by their domain.
    #[prost(message, repeated, tag = "8")]
    pub opset_import: Vec<OperatorSetIdProto>,
    /// Further entries, with unique keys.
    #[prost(message, repeated, tag = "14")]
    pub metadata_props: Vec<StringStringEntryProto>,
}

/// The version of the operators of one domain.
#[derive(Clone, PartialEq, Message)]
pub struct OperatorSetIdProto {
    /// Empty for ONNX's own operators.
    #[prost(string, tag = "1")]
    pub domain: String,
    /// The opset.
    #[prost(int64, tag = "2")]
    pub version: i64,
}

/// An entry of the metadata.
#[derive(Clone, PartialEq, Message)]
pub struct StringStringEntryProto {
    /// Unique within a file.
    #[prost(string, tag = "1")]
    pub key: String,
    /// Any text.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// The graph: its nodes in an order in which every input is computed before it is used.
#[derive(Clone, PartialEq, Message)]
pub struct GraphProto {
    /// The nodes.
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<NodeProto>,
    /// The graph's name.
    #[prost(string, tag = "2")]
    pub name: String,
    /// The weights and other constants.
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<TensorProto>,
    /// The inputs; before IR version 4, the initializers too.
    #[prost(message, repeated, tag = "11")]
    pub input: Vec<ValueInfoProto>,
    /// The outputs.
    #[prost(message, repeated, tag = "12")]
    pub output: Vec<ValueInfoProto>,
    /// The types and shapes of the values between them.
    #[prost(message, repeated, tag = "13")]
    pub value_info: Vec<ValueInfoProto>,
    /// Sparse constants, which are not read.
    #[prost(message, repeated, tag = "15")]
    pub sparse_initializer: Vec<Opaque>,
}

/// A message whose content is not read, only whether it is there.
#[derive(Clone, PartialEq, Message)]
pub struct Opaque {}

/// One operator and the values that it reads and produces.
#[derive(Clone, PartialEq, Message)]
pub struct NodeProto {
    /// The names of the inputs; empty where an optional one is left out.
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    /// The names of the outputs.
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    /// The node's name.
    #[prost(string, tag = "3")]
    pub name: String,
    /// The operator: `Gemm`.
    #[prost(string, tag = "4")]
    pub op_type: String,
    /// The operator's settings.
    #[prost(message, repeated, tag = "5")]
    pub attribute: Vec<AttributeProto>,
    /// Empty for ONNX's own operators.
    #[prost(string, tag = "7")]
    pub domain: String,
}

/// A setting of a node, in the field that [`AttributeProto::type`] names.
#[derive(Clone, PartialEq, Message)]
pub struct AttributeProto {
    /// The setting's name: `transB`.
    #[prost(string, tag = "1")]
    pub name: String,
    /// A number.
    #[prost(float, optional, tag = "2")]
    pub f: Option<f32>,
    /// A whole number.
    #[prost(int64, optional, tag = "3")]
    pub i: Option<i64>,
    /// A text, in UTF-8.
    #[prost(bytes = "vec", optional, tag = "4")]
    pub s: Option<Vec<u8>>,
    /// A tensor.
    #[prost(message, optional, tag = "5")]
    pub t: Option<TensorProto>,
    /// A graph, of a branch or a loop.
    #[prost(message, optional, tag = "6")]
    pub g: Option<GraphProto>,
    /// Whole numbers.
    #[prost(int64, repeated, tag = "8")]
    pub ints: Vec<i64>,
    /// Tensors.
    #[prost(message, repeated, tag = "10")]
    pub tensors: Vec<TensorProto>,
    /// Graphs.
    #[prost(message, repeated, tag = "11")]
    pub graphs: Vec<GraphProto>,
    /// Which of the fields holds the value.
    #[prost(enumeration = "AttributeType", tag = "20")]
    pub r#type: i32,
}

/// The kinds of an attribute's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub enum AttributeType {
    /// Not given.
    Undefined = 0,
    /// In `f`.
    Float = 1,
    /// In `i`.
    Int = 2,
    /// In `s`.
    String = 3,
    /// In `t`.
    Tensor = 4,
    /// In `g`.
    Graph = 5,
    /// In `ints`.
    Ints = 7,
    /// In `tensors`.
    Tensors = 9,
    /// In `graphs`.
    Graphs = 10,
}

/// A constant.
#[derive(Clone, PartialEq, Message)]
pub struct TensorProto {
    /// The shape.
    #[prost(int64, repeated, tag = "1")]
    pub dims: Vec<i64>,
    /// The elements' type.
    #[prost(enumeration = "DataType", tag = "2")]
    pub data_type: i32,
    /// The elements, if they are floats and not in `raw_data`.
    #[prost(float, repeated, tag = "4")]
    pub float_data: Vec<f32>,
    /// The elements, if they are 64-bit integers and not in `raw_data`.
    #[prost(int64, repeated, tag = "7")]
    pub int64_data: Vec<i64>,
    /// The tensor's name.
    #[prost(string, tag = "8")]
    pub name: String,
    /// The elements in row-major order, little endian.
    #[prost(bytes = "vec", tag = "9")]
    pub raw_data: Vec<u8>,
    /// Where the elements lie in another file.
    #[prost(message, repeated, tag = "13")]
    pub external_data: Vec<Opaque>,
    /// Whether the elements lie in another file.
    #[prost(enumeration = "DataLocation", tag = "14")]
    pub data_location: i32,
}

/// Where a tensor's elements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub enum DataLocation {
    /// In this file.
    Default = 0,
    /// In another file.
    External = 1,
}

/// The types of elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub enum DataType {
    /// Not given.
    Undefined = 0,
    /// 32-bit floats.
    Float = 1,
    /// Bytes.
    Uint8 = 2,
    /// 64-bit integers.
    Int64 = 7,
    /// Bytes of 0 and 1.
    Bool = 9,
    /// 16-bit floats.
    Float16 = 10,
    /// 16-bit floats with the exponents of 32-bit ones.
    Bfloat16 = 16,
}

/// An input or an output.
#[derive(Clone, PartialEq, Message)]
pub struct ValueInfoProto {
    /// The value's name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its type and shape.
    #[prost(message, optional, tag = "2")]
    pub r#type: Option<TypeProto>,
}

impl ValueInfoProto {
    /// A value of 32-bit floats; a dimension that is not a number is symbolic: `["batch", "784"]`.
    ///
    /// ```
    /// let value = onnx::ValueInfoProto::f32("x", &["batch", "784"]);
    /// assert_eq!(value.r#type.unwrap().tensor_type.unwrap().shape.unwrap().dim.len(), 2);
    /// ```
    pub fn f32(name: &str, dims: &[&str]) -> Self {
        let dim = dims.iter().map(|dim| {
            let number = dim.parse().map(DimensionValue::DimValue);
            DimensionProto { value: Some(number.unwrap_or_else(|_| DimensionValue::DimParam((*dim).into()))) }
        });
        let shape = TensorShapeProto { dim: dim.collect() };
        let tensor_type = TensorTypeProto { elem_type: DataType::Float.into(), shape: Some(shape) };
        Self { name: name.into(), r#type: Some(TypeProto { tensor_type: Some(tensor_type) }) }
    }
}

/// The type of a value: here always a tensor.
#[derive(Clone, PartialEq, Message)]
pub struct TypeProto {
    /// Missing where the value is no tensor.
    #[prost(message, optional, tag = "1")]
    pub tensor_type: Option<TensorTypeProto>,
}

/// The type and shape of a tensor.
#[derive(Clone, PartialEq, Message)]
pub struct TensorTypeProto {
    /// The elements' type.
    #[prost(enumeration = "DataType", tag = "1")]
    pub elem_type: i32,
    /// Missing where not even the number of dimensions is known.
    #[prost(message, optional, tag = "2")]
    pub shape: Option<TensorShapeProto>,
}

/// The dimensions of a tensor.
#[derive(Clone, PartialEq, Message)]
pub struct TensorShapeProto {
    /// In order.
    #[prost(message, repeated, tag = "1")]
    pub dim: Vec<DimensionProto>,
}

/// One dimension.
#[derive(Clone, PartialEq, Message)]
pub struct DimensionProto {
    /// Missing where nothing is known.
    #[prost(oneof = "DimensionValue", tags = "1, 2")]
    pub value: Option<DimensionValue>,
}

/// What is known of a dimension.
#[derive(Clone, PartialEq, Oneof)]
pub enum DimensionValue {
    /// Its length.
    #[prost(int64, tag = "1")]
    DimValue(i64),
    /// A name: dimensions with the same name have the same length.
    #[prost(string, tag = "2")]
    DimParam(String),
}

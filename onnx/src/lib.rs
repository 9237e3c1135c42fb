//! ONNX files as Rust structs: the protobuf messages, the rules of ONNX's checker, and the opsets that are written and read.
//!
//! ```
//! use onnx::{GraphProto, ModelProto, NodeProto, OperatorSetIdProto, ValueInfoProto};
//!
//! let relu = NodeProto {
//!     input: vec!["x".into()],
//!     output: vec!["y".into()],
//!     op_type: "Relu".into(),
//!     ..Default::default()
//! };
//! let model = ModelProto {
//!     ir_version: onnx::ir_version(onnx::DEFAULT_OPSET),
//!     opset_import: vec![OperatorSetIdProto { version: onnx::DEFAULT_OPSET, ..Default::default() }],
//!     graph: Some(GraphProto {
//!         name: "relu".into(),
//!         node: vec![relu],
//!         input: vec![ValueInfoProto::f32("x", &["batch", "4"])],
//!         output: vec![ValueInfoProto::f32("y", &["batch", "4"])],
//!         ..Default::default()
//!     }),
//!     ..Default::default()
//! };
//! let bytes = model.to_bytes();
//! onnx::check(&bytes)?;
//! assert_eq!(ModelProto::from_bytes(&bytes)?, model);
//! # Ok::<(), onnx::Error>(())
//! ```

mod check;
mod error;
mod file;
mod opset;
mod outline;
mod proto;

pub use check::{check, check_model};
pub use error::{Error, Result};
pub use file::{TensorData, model_len, write_model};
pub use opset::{DEFAULT_OPSET, OPSETS, ir_version};
pub use outline::Outline;
pub use proto::{
    AttributeProto, AttributeType, DataLocation, DataType, DimensionProto, DimensionValue, GraphProto, ModelProto,
    NodeProto, Opaque, OperatorSetIdProto, StringStringEntryProto, TensorProto, TensorShapeProto, TensorTypeProto,
    TypeProto, ValueInfoProto,
};

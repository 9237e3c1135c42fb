//! The versions of ONNX's operators that are written and read, and the file format's version that goes with each.

use std::ops::RangeInclusive;

use crate::proto::ModelProto;

/// The opsets that the exporter writes; the runtime's kernels compute the same in all of them.
///
/// ```
/// assert!(onnx::OPSETS.contains(&onnx::DEFAULT_OPSET));
/// ```
pub const OPSETS: RangeInclusive<i64> = 13..=21;

/// The opset that is written by default. With IR version 8, the newest that onnxruntime 1.14 loads.
pub const DEFAULT_OPSET: i64 = 17;

/// The oldest IR version that has initializers which are not inputs too; the checker refuses older files.
pub(crate) const MIN_IR_VERSION: i64 = 3;

/// The oldest IR version that may hold `opset`: the table in ONNX's `Versioning.md`.
///
/// ```
/// assert_eq!([13, 17, 20, 21].map(onnx::ir_version), [7, 8, 9, 10]);
/// ```
pub fn ir_version(opset: i64) -> i64 {
    match opset {
        ..=14 => 7,
        15..=18 => 8,
        19..=20 => 9,
        _ => 10,
    }
}

impl ModelProto {
    /// The version of ONNX's own operators, where the file names one.
    ///
    /// ```
    /// let opset = onnx::OperatorSetIdProto { version: 17, ..Default::default() };
    /// let model = onnx::ModelProto { opset_import: vec![opset], ..Default::default() };
    /// assert_eq!((model.opset(), onnx::ModelProto::default().opset()), (Some(17), None));
    /// ```
    pub fn opset(&self) -> Option<i64> {
        let own = self.opset_import.iter().find(|opset| opset.domain.is_empty());
        own.map(|opset| opset.version)
    }
}

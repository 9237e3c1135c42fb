//! `max_pool` and `avg_pool` as ONNX.

use trainer::{AvgPool, MaxPool};

use super::side::side;
use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::graph::to_onnx::ToOnnx;
use crate::value::Value;

impl ToOnnx for MaxPool {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        let x = fill_windows(graph, x, 2, self.size)?;
        let x = fill_windows(graph, x, 3, self.size)?;
        graph.max_pool2d(x, self.size)
    }
}

/// Lengthens `axis` to a multiple of `size`. The last window may be cut off; repeating its edge changes no maximum.
fn fill_windows(graph: &mut GraphBuilder, x: Value, axis: usize, size: usize) -> Result<Value> {
    let length = side(x, axis);
    match length.next_multiple_of(size) - length {
        0 => Ok(x),
        missing => graph.pad_with_same(x, axis, 0, missing),
    }
}

impl ToOnnx for AvgPool {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        graph.avg_pool2d(x, self.size)
    }
}

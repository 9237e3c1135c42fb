//! `upsample` as ONNX.

use trainer::Upsample;

use super::side::side;
use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::graph::to_onnx::ToOnnx;
use crate::value::Value;

impl ToOnnx for Upsample {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        if x.rank() == 3 {
            // A sequence, as an image of one channel that grows downwards alone.
            let [steps, features] = [side(x, 1), side(x, 2)];
            let x = graph.unsqueeze(x, 1)?;
            let x = graph.upsample_nearest2d(x, steps * self.size, features)?;
            return graph.squeeze(x, 1);
        }
        let [height, width] = [side(x, 2), side(x, 3)];
        graph.upsample_nearest2d(x, height * self.size, width * self.size)
    }
}

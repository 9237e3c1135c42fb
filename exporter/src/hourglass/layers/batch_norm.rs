//! `batch_norm` as ONNX: a product and a sum, which the layer before takes where it can.

use candle_core::Tensor;
use candle_nn::{Conv2d, ConvTranspose2d, Linear};
use trainer::{BatchNorm, Layer};

use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::graph::to_onnx::ToOnnx;
use crate::value::Value;

impl ToOnnx for BatchNorm {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        let spread = |by_channel: Tensor| if x.rank() == 4 { by_channel.reshape(((), 1, 1)) } else { Ok(by_channel) };
        let [scale, shift] = self.scale_and_shift()?;
        let scale = graph.constant(&spread(scale)?)?;
        let shift = graph.constant(&spread(shift)?)?;
        let x = graph.mul(x, scale)?;
        graph.add(x, shift)
    }
}

/// The two layers as one: every weight that leads to a channel multiplied by its scale. Nothing where the first one takes no channels'
/// factors.
pub(super) fn folded(layer: &Layer, norm: &BatchNorm) -> Result<Option<Layer>> {
    let [scale, shift] = norm.scale_and_shift()?;
    let moved = |bias: Option<&Tensor>| match bias {
        Some(bias) => (bias * &scale)? + &shift,
        None => Ok(shift.clone()),
    };
    Ok(match layer {
        Layer::Linear(linear) => {
            let weight = linear.weight().broadcast_mul(&scale.unsqueeze(1)?)?;
            Some(Linear::new(weight, Some(moved(linear.bias())?)).into())
        }
        Layer::Conv(conv) => {
            let weight = conv.weight().broadcast_mul(&scale.reshape(((), 1, 1, 1))?)?;
            Some(Conv2d::new(weight, Some(moved(conv.bias())?), *conv.config()).into())
        }
        Layer::ConvTranspose(conv) => {
            let weight = conv.weight().broadcast_mul(&scale.reshape((1, (), 1, 1))?)?;
            Some(ConvTranspose2d::new(weight, Some(moved(conv.bias())?), *conv.config()).into())
        }
        Layer::Conv1d(conv) => Some(conv.scaled(&scale, &shift)?.into()),
        _ => None,
    })
}

//! `candle_nn`'s convolutions.

use candle_nn::{Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d};

use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::graph::to_onnx::ToOnnx;
use crate::operators::conv::{Convolution, TransposedConvolution};
use crate::value::Value;

macro_rules! convolution {
    ($($(#[$doc:meta])* $layer:ty;)+) => {
        $(
            $(#[$doc])*
            impl ToOnnx for $layer {
                fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
                    let weight = graph.initializer("weight", self.weight())?;
                    let bias = self.bias().map(|bias| graph.initializer("bias", bias)).transpose()?;
                    let config = self.config();
                    let (padding, stride) = (config.padding, config.stride);
                    let (dilation, groups) = (config.dilation, config.groups);
                    graph.conv(x, Convolution { weight, bias, padding, stride, dilation, groups })
                }
            }
        )+
    };
}

convolution! {
    /// `[batch, in, length] -> [batch, out, length]`.
    Conv1d;
    /// `[batch, in, height, width] -> [batch, out, height, width]`.
    Conv2d;
}

/// `[batch, in, length] -> [batch, out, length]`.
impl ToOnnx for ConvTranspose1d {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        let weight = graph.initializer("weight", self.weight())?;
        let bias = self.bias().map(|bias| graph.initializer("bias", bias)).transpose()?;
        let config = self.config();
        graph.conv_transpose(
            x,
            TransposedConvolution {
                weight,
                bias,
                padding: config.padding,
                output_padding: config.output_padding,
                stride: config.stride,
                dilation: config.dilation,
                groups: config.groups,
            },
        )
    }
}

/// `[batch, in, height, width] -> [batch, out, height, width]`.
impl ToOnnx for ConvTranspose2d {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        let weight = graph.initializer("weight", self.weight())?;
        let bias = self.bias().map(|bias| graph.initializer("bias", bias)).transpose()?;
        let config = self.config();
        graph.conv_transpose(
            x,
            TransposedConvolution {
                weight,
                bias,
                padding: config.padding,
                output_padding: config.output_padding,
                stride: config.stride,
                dilation: config.dilation,
                groups: 1,
            },
        )
    }
}

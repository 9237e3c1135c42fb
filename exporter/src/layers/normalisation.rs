//! `candle_nn`'s normalisations, in their inference form.

use candle_core::{D, DType, Module, Tensor};
use candle_nn::{BatchNorm, LayerNorm, RmsNorm, VarBuilder};

use crate::attribute::{float, int};
use crate::error::{Error, Result};
use crate::graph::GraphBuilder;
use crate::graph::to_onnx::ToOnnx;
use crate::shape::{Dim, DimSpec};
use crate::value::Value;

/// The opset that has LayerNormalization.
const LAYER_NORMALIZATION: i64 = 17;

/// `[batch, channels, ..]`, by the running mean and variance.
impl ToOnnx for BatchNorm {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        graph.expect_floats("BatchNormalization", &[x])?;
        let channels = self.running_mean().elem_count();
        if x.rank() < 2 || x.dim(1) != Dim::Fixed(channels) {
            let found = format!("{:?}", graph.describe(x));
            return Err(graph.mismatch("BatchNormalization", format!("{channels} channels"), found));
        }
        let (scale, bias) = match self.weight_and_bias() {
            Some((weight, bias)) => (graph.initializer("weight", weight)?, graph.initializer("bias", bias)?),
            None => {
                let ones = self.running_mean().ones_like()?;
                (graph.constant(&ones)?, graph.constant(&ones.zeros_like()?)?)
            }
        };
        let mean = graph.initializer("running_mean", self.running_mean())?;
        let variance = graph.initializer("running_var", self.running_var())?;
        let inputs = [x, scale, bias, mean, variance];
        graph.node("BatchNormalization", &inputs, vec![float("epsilon", self.eps() as f32)], x.shape)
    }
}

/// Over the last dimension: `[.., n]`.
impl ToOnnx for LayerNorm {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        expect_width(graph, "LayerNormalization", x, self.weight().elem_count())?;
        let weight = graph.initializer("weight", self.weight())?;
        let bias = self.bias().map(|bias| graph.initializer("bias", bias)).transpose()?;
        let epsilon = self.eps() as f32;
        if self.remove_mean() && graph.opset() >= LAYER_NORMALIZATION {
            let inputs: Vec<Value> = [x, weight].into_iter().chain(bias).collect();
            let attributes = vec![int("axis", -1), float("epsilon", epsilon)];
            return graph.node("LayerNormalization", &inputs, attributes, x.shape);
        }
        let x = if self.remove_mean() {
            let mean = graph.mean_keepdim(x, D::Minus1)?;
            graph.sub(x, mean)?
        } else {
            x
        };
        let x = scale_to_unit(graph, x, epsilon)?;
        let x = graph.mul(x, weight)?;
        bias.map_or(Ok(x), |bias| graph.add(x, bias))
    }
}

/// Over the last dimension: `[.., n]`. ONNX has an operator for it only since opset 23.
impl ToOnnx for RmsNorm {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        expect_width(graph, "RMSNormalization", x, self.weight().elem_count())?;
        let weight = graph.initializer("weight", self.weight())?;
        let x = scale_to_unit(graph, x, self.eps() as f32)?;
        graph.mul(x, weight)
    }
}

/// A group norm that candle runs and that can be exported. The weights of candle's `GroupNorm` are private, so this one reads the same
/// weights by name. `[batch, channels, ..]`, of any lengths after the channels.
///
/// ```
/// use candle_core::{DType, Device};
/// use candle_nn::{VarBuilder, VarMap};
/// # fn main() -> exporter::Result<()> {
/// let variables = VarMap::new();
/// let vb = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
/// let norm = exporter::GroupNorm::new(2, 6, 1e-5, vb.pp("norm"))?; // as `candle_nn::group_norm`
/// exporter::Model::trace(&norm).input("x", ("batch", 6, 4, 4)).build()?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct GroupNorm {
    weight: Tensor,
    bias: Tensor,
    groups: usize,
    epsilon: f64,
}

impl GroupNorm {
    /// The group norm that `candle_nn::group_norm` makes from the same arguments.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when the groups do not divide the channels, [`crate::Error::Candle`] when `vb` has no such weights.
    pub fn new(groups: usize, channels: usize, epsilon: f64, vb: VarBuilder) -> Result<Self> {
        if groups == 0 || !channels.is_multiple_of(groups) {
            return Err(Error::Shape {
                layer: vb.prefix(),
                operator: "GroupNormalization",
                expected: format!("groups of {channels} channels, all of the same size"),
                found: format!("{groups} groups"),
            });
        }
        let (weight, bias) = (vb.get(channels, "weight")?, vb.get(channels, "bias")?);
        Ok(Self { weight, bias, groups, epsilon })
    }
}

/// What candle's own group norm computes.
impl Module for GroupNorm {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let (weight, bias) = (self.weight.clone(), self.bias.clone());
        let channels = weight.elem_count();
        candle_nn::GroupNorm::new(weight, bias, channels, self.groups, self.epsilon)?.forward(x)
    }
}

impl ToOnnx for GroupNorm {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        let channels = self.weight.elem_count();
        if x.rank() < 3 || x.dim(1) != Dim::Fixed(channels) {
            let found = format!("{:?}", graph.describe(x));
            return Err(graph.mismatch("GroupNormalization", format!("{channels} channels"), found));
        }
        let size = [&[Dim::Fixed(channels / self.groups)], &x.dims()[2..]].concat();
        let size = graph.product(&size)?;
        // GroupNormalization has one weight for each group before opset 21; this form works in every opset.
        let grouped = graph.reshape(x, (x.dim(0), self.groups, size))?;
        let device = self.weight.device();
        let ones = graph.constant(&Tensor::ones(self.groups, DType::F32, device)?)?;
        let zeros = graph.constant(&Tensor::zeros(self.groups, DType::F32, device)?)?;
        let epsilon = float("epsilon", self.epsilon as f32);
        let normal = graph.node("InstanceNormalization", &[grouped, ones, zeros], vec![epsilon], grouped.shape)?;
        let normal = graph.reshape(normal, x.dims().iter().map(|&dim| dim.into()).collect::<Vec<DimSpec>>())?;

        let mut dims: Vec<DimSpec> = vec![1usize.into(); x.rank() - 1];
        dims[0] = channels.into();
        let weight = graph.initializer("weight", &self.weight)?;
        let weight = graph.reshape(weight, dims.clone())?;
        let bias = graph.initializer("bias", &self.bias)?;
        let bias = graph.reshape(bias, dims)?;
        let scaled = graph.mul(normal, weight)?;
        graph.add(scaled, bias)
    }
}

/// `x / sqrt(mean(x²) + epsilon)` over the last dimension.
fn scale_to_unit(graph: &mut GraphBuilder, x: Value, epsilon: f32) -> Result<Value> {
    let square = graph.sqr(x)?;
    let mean = graph.mean_keepdim(square, D::Minus1)?;
    let mean = graph.affine(mean, 1., epsilon)?;
    let root = graph.sqrt(mean)?;
    graph.div(x, root)
}

fn expect_width(graph: &GraphBuilder, operator: &'static str, x: Value, width: usize) -> Result<()> {
    graph.expect_floats(operator, &[x])?;
    if x.dims().last() == Some(&Dim::Fixed(width)) {
        return Ok(());
    }
    Err(graph.mismatch(operator, format!("{width} features"), format!("{:?}", graph.describe(x))))
}

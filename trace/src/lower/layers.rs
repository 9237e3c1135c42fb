//! Layers, with the names that their weights have.

use candle_core::Tensor;
use candle_core::op::Op;
use candle_nn::{BatchNorm, LayerNorm, Linear, RmsNorm};
use exporter::{Convolution, Pool, ToOnnx, TransposedConvolution, Value};

use crate::error::{Error, Result};
use crate::fold::{ConvLayer, Weights};
use crate::lower::Lowering;
use crate::recording::{Id, Source};

impl Lowering<'_> {
    pub(super) fn linear(&mut self, x: Id, layer: &Weights) -> Result<Value> {
        let tensors = self.tensors(layer);
        let x = self.float(x)?;
        let linear = Linear::new(tensors[0].clone(), tensors.get(1).cloned());
        self.apply("Linear", layer, (&linear, x))
    }

    pub(super) fn layer_norm(&mut self, x: Id, layer: &Weights, epsilon: f64) -> Result<Value> {
        let tensors = self.tensors(layer);
        let x = self.float(x)?;
        let norm = match &tensors[..] {
            [weight, bias] => LayerNorm::new(weight.clone(), bias.clone(), epsilon),
            _ => LayerNorm::new_no_bias(tensors[0].clone(), epsilon),
        };
        self.apply("LayerNorm", layer, (&norm, x))
    }

    pub(super) fn rms_norm(&mut self, x: Id, layer: &Weights, epsilon: f64) -> Result<Value> {
        let norm = RmsNorm::new(self.tensors(layer)[0].clone(), epsilon);
        let x = self.float(x)?;
        self.apply("RmsNorm", layer, (&norm, x))
    }

    pub(super) fn batch_norm(&mut self, x: Id, layer: &Weights, epsilon: f64) -> Result<Value> {
        let tensors = self.tensors(layer);
        let [weight, bias, mean, variance] = &tensors[..] else { unreachable!("a batch norm has four weights") };
        let channels = mean.elem_count();
        let norm = BatchNorm::new(channels, mean.clone(), variance.clone(), weight.clone(), bias.clone(), epsilon)?;
        let x = self.float(x)?;
        self.apply("BatchNorm", layer, (&norm, x))
    }

    pub(super) fn conv(&mut self, x: Id, conv: Id, layer: &ConvLayer) -> Result<Value> {
        let recording = self.recording;
        let op = recording.op(conv).expect("a convolution was recorded");
        let bias = layer.bias.map(|bias| self.float(bias)).transpose()?;
        let (x, weight) = (self.float(x)?, self.float(layer.weight)?);
        self.convolution(op, x, (weight, bias, layer.groups))
    }

    pub(super) fn plain_conv(&mut self, args: &[Id], op: &Op) -> Result<Value> {
        let (x, weight) = (self.float(args[0])?, self.float(args[1])?);
        self.convolution(op, x, (weight, None, 1))
    }

    fn convolution(
        &mut self,
        op: &Op,
        x: Value,
        (weight, bias, groups): (Value, Option<Value>, usize),
    ) -> Result<Value> {
        Ok(match *op {
            Op::Conv1D { padding, stride, dilation, .. } | Op::Conv2D { padding, stride, dilation, .. } => {
                self.graph.conv(x, Convolution { weight, bias, padding, stride, dilation, groups })
            }
            Op::ConvTranspose1D { padding, output_padding, stride, dilation, .. }
            | Op::ConvTranspose2D { padding, output_padding, stride, dilation, .. } => {
                let settings =
                    TransposedConvolution { weight, bias, padding, output_padding, stride, dilation, groups };
                self.graph.conv_transpose(x, settings)
            }
            _ => unreachable!("only convolutions are asked for"),
        }?)
    }

    pub(super) fn pool(&mut self, x: Id, op: &Op) -> Result<Value> {
        let x = self.float(x)?;
        Ok(match *op {
            Op::AvgPool2D { kernel_size, stride, .. } => self.graph.avg_pool2d(x, Pool { kernel: kernel_size, stride }),
            Op::MaxPool2D { kernel_size, stride, .. } => self.graph.max_pool2d(x, Pool { kernel: kernel_size, stride }),
            _ => unreachable!("only pooling is asked for"),
        }?)
    }

    pub(super) fn upsample(&mut self, id: Id, x: Id, op: &Op) -> Result<Value> {
        let dims = self.dims(id)?;
        let x = self.float(x)?;
        let last = dims.len() - 1;
        Ok(match *op {
            Op::UpsampleNearest1D { .. } => self.graph.upsample_nearest1d(x, dims[last])?,
            Op::UpsampleNearest2D { .. } => self.graph.upsample_nearest2d(x, dims[last - 1], dims[last])?,
            Op::UpsampleBilinear2D { align_corners: false, .. } => {
                self.graph.upsample_bilinear2d(x, dims[last - 1], dims[last])?
            }
            _ => {
                let reason = "corners that are aligned have no ONNX form here".into();
                return Err(Error::Unsupported { operator: "upsample_bilinear2d".into(), reason });
            }
        })
    }

    /// Adds a layer under what its weights' names have in common.
    fn apply(&mut self, kind: &str, layer: &Weights, (module, x): (&impl ToOnnx, Value)) -> Result<Value> {
        let name = match self.prefix(kind, layer) {
            Some(name) => name,
            None => {
                // Names that do not belong together are kept: a tensor that is stored already is not stored again.
                for &(_, id) in layer {
                    self.weight(id)?;
                }
                self.fresh(kind)
            }
        };
        Ok(self.graph.apply(&name, module, x)?)
    }

    fn tensors(&self, layer: &Weights) -> Vec<Tensor> {
        layer.iter().map(|&(_, id)| self.recording.tensor(id).clone()).collect()
    }

    /// What is before the dots of all names, or a new name where no weight has one.
    fn prefix(&mut self, kind: &str, layer: &Weights) -> Option<String> {
        let name = |id: Id| match &self.recording.nodes[id].source {
            Source::Weight(name) => name.clone(),
            _ => None,
        };
        let names: Vec<Option<String>> = layer.iter().map(|&(_, id)| name(id)).collect();
        if names.iter().all(Option::is_none) {
            return Some(self.fresh(kind));
        }
        let prefix = names[0].as_ref()?.strip_suffix(layer[0].0)?.strip_suffix('.')?.to_owned();
        let fits = |(name, &(part, _)): (&Option<String>, &(&str, Id))| *name == Some(format!("{prefix}.{part}"));
        names.iter().zip(layer).all(fits).then_some(prefix)
    }

    fn fresh(&mut self, kind: &str) -> String {
        self.unnamed += 1;
        format!("{kind}_{}", self.unnamed)
    }
}

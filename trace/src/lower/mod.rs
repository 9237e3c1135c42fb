//! Writes the recorded operators with the exporter's builder, layers instead of their parts where they are recognised.

mod arithmetic;
mod constants;
mod custom;
mod layers;
mod shapes;

use std::collections::HashMap;

use candle_core::DType;
use candle_core::op::Op;
use exporter::{Dim, DimSpec, ElementType, GraphBuilder, Value};

use crate::error::{Error, Result};
use crate::fold::{self, Plan};
use crate::input::Input;
use crate::lengths::Lengths;
use crate::operators;
use crate::recording::{Id, Recording};
use crate::sizes::Sizes;

/// A graph that is being written.
pub(crate) struct Lowering<'a> {
    graph: &'a mut GraphBuilder,
    recording: &'a Recording,
    sizes: &'a Sizes,
    lengths: Lengths,
    values: HashMap<Id, Value>,
    /// Layers without names, which are counted.
    unnamed: usize,
}

/// Writes the whole graph; its outputs get these names.
pub(crate) fn write(
    graph: &mut GraphBuilder,
    recording: &Recording,
    (inputs, sizes): (&[Input], &Sizes),
    outputs: &[String],
) -> Result<()> {
    let (lengths, values) = (Lengths::default(), HashMap::new());
    let mut lowering = Lowering { graph, recording, sizes, lengths, values, unnamed: 0 };
    for (id, input) in inputs.iter().enumerate() {
        let value = lowering.graph.input_of(input.element_type()?, &input.name, input.dims.clone())?;
        for (axis, dim) in input.dims.iter().enumerate() {
            if let DimSpec::Named(name) = dim
                && sizes.multiple(name) > 1
            {
                lowering.graph.multiple_of(value.dim(axis), sizes.multiple(name))?;
            }
        }
        let value = lowering.lengths.settle(lowering.graph, value, &recording.shapes(id))?;
        lowering.values.insert(id, value);
    }
    for (&id, name) in recording.outputs.iter().zip(outputs) {
        lowering.write_with_needs(id)?;
        let value = lowering.values[&id];
        // A comparison is a byte in candle.
        let value = if value.element_type() == ElementType::Bool {
            lowering.graph.cast(value, ElementType::U8)?
        } else {
            value
        };
        lowering.graph.output(name, value)?;
    }
    Ok(())
}

impl Lowering<'_> {
    /// Writes a node behind all that it needs.
    fn write_with_needs(&mut self, id: Id) -> Result<()> {
        let mut stack = vec![(id, None)];
        while let Some((id, plan)) = stack.pop() {
            if self.values.contains_key(&id) {
                continue;
            }
            match plan {
                None => {
                    let plan = fold::plan(self.recording, id);
                    let needs = plan.needs();
                    stack.push((id, Some(plan)));
                    stack.extend(needs.into_iter().rev().map(|need| (need, None)));
                }
                Some(plan) => {
                    let value = self.write(id, &plan)?;
                    let shapes = self.recording.shapes(id);
                    if value.rank() != shapes[0].len() {
                        let found = format!("{:?} instead of {:?}", self.graph.describe(value), shapes[0]);
                        return Err(Error::Structure(format!("{} has the shape {found}", self.describe(id))));
                    }
                    let value = self.lengths.settle(self.graph, value, &shapes)?;
                    self.values.insert(id, value);
                }
            }
        }
        Ok(())
    }

    fn write(&mut self, id: Id, plan: &Plan) -> Result<Value> {
        match plan {
            Plan::Leaf => self.leaf(id),
            Plan::Operator(args) => self.operator(id, args),
            Plan::Linear { x, layer } => self.linear(*x, layer),
            Plan::Conv { x, conv, layer } => self.conv(*x, *conv, layer),
            Plan::LayerNorm { x, layer, epsilon } => self.layer_norm(*x, layer, *epsilon),
            Plan::RmsNorm { x, layer, epsilon } => self.rms_norm(*x, layer, *epsilon),
            Plan::BatchNorm { x, layer, epsilon } => self.batch_norm(*x, layer, *epsilon),
            Plan::Softmax { x, axis } => {
                let x = self.float(*x)?;
                Ok(self.graph.softmax(x, *axis)?)
            }
            Plan::Embedding { weight, indices } => {
                let (weight, indices) = (self.values[weight], self.whole(*indices)?);
                Ok(self.graph.index_select(weight, indices, 0)?)
            }
            Plan::Mean { x, axes } => self.mean(id, (*x, axes)),
            Plan::Pad { x, axis, pads: [left, right], edge } => {
                let x = self.float(*x)?;
                Ok(match edge {
                    true => self.graph.pad_with_same(x, *axis, *left, *right)?,
                    false => self.graph.pad_with_zeros(x, *axis, *left, *right)?,
                })
            }
        }
    }

    /// Writes an operator as it was recorded, on these arguments.
    fn operator(&mut self, id: Id, args: &[Id]) -> Result<Value> {
        let recording = self.recording;
        let Some(op) = recording.op(id) else { return self.leaf(id) };
        match op {
            Op::Binary(_, _, kind) => self.binary(id, args, *kind),
            Op::Unary(_, kind) => self.unary(args[0], *kind),
            Op::Cmp(_, _, kind) => self.comparison(args, *kind),
            Op::WhereCond(..) => self.where_cond(args),
            Op::Reduce(_, kind, _) => self.reduce(id, args[0], *kind),
            Op::Affine { .. } => self.affine(id, args[0]),
            Op::Elu(_, alpha) => {
                let x = self.float(args[0])?;
                Ok(self.graph.elu(x, *alpha as f32)?)
            }
            Op::Powf(_, exponent) => {
                let x = self.float(args[0])?;
                Ok(self.graph.powf(x, *exponent as f32)?)
            }
            Op::ToDType(_) => self.dtype(id, args[0]),
            Op::Matmul(..) => {
                let (a, b) = (self.float(args[0])?, self.float(args[1])?);
                Ok(self.graph.matmul(a, b)?)
            }
            Op::Gather(_, _, axis) => {
                let (x, indices) = (self.values[&args[0]], self.whole(args[1])?);
                Ok(self.graph.gather(x, indices, *axis)?)
            }
            Op::IndexSelect(_, _, axis) => {
                let (x, indices) = (self.values[&args[0]], self.whole(args[1])?);
                Ok(self.graph.index_select(x, indices, *axis)?)
            }
            Op::AvgPool2D { .. } | Op::MaxPool2D { .. } => self.pool(args[0], op),
            Op::UpsampleNearest1D { .. } | Op::UpsampleNearest2D { .. } | Op::UpsampleBilinear2D { .. } => {
                self.upsample(id, args[0], op)
            }
            Op::Conv1D { .. } | Op::Conv2D { .. } | Op::ConvTranspose1D { .. } | Op::ConvTranspose2D { .. } => {
                self.plain_conv(args, op)
            }
            Op::Cat(_, axis) => self.cat(id, args, *axis),
            Op::Broadcast(_) => self.broadcast(id, args[0]),
            Op::Narrow(_, axis, _, _) => self.narrow(id, args[0], *axis),
            Op::Reshape(_) => self.reshape(id, args[0]),
            Op::Transpose(_, a, b) => Ok(self.graph.transpose(self.values[&args[0]], *a, *b)?),
            Op::Permute(_, order) => Ok(self.graph.permute(self.values[&args[0]], order)?),
            Op::CustomOp1(_, custom) => self.custom(custom.name(), args, &custom.attributes()),
            Op::CustomOp2(_, _, custom) => self.custom(custom.name(), args, &custom.attributes()),
            Op::CustomOp3(_, _, _, custom) => self.custom(custom.name(), args, &custom.attributes()),
            Op::NoBackward(name, _, attributes) => self.custom(name, args, attributes),
            Op::Copy(_) | Op::ToDevice(_) => Ok(self.values[&args[0]]),
            Op::Scatter(_, _, _, axis) | Op::ScatterAdd(_, _, _, axis) | Op::IndexAdd(_, _, _, axis) => {
                let (x, places, source) = (self.float(args[0])?, self.whole(args[1])?, self.float(args[2])?);
                Ok(match op {
                    Op::Scatter(..) => self.graph.scatter(x, places, source, *axis)?,
                    Op::ScatterAdd(..) => self.graph.scatter_add(x, places, source, *axis)?,
                    _ => self.graph.index_add(x, places, source, *axis)?,
                })
            }
            Op::SliceScatter0(..) => {
                let reason = "there is no operator for it in `GraphBuilder`".into();
                Err(Error::Unsupported { operator: operators::describe(op), reason })
            }
        }
    }

    /// A value as f32.
    fn float(&mut self, id: Id) -> Result<Value> {
        self.as_type(self.values[&id], ElementType::F32)
    }

    /// A value as whole numbers, which indices and sums of comparisons are.
    fn whole(&mut self, id: Id) -> Result<Value> {
        self.as_type(self.values[&id], ElementType::I64)
    }

    fn as_type(&mut self, value: Value, element_type: ElementType) -> Result<Value> {
        if value.element_type() == element_type {
            return Ok(value);
        }
        Ok(self.graph.cast(value, element_type)?)
    }

    /// The shape of a node as lengths of the graph.
    fn dims(&mut self, id: Id) -> Result<Vec<Dim>> {
        self.lengths.dims(self.graph, &self.recording.shapes(id))
    }

    fn describe(&self, id: Id) -> String {
        self.recording.op(id).map_or("a constant".into(), operators::describe)
    }
}

/// The type in which numbers of a candle type are computed; bytes are whole numbers until they are stored or compared.
fn computed_in(dtype: DType) -> Result<ElementType> {
    match dtype {
        DType::F32 | DType::F64 => Ok(ElementType::F32),
        DType::U32 | DType::I64 | DType::U8 | DType::I32 | DType::I16 => Ok(ElementType::I64),
        other => {
            let reason = "computing is in f32; load the model with DType::F32".into();
            Err(Error::Unsupported { operator: format!("{other:?}"), reason })
        }
    }
}

fn specs(dims: &[Dim]) -> Vec<DimSpec> {
    dims.iter().map(|&dim| dim.into()).collect()
}

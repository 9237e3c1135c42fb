//! The graph as it is written: what no output needs is left out, and inner values have their types and shapes.

use std::collections::HashSet;

use onnx::{
    DimensionProto, DimensionValue, GraphProto, NodeProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto,
    ValueInfoProto,
};

use crate::data::Data;
use crate::graph::GraphBuilder;
use crate::shape::Dim;
use crate::value::Value;

impl GraphBuilder {
    /// The dimensions of the first output; nothing where there is none.
    pub(crate) fn output_shape(&self) -> Vec<String> {
        let name = self.graph.output.first().map(|output| &output.name);
        let value = self.values.iter().position(|value| Some(value) == name);
        let made = value.and_then(|value| self.made.get(&(value as u32)));
        made.map_or(vec![], |(_, shape)| self.describe_dims(shape.dims()))
    }

    /// The graph without nodes and weights that no output needs, and with the types and shapes of its inner values.
    pub(crate) fn finish(mut self) -> (GraphProto, Vec<Data>) {
        let mut needed: HashSet<String> = self.graph.output.iter().map(|output| output.name.clone()).collect();
        // Nodes stand behind those that they need.
        let mut kept: Vec<NodeProto> = vec![];
        for node in std::mem::take(&mut self.graph.node).into_iter().rev() {
            if node.output.iter().any(|output| needed.contains(output)) {
                needed.extend(node.input.iter().cloned());
                kept.push(node);
            }
        }
        kept.reverse();
        let inputs: HashSet<&str> = self.graph.input.iter().map(|input| input.name.as_str()).collect();
        let is_needed = |tensor: &TensorProto| needed.contains(&tensor.name) || inputs.contains(tensor.name.as_str());
        let weights = std::mem::take(&mut self.graph.initializer).into_iter().zip(std::mem::take(&mut self.data));
        let (initializer, data) = weights.filter(|(tensor, _)| is_needed(tensor)).unzip();
        let outputs: HashSet<&str> = self.graph.output.iter().map(|output| output.name.as_str()).collect();
        let mut made: Vec<Value> = self
            .made
            .iter()
            .map(|(&id, &(element_type, shape))| Value { graph: self.mark, id, element_type, shape })
            .filter(|value| {
                let name = self.values[value.id as usize].as_str();
                needed.contains(name) && !outputs.contains(name)
            })
            .collect();
        made.sort_unstable_by_key(|value| value.id);
        // Without the names of lengths: tract could not be told then that a batch is 1.
        let nameless = |value| {
            let mut info = self.value_info(value);
            let shape = info.r#type.as_mut().and_then(|of| of.tensor_type.as_mut()?.shape.as_mut());
            let dims = shape.into_iter().flat_map(|shape| &mut shape.dim);
            dims.filter(|dim| matches!(dim.value, Some(DimensionValue::DimParam(_)))).for_each(|dim| dim.value = None);
            info
        };
        let value_info = made.into_iter().map(nameless).collect();
        (GraphProto { node: kept, initializer, value_info, ..self.graph }, data)
    }

    /// The name, type and shape of a value.
    pub(super) fn value_info(&self, value: Value) -> ValueInfoProto {
        let dimension = |dim: &Dim| {
            let value = match *dim {
                Dim::Fixed(size) => Some(DimensionValue::DimValue(size as i64)),
                Dim::Symbol(symbol) => self.symbols.name(symbol).map(|name| DimensionValue::DimParam(name.into())),
            };
            DimensionProto { value }
        };
        let shape = TensorShapeProto { dim: value.dims().iter().map(dimension).collect() };
        let tensor_type = TensorTypeProto { elem_type: value.element_type.data_type().into(), shape: Some(shape) };
        ValueInfoProto {
            name: self.values[value.id as usize].clone(),
            r#type: Some(TypeProto { tensor_type: Some(tensor_type) }),
        }
    }
}

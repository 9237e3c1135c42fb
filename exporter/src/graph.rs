//! Builds a graph node by node, as `forward` computes value by value.

use std::collections::{HashMap, HashSet};

use candle_core::{DType, Tensor, TensorId};

use crate::proto::{
    AttributeProto, AttributeType, DataType, DimensionProto, DimensionValue, GraphProto, NodeProto, TensorProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use crate::value::{Dim, DimSpec, IntoDims, MAX_RANK, Shape, Value};
use crate::{Error, Result};

/// A module that can be written as ONNX.
pub trait ToOnnx {
    /// Adds the nodes that compute `self` on `x` to the graph and returns the output value.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when `x` does not fit, naming the layer.
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value>;
}

impl<T: ToOnnx + ?Sized> ToOnnx for &T {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        (**self).to_onnx(graph, x)
    }
}

/// A graph under construction. Its operators are typed methods; layers are added with [`GraphBuilder::apply`].
pub struct GraphBuilder {
    graph: GraphProto,
    /// The name of each value, by its number.
    names: Vec<String>,
    taken: HashSet<String>,
    scope: Vec<String>,
    symbols: Vec<String>,
    /// Tensors that were written already: a weight that is used twice is stored once.
    initializers: HashMap<TensorId, Value>,
}

impl GraphBuilder {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            graph: GraphProto { name: name.into(), ..GraphProto::default() },
            names: Vec::new(),
            taken: HashSet::new(),
            scope: Vec::new(),
            symbols: Vec::new(),
            initializers: HashMap::new(),
        }
    }

    /// Adds `layer` under `name`: its weights become `name.weight` and so on, inside the names it is nested in.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when `x` does not fit, naming the layer.
    pub fn apply(&mut self, name: &str, layer: &(impl ToOnnx + ?Sized), x: Value) -> Result<Value> {
        self.scope.push(name.into());
        let output = layer.to_onnx(self, x);
        self.scope.pop();
        output
    }

    /// Adds `tensor` as the initializer `name` inside the current layer; the same tensor is stored once.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] for a tensor that is not f32, [`Error::Invalid`] for a name that is taken.
    pub fn initializer(&mut self, name: &str, tensor: &Tensor) -> Result<Value> {
        if let Some(&value) = self.initializers.get(&tensor.id()) {
            return Ok(value);
        }
        if tensor.dtype() != DType::F32 {
            return Err(self.mismatch("Initializer", "f32 weights", format!("{:?}", tensor.dtype())));
        }
        let dims: Vec<Dim> = tensor.dims().iter().map(|&dim| Dim::Fixed(dim)).collect();
        let full_name = self.scoped(name);
        if !self.taken.insert(full_name.clone()) {
            return Err(self.invalid(format!("the name `{full_name}` is used twice")));
        }
        let values = tensor.flatten_all()?.to_vec1::<f32>()?;
        self.graph.initializer.push(TensorProto {
            dims: tensor.dims().iter().map(|&dim| dim as i64).collect(),
            data_type: DataType::Float.into(),
            name: full_name.clone(),
            raw_data: values.into_iter().flat_map(f32::to_le_bytes).collect(),
        });
        let value = self.value(full_name, tensor.dtype(), self.shape("Initializer", &dims)?);
        self.initializers.insert(tensor.id(), value);
        Ok(value)
    }

    /// The dimensions of `value`, symbolic ones by name: `["batch", "784"]`.
    pub fn describe(&self, value: Value) -> Vec<String> {
        let describe = |dim: &Dim| match *dim {
            Dim::Fixed(size) => size.to_string(),
            Dim::Symbol(index) => self.symbols[usize::from(index)].clone(),
        };
        value.shape.dims().iter().map(describe).collect()
    }

    pub(crate) fn input(&mut self, name: &str, dims: impl IntoDims) -> Result<Value> {
        let dims: Vec<Dim> = dims.into_dims().into_iter().map(|dim| self.dim(dim)).collect();
        if !self.taken.insert(name.into()) {
            return Err(self.invalid(format!("the name `{name}` is used twice")));
        }
        let value = self.value(name.into(), DType::F32, self.shape("Input", &dims)?);
        let info = self.value_info(value);
        self.graph.input.push(info);
        Ok(value)
    }

    /// Makes `value` an output called `name`.
    pub(crate) fn output(&mut self, name: &str, value: Value) -> Result<()> {
        if !self.taken.insert(name.into()) {
            return Err(self.invalid(format!("the name `{name}` is used twice")));
        }
        let old = self.names[value.id as usize].clone();
        let made_by_node = self.graph.node.iter().any(|node| node.output.contains(&old));
        let is_output = self.graph.output.iter().any(|output| output.name == old);
        let named = if made_by_node && !is_output {
            let nodes = self.graph.node.iter_mut();
            let places = nodes.flat_map(|node| node.input.iter_mut().chain(&mut node.output));
            places.filter(|place| **place == old).for_each(|place| *place = name.into());
            self.names[value.id as usize] = name.into();
            value
        } else {
            let copy = self.node("Identity", &[value], vec![], value.shape)?;
            let made = std::mem::replace(&mut self.names[copy.id as usize], name.into());
            self.graph
                .node
                .iter_mut()
                .flat_map(|node| &mut node.output)
                .filter(|output| **output == made)
                .for_each(|output| *output = name.into());
            copy
        };
        let info = self.value_info(named);
        self.graph.output.push(info);
        Ok(())
    }

    pub(crate) fn finish(self) -> GraphProto {
        self.graph
    }

    /// Adds a node with one output of `shape`, of the type of its first input.
    pub(crate) fn node(
        &mut self,
        operator: &'static str,
        inputs: &[Value],
        attribute: Vec<AttributeProto>,
        shape: Shape,
    ) -> Result<Value> {
        let name = self.free(self.scoped(operator));
        let output = self.free(format!("{name}_output"));
        let dtype = inputs.first().map_or(DType::F32, |value| value.dtype);
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|value| self.names[value.id as usize].clone()).collect(),
            output: vec![output.clone()],
            name,
            op_type: operator.into(),
            attribute,
        });
        Ok(self.value(output, dtype, shape))
    }

    pub(crate) fn mismatch(&self, operator: &'static str, expected: impl Into<String>, found: String) -> Error {
        Error::Shape { layer: self.scope.join("."), operator, expected: expected.into(), found }
    }

    pub(crate) fn invalid(&self, reason: String) -> Error {
        Error::Invalid { graph: self.graph.name.clone(), reason }
    }

    fn shape(&self, operator: &'static str, dims: &[Dim]) -> Result<Shape> {
        let too_many = || self.mismatch(operator, format!("at most {MAX_RANK} dimensions"), dims.len().to_string());
        Shape::new(dims).ok_or_else(too_many)
    }

    fn dim(&mut self, spec: DimSpec) -> Dim {
        let name = match spec {
            DimSpec::Fixed(size) => return Dim::Fixed(size),
            DimSpec::Symbol(name) => name,
        };
        let index = self.symbols.iter().position(|symbol| *symbol == name).unwrap_or_else(|| {
            self.symbols.push(name);
            self.symbols.len() - 1
        });
        Dim::Symbol(index as u16)
    }

    fn value(&mut self, name: String, dtype: DType, shape: Shape) -> Value {
        self.names.push(name);
        Value { id: self.names.len() as u32 - 1, dtype, shape }
    }

    fn scoped(&self, name: &str) -> String {
        self.scope.iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join(".")
    }

    /// `name`, or with the first free number behind it.
    fn free(&mut self, name: String) -> String {
        let numbered = (1..).map(|number| if number == 1 { name.clone() } else { format!("{name}_{number}") });
        let free = numbered.into_iter().find(|name| !self.taken.contains(name)).unwrap_or_default();
        self.taken.insert(free.clone());
        free
    }

    fn value_info(&self, value: Value) -> ValueInfoProto {
        let dimension = |dim: &Dim| {
            let value = match *dim {
                Dim::Fixed(size) => DimensionValue::DimValue(size as i64),
                Dim::Symbol(index) => DimensionValue::DimParam(self.symbols[usize::from(index)].clone()),
            };
            DimensionProto { value: Some(value) }
        };
        let shape = TensorShapeProto { dim: value.shape.dims().iter().map(dimension).collect() };
        let tensor_type = TensorTypeProto { elem_type: DataType::Float.into(), shape: Some(shape) };
        ValueInfoProto {
            name: self.names[value.id as usize].clone(),
            r#type: Some(TypeProto { tensor_type: Some(tensor_type) }),
            doc_string: String::new(),
        }
    }
}

/// A whole-number attribute.
pub(crate) fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.into(), i: Some(value), f: None, r#type: AttributeType::Int.into() }
}

/// A floating-point attribute.
pub(crate) fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto { name: name.into(), f: Some(value), i: None, r#type: AttributeType::Float.into() }
}

//! Builds a graph node by node, as `forward` computes value by value.

mod bounds;
mod finish;
mod initializers;
mod inputs;
mod lengths;
mod names;
pub(crate) mod sums;
pub(crate) mod symbols;
pub(crate) mod to_onnx;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};

use candle_core::TensorId;
use onnx::{AttributeProto, GraphProto, NodeProto};

use crate::data::Data;
use crate::error::{Error, Result};
use crate::shape::{Dim, IntoDims, MAX_RANK, Shape, Symbol};
use crate::value::{ElementType, Value};
use names::Names;
use symbols::Symbols;

/// A graph under construction. Its operators are typed methods with candle's names; [`GraphBuilder::apply`] adds layers.
///
/// ```
/// let model = exporter::Model::build("norm", 17, |graph| {
///     let x = graph.input("x", ("batch", 3))?;
///     let square = graph.sqr(x)?;
///     let sum = graph.sum_keepdim(square, 1)?;
///     let norm = graph.sqrt(sum)?;
///     graph.output("norm", norm) // [batch, 1]
/// })?;
/// assert_eq!(model.operators(), ["Mul", "ReduceSum", "Sqrt"]);
/// # Ok::<(), exporter::Error>(())
/// ```
pub struct GraphBuilder {
    graph: GraphProto,
    /// Marks this graph's values, so that another graph's are refused.
    mark: u32,
    data: Vec<Data>,
    opset: i64,
    /// The name of each value, by its number.
    values: Vec<String>,
    /// The type and shape of each value that a node makes, by its number.
    made: HashMap<u32, (ElementType, Shape)>,
    names: Names,
    pub(crate) symbols: Symbols,
    /// The first value that has a symbol, and along which axis; and the lengths that were read or computed.
    sources: HashMap<Symbol, (Value, usize)>,
    lengths: HashMap<Symbol, Value>,
    /// Tensors that are already stored, as they are or transposed. A weight that is used twice is stored once.
    initializers: HashMap<(TensorId, bool), Value>,
}

impl GraphBuilder {
    pub(crate) fn new(name: &str, opset: i64) -> Self {
        static GRAPHS: AtomicU32 = AtomicU32::new(0);
        let mark = GRAPHS.fetch_add(1, Ordering::Relaxed);
        Self {
            graph: GraphProto { name: name.into(), ..GraphProto::default() },
            mark,
            data: Vec::new(),
            opset,
            values: Vec::new(),
            made: HashMap::new(),
            names: Names::default(),
            symbols: Symbols::new(mark),
            sources: HashMap::new(),
            lengths: HashMap::new(),
            initializers: HashMap::new(),
        }
    }

    /// The opset: the version of ONNX's operators that is written.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// assert_eq!(graph.opset(), 17);
    /// # let x = graph.scalar(1.)?;
    /// # graph.output("x", x)
    /// # }).unwrap();
    /// ```
    pub fn opset(&self) -> i64 {
        self.opset
    }

    /// Makes `value` an output called `name`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 4))?;
    /// let y = graph.relu(x)?;
    /// graph.output("y", y)?; // the file has the output `y`, [batch, 4]
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a name that is taken.
    pub fn output(&mut self, name: &str, value: Value) -> Result<()> {
        self.own(&[Some(value)])?;
        self.take(name)?;
        let old = self.values[value.id as usize].clone();
        let made_by_node = self.graph.node.iter().any(|node| node.output.contains(&old));
        let is_output = self.graph.output.iter().any(|output| output.name == old);
        // An input, a weight or another output keeps its name, and this output is a copy of it.
        let named =
            if made_by_node && !is_output { value } else { self.node("Identity", &[value], vec![], value.shape)? };
        let old = std::mem::replace(&mut self.values[named.id as usize], name.into());
        let nodes = self.graph.node.iter_mut();
        let places = nodes.flat_map(|node| node.input.iter_mut().chain(&mut node.output));
        places.filter(|place| **place == old).for_each(|place| *place = name.into());
        let info = self.value_info(named);
        self.graph.output.push(info);
        Ok(())
    }

    /// The dimensions of `value`, symbolic ones by name: `["batch", "784"]`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 4))?;
    /// assert_eq!(graph.describe(x), ["batch", "4"]);
    /// # graph.output("y", x)
    /// # }).unwrap();
    /// ```
    pub fn describe(&self, value: Value) -> Vec<String> {
        self.describe_dims(value.dims())
    }

    /// Adds a node with one output of `shape`, of the type of its first input.
    pub(crate) fn node(
        &mut self,
        operator: &'static str,
        inputs: &[Value],
        attribute: Vec<AttributeProto>,
        shape: Shape,
    ) -> Result<Value> {
        let element_type = inputs.first().map_or(ElementType::F32, |value| value.element_type);
        let inputs: Vec<Option<Value>> = inputs.iter().copied().map(Some).collect();
        self.typed_node(operator, &inputs, attribute, (element_type, shape))
    }

    /// Adds a node with one output of `element_type` and `shape`; an input that is left out is `None`.
    pub(crate) fn typed_node(
        &mut self,
        operator: &'static str,
        inputs: &[Option<Value>],
        attribute: Vec<AttributeProto>,
        (element_type, shape): (ElementType, Shape),
    ) -> Result<Value> {
        self.own(inputs)?;
        let name = self.names.free(operator);
        let output = self.names.free_as_it_stands(format!("{name}_output"));
        let input = |value: &Option<Value>| value.map_or(String::new(), |value| self.values[value.id as usize].clone());
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(input).collect(),
            output: vec![output.clone()],
            name,
            op_type: operator.into(),
            attribute,
            ..NodeProto::default()
        });
        Ok(self.made(output, element_type, shape))
    }

    /// The second output of the node whose first one is `first`, the node that was added last.
    pub(crate) fn second_output(&mut self, first: Value, (element_type, shape): (ElementType, Shape)) -> Result<Value> {
        let name = self.names.free_as_it_stands(format!("{}_second", self.values[first.id as usize]));
        self.graph.node.last_mut().expect("its first output was just made").output.push(name.clone());
        Ok(self.made(name, element_type, shape))
    }

    /// A value that a node makes.
    fn made(&mut self, name: String, element_type: ElementType, shape: Shape) -> Value {
        let value = self.value(name, element_type, shape);
        self.made.insert(value.id, (element_type, shape));
        value
    }

    pub(crate) fn mismatch(
        &self,
        operator: &'static str,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Error {
        Error::Shape { layer: self.names.layer(), operator, expected: expected.into(), found: found.into() }
    }

    /// The shape of these dimensions of `operator`'s output.
    pub(crate) fn shape(&self, operator: &'static str, dims: &[Dim]) -> Result<Shape> {
        let too_many = || self.mismatch(operator, format!("at most {MAX_RANK} dimensions"), dims.len().to_string());
        Shape::new(dims).ok_or_else(too_many)
    }

    pub(crate) fn describe_dims(&self, dims: &[Dim]) -> Vec<String> {
        dims.iter().map(|&dim| self.symbols.describe(dim)).collect()
    }

    fn value(&mut self, name: String, element_type: ElementType, shape: Shape) -> Value {
        self.values.push(name);
        let value = Value { graph: self.mark, id: self.values.len() as u32 - 1, element_type, shape };
        for (axis, &dim) in value.dims().iter().enumerate() {
            if let Dim::Symbol(symbol) = dim {
                self.sources.entry(symbol).or_insert((value, axis));
            }
        }
        value
    }

    /// The dimensions that a caller wrote.
    pub(crate) fn dims(&mut self, dims: impl IntoDims) -> Result<Vec<Dim>> {
        let dims: Option<Vec<Dim>> = dims.into_dims().into_iter().map(|dim| self.symbols.dim(dim)).collect();
        dims.ok_or_else(|| {
            let reason = format!("layer `{}` was given a dimension of another graph", self.names.layer());
            Error::Invalid { graph: self.graph.name.clone(), reason }
        })
    }

    /// Fails when a value belongs to another graph.
    fn own(&self, values: &[Option<Value>]) -> Result<()> {
        if values.iter().flatten().all(|value| value.graph == self.mark) {
            return Ok(());
        }
        let reason = format!("layer `{}` was given a value of another graph", self.names.layer());
        Err(Error::Invalid { graph: self.graph.name.clone(), reason })
    }

    /// Takes `name`, which must not be used yet.
    fn take(&mut self, name: &str) -> Result<()> {
        if self.names.take(name) {
            return Ok(());
        }
        Err(Error::Invalid { graph: self.graph.name.clone(), reason: format!("the name `{name}` is used twice") })
    }
}

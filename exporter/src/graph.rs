//! Builds a graph node by node, as `forward` computes value by value.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU32, Ordering};

use candle_core::{DType, Tensor, TensorId};
use onnx::{
    AttributeProto, DimensionProto, DimensionValue, GraphProto, NodeProto, TensorProto, TensorShapeProto,
    TensorTypeProto, TypeProto, ValueInfoProto,
};

use crate::data::Data;
use crate::value::{Dim, DimSpec, ElementType, IntoDims, MAX_RANK, Shape, Symbol, Value};
use crate::{Error, Result};

/// A module that can be written as ONNX.
///
/// ```
/// use exporter::{GraphBuilder, Model, Result, ToOnnx, Value};
///
/// /// `x tanh(x)`: `[batch, ..] -> [batch, ..]`.
/// struct Gate;
///
/// impl ToOnnx for Gate {
///     fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
///         let gate = graph.tanh(x)?;
///         graph.mul(x, gate)
///     }
/// }
///
/// # fn main() -> Result<()> {
/// assert_eq!(Model::trace(&Gate).input("x", ("batch", 4)).build()?.operators(), ["Tanh", "Mul"]);
/// # Ok(()) }
/// ```
///
/// What has no `ToOnnx` does not compile:
///
/// ```compile_fail
/// struct Unknown;
/// exporter::Model::trace(&Unknown).input("x", ("batch", 4)).build();
/// ```
pub trait ToOnnx {
    /// Adds the nodes that compute `self` on `x` to the graph and returns the output value.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when `x` does not fit, naming the layer.
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value>;
}

/// How a length is made of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Length {
    /// `(length + offset) / stride`, rounded down; the offset of windows counts the stride in.
    Windows { offset: i64, stride: usize },
    /// `length * factor + offset`.
    Scaled { factor: usize, offset: i64 },
}

/// A graph under construction. Its operators are typed methods, called as candle calls its own; layers are added with
/// [`GraphBuilder::apply`].
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
    /// What tells this graph's values from another's.
    mark: u32,
    data: Vec<Data>,
    opset: i64,
    /// The name of each value, by its number.
    names: Vec<String>,
    taken: HashSet<String>,
    scope: Vec<String>,
    /// The name of each symbol; one that an operator made has none.
    symbols: Vec<Option<String>>,
    /// Lengths that were made of a symbol, so that the same arithmetic gives the same symbol.
    derived: HashMap<(Symbol, Length), Symbol>,
    /// Of these, the ones that are another symbol and a number.
    moved: HashMap<Symbol, (Symbol, i64)>,
    /// Tensors that were written already: a weight that is used twice is stored once.
    initializers: HashMap<TensorId, Value>,
}

impl GraphBuilder {
    pub(crate) fn new(name: &str, opset: i64) -> Self {
        static GRAPHS: AtomicU32 = AtomicU32::new(0);
        Self {
            graph: GraphProto { name: name.into(), ..GraphProto::default() },
            mark: GRAPHS.fetch_add(1, Ordering::Relaxed),
            data: Vec::new(),
            opset,
            names: Vec::new(),
            taken: HashSet::new(),
            scope: Vec::new(),
            symbols: Vec::new(),
            derived: HashMap::new(),
            moved: HashMap::new(),
            initializers: HashMap::new(),
        }
    }

    /// The version of ONNX's operators that is written.
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

    /// Adds an input of f32 elements: `graph.input("image", ("batch", 1, 28, 28))`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let y = graph.input("image", ("batch", 1, 28, 28))?; // [batch, 1, 28, 28]
    /// # let y = graph.cast(y, exporter::ElementType::F32)?;
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a name that is taken, [`Error::Shape`] for more than eight dimensions.
    pub fn input(&mut self, name: &str, dims: impl IntoDims) -> Result<Value> {
        self.input_of(ElementType::F32, name, dims)
    }

    /// Adds an input of another type: indices are [`ElementType::I64`].
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let y = graph.input_of(exporter::ElementType::I64, "words", ("batch", "length"))?; // [batch, length]
    /// # let y = graph.cast(y, exporter::ElementType::F32)?;
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::input`].
    pub fn input_of(&mut self, element_type: ElementType, name: &str, dims: impl IntoDims) -> Result<Value> {
        let dims: Vec<Dim> = dims.into_dims().into_iter().map(|dim| self.dim(dim)).collect();
        self.take(name)?;
        let shape = self.shape("Input", &dims)?;
        let value = self.value(name.into(), element_type, shape);
        let info = self.value_info(value);
        self.graph.input.push(info);
        Ok(value)
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
        let old = self.names[value.id as usize].clone();
        let made_by_node = self.graph.node.iter().any(|node| node.output.contains(&old));
        let is_output = self.graph.output.iter().any(|output| output.name == old);
        // An input, a weight, or what is an output already keeps its name, and the output is a copy.
        let named =
            if made_by_node && !is_output { value } else { self.node("Identity", &[value], vec![], value.shape)? };
        let old = std::mem::replace(&mut self.names[named.id as usize], name.into());
        let nodes = self.graph.node.iter_mut();
        let places = nodes.flat_map(|node| node.input.iter_mut().chain(&mut node.output));
        places.filter(|place| **place == old).for_each(|place| *place = name.into());
        let info = self.value_info(named);
        self.graph.output.push(info);
        Ok(())
    }

    /// Adds `layer` under `name`: its weights become `name.weight` and so on, inside the names it is nested in.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 4))?;
    /// let layer = candle_nn::Linear::new(candle_core::Tensor::new(&[[1f32; 4]; 3], &candle_core::Device::Cpu)?, None);
    /// let y = graph.apply("head", &layer, x)?; // [batch, 3], by `head.weight`
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when `x` does not fit, naming the layer.
    pub fn apply(&mut self, name: &str, layer: &(impl ToOnnx + ?Sized), x: Value) -> Result<Value> {
        self.scoped(name, |graph| layer.to_onnx(graph, x))
    }

    /// Adds what `build` adds under `name`, for modules of several inputs.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 4))?;
    /// let y = graph.scoped("block", |graph| graph.relu(x))?; // [batch, 4], by the node `block.Relu`
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// Those of `build`.
    pub fn scoped<T>(&mut self, name: &str, build: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.scope.push(name.into());
        let output = build(self);
        self.scope.pop();
        output
    }

    /// Adds `tensor` as the initializer `name` inside the current layer; the same tensor is stored once.
    ///
    /// f16 and bf16 weights are stored as they are and computed in f32, which every runtime can do.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 4))?;
    /// let weight = candle_core::Tensor::new(&[1f32, 2., 3., 4.], &candle_core::Device::Cpu)?;
    /// let weight = graph.initializer("scale", &weight)?; // [4]
    /// let y = graph.mul(x, weight)?; // [batch, 4]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] for a type that ONNX weights do not have here (f64), [`Error::Invalid`] for a name that is taken.
    pub fn initializer(&mut self, name: &str, tensor: &Tensor) -> Result<Value> {
        if let Some(&value) = self.initializers.get(&tensor.id()) {
            return Ok(value);
        }
        let id = tensor.id();
        let tensor = if tensor.dtype() == DType::U32 { tensor.to_dtype(DType::I64)? } else { tensor.detach() };
        let Some(element_type) = ElementType::of(tensor.dtype()) else {
            let found = format!("{:?}", tensor.dtype());
            return Err(self.mismatch("Initializer", "f32, f16, bf16, i64, u32 or u8", found));
        };
        let full_name = self.full_name(name);
        self.take(&full_name)?;
        let dims = tensor.dims().to_vec();
        let stored = self.store(full_name.clone(), element_type, &dims, Data::Tensor(tensor))?;
        let value = if matches!(element_type, ElementType::F16 | ElementType::Bf16) {
            self.cast(stored, ElementType::F32)?
        } else {
            stored
        };
        self.initializers.insert(id, value);
        Ok(value)
    }

    /// Adds a tensor that is no weight: its name is made up.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 4))?;
    /// let mask = graph.constant(&candle_core::Tensor::new(&[1f32, 0., 1., 0.], &candle_core::Device::Cpu)?)?;
    /// let y = graph.mul(x, mask)?; // [batch, 4]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::initializer`].
    pub fn constant(&mut self, tensor: &Tensor) -> Result<Value> {
        let name = self.free_in_scope("constant");
        self.initializer(&name, tensor)
    }

    /// Adds one f32 number, of no dimensions, that broadcasts with everything.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 4))?;
    /// let half = graph.scalar(0.5)?;
    /// let y = graph.mul(x, half)?; // [batch, 4]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// None today.
    pub fn scalar(&mut self, number: f32) -> Result<Value> {
        let name = self.free("scalar");
        self.store(name, ElementType::F32, &[], Data::Bytes(number.to_le_bytes().to_vec()))
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

    /// A tensor of integers, for shapes and the like.
    pub(crate) fn integers(&mut self, what: &str, numbers: &[i64]) -> Result<Value> {
        let name = self.free(what);
        let bytes = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.store(name, ElementType::I64, &[numbers.len()], Data::Bytes(bytes))
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
        self.typed_node(operator, &inputs, attribute, element_type, shape)
    }

    /// Adds a node with one output of `element_type` and `shape`; an input that is left out is `None`.
    pub(crate) fn typed_node(
        &mut self,
        operator: &'static str,
        inputs: &[Option<Value>],
        attribute: Vec<AttributeProto>,
        element_type: ElementType,
        shape: Shape,
    ) -> Result<Value> {
        self.own(inputs)?;
        let name = self.free(operator);
        let output = self.free_name(format!("{name}_output"));
        let input = |value: &Option<Value>| value.map_or(String::new(), |value| self.names[value.id as usize].clone());
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(input).collect(),
            output: vec![output.clone()],
            name,
            op_type: operator.into(),
            attribute,
            ..NodeProto::default()
        });
        Ok(self.value(output, element_type, shape))
    }

    pub(crate) fn finish(self) -> (GraphProto, Vec<Data>) {
        (self.graph, self.data)
    }

    pub(crate) fn mismatch(
        &self,
        operator: &'static str,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Error {
        Error::Shape { layer: self.scope.join("."), operator, expected: expected.into(), found: found.into() }
    }

    /// The shape of `dims`, which `operator` made.
    pub(crate) fn shape(&self, operator: &'static str, dims: &[Dim]) -> Result<Shape> {
        let too_many = || self.mismatch(operator, format!("at most {MAX_RANK} dimensions"), dims.len().to_string());
        Shape::new(dims).ok_or_else(too_many)
    }

    pub(crate) fn describe_dims(&self, dims: &[Dim]) -> Vec<String> {
        dims.iter().map(|&dim| self.describe_dim(dim)).collect()
    }

    pub(crate) fn describe_dim(&self, dim: Dim) -> String {
        match dim {
            Dim::Fixed(size) => size.to_string(),
            Dim::Symbol(Symbol(index)) => self.symbols[usize::from(index)].clone().unwrap_or_else(|| "?".into()),
        }
    }

    /// What `length` makes of a symbol: the same for the same, by whatever steps.
    pub(crate) fn derive(&mut self, symbol: Symbol, length: Length) -> Dim {
        let (root, moved) = self.moved.get(&symbol).copied().unwrap_or((symbol, 0));
        let length = match length {
            Length::Windows { offset, stride } => Length::Windows { offset: offset + moved, stride },
            Length::Scaled { factor, offset } => Length::Scaled { factor, offset: offset + moved * factor as i64 },
        };
        if length == (Length::Windows { offset: 0, stride: 1 }) {
            return Dim::Symbol(root);
        }
        if let Some(&symbol) = self.derived.get(&(root, length)) {
            return Dim::Symbol(symbol);
        }
        let symbol = self.new_symbol(None);
        self.derived.insert((root, length), symbol);
        if let Length::Windows { offset, stride: 1 } = length {
            self.moved.insert(symbol, (root, offset));
        }
        Dim::Symbol(symbol)
    }

    /// A length that depends on symbols and has no name.
    pub(crate) fn unknown(&mut self) -> Dim {
        Dim::Symbol(self.new_symbol(None))
    }

    pub(crate) fn dim(&mut self, spec: DimSpec) -> Dim {
        let name = match spec {
            DimSpec::Known(dim) => return dim,
            DimSpec::Named(name) => Some(name),
        };
        let known = self.symbols.iter().position(|symbol| *symbol == name);
        Dim::Symbol(known.map_or_else(|| self.new_symbol(name), |index| Symbol(index as u16)))
    }

    fn new_symbol(&mut self, name: Option<String>) -> Symbol {
        self.symbols.push(name);
        Symbol(self.symbols.len() as u16 - 1)
    }

    fn store(&mut self, name: String, element_type: ElementType, dims: &[usize], data: Data) -> Result<Value> {
        let fixed: Vec<Dim> = dims.iter().map(|&dim| Dim::Fixed(dim)).collect();
        let shape = self.shape("Initializer", &fixed)?;
        self.graph.initializer.push(TensorProto {
            dims: dims.iter().map(|&dim| dim as i64).collect(),
            data_type: element_type.data_type().into(),
            name: name.clone(),
            ..TensorProto::default()
        });
        self.data.push(data);
        Ok(self.value(name, element_type, shape))
    }

    fn value(&mut self, name: String, element_type: ElementType, shape: Shape) -> Value {
        self.names.push(name);
        Value { graph: self.mark, id: self.names.len() as u32 - 1, element_type, shape }
    }

    /// Fails when a value is not this graph's.
    fn own(&self, values: &[Option<Value>]) -> Result<()> {
        if values.iter().flatten().all(|value| value.graph == self.mark) {
            return Ok(());
        }
        let reason = format!("layer `{}` was given a value of another graph", self.scope.join("."));
        Err(Error::Invalid { graph: self.graph.name.clone(), reason })
    }

    fn full_name(&self, name: &str) -> String {
        self.scope.iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join(".")
    }

    /// Takes `name`, which must be free.
    fn take(&mut self, name: &str) -> Result<()> {
        if self.taken.insert(name.into()) {
            return Ok(());
        }
        Err(Error::Invalid { graph: self.graph.name.clone(), reason: format!("the name `{name}` is used twice") })
    }

    /// Takes `name` inside the current layer, with the first free number behind it.
    fn free(&mut self, name: &str) -> String {
        self.free_name(self.full_name(name))
    }

    fn free_name(&mut self, name: String) -> String {
        let mut free = name.clone();
        for number in 2.. {
            if self.taken.insert(free.clone()) {
                break;
            }
            free = format!("{name}_{number}");
        }
        free
    }

    /// A name for [`GraphBuilder::initializer`] that is free inside the current layer.
    fn free_in_scope(&self, name: &str) -> String {
        let numbered = (1..).map(|number| if number == 1 { name.to_owned() } else { format!("{name}_{number}") });
        numbered.into_iter().find(|name| !self.taken.contains(&self.full_name(name))).unwrap_or_default()
    }

    fn value_info(&self, value: Value) -> ValueInfoProto {
        let dimension = |dim: &Dim| {
            let value = match *dim {
                Dim::Fixed(size) => Some(DimensionValue::DimValue(size as i64)),
                Dim::Symbol(Symbol(index)) => self.symbols[usize::from(index)].clone().map(DimensionValue::DimParam),
            };
            DimensionProto { value }
        };
        let shape = TensorShapeProto { dim: value.dims().iter().map(dimension).collect() };
        let tensor_type = TensorTypeProto { elem_type: value.element_type.data_type().into(), shape: Some(shape) };
        ValueInfoProto {
            name: self.names[value.id as usize].clone(),
            r#type: Some(TypeProto { tensor_type: Some(tensor_type) }),
        }
    }
}

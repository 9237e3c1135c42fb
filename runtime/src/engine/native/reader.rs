//! Reads an ONNX graph as a network of layers. Where a node has no kernel, or might mean anything but what a kernel computes,
//! the graph is left to tract.

use std::collections::{HashMap, HashSet};

use kernels::Activation;
use onnx::{GraphProto, NodeProto, OPSETS, TensorProto};

use super::network::{Arithmetic, Layer, Network, Place, Step};
use super::unsupported::unsupported;
use crate::engine::constants::constant;
use crate::engine::describe::describe;
use crate::engine::request::Request;
use crate::engine::signature::{Layout, Signature};

/// The most values of a row between two layers: a small file may ask for much memory.
pub(super) const MAX_VALUES: usize = 1 << 22;

/// The network that computes the wanted outputs, and their shapes; or why there are not kernels for all of it.
pub(crate) fn read(request: &Request) -> Result<(Network, Vec<Signature>), String> {
    let graph = request.model.graph.as_ref().ok_or("it holds no graph")?;
    let version = request.model.opset().ok_or("it names no opset")?;
    if !OPSETS.contains(&version) {
        return Err(format!("there are kernels for opsets {} to {}, found {version}", OPSETS.start(), OPSETS.end()));
    }
    let nodes = needed(graph, request.wanted);
    let mut reader = Reader::new(graph, &nodes, request);
    if reader.constants.len() < graph.initializer.len() {
        return Err("two of its initializers have the same name".into());
    }
    for node in nodes {
        reader.node(node).map_err(|reason| format!("{}: {reason}", describe(node)))?;
    }
    reader.finish(request)
}

/// The nodes on which the wanted outputs depend, in order.
fn needed<'a>(graph: &'a GraphProto, wanted: &'a [(usize, String)]) -> Vec<&'a NodeProto> {
    let mut names: HashSet<&str> = wanted.iter().map(|(_, name)| name.as_str()).collect();
    let mut nodes = vec![];
    for node in graph.node.iter().rev().filter(|node| !node.output.is_empty()) {
        if node.output.iter().any(|output| names.contains(output.as_str())) {
            names.extend(given(node));
            nodes.push(node);
        }
    }
    nodes.reverse();
    nodes
}

/// The names of a node's inputs, less those that are left out.
fn given(node: &NodeProto) -> impl Iterator<Item = &str> {
    node.input.iter().map(String::as_str).filter(|name| !name.is_empty())
}

/// The value that a name in the graph stands for. Until the reader finishes, `Place::Between` counts steps.
#[derive(Clone)]
pub(super) struct Value {
    pub(super) place: Place,
    /// The shape of a row in memory.
    pub(super) shape: Vec<usize>,
    /// The shape after a padding that repeats the last row or column, as before a pooling.
    pub(super) padded: Vec<usize>,
    /// Where the graph has the batch among the dimensions; in memory it is always the first.
    pub(super) batch_axis: usize,
}

/// A value that is the same for all rows, though the graph computes it from their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Common {
    /// The lengths of a shape.
    Lengths,
    /// Zeros of any shape, such as the first state of a recurrence.
    Zeros,
}

/// For each value of a row whether something holds, as 1 and 0 in memory.
#[derive(Clone)]
pub(super) enum Truth {
    Value(Value),
    /// The same for all rows.
    Constant(Vec<f32>),
}

pub(super) struct Reader<'a> {
    pub(super) layout: Layout,
    /// The name and the value of rows that come in as bytes, which only a cast makes numbers.
    pub(super) bytes: Option<(&'a str, Value)>,
    pub(super) constants: HashMap<&'a str, &'a TensorProto>,
    /// How many nodes and outputs read each name.
    uses: HashMap<&'a str, usize>,
    pub(super) values: HashMap<&'a str, Value>,
    pub(super) common: HashMap<&'a str, Common>,
    /// What holds of values, by the names of these truths.
    pub(super) truths: HashMap<&'a str, Truth>,
    /// Places of values in a row, as whole numbers.
    pub(super) places: HashMap<&'a str, Value>,
    pub(super) steps: Vec<Step>,
    /// The last step, where it is a product to which the next node may add a bias.
    pub(super) unbiased: Option<usize>,
}

impl<'a> Reader<'a> {
    fn new(graph: &'a GraphProto, nodes: &[&'a NodeProto], request: &'a Request) -> Self {
        let mut uses: HashMap<&str, usize> = HashMap::new();
        for node in nodes {
            // To look at a shape is not to read the values.
            let reads = usize::from(node.op_type != "Shape");
            given(node).for_each(|name| *uses.entry(name).or_default() += reads);
        }
        request.wanted.iter().for_each(|(_, name)| *uses.entry(name).or_default() += 1);
        let shape = request.input.row_shape.clone();
        let value = Value { place: Place::Input, padded: shape.clone(), shape, batch_axis: 0 };
        let input = (request.input.name.as_str(), value);
        let (bytes, floats) = if request.input.is_bytes { (Some(input), None) } else { (None, Some(input)) };
        Self {
            layout: request.layout,
            bytes,
            constants: graph.initializer.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect(),
            uses,
            values: HashMap::from_iter(floats),
            common: HashMap::new(),
            truths: HashMap::new(),
            places: HashMap::new(),
            steps: vec![],
            unbiased: None,
        }
    }

    fn node(&mut self, node: &'a NodeProto) -> Result<(), String> {
        if let Some((output, constant)) = constant(node) {
            return match self.constants.insert(output, constant) {
                None => Ok(()),
                Some(_) => Err(format!("its output `{output}` has the name of another value")),
            };
        }
        let [output] = self.outputs(node)[..] else { return Err("no kernel for more than one output".into()) };
        let output = node.output[output].as_str();
        if let Some(common) = self.common_value(node) {
            return match self.common.insert(output, common) {
                None if self.is_new(output) => Ok(()),
                _ => Err(format!("its output `{output}` has the name of another value")),
            };
        }
        let is_named = |taken: bool| match taken {
            true => Ok(()),
            false => Err(format!("its output `{output}` has the name of another value")),
        };
        if node.domain.is_empty() && ["Equal", "Not"].contains(&node.op_type.as_str()) {
            let truth = self.truth(node).ok_or_else(|| unsupported(node))?;
            return is_named(self.is_new(output) && self.truths.insert(output, truth).is_none());
        }
        if node.domain.is_empty() && node.op_type == "ArgMax" {
            let place = self.arg_max(node).ok_or_else(|| unsupported(node))?;
            return is_named(self.is_new(output) && self.places.insert(output, place).is_none());
        }
        let value = match node.op_type.as_str() {
            _ if !node.domain.is_empty() => None,
            "Gemm" => self.gemm(node),
            "Conv" => self.conv(node),
            "MaxPool" => self.max_pool(node),
            "Resize" => self.resize(node),
            "Slice" => self.slice(node).or_else(|| self.slice_steps(node)).or_else(|| self.slice_columns(node)),
            "Gather" => self.pick_step(node).or_else(|| self.select(node)),
            "Pad" => self.pad(node),
            "Reshape" => self.reshape(node),
            "Flatten" => self.flatten(node),
            "Identity" => self.identity(node),
            "MatMul" => self.matmul(node),
            "Add" => self.add(node).or_else(|| self.arithmetic(node, Arithmetic::Add)),
            "Sub" => self.arithmetic(node, Arithmetic::Sub),
            "Div" => self.arithmetic(node, Arithmetic::Div),
            "Cast" => self.cast(node).or_else(|| self.cast_to_number(node)),
            "Where" => self.choose(node),
            "Concat" => self.concat(node),
            "Mod" => self.remainder(node),
            "Sin" => self.sine(node),
            "Clip" => self.clamp(node),
            "LSTM" => self.lstm(node),
            "Transpose" => self.transpose(node).or_else(|| self.turn(node)),
            "Squeeze" => self.squeeze(node),
            "Unsqueeze" => self.unsqueeze(node),
            "Mul" => self.repeat(node).or_else(|| self.arithmetic(node, Arithmetic::Mul)),
            "Relu" => self.activation(node, Activation::Relu),
            "Sigmoid" => self.activation(node, Activation::Sigmoid),
            "Tanh" => self.activation(node, Activation::Tanh),
            _ => None,
        };
        let value = value.ok_or_else(|| unsupported(node))?;
        if self.steps.last().is_some_and(|step| step.to_len > MAX_VALUES) {
            return Err(format!("no kernel for more than {MAX_VALUES} values a row"));
        }
        if !self.is_new(output) || self.values.insert(output, value).is_some() {
            return Err(format!("its output `{output}` has the name of another value"));
        }
        Ok(())
    }

    /// Whether no value that is known has this name.
    fn is_new(&self, name: &str) -> bool {
        let is_input = self.bytes.as_ref().is_some_and(|(input, _)| *input == name);
        let is_known = self.truths.contains_key(name) || self.places.contains_key(name);
        !is_input && !is_known && !self.constants.contains_key(name) && !self.values.contains_key(name)
    }

    /// The places of those outputs of a node that another node or the graph reads.
    pub(super) fn outputs(&self, node: &NodeProto) -> Vec<usize> {
        (0..node.output.len()).filter(|&index| self.uses.contains_key(node.output[index].as_str())).collect()
    }

    /// The value that the node's first input names, in the shape in which it lies in memory.
    pub(super) fn input(&self, node: &NodeProto) -> Option<Value> {
        self.value(node, 0).filter(|value| value.batch_axis == 0)
    }

    /// The value that an input of the node names, unpadded, wherever the batch is.
    pub(super) fn value(&self, node: &NodeProto, index: usize) -> Option<Value> {
        let value = self.values.get(node.input.get(index)?.as_str())?;
        (value.shape == value.padded).then(|| value.clone())
    }

    /// The same, for a node that changes the value in place or renames it: no other node may read it.
    pub(super) fn only_input(&self, node: &NodeProto) -> Option<Value> {
        let name = node.input.first()?.as_str();
        self.values.get(name).filter(|value| self.is_read_once(name) && value.batch_axis == 0).cloned()
    }

    pub(super) fn is_read_once(&self, name: &str) -> bool {
        self.uses.get(name) == Some(&1)
    }

    /// The channels, height and width of the node's first input.
    pub(super) fn image(&self, node: &NodeProto) -> Option<(Value, [usize; 3])> {
        let value = self.input(node)?;
        let image = <[usize; 3]>::try_from(&value.shape[..]).ok()?;
        Some((value, image))
    }

    pub(super) fn constant(&self, node: &NodeProto, index: usize) -> Option<&'a TensorProto> {
        self.constants.get(node.input.get(index)?.as_str()).copied()
    }

    /// Appends a layer.
    pub(super) fn push(&mut self, layer: Layer, from: &Value, shape: Vec<usize>) -> Option<Value> {
        let length = |shape: &[usize]| shape.iter().try_fold(1usize, |length, &dim| length.checked_mul(dim));
        let (from_len, to_len) = (length(&from.shape)?, length(&shape)?);
        let to = Place::Between(self.steps.len());
        self.steps.push(Step {
            layer,
            activation: Activation::None,
            from: from.place,
            also: vec![],
            to,
            from_len,
            to_len,
        });
        Some(Value { place: to, padded: shape.clone(), shape, batch_axis: 0 })
    }

    /// The step that computes an output of the graph and nothing else, and the shape that it gives.
    fn last_step(&self, output: &str) -> Option<(usize, Vec<usize>)> {
        let value = self.values.get(output)?;
        let Place::Between(index) = value.place else { return None };
        let reads = |step: &Step| step.from == value.place || step.also.iter().any(|(place, _)| *place == value.place);
        let read = self.steps.iter().any(reads);
        let free = self.steps[index].to == value.place && !read;
        (free && value.padded == value.shape && value.batch_axis == 0).then(|| (index, value.shape.clone()))
    }

    /// Finds every value its place in memory.
    fn finish(mut self, request: &Request) -> Result<(Network, Vec<Signature>), String> {
        let mut outputs = vec![];
        for (number, (_, name)) in request.wanted.iter().enumerate() {
            let (index, row_shape) = self
                .last_step(name)
                .ok_or_else(|| format!("output `{name}`: expected values of a layer that no other reads"))?;
            self.steps[index].to = Place::Output(number);
            outputs.push(Signature { name: name.clone(), row_shape, is_bytes: false });
        }
        let mut between = 0;
        let mut starts = vec![];
        for step in &mut self.steps {
            starts.push(between);
            if let Place::Between(start) = &mut step.to {
                *start = between;
                between += step.to_len;
            }
            for place in step.also.iter_mut().map(|(place, _)| place).chain([&mut step.from]) {
                if let Place::Between(index) = *place {
                    *place = Place::Between(starts[index]);
                }
            }
        }
        if between > MAX_VALUES {
            return Err(format!("no kernels for more than {MAX_VALUES} values a row between the layers"));
        }
        Ok((Network { input_len: request.input.row_len(), steps: self.steps, between }, outputs))
    }
}

//! Finds the layers of a network in an ONNX graph. A node that has no kernel, or is written in a way that is not
//! certain to mean what a kernel computes, is nothing to the functions that read it; the graph is refused, and left to
//! tract.

use std::collections::HashMap;

use kernels::{Activation, Conv, Dense};

use super::attributes::{Attributes, dims, floats, ints};
use super::refusal::{describe, refusal};
use super::{Layer, Network, Place, Step};
use crate::check::Signature;
use crate::onnx::{GraphProto, ModelProto, NodeProto, TensorProto};

/// The operators below have the same meaning from this version of ONNX's operators on.
const OPSETS: std::ops::RangeInclusive<i64> = 13..=21;
/// The most values of a row at any place: a small file may ask for much memory.
const MOST: usize = 1 << 22;
/// The widest window of a convolution, and the most values that its kernel may need to work on.
const WIDEST_WINDOW: usize = 31;
const MOST_ROOM: usize = 1 << 24;

/// The network that the graph describes, or why there are no kernels for all of it.
pub(crate) fn read(model: &ModelProto, input: &Signature, outputs: &[Signature]) -> Result<Network, String> {
    let graph = model.graph.as_ref().ok_or("it holds no graph")?;
    let opset = model.opset_import.iter().find(|opset| opset.domain.is_empty());
    let version = opset.ok_or("it names no opset")?.version;
    if !OPSETS.contains(&version) {
        return Err(format!("there are kernels for opsets {} to {}, found {version}", OPSETS.start(), OPSETS.end()));
    }
    let mut reader = Reader::new(graph, input);
    if reader.constants.len() < graph.initializer.len() {
        return Err("two of its initializers have the same name".into());
    }
    for node in &graph.node {
        reader.node(node).map_err(|reason| format!("{}: {reason}", describe(node)))?;
    }
    reader.finish(input, outputs)
}

/// What a name in the graph stands for; until the reader finishes, `Place::Between` counts steps.
#[derive(Clone)]
struct Value {
    place: Place,
    /// The shape of a row in memory.
    shape: Vec<usize>,
    /// The shape that rows have once their last row and column are repeated, as a padding before a pooling does.
    padded: Vec<usize>,
}

struct Reader<'a> {
    constants: HashMap<&'a str, &'a TensorProto>,
    /// How often each name is read.
    uses: HashMap<&'a str, usize>,
    values: HashMap<&'a str, Value>,
    steps: Vec<Step>,
}

impl<'a> Reader<'a> {
    fn new(graph: &'a GraphProto, input: &'a Signature) -> Self {
        let mut uses = HashMap::new();
        let outputs = graph.output.iter().map(|output| output.name.as_str());
        for name in graph.node.iter().flat_map(|node| &node.input).map(String::as_str).chain(outputs) {
            *uses.entry(name).or_default() += 1;
        }
        let shape = input.row_shape.clone();
        let value = Value { place: Place::Input, padded: shape.clone(), shape };
        Self {
            constants: graph.initializer.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect(),
            uses,
            values: HashMap::from([(input.name.as_str(), value)]),
            steps: vec![],
        }
    }

    fn node(&mut self, node: &'a NodeProto) -> Result<(), String> {
        let value = match node.op_type.as_str() {
            _ if !node.domain.is_empty() => None,
            "Gemm" => self.gemm(node),
            "Conv" => self.conv(node),
            "MaxPool" => self.max_pool(node),
            "Resize" => self.resize(node),
            "Slice" => self.slice(node),
            "Pad" => self.pad(node),
            "Reshape" => self.reshape(node),
            "Flatten" => self.flatten(node),
            "Relu" => self.activation(node, Activation::Relu),
            "Sigmoid" => self.activation(node, Activation::Sigmoid),
            "Tanh" => self.activation(node, Activation::Tanh),
            _ => None,
        };
        let value = value.ok_or_else(|| refusal(node))?;
        if self.steps.last().is_some_and(|step| step.to_len > MOST) {
            return Err(format!("no kernel for more than {MOST} values a row"));
        }
        let [output] = &node.output[..] else { return Err("no kernel for more than one output".into()) };
        if self.constants.contains_key(output.as_str()) || self.values.insert(output, value).is_some() {
            return Err(format!("its output `{output}` has the name of another value"));
        }
        Ok(())
    }

    /// The value that the node's first input names, in the shape in which it lies in memory.
    fn input(&self, node: &NodeProto) -> Option<Value> {
        let value = self.values.get(node.input.first()?.as_str())?;
        (value.shape == value.padded).then(|| value.clone())
    }

    /// The same, of a node that changes the value in its place or renames it: no other may read it.
    fn only_input(&self, node: &NodeProto) -> Option<Value> {
        let name = node.input.first()?.as_str();
        if self.uses.get(name) == Some(&1) { self.values.get(name).cloned() } else { None }
    }

    /// The channels, height and width of the node's first input.
    fn image(&self, node: &NodeProto) -> Option<(Value, [usize; 3])> {
        let value = self.input(node)?;
        let image = <[usize; 3]>::try_from(&value.shape[..]).ok()?;
        Some((value, image))
    }

    fn constant(&self, node: &NodeProto, index: usize) -> Option<&'a TensorProto> {
        self.constants.get(node.input.get(index)?.as_str()).copied()
    }

    /// Appends a layer.
    fn push(&mut self, layer: Layer, from: &Value, shape: Vec<usize>) -> Option<Value> {
        let length = |shape: &[usize]| shape.iter().try_fold(1usize, |length, &dim| length.checked_mul(dim));
        let (from_len, to_len) = (length(&from.shape)?, length(&shape)?);
        let to = Place::Between(self.steps.len());
        self.steps.push(Step { layer, activation: Activation::None, from: from.place, to, from_len, to_len });
        Some(Value { place: to, padded: shape.clone(), shape })
    }

    fn gemm(&mut self, node: &NodeProto) -> Option<Value> {
        let attributes = Attributes::of(node, &["alpha", "beta", "transA", "transB"])?;
        let plain = attributes.float("alpha", 1.) == 1. && attributes.float("beta", 1.) == 1.;
        let value = self.input(node)?;
        let (weight, bias) = (self.constant(node, 1)?, floats(self.constant(node, 2)?)?);
        let (&[inputs], &[rows, columns]) = (&value.shape[..], &dims(weight)?[..]) else { return None };
        let transposed = attributes.int("transB", 0) == 1;
        let fits = if transposed { [bias.len(), inputs] } else { [inputs, bias.len()] } == [rows, columns];
        if !plain || attributes.int("transA", 0) != 0 || !fits || dims(self.constant(node, 2)?)?.len() != 1 {
            return None;
        }
        let mut weight = floats(weight)?;
        if !transposed {
            weight = (0..columns).flat_map(|column| weight[column..].iter().step_by(columns)).copied().collect();
        }
        self.push(Layer::Dense(Dense::new(&weight, &bias)), &value, vec![bias.len()])
    }

    fn conv(&mut self, node: &NodeProto) -> Option<Value> {
        let attributes = Attributes::of(node, &["kernel_shape", "pads", "strides", "dilations", "group"])?;
        let (value, [in_channels, height, width]) = self.image(node)?;
        let (weight, bias) = (self.constant(node, 1)?, floats(self.constant(node, 2)?)?);
        let [out_channels, channels, kernel, columns] = dims(weight)?[..] else { return None };
        let padding = attributes.ints("pads").and_then(|pads| pads.first()).map_or(0, |&padding| padding);
        let plain = attributes.all("strides", 1) && attributes.all("dilations", 1) && attributes.all("pads", padding);
        let padding = usize::try_from(padding).ok()?;
        let square = kernel == columns && kernel % 2 == 1 && attributes.all("kernel_shape", kernel as i64);
        let fits = channels == in_channels && bias.len() == out_channels && attributes.int("group", 1) == 1;
        if !plain || !square || !fits || padding >= kernel || height.min(width) + 2 * padding < kernel {
            return None;
        }
        // What the kernels work on is a multiple of the image, at most by the window's area.
        let padded = (height + 2 * padding).checked_mul(width + 2 * padding)?;
        let room = padded.checked_mul(kernel * kernel)?.checked_mul(in_channels.max(out_channels))?;
        if kernel > WIDEST_WINDOW || room > MOST_ROOM {
            return None;
        }
        let conv = Conv { batch: 0, in_channels, height, width, out_channels, kernel, padding };
        let shape = vec![out_channels, conv.out_height(), conv.out_width()];
        self.push(Layer::Conv { conv, weight: floats(weight)?, bias }, &value, shape)
    }

    fn max_pool(&mut self, node: &NodeProto) -> Option<Value> {
        let attributes = Attributes::of(node, &["kernel_shape", "strides", "pads", "ceil_mode"])?;
        let value = self.values.get(node.input.first()?.as_str())?.clone();
        let (&[channels, height, width], &[_, padded_height, padded_width]) = (&value.shape[..], &value.padded[..])
        else {
            return None;
        };
        let two = |name| attributes.ints(name) == Some(&[2, 2]);
        let plain = attributes.all("pads", 0) && attributes.int("ceil_mode", 0) == 0;
        if !two("kernel_shape") || !two("strides") || !plain || padded_height % 2 + padded_width % 2 > 0 {
            return None;
        }
        let shape = vec![channels, padded_height / 2, padded_width / 2];
        self.push(Layer::MaxPool([channels, height, width]), &value, shape)
    }

    fn resize(&mut self, node: &NodeProto) -> Option<Value> {
        let attributes = Attributes::of(node, &["mode", "coordinate_transformation_mode", "nearest_mode"])?;
        let (value, [channels, height, width]) = self.image(node)?;
        let nearest = attributes.text("mode", "nearest") == "nearest"
            && attributes.text("coordinate_transformation_mode", "half_pixel") == "asymmetric"
            && attributes.text("nearest_mode", "round_prefer_floor") == "floor";
        let [_, regions, _] = &node.input[..] else { return None };
        if !nearest || !regions.is_empty() || floats(self.constant(node, 2)?)? != [1., 1., 2., 2.] {
            return None;
        }
        let shape = vec![channels, height.checked_mul(2)?, width.checked_mul(2)?];
        self.push(Layer::Upsample([channels, height, width]), &value, shape)
    }

    /// The first rows or columns of images.
    fn slice(&mut self, node: &NodeProto) -> Option<Value> {
        Attributes::of(node, &[])?;
        let (value, [channels, height, width]) = self.image(node)?;
        let number = |index| match ints(self.constant(node, index)?)?[..] {
            [number] => Some(number),
            _ => None,
        };
        let (start, end, axis) = (number(1)?, usize::try_from(number(2)?).ok()?, number(3)?);
        let to = match axis {
            2 => [end.min(height), width],
            3 => [height, end.min(width)],
            _ => return None,
        };
        if start != 0 || end == 0 || node.input.len() != 4 {
            return None;
        }
        self.push(Layer::Crop { from: [height, width], to }, &value, vec![channels, to[0], to[1]])
    }

    /// One more row or column at the end of images of odd size, equal to the last: a pooling that follows sees only
    /// what is there.
    fn pad(&mut self, node: &NodeProto) -> Option<Value> {
        let attributes = Attributes::of(node, &["mode"])?;
        let value = self.only_input(node)?;
        let [_, _] = &node.input[..] else { return None };
        let axis = match ints(self.constant(node, 1)?)?[..] {
            [0, 0, 0, 0, 0, 0, 1, 0] => 1,
            [0, 0, 0, 0, 0, 0, 0, 1] => 2,
            _ => return None,
        };
        let mut padded = value.padded.clone();
        if attributes.text("mode", "constant") != "edge" || padded.len() != 3 || padded[axis] % 2 == 0 {
            return None;
        }
        padded[axis] += 1;
        Some(Value { padded, ..value })
    }

    fn reshape(&mut self, node: &NodeProto) -> Option<Value> {
        let attributes = Attributes::of(node, &["allowzero"])?;
        let shape = ints(self.constant(node, 1)?)?;
        let (&batch, row) = shape.split_first()?;
        let kept = batch == -1 || batch == 0 && attributes.int("allowzero", 0) == 0;
        let row: Option<Vec<usize>> = row.iter().map(|&dim| usize::try_from(dim).ok().filter(|&dim| dim > 0)).collect();
        if kept { self.rename(node, row?) } else { None }
    }

    fn flatten(&mut self, node: &NodeProto) -> Option<Value> {
        let attributes = Attributes::of(node, &["axis"])?;
        let length = self.input(node)?.shape.iter().product();
        if attributes.int("axis", 1) == 1 { self.rename(node, vec![length]) } else { None }
    }

    /// The same values in another shape.
    fn rename(&self, node: &NodeProto, shape: Vec<usize>) -> Option<Value> {
        self.input(node)?;
        let value = self.only_input(node)?;
        let length = shape.iter().try_fold(1usize, |length, &dim| length.checked_mul(dim))?;
        let same = length == value.shape.iter().product::<usize>();
        same.then(|| Value { padded: shape.clone(), shape, ..value })
    }

    /// An activation becomes part of the layer before it.
    fn activation(&mut self, node: &NodeProto, activation: Activation) -> Option<Value> {
        Attributes::of(node, &[])?;
        self.input(node)?;
        let value = self.only_input(node)?;
        let Place::Between(index) = value.place else { return None };
        let step = &mut self.steps[index];
        if step.activation != Activation::None {
            return None;
        }
        step.activation = activation;
        Some(value)
    }

    /// The step that computes an output of the graph and nothing else.
    fn last_step(&self, output: &Signature) -> Option<usize> {
        let value = self.values.get(output.name.as_str())?;
        let Place::Between(index) = value.place else { return None };
        let read = self.steps.iter().any(|step| step.from == value.place);
        let free = self.steps[index].to == value.place && !read;
        (free && value.shape == output.row_shape && value.padded == value.shape).then_some(index)
    }

    /// Finds every value its place in memory.
    fn finish(mut self, input: &Signature, outputs: &[Signature]) -> Result<Network, String> {
        for (number, output) in outputs.iter().enumerate() {
            let index = self.last_step(output).ok_or_else(|| {
                let (name, shape) = (&output.name, output.describe());
                format!("output `{name}`: expected values of a layer that no other reads, of shape {shape}")
            })?;
            self.steps[index].to = Place::Output(number);
        }
        let mut between = 0;
        let mut starts = vec![];
        for step in &mut self.steps {
            starts.push(between);
            if let Place::Between(start) = &mut step.to {
                *start = between;
                between += step.to_len;
            }
            if let Place::Between(index) = step.from {
                step.from = Place::Between(starts[index]);
            }
        }
        if between > MOST {
            return Err(format!("no kernels for more than {MOST} values a row between the layers"));
        }
        Ok(Network { input_len: input.row_len(), steps: self.steps, between })
    }
}

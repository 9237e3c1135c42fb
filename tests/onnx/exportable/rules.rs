//! What `#[exportable]` promises besides correct numbers: names, several inputs and outputs, errors, state.

use candle_core::{D, DType, Device, IndexOp, Module, Result, Tensor};
use candle_nn::{Linear, VarBuilder, VarMap};
use exporter::{Exportable, Model, exportable};

use super::language::Attention;
use crate::case::{Input, TOLERANCE, layer, relative_difference, run_tract, run_tract_all, values, weight};
use crate::weights::{Weights, check_deep};

/// The error of exporting a module on `[batch, length, 8]`.
fn error_of(module: &impl exporter::ToOnnx) -> String {
    Model::trace(module).input("x", ("batch", "length", 8)).build().unwrap_err().to_string()
}

#[derive(Exportable)]
struct Renamed {
    #[onnx(rename = "dense_1")]
    fc1: Linear,
    fc2: Linear,
}

#[exportable]
#[allow(dead_code)] // only exported
impl Renamed {
    fn new(vb: VarBuilder) -> Result<Self> {
        let fc1 = candle_nn::linear_no_bias(8, 8, vb.pp("dense_1"))?;
        Ok(Self { fc1, fc2: candle_nn::linear_no_bias(8, 4, vb.pp("dense_2"))? })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.apply(&self.fc1)?.apply(&self.fc2)
    }
}

#[test]
fn initializers_have_the_checkpoints_names() {
    let variables = VarMap::new();
    let net = Renamed::new(VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu)).unwrap();
    let model = Model::trace(&net).input("x", ("batch", 8)).build().unwrap();
    assert_eq!(model.initializers(), ["dense_1.weight", "fc2.weight"]);
    let model = Model::trace(&net).checkpoint(&variables).input("x", ("batch", 8)).build().unwrap();
    assert_eq!(model.initializers(), ["dense_1.weight", "dense_2.weight"]);
}

/// An encoder's states and a mask of padding: two inputs, and two outputs.
#[derive(Exportable)]
struct Cross {
    query: Linear,
    memory: Linear,
}

#[exportable]
impl Cross {
    fn forward(&self, x: &Tensor, memory: &Tensor, mask: Option<&Tensor>) -> Result<(Tensor, Tensor)> {
        let scores = self.query.forward(x)?.matmul(&self.memory.forward(memory)?.t()?)?;
        let scores = match mask {
            Some(mask) => {
                let hidden = mask.eq(0f32)?.unsqueeze(1)?.broadcast_as(scores.shape())?;
                hidden.where_cond(&(scores.zeros_like()? - 1e9)?, &scores)?
            }
            None => scores,
        };
        let weights = candle_nn::ops::softmax(&scores, D::Minus1)?;
        Ok((weights.matmul(memory)?, weights))
    }
}

#[test]
fn several_inputs_and_outputs() {
    let w = &mut Weights(1900);
    let net = Cross { query: w.linear(8, 8), memory: w.linear(8, 8) };
    let model = Model::build("cross", 17, |graph| {
        let x = graph.input("x", ("batch", "length", 8))?;
        let memory = graph.input("memory", ("batch", "words", 8))?;
        let mask = graph.input("mask", ("batch", "words"))?;
        let (y, weights) = graph.run(&net, |net| net.forward(&x.into(), &memory.into(), Some(&mask.into())))?;
        graph.output("y", y)?;
        graph.output("weights", weights)
    })
    .unwrap();
    for (batch, length, words) in [(1, 3, 5), (5, 4, 2)] {
        let mask: Vec<f32> = (0..batch * words).map(|i| if i % words == words - 1 { 0. } else { 1. }).collect();
        let mask = Tensor::from_vec(mask, (batch, words), &Device::Cpu).unwrap();
        let inputs = [weight(&[batch, length, 8], 1.), weight(&[batch, words, 8], 1.), mask];
        let (y, weights) = net.forward(&inputs[0], &inputs[1], Some(&inputs[2])).unwrap();
        let found = run_tract_all(&model.to_bytes(), &inputs).unwrap();
        for ((shape, found), expected) in found.iter().zip([y, weights]) {
            assert_eq!(shape, expected.dims());
            assert!(relative_difference(found, &values(&expected)) < TOLERANCE);
        }
    }
}

/// A step that keeps the keys of the steps before it.
#[derive(Exportable)]
struct Cached {
    key: Linear,
    cache: Option<Tensor>,
}

#[exportable]
impl Cached {
    fn forward(&mut self, x: &Tensor) -> Result<Tensor> {
        let key = self.key.forward(x)?;
        let keys = match &self.cache {
            Some(cache) => Tensor::cat(&[cache, &key], 1)?,
            None => key,
        };
        self.cache = Some(keys.clone());
        keys.sum(1)
    }

    /// Not exported.
    #[onnx(skip)]
    fn length(&self) -> usize {
        self.cache.as_ref().map_or(0, |cache| cache.to_vec3::<f32>().unwrap()[0].len())
    }
}

#[test]
fn state_changes_in_the_graph_alone() {
    let net = Cached { key: Weights(2000).linear(8, 8), cache: None };
    let model = Model::build("steps", 17, |graph| {
        let a = graph.input("a", ("batch", "length", 8))?;
        let b = graph.input("b", ("batch", "more", 8))?;
        let y = graph.run(&net, |net| {
            net.forward(&a.into())?;
            net.forward(&b.into())
        })?;
        graph.output("y", y)
    })
    .unwrap();
    assert_eq!(net.length(), 0);
    let inputs = [weight(&[2, 3, 8], 1.), weight(&[2, 4, 8], 1.)];
    let (_, found) = run_tract(&model.to_bytes(), &inputs).unwrap();
    let mut net = net;
    net.forward(&inputs[0]).unwrap();
    let expected = net.forward(&inputs[1]).unwrap();
    assert!(relative_difference(&found, &values(&expected)) < TOLERANCE);
    assert_eq!(net.length(), 7);
}

/// A function of its own, which every model may use.
#[exportable]
fn rotate_half(x: &Tensor) -> Result<Tensor> {
    let half = x.dim(D::Minus1)? / 2;
    Tensor::cat(&[&x.narrow(D::Minus1, half, half)?.neg()?, &x.narrow(D::Minus1, 0, half)?], D::Minus1)
}

#[derive(Exportable)]
struct Steps {
    head: Linear,
}

#[exportable(uses(rotate_half))]
impl Steps {
    fn last(x: &Tensor) -> Result<Tensor> {
        let (_, length, _) = x.dims3()?;
        x.i((.., length - 1, ..))
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (_, length, _) = x.dims3()?;
        let x = rotate_half(x)?;
        let mean = (x.sum(1)? / length as f64)?;
        let last = Self::last(&x)?;
        let tail = x.narrow(1, length - 1, 1)?.squeeze(1)?;
        let first = x.i((.., 0, ..4))?.pad_with_zeros(1, 0, 4)?;
        let odd = (x.dim(2)? % 2 != 0) as usize;
        self.head.forward(&((mean + last)? + (tail - (first * (1 + odd) as f64)?)?)?)
    }
}

#[test]
fn lengths_are_numbers_and_places() {
    let net = Steps { head: Weights(2100).linear(8, 3) };
    let model = Model::trace(&net).input("x", ("batch", "length", 8)).build().unwrap();
    for (batch, length) in [(1, 1), (5, 6)] {
        let x = weight(&[batch, length, 8], 1.);
        let (shape, found) = run_tract(&model.to_bytes(), std::slice::from_ref(&x)).unwrap();
        let expected = net.forward(&x).unwrap();
        assert_eq!(shape, expected.dims());
        assert!(relative_difference(&found, &values(&expected)) < TOLERANCE);
    }
}

/// A layer that says operator by operator what it computes.
#[derive(Clone)]
struct Gate {
    fc: Linear,
}

impl exporter::ToOnnx for Gate {
    fn to_onnx(&self, graph: &mut exporter::GraphBuilder, x: exporter::Value) -> exporter::Result<exporter::Value> {
        let gate = graph.apply("fc", &self.fc, x)?;
        graph.sigmoid(gate)
    }
}

impl Module for Gate {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        candle_nn::ops::sigmoid(&self.fc.forward(x)?)
    }
}

/// Words whose vectors are the last layer's weights too, a kernel of its own, and layers in a row.
#[derive(Exportable)]
struct Tied {
    words: candle_nn::Embedding,
    kernel: Tensor,
    #[onnx(layer)]
    gate: Gate,
    body: exporter::Sequential,
}

#[exportable]
impl Tied {
    fn forward(&self, words: &Tensor) -> Result<Tensor> {
        let x = self.words.forward(words)?;
        let y = x.transpose(1, 2)?.conv1d(&self.kernel, 1, 1, 1, 1)?.transpose(1, 2)?.contiguous()?;
        let x = (self.gate.forward(&x)? * y)?.apply(&self.body)?;
        x.broadcast_matmul(&self.words.embeddings().t()?)
    }
}

#[test]
fn weights_are_shared_and_layers_of_all_kinds_nest() {
    let w = &mut Weights(2150);
    let body = exporter::seq()
        .add(w.linear(8, 8))
        .add(exporter::func!(|x| x.broadcast_mul(&x.mean_keepdim(D::Minus1)?)? + 1.))
        .add(candle_nn::Activation::Silu);
    let words = candle_nn::Embedding::new(w.next(&[30, 8], 1.), 8);
    let net = Tied { words, kernel: w.next(&[8, 8, 3], 0.3), gate: Gate { fc: w.linear(8, 8) }, body };
    check_deep(layer("forward/tied words", Input::Words(&[6], 30), &net, |x| net.forward(x)));
    let words = Input::Words(&[6], 30);
    let model = layer("forward/tied words", words, &net, |x| net.forward(x)).model(17).unwrap();
    let names: Vec<_> = model.initializers().into_iter().filter(|name| name.ends_with("weight")).collect();
    assert_eq!(names, ["layer.words.weight", "layer.gate.fc.weight", "layer.body.0.weight"]);
}

/// Loops over lengths, and the mask that candle's own models make of a vector.
#[derive(Exportable)]
struct Loops {
    heads: usize,
}

#[exportable]
impl Loops {
    fn new(heads: usize) -> Self {
        Self { heads }
    }

    fn mask(&self, t: usize) -> Result<Tensor> {
        let mask: Vec<_> = (0..t).flat_map(|i| (0..t).map(move |j| u8::from(j > i))).collect();
        Tensor::from_slice(&mask, (t, t), &Device::Cpu)
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let length: usize = x.dim(1)?;
        let mask = self.mask(length)?.unsqueeze(2)?.broadcast_as((length, length, x.dim(2)?))?;
        let mut sum = x.narrow(1, 0, 1)?.zeros_like()?;
        for i in (0..length).rev() {
            let row = x.i((.., i..i + 1, ..))?;
            let seen = mask.i(i)?.unsqueeze(0)?.to_dtype(DType::F32)?;
            sum = (sum + row.broadcast_mul(&seen)?.sum_keepdim(1)? * self.heads as f64)?;
        }
        sum.squeeze(1)
    }
}

#[test]
fn loops_take_lengths_that_are_known() {
    let net = Loops::new(3);
    check_deep(layer("forward/loop over a length", Input::Any(&[5, 8]), &net, |x| net.forward(x)));
    let error = error_of(&net);
    assert_eq!(error, "Shape expected a length that is known for a loop, found length");
}

/// Shapes as vectors and arrays of lengths beside numbers, as candle's own models write them.
#[derive(Exportable)]
struct Split {
    heads: usize,
    size: usize,
}

#[exportable]
impl Split {
    const TIMES: usize = 3;
    const SCALE: f64 = Self::TIMES as f64;

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut shape = x.dims().to_vec();
        shape.pop();
        shape.push(self.heads);
        shape.push(self.size);
        let a = x.reshape(shape.as_slice())?;
        let (batch, length, width) = x.shape().dims3()?;
        let b = x.reshape(&[batch, length, self.heads, self.size])?.transpose(1, 2)?;
        let b = b.permute([0, 2, 1, 3])?.reshape(a.shape())?;
        let shape = vec![batch, length, self.heads * self.size];
        let heads = f64::sqrt(self.heads as f64) as f32;
        let size = (width as f64).sqrt() as usize;
        let [first, second] = [a, (b * Self::SCALE)?];
        (first * second)?.reshape(shape)?.affine(heads as f64, size as f64)
    }
}

#[test]
fn shapes_are_vectors_and_arrays() {
    let net = Split { heads: 2, size: 4 };
    check_deep(layer("forward/shapes of lengths and numbers", Input::Sequence(&[6, 8]), &net, |x| net.forward(x)));
}

#[derive(Exportable)]
struct Short {
    attention: Attention,
    limit: usize,
}

#[exportable]
#[allow(dead_code)] // only exported
impl Short {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (_, length, _) = x.dims3()?;
        if length < self.limit { Ok(x.clone()) } else { self.attention.forward(x) }
    }
}

#[test]
fn what_depends_on_a_length_is_told() {
    let mut net = Short { attention: Attention::new(&mut Weights(2200), 8, 2, false), limit: 4 };
    let error = error_of(&net);
    let expected = "Shape expected an answer that is the same at every length; `at_least` may say so, found length < 4";
    assert_eq!(error, expected);
    Model::trace(&net).input("x", ("batch", "length", 8)).at_least("length", 4).build().unwrap();
    net.limit = 1;
    Model::trace(&net).input("x", ("batch", "length", 8)).build().unwrap();
}

#[derive(Exportable)]
struct Wrong {
    layers: Vec<Inner>,
}

#[derive(Exportable)]
struct Inner {
    fc: Linear,
    joined: bool,
}

#[exportable]
#[allow(dead_code)] // only exported
impl Inner {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = self.fc.forward(x)?;
        if self.joined { x.broadcast_add(&y) } else { Ok(y) }
    }
}

#[exportable]
#[allow(dead_code)] // only exported
impl Wrong {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.layers.iter().try_fold(x.clone(), |x, layer| layer.forward(&x))
    }
}

#[test]
fn a_shape_that_does_not_fit_names_the_layer() {
    let w = &mut Weights(2300);
    let net =
        Wrong { layers: vec![Inner { fc: w.linear(8, 8), joined: false }, Inner { fc: w.linear(6, 8), joined: true }] };
    let error = error_of(&net);
    assert_eq!(error, r#"layer `layers.1.fc`: Linear expected 6 input features, found ["batch", "length", "8"]"#);
    let net = Wrong { layers: vec![Inner { fc: w.linear(8, 6), joined: true }] };
    let error = error_of(&net);
    assert!(error.starts_with("layer `layers.0`: Add expected a shape that broadcasts with"), "{error}");
}

#[test]
fn values_are_of_no_use_outside_a_graph() {
    let mut kept = None;
    Model::build("first", 17, |graph| {
        let x = graph.input("x", ("batch", 4))?;
        kept = Some(exporter::twin::Tensor::from(x));
        graph.output("y", x)
    })
    .unwrap();
    let error = kept.unwrap().relu().unwrap_err().to_string();
    assert!(error.starts_with("values of a graph are used where no graph is built"), "{error}");
}

#[derive(Exportable)]
struct Numbers {
    scale: f64,
}

#[exportable]
impl Numbers {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let bytes = (x * self.scale)?.to_dtype(DType::U8)?.to_dtype(DType::F32)?;
        let whole = (x * self.scale)?.to_dtype(DType::U32)?.to_dtype(DType::F32)?;
        // The numbers of `repeat` are those of the first dimensions.
        let twice = (bytes + whole)?.repeat((1, 2))?;
        let source = x.narrow(1, 0, 2)?.contiguous()?;
        let places = source.ge(0.)?.to_dtype(DType::U32)?;
        twice.scatter_add(&places, &source, 1)
    }
}

#[test]
fn numbers_become_whole_and_repeat_as_in_candle() {
    let net = Numbers { scale: 200. };
    layer("forward/whole numbers and repeats", Input::Any(&[3, 4]), &net, |x| net.forward(x)).check();
}

//! Published architectures that candle users train, written as ONNX by hand.

use candle_core::{D, DType, Device, Module, Result as CandleResult, Tensor};
use candle_nn::rnn::RNN;
use candle_nn::{Activation, Conv2d, Embedding, GRU, LSTM, LayerNorm, Linear, VarBuilder};
use exporter::{GraphBuilder, Gru, Lstm, Model, Pool, Result, ToOnnx, Value};

use crate::case::{Input, layer, weight};
use crate::exportable::{BasicBlock, LeNet, ResNet18};
use crate::layers::variables;
use crate::weights::{DEEP, Weights, check_deep};

/// A network whose graph is written by hand, operator by operator; `exportable` has it by its `forward`.
struct ByHand<'a, T>(&'a T);

/// The graph that is written by hand is the one of `forward`.
fn same_operators<T: ToOnnx>(net: &T, dims: (&str, usize, usize, usize))
where
    for<'a> ByHand<'a, T>: ToOnnx,
{
    let build = |net: &dyn ToOnnx| Model::trace(&net).input("x", dims).build().unwrap();
    let (forward, by_hand) = (build(net), build(&ByHand(net)));
    assert_eq!(forward.operators(), by_hand.operators());
    assert_eq!(forward.initializers(), by_hand.initializers());
}

impl ToOnnx for ByHand<'_, LeNet> {
    fn to_onnx(&self, g: &mut GraphBuilder, x: Value) -> Result<Value> {
        let x = g.apply("conv1", &self.0.conv1, x)?;
        let x = g.apply("norm1", &self.0.norm1, x)?;
        let x = g.relu(x)?;
        let x = g.max_pool2d(x, 2)?;
        let x = g.apply("conv2", &self.0.conv2, x)?;
        let x = g.apply("norm2", &self.0.norm2, x)?;
        let x = g.relu(x)?;
        let x = g.max_pool2d(x, 2)?;
        let x = g.flatten_from(x, 1)?;
        let x = g.apply("fc1", &self.0.fc1, x)?;
        let x = g.relu(x)?;
        let x = g.apply("fc2", &self.0.fc2, x)?;
        let x = g.relu(x)?;
        g.apply("fc3", &self.0.fc3, x)
    }
}

#[test]
fn lenet_with_batch_norm() {
    let net = LeNet::new();
    check_deep(layer("model/LeNet-5 with batch norm", Input::Any(&[1, 28, 28]), ByHand(&net), |x| net.forward(x)));
    same_operators(&net, ("batch", 1, 28, 28));
}

impl ToOnnx for ByHand<'_, BasicBlock> {
    fn to_onnx(&self, g: &mut GraphBuilder, x: Value) -> Result<Value> {
        let y = g.apply("conv1", &self.0.conv1, x)?;
        let y = g.apply("bn1", &self.0.bn1, y)?;
        let y = g.relu(y)?;
        let y = g.apply("conv2", &self.0.conv2, y)?;
        let y = g.apply("bn2", &self.0.bn2, y)?;
        let skip = g.apply("downsample", &self.0.downsample, x)?;
        let y = g.add(y, skip)?;
        g.relu(y)
    }
}

impl ToOnnx for ByHand<'_, ResNet18> {
    fn to_onnx(&self, g: &mut GraphBuilder, x: Value) -> Result<Value> {
        let x = g.apply("conv1", &self.0.conv1, x)?;
        let x = g.apply("bn1", &self.0.bn1, x)?;
        let x = g.relu(x)?;
        let x = g.pad_with_zeros(x, 2, 1, 1)?;
        let x = g.pad_with_zeros(x, 3, 1, 1)?;
        let x = g.max_pool2d(x, Pool { kernel: (3, 3), stride: (2, 2) })?;
        let layers: Vec<_> = self.0.layers.iter().map(|stage| stage.each_ref().map(ByHand)).collect();
        let x = g.apply("layers", &layers, x)?;
        let x = g.mean(x, D::Minus1)?;
        let x = g.mean(x, D::Minus1)?;
        g.apply("fc", &self.0.fc, x)
    }
}

#[test]
fn resnet18() {
    let net = ResNet18::new();
    // 64 x 64 pixels rather than 224: the same graph, a twelfth of the work.
    check_deep(layer("model/ResNet-18", Input::Any(&[3, 64, 64]), ByHand(&net), |x| net.forward(x)));
    same_operators(&net, ("batch", 3, 64, 64));
}

/// Vaswani et al. 2017: attention over all positions, in several heads.
struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    heads: usize,
}

impl Attention {
    fn new(w: &mut Weights, width: usize, heads: usize) -> Self {
        Self {
            query: w.linear(width, width),
            key: w.linear(width, width),
            value: w.linear(width, width),
            output: w.linear(width, width),
            heads,
        }
    }

    fn forward(&self, x: &Tensor) -> CandleResult<Tensor> {
        let (batch, length, width) = x.dims3()?;
        let split =
            |x: Tensor| x.reshape((batch, length, self.heads, width / self.heads))?.transpose(1, 2)?.contiguous();
        let q = split(self.query.forward(x)?)?;
        let k = split(self.key.forward(x)?)?;
        let v = split(self.value.forward(x)?)?;
        let scores = (q.matmul(&k.transpose(2, 3)?)? / ((width / self.heads) as f64).sqrt())?;
        let mixed = candle_nn::ops::softmax(&scores, D::Minus1)?.matmul(&v)?;
        self.output.forward(&mixed.transpose(1, 2)?.reshape((batch, length, width))?)
    }
}

impl ToOnnx for Attention {
    fn to_onnx(&self, g: &mut GraphBuilder, x: Value) -> Result<Value> {
        let (batch, length, width) = (x.dim(0), x.dim(1), self.output.weight().dim(0)?);
        let split = |g: &mut GraphBuilder, x: Value| {
            let x = g.reshape(x, (batch, length, self.heads, width / self.heads))?;
            g.transpose(x, 1, 2)
        };
        let q = g.apply("query", &self.query, x)?;
        let q = split(g, q)?;
        let k = g.apply("key", &self.key, x)?;
        let k = split(g, k)?;
        let v = g.apply("value", &self.value, x)?;
        let v = split(g, v)?;
        let k = g.transpose(k, 2, 3)?;
        let scores = g.matmul(q, k)?;
        let scores = g.affine(scores, 1. / ((width / self.heads) as f32).sqrt(), 0.)?;
        let weights = g.softmax(scores, D::Minus1)?;
        let mixed = g.matmul(weights, v)?;
        let mixed = g.transpose(mixed, 1, 2)?;
        let mixed = g.reshape(mixed, (batch, length, width))?;
        g.apply("output", &self.output, mixed)
    }
}

/// Devlin et al. 2018: BERT's layer, norms after the sums.
struct BertLayer {
    attention: Attention,
    attention_norm: LayerNorm,
    intermediate: Linear,
    output: Linear,
    output_norm: LayerNorm,
}

impl BertLayer {
    fn new(w: &mut Weights, width: usize) -> Self {
        Self {
            attention: Attention::new(w, width, 4),
            attention_norm: w.layer_norm(width),
            intermediate: w.linear(width, 4 * width),
            output: w.linear(4 * width, width),
            output_norm: w.layer_norm(width),
        }
    }

    fn forward(&self, x: &Tensor) -> CandleResult<Tensor> {
        let x = self.attention_norm.forward(&(x + self.attention.forward(x)?)?)?;
        let y = self.output.forward(&self.intermediate.forward(&x)?.gelu_erf()?)?;
        self.output_norm.forward(&(x + y)?)
    }
}

impl ToOnnx for BertLayer {
    fn to_onnx(&self, g: &mut GraphBuilder, x: Value) -> Result<Value> {
        let y = g.apply("attention", &self.attention, x)?;
        let x = g.add(x, y)?;
        let x = g.apply("attention_norm", &self.attention_norm, x)?;
        let y = g.apply("intermediate", &self.intermediate, x)?;
        let y = g.apply("activation", &Activation::Gelu, y)?;
        let y = g.apply("output", &self.output, y)?;
        let x = g.add(x, y)?;
        g.apply("output_norm", &self.output_norm, x)
    }
}

/// Word embeddings and two layers.
struct Bert {
    words: Embedding,
    norm: LayerNorm,
    layers: Vec<BertLayer>,
}

impl Bert {
    fn new() -> Self {
        let w = &mut Weights(300);
        let words = Embedding::new(w.next(&[100, 32], 1.), 32);
        Self { words, norm: w.layer_norm(32), layers: vec![BertLayer::new(w, 32), BertLayer::new(w, 32)] }
    }

    fn forward(&self, x: &Tensor) -> CandleResult<Tensor> {
        let x = self.norm.forward(&self.words.forward(x)?)?;
        self.layers.iter().try_fold(x, |x, layer| layer.forward(&x))
    }
}

impl ToOnnx for Bert {
    fn to_onnx(&self, g: &mut GraphBuilder, x: Value) -> Result<Value> {
        let x = g.apply("words", &self.words, x)?;
        let x = g.apply("norm", &self.norm, x)?;
        g.apply("layers", &self.layers, x)
    }
}

#[test]
fn bert_encoder() {
    let net = Bert::new();
    check_deep(layer("model/BERT encoder, two layers", Input::Index(&[9], 100), &net, |x| net.forward(x)));
}

/// Dosovitskiy et al. 2020: patches as words, a class token, norms before attention.
struct VisionTransformer {
    patches: Conv2d,
    class_token: Tensor,
    positions: Tensor,
    norm1: LayerNorm,
    attention: Attention,
    norm2: LayerNorm,
    fc1: Linear,
    fc2: Linear,
    norm: LayerNorm,
    head: Linear,
}

impl VisionTransformer {
    fn new() -> Self {
        let w = &mut Weights(500);
        Self {
            patches: w.conv(1, 32, 7, 7, 0),
            class_token: w.next(&[1, 1, 32], 0.5),
            positions: w.next(&[1, 17, 32], 0.5),
            norm1: w.layer_norm(32),
            attention: Attention::new(w, 32, 4),
            norm2: w.layer_norm(32),
            fc1: w.linear(32, 64),
            fc2: w.linear(64, 32),
            norm: w.layer_norm(32),
            head: w.linear(32, 10),
        }
    }

    fn forward(&self, x: &Tensor) -> CandleResult<Tensor> {
        let x = self.patches.forward(x)?.flatten_from(2)?.transpose(1, 2)?;
        let token = self.class_token.expand((x.dim(0)?, 1, 32))?;
        let x = Tensor::cat(&[token, x], 1)?.broadcast_add(&self.positions)?;
        let x = (&x + self.attention.forward(&self.norm1.forward(&x)?)?)?;
        let y = self.fc2.forward(&self.fc1.forward(&self.norm2.forward(&x)?)?.gelu()?)?;
        let x = self.norm.forward(&(x + y)?)?;
        self.head.forward(&x.narrow(1, 0, 1)?.squeeze(1)?)
    }
}

impl ToOnnx for VisionTransformer {
    fn to_onnx(&self, g: &mut GraphBuilder, x: Value) -> Result<Value> {
        let x = g.apply("patches", &self.patches, x)?;
        let x = g.flatten_from(x, 2)?;
        let x = g.transpose(x, 1, 2)?;
        let token = g.initializer("class_token", &self.class_token)?;
        // One token for each image: zeros of the batch's length, plus the token.
        let first = g.narrow(x, 1, 0, 1)?;
        let zeros = g.sub(first, first)?;
        let token = g.add(zeros, token)?;
        let x = g.cat(&[token, x], 1)?;
        let positions = g.initializer("positions", &self.positions)?;
        let x = g.add(x, positions)?;
        let y = g.apply("norm1", &self.norm1, x)?;
        let y = g.apply("attention", &self.attention, y)?;
        let x = g.add(x, y)?;
        let y = g.apply("norm2", &self.norm2, x)?;
        let y = g.apply("fc1", &self.fc1, y)?;
        let y = g.gelu(y)?;
        let y = g.apply("fc2", &self.fc2, y)?;
        let x = g.add(x, y)?;
        let x = g.apply("norm", &self.norm, x)?;
        let x = g.narrow(x, 1, 0, 1)?;
        let x = g.squeeze(x, 1)?;
        g.apply("head", &self.head, x)
    }
}

#[test]
fn vision_transformer() {
    let net = VisionTransformer::new();
    check_deep(layer("model/vision transformer", Input::Any(&[1, 28, 28]), &net, |x| net.forward(x)));
}

/// A recurrent layer over word embeddings, classified by its last state.
struct SequenceClassifier<R> {
    words: Embedding,
    recurrent: R,
    head: Linear,
}

impl<R: ToOnnx> ToOnnx for SequenceClassifier<R> {
    fn to_onnx(&self, g: &mut GraphBuilder, x: Value) -> Result<Value> {
        let x = g.apply("words", &self.words, x)?;
        let x = g.apply("recurrent", &self.recurrent, x)?;
        let x = g.last(x, 1)?;
        g.apply("head", &self.head, x)
    }
}

#[test]
fn lstm_classifier() {
    let map = variables(&[
        ("weight_ih_l0", &[64, 8]),
        ("weight_hh_l0", &[64, 16]),
        ("bias_ih_l0", &[64]),
        ("bias_hh_l0", &[64]),
    ]);
    let vb = VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu);
    let lstm: LSTM = candle_nn::lstm(8, 16, Default::default(), vb.clone()).unwrap();
    let mut w = Weights(700);
    let net = SequenceClassifier {
        words: Embedding::new(w.next(&[50, 8], 1.), 8),
        recurrent: Lstm::new(8, 16, Default::default(), vb).unwrap(),
        head: w.linear(16, 3),
    };
    let forward = |x: &Tensor| {
        let states = lstm.seq(&net.words.forward(x)?)?;
        net.head.forward(states.last().expect("there are steps").h())
    };
    check_deep(layer("model/LSTM classifier", Input::Index(&[12], 50), &net, forward));
}

#[test]
fn gru_classifier() {
    let map = variables(&[
        ("weight_ih_l0", &[48, 8]),
        ("weight_hh_l0", &[48, 16]),
        ("bias_ih_l0", &[48]),
        ("bias_hh_l0", &[48]),
    ]);
    let vb = VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu);
    let gru: GRU = candle_nn::gru(8, 16, Default::default(), vb.clone()).unwrap();
    let mut w = Weights(800);
    let net = SequenceClassifier {
        words: Embedding::new(w.next(&[50, 8], 1.), 8),
        recurrent: Gru::new(8, 16, Default::default(), vb).unwrap(),
        head: w.linear(16, 3),
    };
    let forward = |x: &Tensor| {
        let states = gru.seq(&net.words.forward(x)?)?;
        net.head.forward(states.last().expect("there are steps").h())
    };
    check_deep(layer("model/GRU classifier", Input::Index(&[12], 50), &net, forward));
}

#[test]
fn sequences_of_any_length_and_batch_run_in_one_graph() {
    let mut w = Weights(900);
    let net = BertLayer::new(&mut w, 32);
    let model = exporter::Model::trace(&net).input("x", ("batch", "length", 32)).build().unwrap();
    assert_eq!(model.output_shape(), ["batch", "length", "32"]);
    let bytes = model.to_bytes();
    for (batch, length) in [(1, 3), (4, 7)] {
        let x = weight(&[batch, length, 32], 1.);
        let (shape, found) = crate::case::run_tract(&bytes, std::slice::from_ref(&x)).unwrap();
        assert_eq!(shape, [batch, length, 32]);
        let expected = crate::case::values(&net.forward(&x).unwrap());
        assert!(crate::case::relative_difference(&found, &expected) < DEEP);
    }
}

//! Published architectures that candle users train, each with `forward` and `to_onnx` side by side.

use candle_core::{D, DType, Device, Module, ModuleT, Result as CandleResult, Tensor};
use candle_nn::rnn::RNN;
use candle_nn::{Activation, BatchNorm, Conv2d, Conv2dConfig, Embedding, GRU, LSTM, LayerNorm, Linear, VarBuilder};
use exporter::{GraphBuilder, Gru, Lstm, Pool, Result, ToOnnx, Value};

use crate::case::{Case, Input, layer, weight};
use crate::layers::variables;

/// The differences of dozens of layers add up.
const DEEP: f32 = 2e-5;

pub fn check_deep(case: Case) {
    Case { tolerance: DEEP, ..case }.check();
}

/// Draws weights that differ from layer to layer.
pub struct Weights(pub usize);

impl Weights {
    pub fn next(&mut self, dims: &[usize], scale: f32) -> Tensor {
        self.0 += 1;
        // Every tensor takes the same stream from another place.
        let count: usize = dims.iter().product();
        weight(&[count + self.0], scale).narrow(0, self.0, count).unwrap().reshape(dims).unwrap()
    }

    pub fn linear(&mut self, inputs: usize, outputs: usize) -> Linear {
        let scale = (3. / inputs as f32).sqrt();
        Linear::new(self.next(&[outputs, inputs], scale), Some(self.next(&[outputs], 0.1)))
    }

    pub fn conv(&mut self, inputs: usize, outputs: usize, kernel: usize, stride: usize, padding: usize) -> Conv2d {
        let scale = (3. / (inputs * kernel * kernel) as f32).sqrt();
        let config = Conv2dConfig { padding, stride, ..Default::default() };
        Conv2d::new(self.next(&[outputs, inputs, kernel, kernel], scale), None, config)
    }

    pub fn batch_norm(&mut self, channels: usize) -> BatchNorm {
        let positive = |tensor: Tensor| (tensor.abs().unwrap() + 0.7).unwrap();
        let mean = self.next(&[channels], 0.2);
        let (variance, scale) = (positive(self.next(&[channels], 0.6)), positive(self.next(&[channels], 0.6)));
        BatchNorm::new(channels, mean, variance, scale, self.next(&[channels], 0.2), 1e-5).unwrap()
    }

    pub fn layer_norm(&mut self, width: usize) -> LayerNorm {
        LayerNorm::new((self.next(&[width], 0.3) + 1.).unwrap(), self.next(&[width], 0.1), 1e-5)
    }
}

/// LeCun et al. 1998, with batch norm in place of the original's trained subsampling.
struct LeNet {
    conv1: Conv2d,
    norm1: BatchNorm,
    conv2: Conv2d,
    norm2: BatchNorm,
    fc1: Linear,
    fc2: Linear,
    fc3: Linear,
}

impl LeNet {
    fn new() -> Self {
        let mut w = Weights(0);
        Self {
            conv1: w.conv(1, 6, 5, 1, 2),
            norm1: w.batch_norm(6),
            conv2: w.conv(6, 16, 5, 1, 0),
            norm2: w.batch_norm(16),
            fc1: w.linear(400, 120),
            fc2: w.linear(120, 84),
            fc3: w.linear(84, 10),
        }
    }

    fn forward(&self, x: &Tensor) -> CandleResult<Tensor> {
        let x = self.conv1.forward(x)?;
        let x = self.norm1.forward_t(&x, false)?.relu()?.max_pool2d(2)?;
        let x = self.conv2.forward(&x)?;
        let x = self.norm2.forward_t(&x, false)?.relu()?.max_pool2d(2)?;
        let x = x.flatten_from(1)?;
        let x = self.fc1.forward(&x)?.relu()?;
        let x = self.fc2.forward(&x)?.relu()?;
        self.fc3.forward(&x)
    }
}

impl ToOnnx for LeNet {
    fn to_onnx(&self, g: &mut GraphBuilder, x: Value) -> Result<Value> {
        let x = g.apply("conv1", &self.conv1, x)?;
        let x = g.apply("norm1", &self.norm1, x)?;
        let x = g.relu(x)?;
        let x = g.max_pool2d(x, 2)?;
        let x = g.apply("conv2", &self.conv2, x)?;
        let x = g.apply("norm2", &self.norm2, x)?;
        let x = g.relu(x)?;
        let x = g.max_pool2d(x, 2)?;
        let x = g.flatten_from(x, 1)?;
        let x = g.apply("fc1", &self.fc1, x)?;
        let x = g.relu(x)?;
        let x = g.apply("fc2", &self.fc2, x)?;
        let x = g.relu(x)?;
        g.apply("fc3", &self.fc3, x)
    }
}

#[test]
fn lenet_with_batch_norm() {
    let net = LeNet::new();
    check_deep(layer("model/LeNet-5 with batch norm", Input::Any(&[1, 28, 28]), &net, |x| net.forward(x)));
}

/// He et al. 2015: the block of ResNet-18 and 34.
struct BasicBlock {
    conv1: Conv2d,
    bn1: BatchNorm,
    conv2: Conv2d,
    bn2: BatchNorm,
    downsample: Option<(Conv2d, BatchNorm)>,
}

impl BasicBlock {
    fn new(w: &mut Weights, inputs: usize, outputs: usize, stride: usize) -> Self {
        let changes = stride != 1 || inputs != outputs;
        Self {
            conv1: w.conv(inputs, outputs, 3, stride, 1),
            bn1: w.batch_norm(outputs),
            conv2: w.conv(outputs, outputs, 3, 1, 1),
            bn2: w.batch_norm(outputs),
            downsample: changes.then(|| (w.conv(inputs, outputs, 1, stride, 0), w.batch_norm(outputs))),
        }
    }

    fn forward(&self, x: &Tensor) -> CandleResult<Tensor> {
        let y = self.bn1.forward_t(&self.conv1.forward(x)?, false)?.relu()?;
        let y = self.bn2.forward_t(&self.conv2.forward(&y)?, false)?;
        let skip = match &self.downsample {
            Some((conv, norm)) => norm.forward_t(&conv.forward(x)?, false)?,
            None => x.clone(),
        };
        (y + skip)?.relu()
    }
}

impl ToOnnx for BasicBlock {
    fn to_onnx(&self, g: &mut GraphBuilder, x: Value) -> Result<Value> {
        let y = g.apply("conv1", &self.conv1, x)?;
        let y = g.apply("bn1", &self.bn1, y)?;
        let y = g.relu(y)?;
        let y = g.apply("conv2", &self.conv2, y)?;
        let y = g.apply("bn2", &self.bn2, y)?;
        let skip = g.apply("downsample", &self.downsample, x)?;
        let y = g.add(y, skip)?;
        g.relu(y)
    }
}

struct ResNet18 {
    conv1: Conv2d,
    bn1: BatchNorm,
    layers: [[BasicBlock; 2]; 4],
    fc: Linear,
}

impl ResNet18 {
    fn new() -> Self {
        let w = &mut Weights(100);
        let mut stage = |inputs, outputs, stride| {
            [BasicBlock::new(w, inputs, outputs, stride), BasicBlock::new(w, outputs, outputs, 1)]
        };
        let layers = [stage(64, 64, 1), stage(64, 128, 2), stage(128, 256, 2), stage(256, 512, 2)];
        Self { conv1: w.conv(3, 64, 7, 2, 3), bn1: w.batch_norm(64), layers, fc: w.linear(512, 1000) }
    }

    fn forward(&self, x: &Tensor) -> CandleResult<Tensor> {
        let x = self.bn1.forward_t(&self.conv1.forward(x)?, false)?.relu()?;
        // After a ReLU, padding with zeros equals the published padding with minus infinity.
        let x = x.pad_with_zeros(2, 1, 1)?.pad_with_zeros(3, 1, 1)?.max_pool2d_with_stride(3, 2)?;
        let x = self.layers.iter().flatten().try_fold(x, |x, block| block.forward(&x))?;
        let x = x.mean(D::Minus1)?.mean(D::Minus1)?;
        self.fc.forward(&x)
    }
}

impl ToOnnx for ResNet18 {
    fn to_onnx(&self, g: &mut GraphBuilder, x: Value) -> Result<Value> {
        let x = g.apply("conv1", &self.conv1, x)?;
        let x = g.apply("bn1", &self.bn1, x)?;
        let x = g.relu(x)?;
        let x = g.pad_with_zeros(x, 2, 1, 1)?;
        let x = g.pad_with_zeros(x, 3, 1, 1)?;
        let x = g.max_pool2d(x, Pool { kernel: (3, 3), stride: (2, 2) })?;
        let x = g.apply("layers", &self.layers, x)?;
        let x = g.mean(x, D::Minus1)?;
        let x = g.mean(x, D::Minus1)?;
        g.apply("fc", &self.fc, x)
    }
}

#[test]
fn resnet18() {
    let net = ResNet18::new();
    // 64 x 64 pixels rather than 224: the same graph, a twelfth of the work.
    check_deep(layer("model/ResNet-18", Input::Any(&[3, 64, 64]), &net, |x| net.forward(x)));
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

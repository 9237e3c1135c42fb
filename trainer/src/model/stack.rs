//! A sequence of named layers that can be walked: candle's `Sequential` hides its own.

use std::collections::HashMap;

use candle_core::{Device, Result, Tensor, Var};
use candle_nn::rnn::{LSTM, LSTMConfig, RNN};
use candle_nn::{Activation, Conv2d, Conv2dConfig, Init, Linear, Module, VarBuilder};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::layer::{LayerConfig, Shape};
use crate::fused::Chain;
use crate::ops;
use crate::random::normal;

/// One layer of a [`Stack`].
#[derive(Clone, Debug)]
pub enum Layer {
    /// Fully connected, on the last dimension.
    Linear(Linear),
    /// `[batch, c, h, w] -> [batch, channels, h', w']`.
    Conv(Conv2d),
    /// The largest value of each window, the last one perhaps cut off: `h -> ceil(h / size)`.
    MaxPool(usize),
    /// The mean of each whole window: `h -> floor(h / size)`.
    AvgPool(usize),
    /// Every pixel so many times down and right.
    Upsample(usize),
    /// The top left part of an image: height and width.
    Crop([usize; 2]),
    /// Other dimensions after the batch.
    Reshape(Vec<usize>),
    /// `[batch, steps, n] -> [batch, steps, units]` or `[batch, units]`.
    Lstm(Lstm),
    /// `[batch, n] -> [batch, steps, n]`.
    Repeat(usize),
    /// Only in training: zeros for a part of the values.
    Dropout(f64),
    /// Only in training: Gaussian noise of this standard deviation.
    Noise(f64),
    /// Element by element.
    Activation(Activation),
    /// Hyperbolic tangent, which candle's `Activation` lacks.
    Tanh,
}

/// A long short-term memory with its weights at hand, which candle's own keeps to itself.
#[derive(Clone, Debug)]
pub struct Lstm {
    lstm: LSTM,
    weights: HashMap<String, Tensor>,
    features: usize,
    units: usize,
    sequence: bool,
}

impl Lstm {
    /// How `candle_nn` builds it: a bias for the input alone, as Keras has it.
    pub fn config() -> LSTMConfig {
        LSTMConfig { b_ih_init: Some(Init::Const(0.)), b_hh_init: None, ..LSTMConfig::default() }
    }

    /// Values at each step.
    pub fn features(&self) -> usize {
        self.features
    }

    /// Values of the state.
    pub fn units(&self) -> usize {
        self.units
    }

    /// Whether it gives the state after every step, instead of the last alone.
    pub fn gives_sequence(&self) -> bool {
        self.sequence
    }

    /// Its weights by candle's names: `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`.
    pub fn weights(&self) -> VarBuilder<'static> {
        weights(&self.weights)
    }

    fn build(
        [features, units]: [usize; 2],
        sequence: bool,
        mut parameter: impl FnMut(&str, Vec<usize>) -> crate::Result<Var>,
    ) -> crate::Result<Self> {
        let shapes = [vec![4 * units, features], vec![4 * units, units], vec![4 * units]];
        let mut tensors = HashMap::new();
        for (name, dims) in WEIGHTS.into_iter().zip(shapes) {
            tensors.insert(name.to_owned(), parameter(name, dims)?.as_tensor().clone());
        }
        let lstm = candle_nn::lstm(features, units, Self::config(), weights(&tensors))?;
        Ok(Self { lstm, weights: tensors, features, units, sequence })
    }
}

/// candle's names of the weights that are used.
const WEIGHTS: [&str; 3] = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0"];

/// The same tensors, not copies: gradients reach them.
fn weights(tensors: &HashMap<String, Tensor>) -> VarBuilder<'static> {
    let any = tensors.values().next().expect("an LSTM has weights");
    VarBuilder::from_tensors(tensors.clone(), any.dtype(), any.device())
}

impl Module for Lstm {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let [weight_ih, weight_hh, bias] = WEIGHTS.map(|name| &self.weights[name]);
        let states = match ops::lstm(x, weight_ih, weight_hh, bias)? {
            Some(states) => states,
            None => self.lstm.states_to_tensor(&self.lstm.seq(x)?)?,
        };
        if self.sequence { Ok(states) } else { states.narrow(1, states.dim(1)? - 1, 1)?.squeeze(1) }
    }
}

impl Module for Layer {
    /// The layer in use, not in training: noise and dropout do nothing.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Linear(linear) => ops::linear(linear, x),
            Self::Conv(conv) => ops::conv2d(conv, x),
            Self::MaxPool(size) => ops::max_pool2d(x, *size),
            Self::AvgPool(size) => ops::avg_pool2d(x, *size),
            Self::Upsample(size) => ops::upsample2d(x, *size),
            Self::Crop([height, width]) => x.narrow(2, 0, *height)?.narrow(3, 0, *width)?.contiguous(),
            Self::Reshape(dims) => x.reshape([&[x.dim(0)?], &dims[..]].concat()),
            Self::Lstm(lstm) => lstm.forward(x),
            Self::Repeat(steps) => {
                let (batch, width) = x.dims2()?;
                x.unsqueeze(1)?.broadcast_as((batch, *steps, width))?.contiguous()
            }
            Self::Dropout(_) | Self::Noise(_) => Ok(x.clone()),
            Self::Activation(Activation::Relu) => ops::relu(x),
            Self::Activation(activation) => activation.forward(x),
            Self::Tanh => x.tanh(),
        }
    }
}

impl Layer {
    fn forward_training(&self, x: &Tensor, rng: &mut ChaCha8Rng) -> Result<Tensor> {
        match *self {
            Self::Dropout(rate) if rate > 0. => {
                let scale = (1. / (1. - rate)) as f32;
                let draw = |rng: &mut ChaCha8Rng| if rng.random::<f64>() < rate { 0. } else { scale };
                let mask: Vec<f32> = (0..x.elem_count()).map(|_| draw(rng)).collect();
                x * Tensor::from_vec(mask, x.shape(), x.device())?.to_dtype(x.dtype())?
            }
            Self::Noise(deviation) if deviation > 0. => {
                let noise = Tensor::from_vec(normal(rng, x.elem_count()), x.shape(), x.device())?;
                x + (noise.to_dtype(x.dtype())? * deviation)?
            }
            _ => self.forward(x),
        }
    }
}

/// Layers in order. Layer `i` of the stack `encoder` keeps its tensors under `encoder.i`, layers without any counted.
#[derive(Clone, Debug)]
pub struct Stack {
    name: &'static str,
    /// Values of a row that comes in.
    input_len: usize,
    layers: Vec<Layer>,
}

impl Stack {
    /// The stack's name: `encoder` or `decoder`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The layers in order.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Everything but the last layer: for a stack that ends in a sigmoid, the logits.
    ///
    /// # Errors
    ///
    /// When `x` does not fit the first layer.
    pub fn forward_before_last(&self, x: &Tensor) -> Result<Tensor> {
        run(self.before_last(), x, None)
    }

    /// As in training, with noise and dropout drawn from `rng`.
    pub(super) fn forward_training(&self, x: &Tensor, rng: &mut ChaCha8Rng) -> Result<Tensor> {
        run(&self.layers, x, Some(rng))
    }

    /// As in training, without the last layer.
    pub(super) fn forward_before_last_training(&self, x: &Tensor, rng: &mut ChaCha8Rng) -> Result<Tensor> {
        run(self.before_last(), x, Some(rng))
    }

    /// All layers but the `without` last ones as one chain; nothing where there are no kernels for them.
    pub(super) fn chain(&self, without: usize) -> Option<Chain> {
        let layers = &self.layers[..self.layers.len().checked_sub(without)?];
        let (mut chain, count) = chain(layers, Chain::new(&[self.input_len]))?;
        chain.channels_first();
        (count == layers.len()).then_some(chain)
    }

    fn before_last(&self) -> &[Layer] {
        &self.layers[..self.layers.len().saturating_sub(1)]
    }

    /// Builds `layers`, which are given `inputs`, taking each tensor from `parameter(name, dims)`. `inputs` has one more entry,
    /// the output. What comes in and goes out are rows, whatever shape the layers see.
    pub(super) fn build(
        name: &'static str,
        layers: &[LayerConfig],
        inputs: &[Shape],
        mut parameter: impl FnMut(String, Vec<usize>) -> crate::Result<Var>,
    ) -> crate::Result<Self> {
        let input_len = inputs[0].dims().iter().product();
        let mut stack = Self { name, input_len, layers: Vec::new() };
        let mut dims = vec![input_len];
        let sigmoid_last = layers.last() == Some(&LayerConfig::Sigmoid);
        for (index, (layer, &input)) in layers.iter().zip(inputs).enumerate() {
            // A final activation follows the flattening, so that what is before it are the logits, row by row.
            if sigmoid_last && index + 1 == layers.len() {
                stack.reshape(&mut dims, vec![input.dims().iter().product()]);
            } else {
                let needed = needed(layer, input, &dims);
                stack.reshape(&mut dims, needed);
            }
            let prefix = format!("{name}.{}", stack.layers.len());
            let built = build_layer(layer, input, |kind, dims| parameter(format!("{prefix}.{kind}"), dims))?;
            if let Some(built) = built {
                stack.layers.push(built);
                dims = match layer {
                    _ if layer.is_activation() => dims,
                    LayerConfig::Dropout { .. } | LayerConfig::Noise { .. } => dims,
                    _ => inputs[index + 1].dims(),
                };
            }
        }
        let row = dims.iter().product();
        stack.reshape(&mut dims, vec![row]);
        Ok(stack)
    }

    /// Adds a layer from `dims` to `wanted`, if they differ.
    fn reshape(&mut self, dims: &mut Vec<usize>, wanted: Vec<usize>) {
        if *dims != wanted {
            self.layers.push(Layer::Reshape(wanted.clone()));
            *dims = wanted;
        }
    }
}

impl Module for Stack {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        run(&self.layers, x, None)
    }
}

/// The layers one after the other, those on images in one go where there is a kernel for it; in training with what `rng` draws.
fn run(layers: &[Layer], x: &Tensor, mut rng: Option<&mut ChaCha8Rng>) -> Result<Tensor> {
    let (mut rest, mut x) = (layers, x.clone());
    while let [layer, others @ ..] = rest {
        if let Some((chain, count)) = Chain::of(&x).and_then(|empty| chain(rest, empty)) {
            (x, rest) = (chain.forward(&x)?, &rest[count..]);
            continue;
        }
        x = match &mut rng {
            Some(rng) => layer.forward_training(&x, rng)?,
            None => layer.forward(&x)?,
        };
        rest = others;
    }
    Ok(x)
}

/// As many of the first layers as go in one, behind the `empty` chain, and their number.
fn chain(layers: &[Layer], empty: Chain) -> Option<(Chain, usize)> {
    let mut chain = empty;
    let mut fits = |layer: &Layer| match layer {
        Layer::Linear(linear) => chain.linear(linear),
        Layer::Conv(conv) => chain.conv(conv),
        Layer::MaxPool(2) => chain.max_pool2(),
        Layer::Upsample(2) => chain.upsample2(),
        Layer::Crop(size) => chain.crop(*size),
        Layer::Reshape(dims) => chain.reshape(dims),
        Layer::Activation(Activation::Relu) => chain.relu(),
        _ => false,
    };
    let count = layers.iter().take_while(|layer| fits(layer)).count();
    (!chain.is_empty()).then_some((chain, count))
}

/// The dimensions in which `layer` takes `input`, which now has `dims`.
fn needed(layer: &LayerConfig, input: Shape, dims: &[usize]) -> Vec<usize> {
    match (layer, input) {
        (LayerConfig::Linear { .. }, Shape::Sequence { .. }) => input.dims(),
        (LayerConfig::Linear { .. } | LayerConfig::Flatten, _) => vec![input.dims().iter().product()],
        (LayerConfig::Lstm { .. }, _) => {
            let (steps, features) = input.as_sequence().expect("the network was checked");
            vec![steps, features]
        }
        (LayerConfig::Reshape { channels, height, width }, _) => vec![*channels, *height, *width],
        (layer, _) if layer.is_activation() => dims.to_vec(),
        (LayerConfig::Dropout { .. } | LayerConfig::Noise { .. }, _) => dims.to_vec(),
        _ => input.dims(),
    }
}

/// The layer with its tensors; nothing for one that only gives another shape.
fn build_layer(
    layer: &LayerConfig,
    input: Shape,
    mut parameter: impl FnMut(&str, Vec<usize>) -> crate::Result<Var>,
) -> crate::Result<Option<Layer>> {
    let activation = Layer::Activation;
    Ok(Some(match *layer {
        LayerConfig::Linear { units } => {
            let width =
                if let Shape::Sequence { features, .. } = input { features } else { input.dims().iter().product() };
            Layer::Linear(linear([width, units], parameter)?)
        }
        LayerConfig::Conv { channels, kernel, stride, padding } => {
            let dims = vec![channels, input.dims()[0], kernel, kernel];
            let (weight, bias) = (parameter("weight", dims)?, parameter("bias", vec![channels])?);
            let config =
                Conv2dConfig { padding: LayerConfig::padding(kernel, padding), stride, ..Conv2dConfig::default() };
            Layer::Conv(Conv2d::new(weight.as_tensor().clone(), Some(bias.as_tensor().clone()), config))
        }
        LayerConfig::Lstm { units, sequence } => {
            let (_, features) = input.as_sequence().expect("the network was checked");
            Layer::Lstm(Lstm::build([features, units], sequence, &mut parameter)?)
        }
        LayerConfig::MaxPool { size } => Layer::MaxPool(size),
        LayerConfig::AvgPool { size } => Layer::AvgPool(size),
        LayerConfig::Upsample { size } => Layer::Upsample(size),
        LayerConfig::Crop { height, width } => Layer::Crop([height, width]),
        LayerConfig::Repeat { steps } => Layer::Repeat(steps),
        LayerConfig::Reshape { .. } | LayerConfig::Flatten => return Ok(None),
        LayerConfig::Dropout { rate } => Layer::Dropout(rate),
        LayerConfig::Noise { deviation } => Layer::Noise(deviation),
        LayerConfig::Relu => activation(Activation::Relu),
        LayerConfig::LeakyRelu => activation(Activation::LeakyRelu(0.01)),
        LayerConfig::Elu => activation(Activation::Elu(1.)),
        LayerConfig::Gelu => activation(Activation::Gelu),
        LayerConfig::Silu => activation(Activation::Silu),
        LayerConfig::Sigmoid => activation(Activation::Sigmoid),
        LayerConfig::Tanh => Layer::Tanh,
    }))
}

pub(super) fn linear(
    [width, units]: [usize; 2],
    mut parameter: impl FnMut(&str, Vec<usize>) -> crate::Result<Var>,
) -> crate::Result<Linear> {
    let (weight, bias) = (parameter("weight", vec![units, width])?, parameter("bias", vec![units])?);
    Ok(Linear::new(weight.as_tensor().clone(), Some(bias.as_tensor().clone())))
}

/// Glorot and Bengio 2010: uniform in ±sqrt(6 / (in + out)), for a weight `[out, in]` or `[out, in, k, k]`, whose window
/// counts for both; zeros for a bias `[out]`, but ones for the forget gate of an LSTM (Jozefowicz et al. 2015).
pub(super) fn initial(name: &str, dims: &[usize], rng: &mut ChaCha8Rng, device: &Device) -> Result<Var> {
    let values: Vec<f32> = match *dims {
        [count] if name.ends_with("bias_ih_l0") => {
            (0..count).map(|row| if row / (count / 4) == 1 { 1. } else { 0. }).collect()
        }
        [count] => vec![0.; count],
        _ => {
            let window: usize = dims[2..].iter().product();
            let limit = (6. / (window * (dims[0] + dims[1])) as f32).sqrt();
            let count = dims.iter().product();
            (0..count).map(|_: usize| (rng.random::<f32>() * 2. - 1.) * limit).collect()
        }
    };
    Var::from_tensor(&Tensor::from_vec(values, dims, device)?)
}

#[cfg(test)]
mod tests;

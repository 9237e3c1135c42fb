//! A sequence of named layers that can be walked: candle's `Sequential` hides its own.

use bundle::Shape;
use candle_core::{Result, Tensor, Var};
use candle_nn::Module;
use rand_chacha::ChaCha8Rng;

use super::layers::{Activation, Init, Layer, LayerConfig, Reshape, checked_len};
use crate::fused::Chain;

/// Layers in order. Layer `i` of the stack `encoder` keeps its tensors under `encoder.i`, layers without any counted.
#[derive(Clone, Debug)]
pub struct Stack {
    name: &'static str,
    /// Values in a row of the input.
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

    /// Builds `layers`, whose inputs have the shapes `inputs`, taking each tensor from `parameter(name, dims, init)`. `inputs` has
    /// one more entry, the output. What comes in and goes out are rows, whatever shape the layers see.
    pub(super) fn build(
        name: &'static str,
        layers: &[LayerConfig],
        inputs: &[Shape],
        mut parameter: impl FnMut(String, Vec<usize>, Init) -> crate::Result<Var>,
    ) -> crate::Result<Self> {
        let input_len = checked_len(inputs[0]);
        let mut stack = Self { name, input_len, layers: Vec::new() };
        let mut dims = vec![input_len];
        let sigmoid = LayerConfig::Activation(Activation::Sigmoid);
        let sigmoid_last = layers.last() == Some(&sigmoid);
        for (index, (layer, &input)) in layers.iter().zip(inputs).enumerate() {
            // A final sigmoid follows the flattening, so that its input are the logits, row by row.
            let last = index + 1 == layers.len();
            let needed = if last && sigmoid_last { vec![checked_len(input)] } else { layer.input_dims(input, &dims) };
            stack.reshape(&mut dims, needed);
            let prefix = format!("{name}.{}", stack.layers.len());
            let mut named = |kind: &str, dims, init| parameter(format!("{prefix}.{kind}"), dims, init);
            if let Some(built) = layer.build(input, &mut named)? {
                stack.layers.push(built);
                // What keeps the shape keeps the dimensions too, which may be another shape's by now.
                if inputs[index + 1] != input {
                    dims = inputs[index + 1].dims();
                }
            }
        }
        let row = dims.iter().product();
        stack.reshape(&mut dims, vec![row]);
        Ok(stack)
    }

    /// Adds a layer from `dims` to `wanted`, if they differ.
    fn reshape(&mut self, dims: &mut Vec<usize>, wanted: Vec<usize>) {
        if *dims != wanted {
            self.layers.push(Layer::Reshape(Reshape { dims: wanted.clone() }));
            *dims = wanted;
        }
    }
}

impl Module for Stack {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        run(&self.layers, x, None)
    }
}

/// Runs the layers one after the other, those on images at once where there is a kernel for it; in training, `rng` draws what is random.
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

/// As many of the first layers as one chain can take, appended to the `empty` one, and their number.
fn chain(layers: &[Layer], empty: Chain) -> Option<(Chain, usize)> {
    let mut chain = empty;
    let count = layers.iter().take_while(|layer| layer.fuse(&mut chain)).count();
    (!chain.is_empty()).then_some((chain, count))
}

//! A sequence of named layers that can be walked: candle's `Sequential` hides its own.

use bundle::Shape;
use candle_core::{Result, Tensor, Var};
use candle_nn::Module;
use rand_chacha::ChaCha8Rng;

use super::layers::{Activation, Init, Layer, LayerConfig, LayerModule, Reshape, chain, checked_len, run};
use crate::fused::{Chain, Segment};

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

    /// Everything but the last layer: for a decoder, the logits.
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

    /// The same as segments, where what is between the chains has kernels too.
    pub(super) fn segments(&self, without: usize) -> Option<Vec<Segment>> {
        let mut rest = &self.layers[..self.layers.len().checked_sub(without)?];
        let (mut segments, mut dims, mut channels_last) = (Vec::<Segment>::new(), vec![self.input_len], false);
        while let [layer, others @ ..] = rest {
            let is_relu = matches!(layer, Layer::Activation(Activation::Relu));
            if is_relu && segments.last_mut().is_some_and(Segment::relu) {
                rest = others;
                continue;
            }
            let mut chain = Chain::behind(&dims, channels_last);
            let count = rest.iter().take_while(|layer| layer.fuse(&mut chain)).count();
            rest = &rest[count..];
            // A normalisation takes images as they lie.
            if !matches!(rest.first(), Some(Layer::BatchNorm(_))) {
                chain.channels_first();
            }
            (dims, channels_last) = (chain.output_dims().to_vec(), chain.is_channels_last());
            // What only changes the shape is no segment.
            let is_empty = chain.is_empty();
            segments.extend((!is_empty).then(|| Segment::chain(chain)));
            if count == 0 && is_empty {
                segments.push(Segment::keeping(layer.segment(&dims, channels_last)?, dims.iter().product()));
                rest = others;
            }
        }
        Some(segments)
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
        let ends = |end| layers.last() == Some(&LayerConfig::Activation(end));
        let output_last = ends(Activation::Sigmoid) || ends(Activation::Identity);
        for (index, (layer, &input)) in layers.iter().zip(inputs).enumerate() {
            // A final sigmoid or identity follows the flattening, so that its input are the logits, row by row.
            let last = index + 1 == layers.len();
            let needed = if last && output_last { vec![checked_len(input)] } else { layer.input_dims(input, &dims) };
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

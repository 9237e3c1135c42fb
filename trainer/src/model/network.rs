//! The description of a network: what a config chooses, together with the shape of the data. It is all that building one takes.

use bundle::Shape;
use serde::{Deserialize, Serialize};

use super::config::{ModelConfig, Output};
use super::layers::{Activation, LayerConfig, MAX_WIDTH, Role, checked_len, decoder_layers, encoder_layers};
use super::mirror::mirror;
use super::walk::{layer_error, walk};
use crate::error::{Error, Result};

/// What ends a decoder of values in 0.0..=1.0, and one of values without bounds.
const ENDS: [(Output, LayerConfig); 2] = [
    (Output::Sigmoid, LayerConfig::Activation(Activation::Sigmoid)),
    (Output::Linear, LayerConfig::Activation(Activation::Identity)),
];

/// A whole network: the layers down to the latent, and back up to a sigmoid, or to values without bounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// Height and width of an image in pixels, with the channels before them where there are several; the network sees their product as
    /// one row. A row of a table has the height 1.
    pub image_shape: Vec<usize>,
    /// Whether the latent is a distribution: beside the encoder's last layer, which is linear and makes the mean, another one makes
    /// the log variance.
    pub variational: bool,
    /// The layers down to the latent.
    #[serde(deserialize_with = "encoder_layers")]
    pub encoder: Vec<LayerConfig>,
    /// The layers from the latent back, the sigmoid or identity at the end included.
    #[serde(deserialize_with = "decoder_layers")]
    pub decoder: Vec<LayerConfig>,
}

impl NetworkConfig {
    /// The network of `model` for images of `image_shape`: height and width, with the channels before them where there are several.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when a width is out of range, [`Error::Layer`] naming the first layer that does not fit.
    pub fn new(model: &ModelConfig, image_shape: impl Into<Vec<usize>>) -> Result<Self> {
        let image_shape = image_shape.into();
        let encoder = model.encoder_layers()?;
        let end = end_of(model.output);
        let start = start(&image_shape);
        let mirrored = model.decoder.is_empty();
        let decoder = if mirrored {
            mirror(&encoder, start)?
        } else {
            if model.encoder.is_empty() && !model.hidden.is_empty() {
                let reason = "expected a list of layers in `encoder` beside the one in `decoder`, found widths";
                return Err(Error::setting("model.hidden", reason));
            }
            let mut decoder = model.decoder.clone();
            // The end may be followed by layers that only change the shape.
            let is_shaping = |layer: &LayerConfig| layer.role() == Role::Reshape;
            if decoder.iter().rfind(|layer| !is_shaping(layer)) == Some(&end) {
                while decoder.last().is_some_and(is_shaping) {
                    decoder.pop();
                }
            }
            decoder
        };
        let mut network = Self { image_shape, variational: model.variational, encoder, decoder };
        if network.decoder.last() != Some(&end) {
            network.decoder.push(end);
        }
        network.check().map_err(|error| match error {
            Error::Layer { layer, kind, reason } if mirrored && layer.starts_with("decoder") => {
                let reason = format!(
                    "the encoder's mirror image does not fit, at {layer} ({kind}): {reason}; list the decoder's layers"
                );
                Error::setting("model.decoder", reason)
            }
            error => error,
        })?;
        Ok(network)
    }

    /// What ends the decoder.
    pub fn output(&self) -> Output {
        let end = ENDS.iter().find(|(_, end)| self.decoder.last() == Some(end));
        end.map_or(Output::Sigmoid, |(output, _)| *output)
    }

    /// Values in one input row.
    pub fn input_dim(&self) -> usize {
        self.image_shape.iter().product()
    }

    /// Values in the latent of one row.
    pub fn latent_dim(&self) -> usize {
        let shape = walk("encoder", &self.encoder, start(&self.image_shape), |_, _, _| ());
        shape.ok().and_then(Shape::len).expect("the network was checked when it was made")
    }

    /// What works but is seldom intended, a sentence each.
    ///
    /// A latent as wide as the input is fine where noise on the input or a penalty on the latent keeps the network from copying.
    pub fn warnings(&self) -> Vec<String> {
        let (latent, input) = (self.latent_dim(), self.input_dim());
        let wide = latent >= input && !self.encoder.iter().any(|layer| layer.role() == Role::Regularise);
        let warning = format!(
            "the latent has {latent} values and the input {input}: the network can copy its input without learning what the rows have \
             in common; a narrower latent makes it learn"
        );
        wide.then_some(warning).into_iter().collect()
    }

    pub(super) fn check(&self) -> Result<()> {
        let values = Shape::image(&self.image_shape).and_then(Shape::len);
        if !values.is_some_and(|values| (1..=MAX_WIDTH).contains(&values)) {
            let found = self.image_shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ");
            let reason = format!("expected images of 1 to {MAX_WIDTH} values, found {found}");
            return Err(Error::setting("data", reason));
        }
        let layers: usize = self.encoder.iter().chain(&self.decoder).map(LayerConfig::layer_count).sum();
        if layers > MAX_LAYERS {
            let reason = format!(
                "expected at most {MAX_LAYERS} layers in encoder and decoder together, activations counted, found {layers}"
            );
            return Err(Error::setting("model", reason));
        }
        if self.variational && !matches!(self.encoder.last(), Some(LayerConfig::Linear(_))) {
            let reason = "expected an encoder that ends in a linear layer, which `latent_dim` appends";
            return Err(Error::setting("model.variational", reason));
        }
        if !ENDS.iter().any(|(_, end)| self.decoder.last() == Some(end)) {
            let reason = "expected a decoder that ends in a `sigmoid` or an `identity`";
            return Err(Error::setting("model.decoder", reason));
        }
        let [encoder, decoder] = self.inputs()?;
        if let (true, [.., input @ Shape::Sequence { .. }, _], [.., last]) =
            (self.variational, &encoder[..], &self.encoder[..])
        {
            let reason = format!("the mean of a distribution is one row, found {input}; put a `flatten` before it");
            return Err(layer_error("encoder", self.encoder.len() - 1, last, reason));
        }
        let output = decoder[self.decoder.len()];
        if output.len() != Some(self.input_dim()) {
            let values = self.input_dim();
            let reason =
                format!("expected {values} values at the end of the decoder, as many as the input has, found {output}");
            let last = self.decoder.iter().rposition(LayerConfig::computes).unwrap_or(0);
            return Err(layer_error("decoder", last, &self.decoder[last], reason));
        }
        let weights = self.weight_count();
        if !(1..=MAX_WEIGHTS).contains(&weights) {
            let reason = format!("expected a network of 1 to {MAX_WEIGHTS} weights, found {weights}");
            return Err(Error::setting("model", reason));
        }
        Ok(())
    }

    /// The number of its weights, biases left out.
    pub(super) fn weight_count(&self) -> u64 {
        let weights = |(layer, [input, _]): (&LayerConfig, [Shape; 2])| layer.weight_count(input);
        self.layer_shapes().into_iter().map(weights).fold(0, u64::saturating_add)
    }

    /// Every layer with the shapes of its input and output, for a network that fits together.
    pub(super) fn layer_shapes(&self) -> Vec<(&LayerConfig, [Shape; 2])> {
        let [encoder, decoder] = self.inputs().expect("the network was checked when it was made");
        let pairs = |shapes: Vec<Shape>| shapes.windows(2).map(|pair| [pair[0], pair[1]]).collect::<Vec<_>>();
        let (encoder, decoder) = (pairs(encoder), pairs(decoder));
        self.encoder.iter().zip(encoder).chain(self.decoder.iter().zip(decoder)).collect()
    }

    /// The shapes of the inputs of the encoder's layers and of its output, and the same of the decoder.
    pub(super) fn inputs(&self) -> Result<[Vec<Shape>; 2]> {
        let (mut encoder, mut decoder) = (Vec::new(), Vec::new());
        let latent = walk("encoder", &self.encoder, start(&self.image_shape), |_, _, shape| encoder.push(shape))?;
        let row = Shape::Row(checked_len(latent));
        let output = walk("decoder", &self.decoder, row, |_, _, shape| decoder.push(shape))?;
        encoder.push(latent);
        decoder.push(output);
        Ok([encoder, decoder])
    }
}

/// 4 GB of weights; training takes nine times that.
const MAX_WEIGHTS: u64 = 1 << 30;

/// candle goes through the graph of a step layer by layer, one call within the other: some ten times as many overflow the stack of
/// a thread.
const MAX_LAYERS: usize = 1000;

fn end_of(output: Output) -> LayerConfig {
    let [sigmoid, identity] = ENDS.map(|(_, end)| end);
    match output {
        Output::Sigmoid => sigmoid,
        Output::Linear => identity,
    }
}

fn start(image_shape: &[usize]) -> Shape {
    Shape::image(image_shape).unwrap_or(Shape::Row(0))
}

impl std::fmt::Display for NetworkConfig {
    /// What the layers with weights give, from input to reconstruction, the latent in the middle: `784-128-32-128-784`,
    /// `784-conv16-conv8-128-conv16-conv1-784`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts = vec![self.input_dim().to_string()];
        for (layers, width) in [(&self.encoder, self.latent_dim()), (&self.decoder, self.input_dim())] {
            parts.extend(layers.iter().filter_map(LayerConfig::summary));
            if parts.last() != Some(&width.to_string()) {
                parts.push(width.to_string());
            }
        }
        f.write_str(&parts.join("-"))
    }
}

#[cfg(test)]
mod tests;

//! The description of a network: what a config chooses, and with the data's shape, all that building it takes.

use bundle::Shape;
use serde::{Deserialize, Serialize};

use super::config::ModelConfig;
use super::layers::{Activation, LayerConfig, MAX_WIDTH, Role, checked_len, decoder_layers, encoder_layers};
use super::mirror::mirror;
use super::walk::{layer_error, walk};
use crate::error::{Error, Result};

/// What ends every decoder.
const SIGMOID: LayerConfig = LayerConfig::Activation(Activation::Sigmoid);

/// A whole network: the layers down to the latent, and back up to a sigmoid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// Height and width of an image in pixels; the network sees their product as one row.
    pub image_shape: [usize; 2],
    /// Whether the latent is a distribution: beside the encoder's last layer, which is linear and makes the mean, another one makes
    /// the log variance.
    pub variational: bool,
    /// The layers down to the latent.
    #[serde(deserialize_with = "encoder_layers")]
    pub encoder: Vec<LayerConfig>,
    /// The layers from the latent back, the sigmoid at the end included.
    #[serde(deserialize_with = "decoder_layers")]
    pub decoder: Vec<LayerConfig>,
}

impl NetworkConfig {
    /// The network of `model` for images of `image_shape`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when a width is out of range, [`Error::Layer`] naming the first layer that does not fit.
    pub fn new(model: &ModelConfig, image_shape: [usize; 2]) -> Result<Self> {
        let encoder = model.encoder_layers()?;
        let start = start(image_shape);
        let mirrored = model.decoder.is_empty();
        let decoder = if mirrored {
            mirror(&encoder, start)?
        } else {
            if model.encoder.is_empty() && !model.hidden.is_empty() {
                let reason = "expected a list of layers in `encoder` beside the one in `decoder`, found widths";
                return Err(Error::setting("model.hidden", reason));
            }
            let mut decoder = model.decoder.clone();
            // A sigmoid may be followed by what gives the same values another shape.
            let is_shaping = |layer: &LayerConfig| layer.role() == Role::Reshape;
            if decoder.iter().rfind(|layer| !is_shaping(layer)) == Some(&SIGMOID) {
                while decoder.last().is_some_and(is_shaping) {
                    decoder.pop();
                }
            }
            decoder
        };
        let mut network = Self { image_shape, variational: model.variational, encoder, decoder };
        if network.decoder.last() != Some(&SIGMOID) {
            network.decoder.push(SIGMOID);
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

    /// Values in one input row.
    pub fn input_dim(&self) -> usize {
        self.image_shape[0] * self.image_shape[1]
    }

    /// Values in the latent of one row.
    pub fn latent_dim(&self) -> usize {
        let shape = walk("encoder", &self.encoder, start(self.image_shape), |_, _, _| ());
        shape.ok().and_then(Shape::len).expect("the network was checked when it was made")
    }

    pub(super) fn check(&self) -> Result<()> {
        if !(1..=MAX_WIDTH).contains(&self.image_shape[0].saturating_mul(self.image_shape[1])) {
            let [height, width] = self.image_shape;
            let reason = format!("expected images of 1 to {MAX_WIDTH} pixels, found {height} x {width}");
            return Err(Error::setting("data", reason));
        }
        if self.variational && !matches!(self.encoder.last(), Some(LayerConfig::Linear(_))) {
            let reason = "expected an encoder that ends in a linear layer, which `latent_dim` appends";
            return Err(Error::setting("model.variational", reason));
        }
        if self.decoder.last() != Some(&SIGMOID) {
            return Err(Error::setting("model.decoder", "expected a decoder that ends in a `sigmoid`"));
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
            let reason = format!("it gives {output}; expected the {} values of the input back", self.input_dim());
            let last = self.decoder.iter().rposition(LayerConfig::computes).unwrap_or(0);
            return Err(layer_error("decoder", last, &self.decoder[last], reason));
        }
        let layers = self.encoder.iter().zip(&encoder).chain(self.decoder.iter().zip(&decoder));
        let weights = layers.fold(0u64, |sum, (layer, &input)| sum.saturating_add(layer.weight_count(input)));
        if !(1..=MAX_WEIGHTS).contains(&weights) {
            let reason = format!("expected a network of 1 to {MAX_WEIGHTS} weights, found {weights}");
            return Err(Error::setting("model", reason));
        }
        Ok(())
    }

    /// The shapes of the inputs of the encoder's layers and of its output, and the same of the decoder.
    pub(super) fn inputs(&self) -> Result<[Vec<Shape>; 2]> {
        let (mut encoder, mut decoder) = (Vec::new(), Vec::new());
        let latent = walk("encoder", &self.encoder, start(self.image_shape), |_, _, shape| encoder.push(shape))?;
        let row = Shape::Row(checked_len(latent));
        let output = walk("decoder", &self.decoder, row, |_, _, shape| decoder.push(shape))?;
        encoder.push(latent);
        decoder.push(output);
        Ok([encoder, decoder])
    }
}

/// 4 GB of weights; training needs four times that.
const MAX_WEIGHTS: u64 = 1 << 30;

fn start([height, width]: [usize; 2]) -> Shape {
    Shape::Image { channels: 1, height, width }
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

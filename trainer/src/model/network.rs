//! The description of a network: what a config chooses, and with the data's shape, all that building it takes.

use serde::{Deserialize, Serialize};

use super::layer::{LayerConfig, Shape, WIDEST};
use super::mirror::mirror;
use crate::{Error, Result};

/// What a config chooses about the network; the shape of its input comes from the data.
///
/// Either widths (`hidden`, `latent_dim`) make a dense network, or `encoder` lists the layers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// Width of the code, from 1. Default 32 for a dense network; below a list of layers it appends a linear one, and left
    /// out, the code is what the list gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latent_dim: Option<usize>,
    /// Widths of the dense layers between input and code, from 1, each with a ReLU. Default none.
    pub hidden: Vec<usize>,
    /// Whether the code is a distribution: the encoder ends in its mean and log variance, and training samples from it
    /// (Kingma and Welling 2014). Default false.
    pub variational: bool,
    /// The layers down to the code, instead of `hidden`.
    pub encoder: Vec<LayerConfig>,
    /// The layers from the code back; a sigmoid is added at the end. Default the mirror image of the encoder.
    pub decoder: Vec<LayerConfig>,
}

impl ModelConfig {
    /// The code's default width in a dense network, as in the tutorial.
    const LATENT_DIM: usize = 32;

    /// A dense network: `hidden` layers with ReLU down to `latent_dim` units with ReLU, and the mirror image back.
    pub fn dense(latent_dim: usize, hidden: impl Into<Vec<usize>>) -> Self {
        Self { latent_dim: Some(latent_dim), hidden: hidden.into(), ..Self::default() }
    }

    fn encoder_layers(&self) -> Result<Vec<LayerConfig>> {
        if !self.encoder.is_empty() {
            if !self.hidden.is_empty() {
                let reason = "expected either widths in `hidden` or a list of layers in `encoder`, as the presets conv, denoise \
                              and sequence have one; found both";
                return Err(Error::setting("model.hidden", reason));
            }
            let code = self.latent_dim.map(|units| LayerConfig::Linear { units });
            return Ok(self.encoder.iter().cloned().chain(code).collect());
        }
        let latent_dim = self.latent_dim.unwrap_or(Self::LATENT_DIM);
        let widths = self.hidden.iter().map(|&width| ("model.hidden", width));
        for (setting, width) in widths.chain([("model.latent_dim", latent_dim)]) {
            if !(1..=WIDEST).contains(&width) {
                return Err(Error::setting(setting, format!("expected 1 to {WIDEST} units, found {width}")));
            }
        }
        let hidden = self.hidden.iter().flat_map(|&units| [LayerConfig::Linear { units }, LayerConfig::Relu]);
        let mut layers: Vec<LayerConfig> = hidden.collect();
        layers.push(LayerConfig::Linear { units: latent_dim });
        // A mean may be negative.
        if !self.variational {
            layers.push(LayerConfig::Relu);
        }
        Ok(layers)
    }
}

/// A whole network: the layers down to the code, and back up to a sigmoid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// Height and width of an image in pixels; the network sees their product as one row.
    pub image_shape: [usize; 2],
    /// Whether the encoder's last layer, which is linear, has a twin for the log variance.
    pub variational: bool,
    /// The layers down to the code.
    pub encoder: Vec<LayerConfig>,
    /// The layers from the code back, the sigmoid at the end included.
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
            if decoder.iter().rfind(|layer| !layer.is_shaping()) == Some(&LayerConfig::Sigmoid) {
                while decoder.last().is_some_and(LayerConfig::is_shaping) {
                    decoder.pop();
                }
            }
            decoder
        };
        let mut network = Self { image_shape, variational: model.variational, encoder, decoder };
        if network.decoder.last() != Some(&LayerConfig::Sigmoid) {
            network.decoder.push(LayerConfig::Sigmoid);
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

    /// Values in one code.
    pub fn latent_dim(&self) -> usize {
        let shape = walk("encoder", &self.encoder, start(self.image_shape), |_, _, _| ());
        shape.ok().and_then(Shape::len).expect("the network was checked when it was made")
    }

    pub(super) fn check(&self) -> Result<()> {
        if !(1..=WIDEST).contains(&self.image_shape[0].saturating_mul(self.image_shape[1])) {
            let [height, width] = self.image_shape;
            let reason = format!("expected images of 1 to {WIDEST} pixels, found {height} x {width}");
            return Err(Error::setting("data", reason));
        }
        if self.variational && !matches!(self.encoder.last(), Some(LayerConfig::Linear { .. })) {
            let reason = "expected an encoder that ends in a linear layer, which `latent_dim` appends";
            return Err(Error::setting("model.variational", reason));
        }
        let (mut weights, mut last_input) = (0u64, Shape::Row(0));
        let mut count = |_: usize, layer: &LayerConfig, input: Shape| {
            weights += weight_count(layer, input);
            last_input = input;
        };
        let latent = walk("encoder", &self.encoder, start(self.image_shape), &mut count)?;
        if let (true, Some(layer), Shape::Sequence { .. }) = (self.variational, self.encoder.last(), last_input) {
            let reason =
                format!("the mean of a distribution is one row, found {last_input}; put a `flatten` before it");
            return Err(layer_error("encoder", self.encoder.len() - 1, layer, reason));
        }
        let mut count = |_: usize, layer: &LayerConfig, input: Shape| weights += weight_count(layer, input);
        let row = Shape::Row(latent.len().expect("a checked shape can be counted"));
        let output = walk("decoder", &self.decoder, row, &mut count)?;
        if output.len() != Some(self.input_dim()) {
            let reason = format!("it gives {output}; expected the {} values of the input back", self.input_dim());
            let last = self.decoder.iter().rposition(LayerConfig::computes).unwrap_or(0);
            return Err(layer_error("decoder", last, &self.decoder[last], reason));
        }
        if !(1..=MOST_WEIGHTS).contains(&weights) {
            let reason = format!("expected a network of 1 to {MOST_WEIGHTS} weights, found {weights}");
            return Err(Error::setting("model", reason));
        }
        Ok(())
    }

    /// The shapes that the layers of the encoder, then of the decoder, are given.
    pub(super) fn inputs(&self) -> Result<[Vec<Shape>; 2]> {
        let (mut encoder, mut decoder) = (Vec::new(), Vec::new());
        let latent = walk("encoder", &self.encoder, start(self.image_shape), |_, _, shape| encoder.push(shape))?;
        let row = Shape::Row(latent.len().expect("a checked shape can be counted"));
        let output = walk("decoder", &self.decoder, row, |_, _, shape| decoder.push(shape))?;
        encoder.push(latent);
        decoder.push(output);
        Ok([encoder, decoder])
    }
}

/// 4 GB of weights; training needs four times that.
const MOST_WEIGHTS: u64 = 1 << 30;

fn start([height, width]: [usize; 2]) -> Shape {
    Shape::Image { channels: 1, height, width }
}

/// Follows the shape through `layers`, telling `visit` each layer's index and input, and returns the last one's output.
pub(super) fn walk(
    stack: &'static str,
    layers: &[LayerConfig],
    start: Shape,
    mut visit: impl FnMut(usize, &LayerConfig, Shape),
) -> Result<Shape> {
    layers.iter().enumerate().try_fold(start, |shape, (index, layer)| {
        visit(index, layer, shape);
        layer.output(shape).map_err(|reason| layer_error(stack, index, layer, reason))
    })
}

pub(super) fn layer_error(stack: &'static str, index: usize, layer: &LayerConfig, reason: String) -> Error {
    Error::Layer { layer: format!("{stack}.{index}"), kind: layer.name(), reason }
}

fn weight_count(layer: &LayerConfig, input: Shape) -> u64 {
    let count = match (layer, input) {
        (LayerConfig::Linear { units }, Shape::Sequence { features, .. }) => [features, *units, 1, 1],
        (LayerConfig::Linear { units }, _) => [input.len().unwrap_or(usize::MAX), *units, 1, 1],
        (LayerConfig::Conv { channels, kernel, .. }, Shape::Image { channels: given, .. }) => {
            [given, *channels, *kernel, *kernel]
        }
        (LayerConfig::Lstm { units, .. }, _) => [input.as_sequence().map_or(0, |(_, n)| n) + units, *units, 4, 1],
        _ => [0; 4],
    };
    count.into_iter().fold(1, |product: u64, factor| product.saturating_mul(factor as u64))
}

impl std::fmt::Display for NetworkConfig {
    /// What the layers with weights give, from input to reconstruction, the code in the middle: `784-128-32-128-784`,
    /// `784-conv16-conv8-128-conv16-conv1-784`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = |layers: &[LayerConfig]| -> Vec<String> {
            let name = |layer: &LayerConfig| match layer {
                LayerConfig::Linear { units } => Some(units.to_string()),
                LayerConfig::Conv { channels, .. } => Some(format!("conv{channels}")),
                LayerConfig::Lstm { units, .. } => Some(format!("lstm{units}")),
                _ => None,
            };
            layers.iter().filter_map(name).collect()
        };
        let mut parts = vec![self.input_dim().to_string()];
        for (layers, width) in [(&self.encoder, self.latent_dim()), (&self.decoder, self.input_dim())] {
            parts.extend(names(layers));
            if parts.last() != Some(&width.to_string()) {
                parts.push(width.to_string());
            }
        }
        f.write_str(&parts.join("-"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Result<NetworkConfig> {
        NetworkConfig::new(&toml::from_str(text).unwrap(), [28, 28])
    }

    #[test]
    fn display_lists_every_width() {
        let dense = NetworkConfig::new(&ModelConfig::dense(32, [128, 64]), [28, 28]).unwrap();
        assert_eq!(dense.to_string(), "784-128-64-32-64-128-784");
        assert_eq!(
            network("latent_dim = 20\nhidden = [400]\nvariational = true").unwrap().to_string(),
            "784-400-20-400-784"
        );
    }

    #[test]
    fn empty_and_absurd_layers_are_refused() {
        let refused = |latent_dim, hidden: Vec<usize>| {
            NetworkConfig::new(&ModelConfig::dense(latent_dim, hidden), [8, 8]).unwrap_err().to_string()
        };
        assert!(refused(0, vec![]).contains("model.latent_dim"));
        assert!(refused(2, vec![16, 0]).contains("model.hidden"));
        assert!(refused(2, vec![1_000_000]).contains("found 1000000"));
        assert!(refused(2, vec![65536, 65536]).contains("1 to 1073741824 weights"));
    }

    #[test]
    fn what_does_not_fit_names_its_layer() {
        let refused = |text: &str| network(text).unwrap_err().to_string();
        let error =
            refused(r#"encoder = [{ layer = "linear", units = 9 }, { layer = "relu" }, { layer = "max_pool" }]"#);
        assert_eq!(
            error,
            "layer `encoder.2` (max_pool): expected an image, found 9 values; a `reshape` before it makes one of them"
        );
        let error = refused(
            r#"encoder = [{ layer = "conv", channels = 4 }, { layer = "max_pool" }]
            decoder = [{ layer = "reshape", channels = 3, height = 14, width = 14 }]"#,
        );
        assert!(
            error.starts_with("layer `decoder.0` (reshape): an image of 14 x 14 with 3 channels has another"),
            "{error}"
        );
        let error = refused(
            r#"encoder = [{ layer = "linear", units = 4 }]
            decoder = [{ layer = "linear", units = 700 }, { layer = "sigmoid" }]"#,
        );
        assert_eq!(error, "layer `decoder.0` (linear): it gives 700 values; expected the 784 values of the input back");
        let error = refused("hidden = [4]\nencoder = [{ layer = \"relu\" }]");
        assert!(error.contains("found both"), "{error}");
        let error = refused("variational = true\nencoder = [{ layer = \"relu\" }]");
        assert!(error.contains("`latent_dim` appends"), "{error}");
        assert!(refused("encoder = [{ layer = \"relu\" }]").contains("found 0"));
        let error = refused(
            r#"variational = true
            encoder = [{ layer = "lstm", units = 5, sequence = true }, { layer = "linear", units = 3 }]
            decoder = [{ layer = "linear", units = 784 }]"#,
        );
        assert!(error.starts_with("layer `encoder.1` (linear): the mean of a distribution is one row"), "{error}");
        let error = refused(r#"encoder = [{ layer = "conv", channels = 1 }, { layer = "lstm", units = 3 }]"#);
        assert!(
            error.contains("mirror image does not fit, at decoder.3 (conv)") && error.contains("list the"),
            "{error}"
        );
        let error = refused(r#"encoder = [{ layer = "lstm", units = 3, sequence = true }]"#);
        assert!(error.starts_with("layer `encoder.0` (lstm)") && error.contains("`decoder`"), "{error}");
        let error = refused(
            r#"encoder = [{ layer = "linear", units = 4 }]
            decoder = [{ layer = "linear", units = 30 }, { layer = "dropout", rate = 0.1 }]"#,
        );
        assert!(error.starts_with("layer `decoder.0` (linear): it gives 30 values"), "{error}");
    }

    #[test]
    fn a_listed_sigmoid_is_not_doubled() {
        for end in [r#", { layer = "sigmoid" }"#, r#", { layer = "sigmoid" }, { layer = "flatten" }"#, ""] {
            let text = format!(
                r#"encoder = [{{ layer = "linear", units = 4 }}]
                decoder = [{{ layer = "linear", units = 784 }}{end}]"#
            );
            assert_eq!(network(&text).unwrap().decoder[1..], [LayerConfig::Sigmoid], "{end}");
        }
    }
}

//! What a config chooses about the network.

use serde::{Deserialize, Serialize};

use super::layers::{Activation, LayerConfig, LinearConfig, MAX_WIDTH, decoder_layers, encoder_layers};
use crate::error::{Error, Result};

/// What a config chooses about the network; the shape of its input comes from the data.
///
/// Either widths (`hidden`, `latent_dim`) make a dense network, or `encoder` lists the layers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// Width of the latent, 1 to 65536. Default 32 for a dense network. A list of layers ends in a linear layer of this width; without
    /// one, the output of the list is the latent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latent_dim: Option<usize>,
    /// Widths of the dense layers between input and latent, 1 to 65536, each with a ReLU. Default none.
    pub hidden: Vec<usize>,
    /// Whether the latent is a distribution: the encoder ends in its mean and log variance, and training samples from it
    /// (Kingma and Welling 2014). Default false.
    pub variational: bool,
    /// What ends the decoder: `sigmoid` for values in 0.0..=1.0, `linear` for values without bounds. Default `sigmoid`; `linear` for
    /// a table.
    #[serde(skip_serializing_if = "Output::is_sigmoid")]
    pub output: Output,
    /// The layers down to the latent, instead of `hidden`. Default none.
    #[serde(deserialize_with = "encoder_layers")]
    pub encoder: Vec<LayerConfig>,
    /// The layers from the latent back; what ends the decoder is added. Default the mirror image of the encoder.
    #[serde(deserialize_with = "decoder_layers")]
    pub decoder: Vec<LayerConfig>,
}

/// What ends the decoder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Output {
    /// A sigmoid: values in 0.0..=1.0.
    #[default]
    Sigmoid,
    /// Nothing: values without bounds.
    Linear,
}

impl Output {
    fn is_sigmoid(&self) -> bool {
        *self == Self::Sigmoid
    }
}

impl ModelConfig {
    /// The latent's default width in a dense network, as in the tutorial.
    pub(crate) const LATENT_DIM: usize = 32;

    /// The most units that a layer may have.
    pub(crate) const MAX_WIDTH: usize = MAX_WIDTH;

    /// A dense network: `hidden` layers with ReLU down to `latent_dim` units with ReLU, and the mirror image back.
    pub fn dense(latent_dim: usize, hidden: impl Into<Vec<usize>>) -> Self {
        Self { latent_dim: Some(latent_dim), hidden: hidden.into(), ..Self::default() }
    }

    pub(super) fn encoder_layers(&self) -> Result<Vec<LayerConfig>> {
        if !self.encoder.is_empty() {
            if !self.hidden.is_empty() {
                let reason = "expected either widths in `hidden` or a list of layers in `encoder`, as the presets conv, denoise \
                              and sequence have one; found both";
                return Err(Error::setting("model.hidden", reason));
            }
            let latent = self.latent_dim.map(|units| LinearConfig { units }.into());
            return Ok(self.encoder.iter().cloned().chain(latent).collect());
        }
        let latent_dim = self.latent_dim.unwrap_or(Self::LATENT_DIM);
        let widths = self.hidden.iter().map(|&width| ("model.hidden", width));
        for (setting, width) in widths.chain([("model.latent_dim", latent_dim)]) {
            if !(1..=MAX_WIDTH).contains(&width) {
                return Err(Error::setting(setting, format!("expected 1 to {MAX_WIDTH} units, found {width}")));
            }
        }
        let relu = || LayerConfig::from(Activation::Relu);
        let hidden = self.hidden.iter().flat_map(|&units| [LinearConfig { units }.into(), relu()]);
        let mut layers: Vec<LayerConfig> = hidden.collect();
        layers.push(LinearConfig { units: latent_dim }.into());
        // A mean may be negative.
        if !self.variational {
            layers.push(relu());
        }
        Ok(layers)
    }
}

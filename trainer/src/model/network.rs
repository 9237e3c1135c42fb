//! The description of a network: what a config chooses, and with the data's width, all that building it takes.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What a config chooses about the network; the width comes from the data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Width of the code, from 1. Default 32.
    pub latent_dim: usize,
    /// Widths of the layers between input and code, from 1; the decoder mirrors them. Default none.
    pub hidden: Vec<usize>,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self { latent_dim: 32, hidden: Vec::new() }
    }
}

/// A whole network: dense layers with ReLU down to the code, and the mirror image up to a sigmoid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// Height and width of an image in pixels; the network sees their product as one row.
    pub image_shape: [usize; 2],
    /// Widths of the layers between input and code.
    pub hidden: Vec<usize>,
    /// Width of the code.
    pub latent_dim: usize,
}

impl NetworkConfig {
    /// The network of `model` for images of `image_shape`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when a layer would have no or too many units.
    pub fn new(model: &ModelConfig, image_shape: [usize; 2]) -> Result<Self> {
        let config = Self { image_shape, hidden: model.hidden.clone(), latent_dim: model.latent_dim };
        config.check()?;
        Ok(config)
    }

    /// Values in one input row.
    pub fn input_dim(&self) -> usize {
        self.image_shape[0] * self.image_shape[1]
    }

    /// Widths from the input to the code, both included.
    pub fn encoder_widths(&self) -> Vec<usize> {
        let mut widths = vec![self.input_dim()];
        widths.extend(&self.hidden);
        widths.push(self.latent_dim);
        widths
    }

    pub(super) fn check(&self) -> Result<()> {
        /// A layer wider than this is a slip of the keyboard: between two such layers lie 17 GB of weights.
        const WIDEST: usize = 1 << 16;
        let sizes = [("model.latent_dim", self.latent_dim), ("data", self.input_dim())];
        let sizes = sizes.into_iter().chain(self.hidden.iter().map(|&width| ("model.hidden", width)));
        for (setting, width) in sizes {
            if !(1..=WIDEST).contains(&width) {
                return Err(Error::setting(setting, format!("expected 1 to {WIDEST} units, found {width}")));
            }
        }
        Ok(())
    }
}

impl std::fmt::Display for NetworkConfig {
    /// The widths of all layers: `784-128-32-128-784`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let down = self.encoder_widths();
        let up = down.iter().rev().skip(1);
        let widths: Vec<String> = down.iter().chain(up).map(usize::to_string).collect();
        f.write_str(&widths.join("-"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_lists_every_width() {
        let model = ModelConfig { latent_dim: 32, hidden: vec![128, 64] };
        let network = NetworkConfig::new(&model, [28, 28]).unwrap();
        assert_eq!(network.to_string(), "784-128-64-32-64-128-784");
    }

    #[test]
    fn empty_and_absurd_layers_are_refused() {
        let refused = |latent_dim, hidden| {
            NetworkConfig::new(&ModelConfig { latent_dim, hidden }, [8, 8]).unwrap_err().to_string()
        };
        assert!(refused(0, vec![]).contains("model.latent_dim"));
        assert!(refused(2, vec![16, 0]).contains("model.hidden"));
        assert!(refused(2, vec![1_000_000]).contains("found 1000000"));
    }
}

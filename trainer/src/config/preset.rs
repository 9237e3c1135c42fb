//! Networks and settings that are known to work together, by name.

use serde::{Deserialize, Serialize};

use crate::data::DataSource;
use crate::model::{
    Activation, BatchNormConfig, Conv1dConfig, ConvConfig, Dropout, Flatten, LayerConfig, LinearConfig, LstmConfig,
    MaxPool, ModelConfig,
};

/// How often the sides of pictures of 64 x 64 are halved, and those of the largest ones.
const IMAGE_STAGES: usize = 4;
const MAX_IMAGE_STAGES: usize = 6;
/// How often the steps of windows of 64 are halved, and those of the longest ones.
const WINDOW_STAGES: usize = 2;
const MAX_WINDOW_STAGES: usize = 8;

/// A network and settings that are known to work together. Default: `simple`.
///
/// All but `sequence` are those of "Building Autoencoders in Keras".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// One ReLU layer down to 32 units, one sigmoid layer up.
    #[default]
    Simple,
    /// `simple` with an L1 penalty of 1e-4 on the latent.
    Sparse,
    /// 128-64-32-64-128.
    Deep,
    /// Convolutions of 16, 8 and 8 channels, each halved by pooling, and back.
    Conv,
    /// Two convolutions of 32 channels and back, on images with Gaussian noise of std 0.5; the target is the clean image.
    Denoise,
    /// 400-20-400, the latent a distribution (Kingma and Welling 2014).
    Vae,
    /// An LSTM over the rows of each image, a latent of 16 units, and an LSTM back.
    Sequence,
    /// For pictures: convolutions of 32, 64, 128 and 256 channels that halve the sides until four pixels or fewer are left, each with a
    /// `batch_norm`, and a latent of 128 units.
    Image,
    /// For tables: 128-64-128, with ReLU and a dropout of 0.2.
    Table,
    /// For windows of a series: convolutions over steps, of 32 and 64 channels, that halve them until 16 or fewer are left, and a latent of 32
    /// units.
    Windows,
}

impl Preset {
    /// Every preset's name.
    pub const NAMES: [&str; 10] =
        ["simple", "sparse", "deep", "conv", "denoise", "vae", "sequence", "image", "table", "windows"];

    /// The preset's name, as written in `config.toml`.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    pub(super) fn model(self) -> ModelConfig {
        let halved = |channels: &[usize]| {
            let stage = |&channels: &usize| -> [LayerConfig; 3] {
                [ConvConfig::new(channels).into(), Activation::Relu.into(), MaxPool::default().into()]
            };
            ModelConfig { encoder: channels.iter().flat_map(stage).collect(), ..ModelConfig::default() }
        };
        match self {
            Self::Simple | Self::Sparse => ModelConfig::dense(32, []),
            Self::Deep => ModelConfig::dense(32, [128, 64]),
            Self::Conv => halved(&[16, 8, 8]),
            Self::Image => Self::image(IMAGE_STAGES),
            Self::Windows => Self::windows(WINDOW_STAGES),
            Self::Denoise => halved(&[32, 32]),
            Self::Vae => ModelConfig { variational: true, ..ModelConfig::dense(20, [400]) },
            Self::Table => ModelConfig {
                encoder: vec![
                    LinearConfig { units: 128 }.into(),
                    Activation::Relu.into(),
                    Dropout { rate: 0.2 }.into(),
                    LinearConfig { units: 64 }.into(),
                    Activation::Relu.into(),
                ],
                ..ModelConfig::default()
            },
            Self::Sequence => ModelConfig {
                latent_dim: Some(16),
                encoder: vec![LstmConfig::new(64).into()],
                ..ModelConfig::default()
            },
        }
    }

    /// The network for rows of the shape `image_shape`, where the preset has others for other sizes.
    pub(super) fn model_for(self, image_shape: &[usize]) -> ModelConfig {
        match (self, image_shape) {
            (Self::Image, [.., height, width]) => Self::image(halvings(*height.min(width), 4, MAX_IMAGE_STAGES)),
            (Self::Windows, [.., steps, _]) => Self::windows(halvings(*steps, 16, MAX_WINDOW_STAGES)),
            _ => self.model(),
        }
    }

    /// Whether this is one of the preset's networks, for whatever size.
    pub(super) fn has(self, model: &ModelConfig) -> bool {
        let alike = |other: ModelConfig| *model == ModelConfig { output: model.output, ..other };
        match self {
            Self::Image => (1..=MAX_IMAGE_STAGES).any(|stages| alike(Self::image(stages))),
            Self::Windows => (1..=MAX_WINDOW_STAGES).any(|stages| alike(Self::windows(stages))),
            _ => alike(self.model()),
        }
    }

    fn image(stages: usize) -> ModelConfig {
        let stage = |stage: usize| -> [LayerConfig; 3] {
            let conv = ConvConfig { stride: 2, ..ConvConfig::new((32 << stage).min(256)) };
            [conv.into(), BatchNormConfig {}.into(), Activation::Relu.into()]
        };
        ModelConfig { latent_dim: Some(128), encoder: (0..stages).flat_map(stage).collect(), ..ModelConfig::default() }
    }

    fn windows(stages: usize) -> ModelConfig {
        let stage = |stage: usize| -> [LayerConfig; 2] {
            let conv = Conv1dConfig { kernel: 5, stride: 2, ..Conv1dConfig::new((32 << stage).min(64)) };
            [conv.into(), Activation::Relu.into()]
        };
        let mut encoder: Vec<LayerConfig> = (0..stages).flat_map(stage).collect();
        encoder.push(Flatten.into());
        ModelConfig { latent_dim: Some(32), encoder, ..ModelConfig::default() }
    }

    /// The data when none is named.
    pub(super) fn data(self) -> DataSource {
        if self == Self::Sequence { DataSource::Series } else { DataSource::Digits }
    }
}

/// How often `length` is halved until `least` or less is left, once or more.
fn halvings(length: usize, least: usize, most: usize) -> usize {
    (1..most).find(|&count| length >> count <= least).unwrap_or(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_for_pictures_and_windows_adapt_to_their_size() {
        for (side, stages) in [(8, 1), (28, 3), (32, 3), (64, 4), (128, 5), (256, 6)] {
            let model = Preset::Image.model_for(&[3, side, side]);
            assert_eq!(model, Preset::image(stages), "{side}");
            assert!(Preset::Image.has(&model) && !Preset::Table.has(&model));
        }
        assert_eq!(Preset::Image.model_for(&[3, 64, 64]), Preset::Image.model());
        assert_eq!(Preset::Windows.model_for(&[128, 2]), Preset::windows(3));
        assert_eq!(Preset::Table.model_for(&[1, 9]), Preset::Table.model());
    }
}

//! Networks and settings that are known to work together, by name.

use serde::{Deserialize, Serialize};

use crate::data::DataSource;
use crate::model::{Activation, ConvConfig, Dropout, LayerConfig, LinearConfig, LstmConfig, MaxPool, ModelConfig};

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
    /// For pictures: convolutions of 32, 64 and 64 channels, each halved by pooling, a dropout of 0.2, and a latent of 128 units.
    Image,
    /// For tables: 128-64-128, with ReLU and a dropout of 0.2.
    Table,
}

impl Preset {
    /// Every preset's name.
    pub const NAMES: [&str; 9] = ["simple", "sparse", "deep", "conv", "denoise", "vae", "sequence", "image", "table"];

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
            Self::Image => {
                let mut model = ModelConfig { latent_dim: Some(128), ..halved(&[32, 64, 64]) };
                // A few thousand pictures are soon known by heart.
                model.encoder.push(Dropout { rate: 0.2 }.into());
                model
            }
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

    /// The data when none is named.
    pub(super) fn data(self) -> DataSource {
        if self == Self::Sequence { DataSource::Series } else { DataSource::Digits }
    }
}

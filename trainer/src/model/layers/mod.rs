//! The layers: one file each, and here the enum of their settings, which passes every question on to the right one.

mod activation;
mod any;
mod batch_norm;
mod conv;
mod conv1d;
mod conv_transpose;
mod crop;
mod dropout;
mod entries;
mod init;
mod layer;
mod layer_norm;
mod linear;
mod lstm;
mod module;
mod noise;
mod pool;
mod repeat;
mod reshape;
mod residual;
mod run;
mod settings;
mod shapes;
mod upsample;
mod window;

use bundle::Shape;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use toml::Value;

use crate::suggest::did_you_mean;
pub use activation::Activation;
pub use batch_norm::{BatchNorm, BatchNormConfig};
pub use conv::ConvConfig;
pub use conv_transpose::ConvTransposeConfig;
pub use conv1d::{Conv1d, Conv1dConfig};
pub use crop::Crop;
pub use dropout::Dropout;
use entries::{Entries, shown, shown_name};
pub(super) use init::Init;
pub use layer::{Layer, ResidualLayers};
pub use layer_norm::LayerNormConfig;
pub use linear::LinearConfig;
pub(super) use linear::linear;
pub use lstm::{Lstm, LstmConfig};
pub(super) use module::LayerModule;
pub use noise::Noise;
pub use pool::{AvgPool, MaxPool};
pub use repeat::Repeat;
pub use reshape::{Flatten, Reshape, ReshapeConfig};
pub use residual::ResidualConfig;
pub(super) use run::{chain, run};
use settings::Settings;
pub(super) use settings::{AnyLayer, MAX_WIDTH, Parameters, Role, values};
pub(super) use shapes::checked_len;
pub use upsample::Upsample;

/// Values of one row between two layers: 256 rows of more do not fit 16 GB.
const MAX_VALUES: usize = 1 << 24;

/// Makes the enum of all layers' settings, and the macro `each!(layer, settings => answer)`, which asks the layer that it is.
macro_rules! layers {
    ($(#[$enum_attribute:meta])* pub enum LayerConfig { $($(#[$attribute:meta])* $layer:ident($settings:ident),)* }) => {
        $(#[$enum_attribute])*
        pub enum LayerConfig {
            $($(#[$attribute])* $layer($settings),)*
        }

        $(impl From<$settings> for LayerConfig {
            fn from(settings: $settings) -> Self {
                Self::$layer(settings)
            }
        })*

        macro_rules! each {
            ($config:expr, $each:ident => $answer:expr) => {
                match $config {
                    $(LayerConfig::$layer($each) => $answer,)*
                }
            };
        }

        impl LayerConfig {
            /// Every layer's name, as written in a config.
            pub fn names() -> Vec<&'static str> {
                [$($settings::NAMES),*].concat()
            }

            /// The settings of the layer `name`; nothing when there is no such layer.
            fn read_named(name: &str, entries: &mut Entries) -> Option<Result<Self, String>> {
                $(if $settings::NAMES.contains(&name) {
                    return Some($settings::read(name, entries).map(Self::$layer));
                })*
                None
            }
        }
    };
}

layers! {
    /// One layer of a network's description, as the lists `model.encoder` and `model.decoder` of a config hold it.
    ///
    /// ```
    /// let config: trainer::ModelConfig = toml::from_str(r#"
    ///     encoder = [
    ///         { layer = "conv", channels = 16 },
    ///         { layer = "relu" },
    ///         { layer = "max_pool" },
    ///         { layer = "linear", units = 32 },
    ///     ]
    /// "#).unwrap();
    /// let network = trainer::NetworkConfig::new(&config, [28, 28]).unwrap();
    /// assert_eq!(network.to_string(), "784-conv16-32-3136-conv1-784"); // the decoder is the mirror image
    /// ```
    #[derive(Clone, Debug, PartialEq, Serialize)]
    #[serde(tag = "layer", rename_all = "snake_case")]
    #[non_exhaustive]
    pub enum LayerConfig {
        /// Fully connected.
        Linear(LinearConfig),
        /// Two-dimensional convolution.
        Conv(ConvConfig),
        /// Two-dimensional transposed convolution.
        ConvTranspose(ConvTransposeConfig),
        /// Convolution over steps.
        Conv1d(Conv1dConfig),
        /// The largest value of each window.
        MaxPool(MaxPool),
        /// The mean of each window.
        AvgPool(AvgPool),
        /// Every pixel several times.
        Upsample(Upsample),
        /// The top left part of an image.
        Crop(Crop),
        /// A row as an image.
        Reshape(ReshapeConfig),
        /// An image or a sequence as one row.
        Flatten(Flatten),
        /// Long short-term memory.
        Lstm(LstmConfig),
        /// The same row at every step.
        Repeat(Repeat),
        /// Mean 0 and variance 1 for each channel.
        BatchNorm(BatchNormConfig),
        /// Mean 0 and variance 1 for each row.
        LayerNorm(LayerNormConfig),
        /// Layers whose output is added to their input.
        Residual(ResidualOfLayers),
        /// Zeros for a random part of the values, in training.
        Dropout(Dropout),
        /// Gaussian noise, in training.
        Noise(Noise),
        /// A function of each value alone.
        #[serde(untagged)]
        Activation(Activation),
    }
}

/// A residual of any layers.
pub type ResidualOfLayers = ResidualConfig<LayerConfig>;

impl LayerConfig {
    /// The layer's name, as written in a config.
    pub fn name(&self) -> &'static str {
        each!(self, settings => settings.name())
    }

    /// What it does with the values.
    pub(super) fn role(&self) -> Role {
        each!(self, settings => settings.role())
    }

    /// Whether its values differ from its input's by more than an activation of each.
    pub(super) fn computes(&self) -> bool {
        matches!(self.role(), Role::Compute | Role::Pool | Role::Enlarge)
    }

    /// What the layer makes of `input`.
    pub(super) fn output(&self, input: Shape) -> Result<Shape, String> {
        let shape = each!(self, settings => {
            settings.check()?;
            settings.output(input)?
        });
        match shape.len() {
            Some(1..=MAX_VALUES) => Ok(shape),
            _ => Err(format!("expected at most {MAX_VALUES} values, found {shape}")),
        }
    }

    /// The number of its weights, biases left out.
    pub(super) fn weight_count(&self, input: Shape) -> u64 {
        each!(self, settings => settings.weight_count(input))
    }

    /// Whether the fused chain takes it.
    pub(super) fn fuses(&self, input: Shape) -> bool {
        each!(self, settings => settings.fuses(input))
    }

    /// How many layers it is, those in it counted.
    pub(super) fn layer_count(&self) -> usize {
        each!(self, settings => settings.layer_count())
    }

    /// Values that candle's graph holds of each row in training.
    pub(super) fn graph_values(&self, input: Shape, output: Shape) -> u64 {
        each!(self, settings => settings.graph_values(input, output))
    }

    /// How a network's summary names it; nothing for a layer without weights.
    pub(super) fn summary(&self) -> Option<String> {
        each!(self, settings => settings.summary())
    }

    /// The layers that take `output`, which this layer makes of `input`, back to the shape of `input`.
    pub(super) fn mirror(&self, input: Shape, output: Shape) -> Result<Vec<Self>, String> {
        each!(self, settings => settings.mirror(input, output))
    }

    /// The dimensions in which it takes `input`, which now has `dims`.
    pub(super) fn input_dims(&self, input: Shape, dims: &[usize]) -> Vec<usize> {
        each!(self, settings => settings.input_dims(input, dims))
    }

    /// The layer with its parameters; nothing for one that only asks for another shape.
    pub(super) fn build(&self, input: Shape, parameters: &mut Parameters) -> crate::Result<Option<Layer>> {
        each!(self, settings => Ok(settings.build(input, parameters)?.map(Layer::from)))
    }

    /// The layer of a config's table; an error begins with the layer's name in brackets, if there is such a layer.
    fn read(value: Value) -> Result<Self, String> {
        let Value::Table(mut table) = value else {
            return Err(format!(": expected a table such as {{ layer = \"relu\" }}, found {}", shown(&value)));
        };
        let name = match table.remove("layer") {
            Some(Value::String(name)) => name,
            Some(other) => return Err(format!(": `layer`: expected a layer's name, found {}", shown(&other))),
            None => return Err(": `layer`: expected a layer's name, found none".into()),
        };
        let mut entries = Entries::new(table);
        let layer = Self::read_named(&name, &mut entries).ok_or_else(|| {
            let known = Self::names();
            let meant = did_you_mean(&name, known.iter().copied());
            format!(": expected one of {}; found {}{meant}", known.join(", "), shown_name(&name))
        })?;
        layer.and_then(|layer| entries.finish().map(|()| layer)).map_err(|reason| format!(" ({name}): {reason}"))
    }
}

impl<'de> Deserialize<'de> for LayerConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(Value::deserialize(deserializer)?).map_err(|reason| D::Error::custom(format!("layer{reason}")))
    }
}

/// The layers of the list `encoder`, for serde.
pub(super) fn encoder_layers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<LayerConfig>, D::Error> {
    read_list("encoder", deserializer)
}

/// The layers of the list `decoder`, for serde.
pub(super) fn decoder_layers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<LayerConfig>, D::Error> {
    read_list("decoder", deserializer)
}

/// A list of layers; an error names the layer's place in it.
fn read_list<'de, D: Deserializer<'de>>(list: &str, deserializer: D) -> Result<Vec<LayerConfig>, D::Error> {
    let Value::Array(values) = Value::deserialize(deserializer)? else {
        return Err(D::Error::custom(format!("`{list}`: expected a list of layers such as [{{ layer = \"relu\" }}]")));
    };
    let read = |(index, value)| {
        LayerConfig::read(value).map_err(|reason| D::Error::custom(format!("layer `{list}.{index}`{reason}")))
    };
    values.into_iter().enumerate().map(read).collect()
}

#[cfg(test)]
mod tests;

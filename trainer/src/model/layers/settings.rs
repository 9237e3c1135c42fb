//! The questions that every layer's file answers about its layer.

use bundle::Shape;
use candle_core::Var;
use toml::Value;

use super::entries::Entries;
use super::init::Init;
use super::module::LayerModule;

/// The widest layer, and the largest value of any count. More is a slip of the keyboard: the weights between two layers of this
/// width take 17 GB.
pub(in crate::model) const MAX_WIDTH: usize = 1 << 16;

/// What a layer does with the values, as far as the layers around it are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model) enum Role {
    /// Makes other values: fully connected, convolution, LSTM.
    Compute,
    /// Makes an image smaller.
    Pool,
    /// Makes an image larger, or cuts it to size.
    Enlarge,
    /// One value in, one value out.
    Activate,
    /// Brings values to mean 0 and variance 1.
    Normalise,
    /// Changes the shape and no value.
    Reshape,
    /// Changes values in training only.
    Regularise,
}

/// Returns the parameter of this name and shape: fresh, with these initial values, or a checkpoint's.
pub(in crate::model) type Parameters<'a> = dyn FnMut(&str, Vec<usize>, Init) -> crate::Result<Var> + 'a;

/// A layer's settings, as a config has them.
///
/// Each layer also has a method `mirror(input, output)`, its mirror image, whose bounds name the layers that this consists of.
pub(super) trait Settings: Sized {
    /// The layer in a network.
    type Module;

    /// Its name in a config; several where the settings are a choice among layers.
    const NAMES: &'static [&'static str];

    /// Takes the settings of the layer `name` out of a config's table.
    fn read(name: &str, entries: &mut Entries) -> Result<Self, String>;

    /// This layer's name.
    fn name(&self) -> &'static str {
        Self::NAMES[0]
    }

    /// What it does with the values.
    fn role(&self) -> Role;

    /// Fails for a setting out of its range.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    /// What the layer makes of `input`; its settings are in range.
    fn output(&self, input: Shape) -> Result<Shape, String>;

    /// The number of its weights, biases left out: they are few.
    fn weight_count(&self, _input: Shape) -> u64 {
        0
    }

    /// Whether the fused chain takes it: where it takes all layers, a batch goes through them a few rows at a time.
    fn fuses(&self, _input: Shape) -> bool {
        false
    }

    /// About how many values candle's graph holds for each row at the peak of a training step, as measured on the CPU: outputs,
    /// gradients and temporaries.
    fn graph_values(&self, _input: Shape, output: Shape) -> u64 {
        2 * values(output)
    }

    /// How a network's summary names the layer, `conv16`; nothing for a layer without weights.
    fn summary(&self) -> Option<String> {
        None
    }

    /// How many layers it is, those in it counted.
    fn layer_count(&self) -> usize {
        1
    }

    /// The dimensions in which the layer takes `input`, which now has `dims`.
    fn input_dims(&self, input: Shape, _dims: &[usize]) -> Vec<usize> {
        input.dims()
    }

    /// The layer with its parameters; nothing for one that only asks for another shape.
    fn build(&self, input: Shape, parameters: &mut Parameters) -> crate::Result<Option<Self::Module>>;
}

/// The settings of any layer, for a layer that holds others.
pub(in crate::model) trait AnyLayer: Sized {
    /// Any layer in a network.
    type Module: LayerModule;

    /// The layer of a config's table; an error begins with the layer's name in brackets, if there is such a layer.
    fn read(value: Value) -> Result<Self, String>;

    /// As [`Settings::name`].
    fn name(&self) -> &'static str;

    /// As [`Settings::role`].
    fn role(&self) -> Role;

    /// As [`Settings::output`], of settings that are checked.
    fn output(&self, input: Shape) -> Result<Shape, String>;

    /// As [`Settings::weight_count`].
    fn weight_count(&self, input: Shape) -> u64;

    /// As [`Settings::graph_values`].
    fn graph_values(&self, input: Shape, output: Shape) -> u64;

    /// As [`Settings::summary`].
    fn summary(&self) -> Option<String>;

    /// The layers that take `output`, which this layer makes of `input`, back to the shape of `input`.
    fn mirror(&self, input: Shape, output: Shape) -> Result<Vec<Self>, String>;

    /// As [`Settings::build`].
    fn build(&self, input: Shape, parameters: &mut Parameters) -> crate::Result<Option<Self::Module>>;

    /// In a mirror image, which has the layers in reverse: a normalisation comes before its activation again.
    fn normalise_before_activating(layers: &mut [Self]) {
        for index in 1..layers.len() {
            if layers[index].role() == Role::Normalise && layers[index - 1].role() == Role::Activate {
                layers.swap(index - 1, index);
            }
        }
    }
}

/// Fails unless `value` is in `1..=MAX_WIDTH`.
pub(super) fn check_count(setting: &str, value: usize) -> Result<(), String> {
    if (1..=MAX_WIDTH).contains(&value) {
        return Ok(());
    }
    Err(format!("`{setting}`: expected 1 to {MAX_WIDTH}, found {value}"))
}

/// The number of values of one row.
pub(in crate::model) fn values(shape: Shape) -> u64 {
    shape.len().map_or(u64::MAX >> 16, |len| len as u64)
}

/// The product of `factors`, at most the largest number.
pub(super) fn product<const N: usize>(factors: [usize; N]) -> u64 {
    factors.into_iter().fold(1, |product, factor| product.saturating_mul(factor as u64))
}

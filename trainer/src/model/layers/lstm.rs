//! `lstm`: a long short-term memory over the steps of a sequence.

use bundle::Shape;
use std::collections::HashMap;

use candle_core::Tensor;
use candle_nn::rnn::{LSTM, LSTMConfig, RNN};
use candle_nn::{Init as CandleInit, VarBuilder};
use serde::Serialize;

use super::entries::Entries;
use super::init::Init;
use super::linear::LinearConfig;
use super::module::LayerModule;
use super::repeat::Repeat;
use super::settings::{Parameters, Role, Settings, check_count, product};
use super::shapes::expect_sequence;
use crate::ops;

/// Long short-term memory over the steps of a sequence; the rows of an image with one channel are steps too.
/// `[batch, steps, n] -> [batch, steps, units]`, or `[batch, units]`: the state after the last step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LstmConfig {
    /// Values of the state, 1 to 65536.
    pub units: usize,
    /// Whether the output is the state after every step, instead of the last alone. Default false.
    pub sequence: bool,
}

impl LstmConfig {
    /// A layer with this number of `units`, which gives the state after the last step.
    pub fn new(units: usize) -> Self {
        Self { units, sequence: false }
    }

    pub(super) fn mirror<L>(&self, input: Shape, _output: Shape) -> Result<Vec<L>, String>
    where
        L: From<Repeat> + From<LstmConfig> + From<LinearConfig>,
    {
        let [steps, features] = expect_sequence(input)?;
        let repeat = (!self.sequence).then_some(Repeat { steps });
        let lstm = Self { units: self.units, sequence: true };
        // A state lies in -1..1, so a linear function of it makes the values.
        let linear = LinearConfig { units: features };
        Ok(repeat.map(L::from).into_iter().chain([lstm.into(), linear.into()]).collect())
    }
}

impl Settings for LstmConfig {
    type Module = Lstm;

    const NAMES: &'static [&'static str] = &["lstm"];

    fn read(_name: &str, entries: &mut Entries) -> Result<Self, String> {
        let default = Self::new(entries.count("units")?);
        Ok(Self { sequence: entries.switch_or("sequence", default.sequence)?, ..default })
    }

    fn role(&self) -> Role {
        Role::Compute
    }

    fn check(&self) -> Result<(), String> {
        check_count("units", self.units)
    }

    fn output(&self, input: Shape) -> Result<Shape, String> {
        let [steps, _] = expect_sequence(input)?;
        Ok(if self.sequence { Shape::Sequence { steps, features: self.units } } else { Shape::Row(self.units) })
    }

    fn weight_count(&self, input: Shape) -> u64 {
        product([input.as_sequence().map_or(0, |(_, features)| features) + self.units, self.units, 4])
    }

    fn graph_values(&self, input: Shape, _output: Shape) -> u64 {
        let steps = input.as_sequence().map_or(0, |(steps, _)| steps);
        6 * product([steps, self.units])
    }

    fn summary(&self) -> Option<String> {
        Some(format!("lstm{}", self.units))
    }

    fn input_dims(&self, input: Shape, _dims: &[usize]) -> Vec<usize> {
        input.as_sequence().map_or_else(|| input.dims(), |(steps, features)| vec![steps, features])
    }

    fn build(&self, input: Shape, parameters: &mut Parameters) -> crate::Result<Option<Lstm>> {
        let (_, features) = input.as_sequence().expect("the network's check let only sequences pass");
        let units = self.units;
        // Ones for the forget gate, the second of four, so that it begins by remembering (Jozefowicz et al. 2015).
        let bias = (0..4 * units).map(|row| if row / units == 1 { 1. } else { 0. }).collect();
        let shapes = [
            (vec![4 * units, features], Init::GlorotUniform),
            (vec![4 * units, units], Init::GlorotUniform),
            (vec![4 * units], Init::Values(bias)),
        ];
        let mut weights = HashMap::new();
        for (name, (dims, init)) in WEIGHTS.into_iter().zip(shapes) {
            weights.insert(name.to_owned(), parameters(name, dims, init)?.as_tensor().clone());
        }
        let lstm = candle_nn::lstm(features, units, Lstm::config(), builder(&weights))?;
        Ok(Some(Lstm { lstm, weights, features, units, sequence: self.sequence }))
    }
}

/// candle's names of the weights that are used.
const WEIGHTS: [&str; 3] = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0"];

/// A long short-term memory whose weights can be read; those of candle's own cannot.
#[derive(Clone, Debug)]
pub struct Lstm {
    lstm: LSTM,
    weights: HashMap<String, Tensor>,
    features: usize,
    units: usize,
    sequence: bool,
}

impl Lstm {
    /// How `candle_nn` builds it: a bias for the input alone, as Keras has it.
    pub fn config() -> LSTMConfig {
        LSTMConfig { b_ih_init: Some(CandleInit::Const(0.)), b_hh_init: None, ..LSTMConfig::default() }
    }

    /// Values at each step.
    pub fn features(&self) -> usize {
        self.features
    }

    /// Values of the state.
    pub fn units(&self) -> usize {
        self.units
    }

    /// Whether the output is the state after every step, instead of the last alone.
    pub fn gives_sequence(&self) -> bool {
        self.sequence
    }

    /// Its weights by candle's names: `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`.
    pub fn weights(&self) -> VarBuilder<'static> {
        builder(&self.weights)
    }
}

/// The same tensors, not copies: gradients reach them.
fn builder(tensors: &HashMap<String, Tensor>) -> VarBuilder<'static> {
    let any = tensors.values().next().expect("an LSTM has weights");
    VarBuilder::from_tensors(tensors.clone(), any.dtype(), any.device())
}

impl LayerModule for Lstm {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let [weight_ih, weight_hh, bias] = WEIGHTS.map(|name| &self.weights[name]);
        let states = match ops::lstm(x, weight_ih, weight_hh, bias)? {
            Some(states) => states,
            None => self.lstm.states_to_tensor(&self.lstm.seq(x)?)?,
        };
        if self.sequence { Ok(states) } else { states.narrow(1, states.dim(1)? - 1, 1)?.squeeze(1) }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::random::{Purpose, stream};

    #[test]
    fn an_lstm_begins_by_remembering() {
        let mut rng = stream(7, Purpose::Weights, 0);
        let mut biases = Vec::new();
        let mut parameters = |name: &str, dims: Vec<usize>, init: Init| {
            let var = init.draw(&dims, &mut rng, &Device::Cpu)?;
            if name.starts_with("bias") {
                biases = var.to_vec1::<f32>()?;
            }
            Ok(var)
        };
        let input = Shape::Sequence { steps: 3, features: 5 };
        LstmConfig::new(2).build(input, &mut parameters).unwrap().unwrap();
        assert_eq!(biases, [0., 0., 1., 1., 0., 0., 0., 0.]);
    }
}

//! `residual`: layers whose output is added to their input.

use bundle::Shape;
use candle_core::Tensor;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::entries::Entries;
use super::module::LayerModule;
use super::run::run;
use super::settings::{AnyLayer, Parameters, Role, Settings, values};

/// The most layers in it.
const MAX_LAYERS: usize = 64;

/// `x + layers(x)`, where the layers keep the shape (He and others 2015).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ResidualConfig<L> {
    /// The layers, 1 to 64; no other `residual` and nothing that only changes the shape.
    pub layers: Vec<L>,
}

// The layers are this program's own, so nobody needs the trait's name.
#[allow(private_bounds)]
impl<L: AnyLayer> ResidualConfig<L> {
    /// The shape of each layer's input, and behind them that of the output.
    fn shapes(&self, input: Shape) -> Result<Vec<Shape>, String> {
        let mut shapes = vec![input];
        for (index, layer) in self.layers.iter().enumerate() {
            let shape = layer.output(shapes[index]);
            shapes.push(shape.map_err(|reason| format!("`layers.{index}` ({}): {reason}", layer.name()))?);
        }
        Ok(shapes)
    }

    /// Adds up what `part` says of each layer with its input and output.
    fn sum(&self, input: Shape, part: impl Fn(&L, [Shape; 2]) -> u64) -> u64 {
        let shapes = self.shapes(input).unwrap_or_default();
        let layers = self.layers.iter().zip(shapes.windows(2));
        layers.map(|(layer, shapes)| part(layer, [shapes[0], shapes[1]])).fold(0, u64::saturating_add)
    }

    pub(super) fn mirror<M: From<Self>>(&self, input: Shape, _output: Shape) -> Result<Vec<M>, String> {
        let (mut layers, shapes) = (vec![], self.shapes(input)?);
        for (layer, shapes) in self.layers.iter().zip(shapes.windows(2)).rev() {
            layers.extend(layer.mirror(shapes[0], shapes[1])?);
        }
        L::normalise_before_activating(&mut layers);
        Ok(vec![Self { layers }.into()])
    }
}

impl<L: AnyLayer> Settings for ResidualConfig<L> {
    type Module = Residual<L::Module>;

    const NAMES: &'static [&'static str] = &["residual"];

    fn read(_name: &str, entries: &mut Entries) -> Result<Self, String> {
        let read = |(index, value)| L::read(value).map_err(|reason| format!("`layers.{index}`{reason}"));
        let layers = entries.list("layers")?.into_iter().enumerate().map(read).collect::<Result<Vec<L>, String>>()?;
        Ok(Self { layers })
    }

    fn role(&self) -> Role {
        Role::Compute
    }

    fn check(&self) -> Result<(), String> {
        if !(1..=MAX_LAYERS).contains(&self.layers.len()) {
            return Err(format!("`layers`: expected 1 to {MAX_LAYERS}, found {}", self.layers.len()));
        }
        let refused = self.layers.iter().find(|layer| layer.name() == Self::NAMES[0] || layer.role() == Role::Reshape);
        refused.map_or(Ok(()), |layer| Err(format!("`layers`: `{}` cannot stand in a `residual`", layer.name())))
    }

    fn output(&self, input: Shape) -> Result<Shape, String> {
        match self.shapes(input)?.last() {
            Some(output) if *output != input => {
                Err(format!("its layers make {output} of {input}; expected the same shape"))
            }
            _ => Ok(input),
        }
    }

    fn weight_count(&self, input: Shape) -> u64 {
        self.sum(input, |layer, [input, _]| layer.weight_count(input))
    }

    fn graph_values(&self, input: Shape, output: Shape) -> u64 {
        let inner = self.sum(input, |layer, [input, output]| layer.graph_values(input, output));
        inner.saturating_add(2 * values(output))
    }

    fn layer_count(&self) -> usize {
        1 + self.layers.len()
    }

    fn summary(&self) -> Option<String> {
        let inner: Vec<String> = self.layers.iter().filter_map(AnyLayer::summary).collect();
        Some(format!("({})", inner.join("-")))
    }

    fn build(&self, input: Shape, parameters: &mut Parameters) -> crate::Result<Option<Self::Module>> {
        let shapes = self.shapes(input).unwrap_or_default();
        let mut layers = vec![];
        for (index, (layer, shape)) in self.layers.iter().zip(shapes).enumerate() {
            let mut named = |kind: &str, dims, init| parameters(&format!("{index}.{kind}"), dims, init);
            layers.extend(layer.build(shape, &mut named)?);
        }
        Ok(Some(Residual { layers }))
    }
}

/// Layers whose output is added to their input.
#[derive(Clone, Debug)]
pub struct Residual<M> {
    layers: Vec<M>,
}

impl<M> Residual<M> {
    /// The layers in order.
    pub fn layers(&self) -> &[M] {
        &self.layers
    }
}

impl<M: LayerModule> LayerModule for Residual<M> {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        x + run(&self.layers, x, None)?
    }

    fn forward_training(&self, x: &Tensor, rng: &mut ChaCha8Rng) -> candle_core::Result<Tensor> {
        x + run(&self.layers, x, Some(rng))?
    }
}

//! Any layer, as those that hold others see it.

use bundle::Shape;
use toml::Value;

use super::LayerConfig;
use super::layer::Layer;
use super::settings::{AnyLayer, Parameters, Role};

impl AnyLayer for LayerConfig {
    type Module = Layer;

    fn read(value: Value) -> Result<Self, String> {
        Self::read(value)
    }

    fn name(&self) -> &'static str {
        self.name()
    }

    fn role(&self) -> Role {
        self.role()
    }

    fn output(&self, input: Shape) -> Result<Shape, String> {
        self.output(input)
    }

    fn weight_count(&self, input: Shape) -> u64 {
        self.weight_count(input)
    }

    fn graph_values(&self, input: Shape, output: Shape) -> u64 {
        self.graph_values(input, output)
    }

    fn summary(&self) -> Option<String> {
        self.summary()
    }

    fn mirror(&self, input: Shape, output: Shape) -> Result<Vec<Self>, String> {
        self.mirror(input, output)
    }

    fn build(&self, input: Shape, parameters: &mut Parameters) -> crate::Result<Option<Layer>> {
        self.build(input, parameters)
    }
}

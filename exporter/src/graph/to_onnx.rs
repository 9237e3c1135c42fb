//! The trait of modules that can be written as ONNX, and how one is added to a graph.

use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::value::Value;

/// A module that can be written as ONNX.
///
/// ```
/// use exporter::{GraphBuilder, Model, Result, ToOnnx, Value};
///
/// /// `x tanh(x)`: `[batch, ..] -> [batch, ..]`.
/// struct Gate;
///
/// impl ToOnnx for Gate {
///     fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
///         let gate = graph.tanh(x)?;
///         graph.mul(x, gate)
///     }
/// }
///
/// # fn main() -> Result<()> {
/// assert_eq!(Model::trace(&Gate).input("x", ("batch", 4)).build()?.operators(), ["Tanh", "Mul"]);
/// # Ok(()) }
/// ```
///
/// A module without `ToOnnx` does not compile:
///
/// ```compile_fail
/// struct Unknown;
/// exporter::Model::trace(&Unknown).input("x", ("batch", 4)).build();
/// ```
#[diagnostic::on_unimplemented(
    note = "`#[exportable]` makes it of a `forward` of one tensor; `graph.run(&net, |net| net.forward(..))` in `Model::build` takes others"
)]
pub trait ToOnnx {
    /// Adds the nodes that compute `self` on `x` and returns the output.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when `x` does not fit, naming the layer.
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value>;
}

impl GraphBuilder {
    /// Adds `layer` under `name`: its weights become `name.weight` and so on, after the names of the layers around it.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 4))?;
    /// let layer = candle_nn::Linear::new(candle_core::Tensor::new(&[[1f32; 4]; 3], &candle_core::Device::Cpu)?, None);
    /// let y = graph.apply("head", &layer, x)?; // [batch, 3], by `head.weight`
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when `x` does not fit, naming the layer.
    pub fn apply(&mut self, name: &str, layer: &(impl ToOnnx + ?Sized), x: Value) -> Result<Value> {
        self.scoped(name, |graph| layer.to_onnx(graph, x))
    }

    /// Adds everything that `build` adds, with names that begin with `name`. For modules with several inputs.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 4))?;
    /// let y = graph.scoped("block", |graph| graph.relu(x))?; // [batch, 4], by the node `block.Relu`
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// Those of `build`.
    pub fn scoped<T>(&mut self, name: &str, build: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.names.enter(name);
        let output = build(self);
        self.names.leave();
        output
    }

    /// The layers that are being added, the outermost first.
    pub(crate) fn place(&self) -> Vec<String> {
        self.names.place().to_vec()
    }

    /// Goes to these layers, whatever the current ones are, and returns those.
    pub(crate) fn enter_place(&mut self, layers: Vec<String>) -> Vec<String> {
        self.names.enter_place(layers)
    }
}

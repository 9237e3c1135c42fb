//! Runs the twin of a `forward`, which adds what it computes to a graph.

use super::context::{Lent, Scope};
use super::exportable::Exportable;
use super::tensor::Tensor;
use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::value::Value;

/// What a `forward` returns: a tensor, several of them, or a vector of them.
pub trait Outputs {
    /// The same as values of the graph.
    type Values;

    /// The values.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::initializer`], where a weight is returned as it is.
    fn values(self, graph: &mut GraphBuilder) -> Result<Self::Values>;
}

impl Outputs for Tensor {
    type Values = Value;

    fn values(self, graph: &mut GraphBuilder) -> Result<Value> {
        self.value(graph)
    }
}

impl<T: Outputs> Outputs for Vec<T> {
    type Values = Vec<T::Values>;

    fn values(self, graph: &mut GraphBuilder) -> Result<Self::Values> {
        self.into_iter().map(|output| output.values(graph)).collect()
    }
}

impl<A: Outputs, B: Outputs> Outputs for (A, B) {
    type Values = (A::Values, B::Values);

    fn values(self, graph: &mut GraphBuilder) -> Result<Self::Values> {
        Ok((self.0.values(graph)?, self.1.values(graph)?))
    }
}

impl<A: Outputs, B: Outputs, C: Outputs> Outputs for (A, B, C) {
    type Values = (A::Values, B::Values, C::Values);

    fn values(self, graph: &mut GraphBuilder) -> Result<Self::Values> {
        Ok((self.0.values(graph)?, self.1.values(graph)?, self.2.values(graph)?))
    }
}

impl GraphBuilder {
    /// Adds what `forward` computes, by the twin of `module`: for a `forward` with several inputs or outputs. [`Exportable`] makes twins.
    ///
    /// ```
    /// use candle_core::{Result, Tensor};
    /// use exporter::{Exportable, Model, exportable};
    ///
    /// #[derive(Exportable)]
    /// struct Distance;
    ///
    /// #[exportable]
    /// impl Distance {
    ///     fn forward(&self, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    ///         (a - b)?.sqr()?.sum(1)?.sqrt()
    ///     }
    /// }
    ///
    /// let model = Model::build("distance", 17, |graph| {
    ///     let a = graph.input("a", ("batch", 3))?;
    ///     let b = graph.input("b", ("batch", 3))?;
    ///     let distance = graph.run(&Distance, |net| net.forward(&a.into(), &b.into()))?;
    ///     graph.output("distance", distance) // [batch]
    /// })?;
    /// # Ok::<(), exporter::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] at the operator that does not fit, and those of `forward` itself.
    pub fn run<M: Exportable + ?Sized, T: Outputs>(
        &mut self,
        module: &M,
        forward: impl FnOnce(&mut M::Twin) -> candle_core::Result<T>,
    ) -> Result<T::Values> {
        let outside = self.place();
        let mut twin = module.twin(&Scope::new(&outside));
        let mut lent = Lent::new(self);
        let outputs = forward(&mut twin);
        drop(twin);
        let fault = lent.give_back();
        drop(lent);
        self.enter_place(outside);
        match (fault, outputs) {
            (Some(fault), _) => Err(fault),
            (None, outputs) => outputs?.values(self),
        }
    }
}

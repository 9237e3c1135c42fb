//! The graph that a `forward` is being added to, and the layer in which it is.
//!
//! Operators of the twin take no graph, as candle's take none, so the current one is the thread's.

use std::cell::RefCell;
use std::rc::Rc;

use candle_core::Error as CandleError;

use super::exportable::Exportable;
use super::tensor::Tensor;
use crate::error::{Error, Result};
use crate::graph::GraphBuilder;
use crate::value::Value;

thread_local! {
    /// Graphs that are being built, the innermost last.
    static GRAPHS: RefCell<Vec<Frame>> = const { RefCell::new(vec![]) };
}

struct Frame {
    /// Nothing while an operator is being added.
    graph: Option<Box<GraphBuilder>>,
    /// The first fault. What follows from it is none.
    fault: Option<Error>,
}

/// Runs an operator on the current graph. Its fault is kept for [`GraphBuilder::run`], and candle's error says the same.
pub(super) fn with<T>(add: impl FnOnce(&mut GraphBuilder) -> Result<T>) -> candle_core::Result<T> {
    let taken = GRAPHS.with_borrow_mut(|graphs| graphs.last_mut().and_then(|frame| frame.graph.take()));
    let Some(mut graph) = taken else {
        return Err(CandleError::Msg("values of a graph are used where no graph is built".into()));
    };
    let added = add(&mut graph);
    GRAPHS.with_borrow_mut(|graphs| {
        let Some(frame) = graphs.last_mut() else { return added.map_err(CandleError::wrap) };
        frame.graph = Some(graph);
        added.map_err(|error| {
            let message = error.to_string();
            frame.fault.get_or_insert(error);
            CandleError::Msg(message)
        })
    })
}

/// The same where candle's function cannot fail: the fault fails the graph, and `otherwise` stands in until then.
pub(super) fn with_or<T>(otherwise: T, add: impl FnOnce(&mut GraphBuilder) -> Result<T>) -> T {
    with(add).unwrap_or(otherwise)
}

/// The place of a layer in the model: `layers.0.attention`. Its weights' names begin with it.
#[derive(Clone, Debug)]
pub struct Scope(Rc<str>);

impl Scope {
    /// The scope of a field, or of an element.
    pub fn inner(&self, name: &str) -> Self {
        let name = match (self.0.is_empty(), name.is_empty()) {
            (true, _) => name.to_owned(),
            (_, true) => self.0.to_string(),
            _ => format!("{}.{name}", self.0),
        };
        Self(name.into())
    }

    /// Adds everything that `add` adds inside this scope.
    pub(super) fn with<T>(&self, add: impl FnOnce(&mut GraphBuilder) -> Result<T>) -> candle_core::Result<T> {
        with(|graph| {
            let outside = graph.enter_place(self.layers());
            let added = add(graph);
            graph.enter_place(outside);
            added
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.0
    }

    fn layers(&self) -> Vec<String> {
        if self.0.is_empty() { vec![] } else { vec![self.0.to_string()] }
    }
}

/// What knows its place in the model.
pub trait Scoped {
    /// The place, where it is known.
    fn scope(&self) -> Option<&Scope>;
}

/// Leaves the layer when it is dropped.
#[derive(Debug)]
pub struct Inside(Option<Vec<String>>);

/// Enters the layer: nodes and faults of its methods have its name.
pub fn enter(layer: &impl Scoped) -> Inside {
    let layers = layer.scope().map(Scope::layers);
    Inside(layers.and_then(|layers| with(|graph| Ok(graph.enter_place(layers))).ok()))
}

impl Drop for Inside {
    fn drop(&mut self) {
        if let Some(layers) = self.0.take() {
            let _ = with(|graph| Ok(graph.enter_place(layers)));
        }
    }
}

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

/// Takes the graph back from the thread, also when `forward` panics.
struct Lent<'a>(&'a mut GraphBuilder);

impl<'a> Lent<'a> {
    fn new(graph: &'a mut GraphBuilder) -> Self {
        let placeholder = GraphBuilder::new("", graph.opset());
        let lent = std::mem::replace(graph, placeholder);
        GRAPHS.with_borrow_mut(|graphs| graphs.push(Frame { graph: Some(Box::new(lent)), fault: None }));
        Self(graph)
    }
}

impl Lent<'_> {
    fn give_back(&mut self) -> Option<Error> {
        let frame = GRAPHS.with_borrow_mut(Vec::pop)?;
        if let Some(graph) = frame.graph {
            *self.0 = *graph;
        }
        frame.fault
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.give_back();
        }
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
    /// [`Error::Shape`] at the operator that does not fit, and those of `forward` itself.
    pub fn run<M: Exportable + ?Sized, T: Outputs>(
        &mut self,
        module: &M,
        forward: impl FnOnce(&mut M::Twin) -> candle_core::Result<T>,
    ) -> Result<T::Values> {
        let outside = self.place();
        let mut twin = module.twin(&Scope(outside.join(".").into()));
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

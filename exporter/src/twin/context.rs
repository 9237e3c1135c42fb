//! The graph that a `forward` is being added to, and the layer in which it is.
//!
//! Operators of the twin take no graph, as candle's take none, so the current one is the thread's.

use std::cell::RefCell;
use std::rc::Rc;

use candle_core::Error as CandleError;

use crate::error::{Error, Result};
use crate::graph::GraphBuilder;

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
    let taken = GRAPHS.with_borrow_mut(|graphs| {
        let frame = graphs.last_mut()?;
        let graph = frame.graph.take();
        if graph.is_none() {
            let reason = "an operator was added while another one was".into();
            frame.fault.get_or_insert(Error::Invalid { graph: "?".into(), reason });
        }
        graph
    });
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
    /// The place of a model inside these layers.
    pub(super) fn new(layers: &[String]) -> Self {
        Self(layers.join(".").into())
    }

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

/// Takes the graph back from the thread, also when `forward` panics.
pub(super) struct Lent<'a>(&'a mut GraphBuilder);

impl<'a> Lent<'a> {
    /// Makes the graph the thread's.
    pub(super) fn new(graph: &'a mut GraphBuilder) -> Self {
        let placeholder = GraphBuilder::new("", graph.opset());
        let lent = std::mem::replace(graph, placeholder);
        GRAPHS.with_borrow_mut(|graphs| graphs.push(Frame { graph: Some(Box::new(lent)), fault: None }));
        Self(graph)
    }
}

impl Lent<'_> {
    /// The graph is the caller's again; the first fault, if there was one.
    pub(super) fn give_back(&mut self) -> Option<Error> {
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

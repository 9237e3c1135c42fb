//! The names of a graph's nodes and values: within the layers they are nested in, and each used once.

use std::collections::{HashMap, HashSet};

use candle_core::TensorId;

/// The names that are used, and the layers that are being added.
#[derive(Debug, Default)]
pub(crate) struct Names {
    taken: HashSet<String>,
    /// The first number that may be free behind a name that is taken: names are never given back.
    numbers: HashMap<String, usize>,
    layers: Vec<String>,
    /// What the checkpoint calls tensors, where a caller said so.
    given: HashMap<TensorId, String>,
}

impl Names {
    /// Opens the layer `name` inside the current one.
    pub(super) fn enter(&mut self, name: &str) {
        self.layers.push(name.into());
    }

    /// Closes the current layer.
    pub(super) fn leave(&mut self) {
        self.layers.pop();
    }

    /// The layers that are open, the outermost first.
    pub(super) fn place(&self) -> &[String] {
        &self.layers
    }

    /// Opens these layers in place of the current ones, which it returns.
    pub(super) fn enter_place(&mut self, layers: Vec<String>) -> Vec<String> {
        std::mem::replace(&mut self.layers, layers)
    }

    /// The current layer: `decoder.2`; empty outside any.
    pub(super) fn layer(&self) -> String {
        self.layers.join(".")
    }

    /// `name` inside the current layer: `decoder.2.weight`.
    pub(super) fn full(&self, name: &str) -> String {
        self.layers.iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join(".")
    }

    /// Says what the checkpoint calls tensors.
    pub(super) fn give(&mut self, names: impl IntoIterator<Item = (TensorId, String)>) {
        self.given.extend(names);
    }

    /// The name of a weight: the checkpoint's, or `name` inside the current layer.
    pub(super) fn of_weight(&self, tensor: TensorId, name: &str) -> String {
        self.given.get(&tensor).cloned().unwrap_or_else(|| self.full(name))
    }

    /// Takes `name` as it stands; false where it is used already.
    pub(super) fn take(&mut self, name: &str) -> bool {
        self.taken.insert(name.into())
    }

    /// Takes `name` inside the current layer, with the first free number where it is used already.
    pub(super) fn free(&mut self, name: &str) -> String {
        self.free_as_it_stands(self.full(name))
    }

    /// Takes `name` as it stands, with the first free number where it is used already.
    pub(super) fn free_as_it_stands(&mut self, name: String) -> String {
        let free = match self.number(&name) {
            None => name,
            Some(number) => format!("{name}_{number}"),
        };
        self.taken.insert(free.clone());
        free
    }

    /// Takes a name for a constant that the graph makes up: `decoder.2/shape`. No checkpoint has a stroke in its names, so that weights
    /// that are added later find theirs free.
    pub(super) fn made_up(&mut self, what: &str) -> String {
        self.free_as_it_stands(format!("{}/{what}", self.layer()))
    }

    /// The first free number behind `name`; nothing where it needs none.
    fn number(&mut self, name: &str) -> Option<usize> {
        if !self.taken.contains(name) {
            return None;
        }
        let number = self.numbers.entry(name.to_owned()).or_insert(2);
        while self.taken.contains(&format!("{name}_{number}")) {
            *number += 1;
        }
        Some(*number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_name_gets_the_first_free_number() {
        let mut names = Names::default();
        names.enter("decoder");
        names.enter("2");
        assert_eq!((names.layer().as_str(), names.full("weight").as_str()), ("decoder.2", "decoder.2.weight"));
        assert_eq!([names.free("Relu"), names.free("Relu")], ["decoder.2.Relu", "decoder.2.Relu_2"]);
        assert_eq!([names.made_up("shape"), names.made_up("shape")], ["decoder.2/shape", "decoder.2/shape_2"]);
        names.leave();
        assert!(names.take("decoder.Relu") && !names.take("decoder.Relu"));
        assert_eq!(names.free("Relu"), "decoder.Relu_2");
    }
}

//! A shape that a caller changes: `x.dims().to_vec()`.

use std::ops::{Deref, DerefMut};

use super::dims::{IntoLengths, Part};
use super::length::Length;
use super::tensor::Tensor;

/// What `Vec<usize>` is for a shape in the twin of a `forward`: it takes lengths and numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Lengths(Vec<Length>);

impl Tensor {
    /// The lengths, as a vector.
    pub fn lengths(&self) -> Lengths {
        Lengths(self.dims().to_vec())
    }
}

impl Lengths {
    /// Adds a length at the end.
    pub fn push(&mut self, length: impl Into<Length>) {
        self.0.push(length.into());
    }

    /// Takes the last length.
    pub fn pop(&mut self) -> Option<Length> {
        self.0.pop()
    }

    /// Adds a length at a place.
    pub fn insert(&mut self, place: usize, length: impl Into<Length>) {
        self.0.insert(place, length.into());
    }

    /// Takes the length at a place.
    pub fn remove(&mut self, place: usize) -> Length {
        self.0.remove(place)
    }

    /// Adds lengths at the end.
    pub fn extend<T: Into<Length>>(&mut self, lengths: impl IntoIterator<Item = T>) {
        self.0.extend(lengths.into_iter().map(Into::into));
    }

    /// The lengths in order.
    pub fn as_slice(&self) -> &[Length] {
        &self.0
    }
}

impl Deref for Lengths {
    type Target = [Length];

    fn deref(&self) -> &[Length] {
        &self.0
    }
}

impl DerefMut for Lengths {
    fn deref_mut(&mut self) -> &mut [Length] {
        &mut self.0
    }
}

impl IntoLengths for Lengths {
    fn parts(self) -> Vec<Part> {
        self.0.parts()
    }
}

impl IntoLengths for &Lengths {
    fn parts(self) -> Vec<Part> {
        self.0.as_slice().parts()
    }
}

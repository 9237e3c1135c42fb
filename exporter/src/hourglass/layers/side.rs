//! How long the sides of an image are.

use crate::shape::Dim;
use crate::value::Value;

/// The length of `axis`. The trainer's images have fixed sizes; only the batch is symbolic.
pub(super) fn side(x: Value, axis: usize) -> usize {
    match x.dim(axis) {
        Dim::Fixed(length) => length,
        Dim::Symbol(_) => 0,
    }
}

//! Loops over plain slices, vectorised for the processor they run on. Those that are shared between threads give the same result
//! at any number of them.

pub(super) mod conv;
pub(super) mod elementwise;
mod few;
pub(super) mod lstm;
mod math;
mod panel;
pub(super) mod pool;
pub(super) mod product;
pub(super) mod scratch;
mod tiles;
pub(crate) mod update;
mod vectorised;

#[cfg(test)]
mod tests;

//! Loops over plain slices, vectorised for the processor they run on and shared between threads; the same result at any number
//! of threads.

pub(super) mod conv;
pub(super) mod elementwise;
mod few;
pub(super) mod lstm;
mod math;
mod panel;
pub(super) mod pool;
pub(super) mod scratch;
mod tiles;
mod vectorised;

#[cfg(test)]
mod tests;

//! Loops over plain slices, vectorised for the processor they run on and shared between threads; the same result at any number
//! of threads.

pub mod activation;
pub mod conv;
pub mod dense;
pub mod elementwise;
mod few;
pub mod lstm;
mod math;
mod panel;
pub mod pool;
pub mod scratch;
mod sums;
mod tiles;
mod vectorised;

#[cfg(test)]
mod tests;

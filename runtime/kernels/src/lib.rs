//! Loops over plain slices, vectorised for the processor they run on. Those that are shared between threads give the same result
//! at any number of them.

pub mod activation;
mod ahead;
pub mod channels_last;
pub mod conv;
pub mod dense;
pub mod elementwise;
mod few;
pub mod lstm;
mod math;
mod panel;
pub mod pool;
pub mod product;
pub mod scratch;
mod sparse;
mod sums;
mod tiles;
pub mod upconv;
pub mod update;
mod vectorised;

#[cfg(test)]
mod tests;

//! The recurrence of one LSTM layer over whole sequences, and its gradients, for blocks of rows on all cores.
//!
//! Gates are in the order input, forget, cell, output. Rows (sequences) do not depend on each other, so every block of rows
//! runs through all its steps on one thread, and the weights stay in that core's cache.

mod backward;
mod forward;
mod layout;
mod tile;

pub use forward::PackedLstm;
pub use layout::Lstm;

#[cfg(test)]
mod tests;

//! Graphs made of layers that have a kernel: faster than on tract, without allocations and without dependencies.

mod attributes;
#[cfg(test)]
mod column_tests;
mod columns;
mod elements;
mod network;
mod operators;
mod reader;
mod sequences;
mod unsupported;

#[cfg(test)]
mod element_tests;
#[cfg(test)]
mod sequence_tests;
#[cfg(test)]
mod tests;

pub(crate) use network::Network;
pub(crate) use reader::read;

//! What crosses crates: training, export and inference on real digits, through the libraries and the programs.
#![allow(clippy::unwrap_used, missing_docs)]

mod bundle;
mod commands;
mod exporter;
mod family;
mod inference;
mod layers;
mod mnist;
mod other_bundles;
mod parity;
mod pictures;
mod scores;
mod support;
mod tables;
mod versions;

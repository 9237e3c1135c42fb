//! Rows as bytes, where they come from, and the split into training, validation and test rows.

mod dataset;
mod samples;
mod sources;
mod split;

pub use dataset::Dataset;
pub use samples::Images;
pub use sources::DataSource;
pub use split::{Split, Validation};

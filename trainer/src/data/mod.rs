//! Rows as bytes, where they come from, and the split into training, validation and test rows.

mod batches;
mod dataset;
mod others;
mod picture_config;
mod rest;
mod row_digest;
mod samples;
mod sources;
mod split;
mod table_config;

pub(crate) use batches::Batches;
pub use dataset::Dataset;
pub use picture_config::{PictureConfig, Preparation};
pub use samples::Samples;
pub use sources::DataSource;
pub use split::{Split, Validation};
pub use table_config::{Dates, Missing, Scaling, TableConfig, TestRows, TrainOn};

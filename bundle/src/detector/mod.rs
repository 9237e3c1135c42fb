//! What says how unusual a row is: its reconstruction's error and its distance from known rows, and how often a usual row is as
//! unusual.

mod arrays;
mod calibration;
mod centre;
mod columns;
mod drift;
mod errors;
mod fitted;
mod known_rows;

pub use arrays::{Array, Numbers};
pub use calibration::{Calibration, is_anomaly};
pub use centre::Centre;
pub use drift::Drift;
pub use errors::RowForm;
pub use fitted::{Detector, MAX_DETECTOR_VALUES, NEIGHBOURS, Scores};
pub use known_rows::KnownRows;

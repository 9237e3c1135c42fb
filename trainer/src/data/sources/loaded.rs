//! What a source gives.

use super::table::Streamed;
use crate::data::samples::Samples;

/// Training and test rows.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) train: Samples,
    pub(crate) test: Samples,
    /// What was assumed, a sentence each.
    pub(crate) notes: Vec<String>,
    /// Rows of a table that train as well, and are not in memory.
    pub(crate) rest: Option<Streamed>,
}

impl From<(Samples, Samples)> for Loaded {
    fn from((train, test): (Samples, Samples)) -> Self {
        Self { train, test, notes: Vec::new(), rest: None }
    }
}

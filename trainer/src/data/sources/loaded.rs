//! What a source gives.

use crate::data::samples::Images;

/// Training and test rows.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) train: Images,
    pub(crate) test: Images,
    /// What was assumed, a sentence each.
    pub(crate) notes: Vec<String>,
}

impl From<(Images, Images)> for Loaded {
    fn from((train, test): (Images, Images)) -> Self {
        Self { train, test, notes: Vec::new() }
    }
}

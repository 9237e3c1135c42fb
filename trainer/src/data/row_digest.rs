//! What tells a raw row from others.

use std::hash::{DefaultHasher, Hasher};

use super::samples::Samples;

impl Samples {
    /// What tells the raw row `index` from others, as far as 64 bits do; nothing of an image.
    pub(crate) fn raw_digest(&self, index: usize) -> Option<u64> {
        self.schema()?;
        let mut hasher = DefaultHasher::new();
        self.raw_row(index).iter().for_each(|value| hasher.write_u32(value.to_bits()));
        Some(hasher.finish())
    }
}

//! `report.html` and the pictures: all there is to see and to know of a run.

mod content;
mod page;
mod plots;

use crate::data::Images;
use crate::error::Result;
use crate::evaluate::Measure;
use crate::file;
use crate::run::{EpochRecord, Run, Summary};

pub use plots::draw_comparison;

/// A finished training, and what its pictures are made of.
pub(crate) struct Finished<'a> {
    pub(crate) run: &'a Run,
    pub(crate) summary: &'a Summary,
    pub(crate) history: &'a [EpochRecord],
    /// The best weights, and how rows are prepared for them.
    pub(crate) measure: &'a Measure<'a>,
    /// The test rows.
    pub(crate) test: &'a Images,
}

/// Writes the pictures of a finished run and its report into its folder.
///
/// # Errors
///
/// When a file cannot be written, or the network cannot compute what the pictures show.
pub(crate) fn write(finished: &Finished) -> Result<()> {
    let pictures = plots::draw_all(finished)?;
    let page = content::page(finished.summary, pictures, &finished.run.config()?);
    file::write_atomic(&finished.run.report(), page.to_html().as_bytes())
}

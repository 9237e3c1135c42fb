//! `report.html` and the pictures: everything about a run to look at.

mod columns;
mod content;
mod correlations;
mod finished;
mod page;
mod plots;
mod reconstructed;
mod worst_rows;

use crate::error::Result;
use crate::file;

pub(crate) use finished::Finished;
pub use plots::draw_comparison;
use reconstructed::Reconstructed;

/// Writes the pictures of a finished run and its report into its folder.
///
/// # Errors
///
/// When a file cannot be written, or the network cannot compute what the pictures show.
pub(crate) fn write(finished: &Finished) -> Result<()> {
    let pictures = plots::draw_all(finished)?;
    let config = finished.run.config()?;
    let mut page = content::page(finished.summary, pictures, &config.network_name(), config.to_toml());
    if let Some(rows) = Reconstructed::of(finished)? {
        page.tables.push(columns::columns(&rows));
        page.tables.extend(worst_rows::worst_rows(&rows, finished.scores));
    }
    file::write_atomic(&finished.run.report(), page.to_html().as_bytes())
}

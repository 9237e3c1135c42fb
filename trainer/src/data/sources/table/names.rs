//! Columns by their names.

use bundle::listed_names;
use rows::Columns;

use crate::suggest::did_you_mean;

/// The place of a column by its name.
pub(super) fn position(table: &Columns, name: &str) -> Result<usize, String> {
    table.position(name).ok_or_else(|| {
        let meant = did_you_mean(name, table.names.iter().map(String::as_str));
        format!("expected a column `{name}`, found {}{meant}", listed_names(&table.names))
    })
}

//! Columns by their names.

use rows::Columns;

use crate::suggest::did_you_mean;

/// The place of a column by its name.
pub(super) fn position(table: &Columns, name: &str) -> Result<usize, String> {
    table.position(name).ok_or_else(|| {
        let meant = did_you_mean(name, table.names.iter().map(String::as_str));
        format!("expected a column `{name}`, found {}{meant}", list(&table.names))
    })
}

/// `a, b, c and 7 more`
pub(super) fn list(names: &[String]) -> String {
    const MOST: usize = 8;
    let shown: Vec<String> = names.iter().take(MOST).map(|name| format!("`{}`", bundle::printable(name))).collect();
    let more = if names.len() > MOST { format!(" and {} more", names.len() - MOST) } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

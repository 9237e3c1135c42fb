//! Lines on standard error.

use std::io::{Write, stderr};

/// Says a line on standard error, if anybody reads it.
pub fn say(line: &str) {
    let _ = writeln!(stderr(), "{line}");
}

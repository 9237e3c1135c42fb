//! What is printed: results on standard output, progress on standard error; on a terminal, lines that end where it ends.

use std::io::{ErrorKind, IsTerminal, Write, stderr, stdout};

use anyhow::{Context, Result};

use bundle::{columns, wrapped};

/// Prints to standard error. Where nobody reads it, there is no one to tell.
pub fn say(text: &str) {
    let width = columns(stderr().is_terminal());
    let _ = writeln!(stderr(), "{}", wrapped(text, width));
}

/// Prints to standard output. A reader that has gone away, as `head` does, is no failure; a full disk is one.
pub fn print(text: &str) -> Result<()> {
    let mut out = stdout().lock();
    let text = without_controls(text);
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("cannot write to standard output"),
        _ => Ok(()),
    }
}

/// Text from files cannot move the cursor or change colours.
fn without_controls(text: &str) -> String {
    let is_safe = |char: char| matches!(char, '\n' | '\t') || !char.is_control();
    text.chars().map(|char| if is_safe(char) { char.to_string() } else { char.escape_default().to_string() }).collect()
}

/// The columns that results have room for; any number where nobody looks at them on a terminal.
pub fn result_width() -> Option<usize> {
    columns(stdout().is_terminal())
}

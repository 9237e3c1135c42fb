//! What is printed: results on standard output, progress on standard error.

use std::io::{ErrorKind, Write};

use anyhow::{Context, Result};

/// Prints to standard error. Where nobody reads it, there is no one to tell.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Prints to standard output. A reader that has gone away, as `head` does, is no failure; a full disk is one.
pub fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("cannot write to standard output"),
        _ => Ok(()),
    }
}

//! A line on the terminal that says how many rows are done.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

/// Work that takes less needs no progress bar.
const PATIENCE: Duration = Duration::from_secs(1);
const INTERVAL: Duration = Duration::from_millis(200);

/// The line, which is shown on a terminal alone, and gone when this is dropped.
pub struct ProgressBar {
    /// When to show it again; never where standard error is no terminal.
    next: Option<Instant>,
    is_shown: bool,
}

impl ProgressBar {
    pub fn new() -> Self {
        Self { next: stderr().is_terminal().then(|| Instant::now() + PATIENCE), is_shown: false }
    }

    /// Shows that so many rows are done, and which part of the file is read.
    pub fn show(&mut self, rows: usize, part: f64) {
        let now = Instant::now();
        if self.next.is_none_or(|next| now < next) {
            return;
        }
        self.next = Some(now + INTERVAL);
        self.is_shown = true;
        let _ = write!(stderr(), "\r\x1b[K{rows} rows, {:.0} % of the file", 100. * part);
    }
}

impl Drop for ProgressBar {
    fn drop(&mut self) {
        if self.is_shown {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}

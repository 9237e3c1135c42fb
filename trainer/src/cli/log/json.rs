//! One JSON object a line on standard output, told apart by `event`.

use std::path::Path;

use anyhow::{Error, Result};
use serde::Serialize;
use serde_json::json;
use trainer::{EpochRecord, Observer, Run, StartReport, Summary};

use super::frame::Log;
use crate::cli::output::print;

#[derive(Default)]
pub struct Json {
    /// The first line that could not be written; it is told at the end, for the run itself is not harmed.
    error: Option<Error>,
}

impl Json {
    fn print(&mut self, line: &impl Serialize) {
        let written = serde_json::to_string(line).map_err(Error::from).and_then(|line| print(&line));
        if let Err(error) = written {
            self.error.get_or_insert(error);
        }
    }

    fn end(&mut self, line: &impl Serialize) -> Result<()> {
        self.print(line);
        self.error.take().map_or(Ok(()), Err)
    }
}

/// An epoch. Written as it is: a value of `json!` would have 0.009999999776482582 for the float 0.01.
#[derive(Serialize)]
struct Epoch<'a> {
    event: &'static str,
    best: bool,
    #[serde(flatten)]
    record: &'a EpochRecord,
}

#[derive(Serialize)]
struct Finished<'a> {
    event: &'static str,
    dir: &'a Path,
    summary: &'a Summary,
}

impl Observer for Json {
    fn start(&mut self, report: &StartReport) {
        self.print(&json!({
            "event": "start",
            "network": report.network,
            "train_rows": report.train_rows,
            "validation_rows": report.validation_rows,
            "epochs": report.epochs,
            "epochs_done": report.epochs_done,
        }));
    }

    fn epoch(&mut self, record: &EpochRecord, best: bool) {
        self.print(&Epoch { event: "epoch", best, record });
    }
}

impl Log for Json {
    fn open(&mut self, run: &Run) -> Result<()> {
        self.print(&json!({ "event": "run", "dir": run.dir() }));
        Ok(())
    }

    fn finished(&mut self, run: &Run, summary: &Summary, _next: &[(&str, String)]) -> Result<()> {
        self.end(&Finished { event: "finished", dir: run.dir(), summary })
    }

    fn interrupted(&mut self, epoch: usize, step: usize, command: &str) -> Result<()> {
        self.end(&json!({ "event": "interrupted", "epoch": epoch, "step": step, "resume": command }))
    }
}

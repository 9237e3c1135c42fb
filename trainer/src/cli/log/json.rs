//! One JSON object a line on standard output, told apart by `event`.

use anyhow::{Error, Result};
use serde_json::{Value, json};
use trainer::{EpochRecord, Observer, Run, StartReport, Summary};

use super::frame::Log;
use crate::cli::output::print;

#[derive(Default)]
pub struct Json {
    /// The first line that could not be written; it is told at the end, for the run itself is not harmed.
    error: Option<Error>,
}

impl Json {
    fn print(&mut self, line: &Value) {
        if let Err(error) = print(&line.to_string()) {
            self.error.get_or_insert(error);
        }
    }

    fn end(&mut self, line: &Value) -> Result<()> {
        self.print(line);
        self.error.take().map_or(Ok(()), Err)
    }
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
        let mut line = json!({ "event": "epoch", "best": best });
        if let (Some(line), Ok(Value::Object(record))) = (line.as_object_mut(), serde_json::to_value(record)) {
            line.extend(record);
        }
        self.print(&line);
    }
}

impl Log for Json {
    fn open(&mut self, run: &Run) -> Result<()> {
        self.print(&json!({ "event": "run", "dir": run.dir() }));
        Ok(())
    }

    fn finished(&mut self, run: &Run, summary: &Summary, _next: &[(&str, String)]) -> Result<()> {
        self.end(&json!({ "event": "finished", "dir": run.dir(), "summary": summary }))
    }

    fn interrupted(&mut self, epoch: usize, step: usize, command: &str) -> Result<()> {
        self.end(&json!({ "event": "interrupted", "epoch": epoch, "step": step, "resume": command }))
    }
}

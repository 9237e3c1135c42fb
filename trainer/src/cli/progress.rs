//! What a run says while it goes: a bar on a terminal, a line an epoch elsewhere, JSON lines on request.

use std::io::Write;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use trainer::{EpochRecord, Observer, Run, Stage, StartReport, StepReport, Summary};

use super::result_lines;

/// An observer that also has the first and the last word.
pub trait Log: Observer {
    fn open(&mut self, run: &Run);
    fn finished(&mut self, run: &Run, summary: &Summary, next: &[(&str, String)]);
    fn interrupted(&mut self, epoch: usize, step: usize, command: &str);
}

fn first_line(report: &StartReport) -> String {
    let StartReport { network, optimizer, learning_rate, train_rows, validation_rows, .. } = report;
    let StartReport { epochs, epochs_done: done, batch_size, device, .. } = report;
    let from = if *done == 0 { String::new() } else { format!(", from epoch {}", done + 1) };
    format!(
        "{network}, {optimizer} at {learning_rate}, {train_rows} training and {validation_rows} validation rows, \
         {epochs} epochs of batch {batch_size}{from}, on {device}"
    )
}

fn interrupted_lines(epoch: usize, step: usize, command: &str) -> String {
    let place = if step == 0 { format!("after epoch {epoch}") } else { format!("in epoch {epoch} after step {step}") };
    format!("stopped {place}; everything is saved. Go on with\n  {command}")
}

/// Prints to standard error; a reader that has gone away is no reason to fail.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Names each stage after training when it begins.
fn say_once(said: &mut Option<Stage>, stage: Stage) {
    if said.replace(stage) != Some(stage) {
        say(&format!("after training: {stage}"));
    }
}

/// Prints to standard output; a reader that has gone away is no reason to fail.
pub fn print(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// A progress bar.
pub struct Terminal {
    bar: ProgressBar,
    epochs: usize,
    validation: Option<f64>,
    drawn: Option<Instant>,
    rate: Rate,
    stage: Option<Stage>,
}

impl Default for Terminal {
    fn default() -> Self {
        Self {
            bar: ProgressBar::hidden(),
            epochs: 0,
            validation: None,
            drawn: None,
            rate: Rate::default(),
            stage: None,
        }
    }
}

/// Rows a second since the run was started or resumed.
struct Rate {
    since: Instant,
    rows: usize,
}

impl Default for Rate {
    fn default() -> Self {
        Self { since: Instant::now(), rows: 0 }
    }
}

impl Rate {
    fn rows_per_second(&self) -> f64 {
        self.rows as f64 / self.since.elapsed().as_secs_f64().max(1e-9)
    }
}

impl Observer for Terminal {
    fn start(&mut self, report: &StartReport) {
        say(&first_line(report));
        let steps = report.steps();
        let style = ProgressStyle::with_template("{bar:28} {percent:>3}%  {msg}  {eta} left")
            .expect("the template is well formed");
        self.epochs = report.epochs;
        self.rate = Rate::default();
        self.bar = ProgressBar::new((steps * report.epochs) as u64).with_style(style);
        self.bar.set_position((steps * report.epochs_done) as u64);
        self.bar.reset_eta();
    }

    fn step(&mut self, report: &StepReport) {
        self.rate.rows += report.rows;
        let now = Instant::now();
        if self.drawn.is_some_and(|drawn| now - drawn < Duration::from_millis(100)) {
            return;
        }
        self.drawn = Some(now);
        let validation = self.validation.map_or(String::new(), |loss| format!("  validation {loss:.4}"));
        let rate = self.rate.rows_per_second();
        self.bar.set_message(format!(
            "epoch {}/{}  loss {:.4}{validation}  {rate:.0} rows/s",
            report.epoch, self.epochs, report.train_loss
        ));
        self.bar.set_position(((report.epoch - 1) * report.steps + report.step) as u64);
    }

    fn epoch(&mut self, record: &EpochRecord, _best: bool) {
        self.validation = Some(record.val_loss);
    }

    fn finishing(&mut self, stage: Stage, _part: f64) {
        self.bar.finish_and_clear();
        say_once(&mut self.stage, stage);
    }
}

impl Log for Terminal {
    fn open(&mut self, _run: &Run) {}

    fn finished(&mut self, run: &Run, summary: &Summary, next: &[(&str, String)]) {
        print(&result_lines(run, summary, next));
    }

    fn interrupted(&mut self, epoch: usize, step: usize, command: &str) {
        self.bar.finish_and_clear();
        print(&interrupted_lines(epoch, step, command));
    }
}

/// A line an epoch on standard error, the result on standard output.
#[derive(Default)]
pub struct Plain {
    epochs: usize,
    stage: Option<Stage>,
}

impl Observer for Plain {
    fn start(&mut self, report: &StartReport) {
        self.epochs = report.epochs;
        say(&first_line(report));
    }

    fn epoch(&mut self, record: &EpochRecord, best: bool) {
        let EpochRecord { epoch, train_loss, val_loss, seconds, .. } = record;
        let best = if best { "  best" } else { "" };
        let epochs = self.epochs;
        say(&format!("epoch {epoch}/{epochs}  loss {train_loss:.4}  validation {val_loss:.4}  {seconds:.2} s{best}"));
    }

    fn finishing(&mut self, stage: Stage, _part: f64) {
        say_once(&mut self.stage, stage);
    }
}

impl Log for Plain {
    fn open(&mut self, _run: &Run) {}

    fn finished(&mut self, run: &Run, summary: &Summary, next: &[(&str, String)]) {
        print(&result_lines(run, summary, next));
    }

    fn interrupted(&mut self, epoch: usize, step: usize, command: &str) {
        print(&interrupted_lines(epoch, step, command));
    }
}

/// One JSON object a line on standard output, told apart by `event`.
pub struct Json;

impl Observer for Json {
    fn start(&mut self, report: &StartReport) {
        print(
            &json!({
                "event": "start",
                "network": report.network,
                "train_rows": report.train_rows,
                "validation_rows": report.validation_rows,
                "epochs": report.epochs,
                "epochs_done": report.epochs_done,
            })
            .to_string(),
        );
    }

    fn epoch(&mut self, record: &EpochRecord, best: bool) {
        let mut line = json!({ "event": "epoch", "best": best });
        if let (Some(line), Ok(serde_json::Value::Object(record))) =
            (line.as_object_mut(), serde_json::to_value(record))
        {
            line.extend(record);
        }
        print(&line.to_string());
    }
}

impl Log for Json {
    fn open(&mut self, run: &Run) {
        print(&json!({ "event": "run", "dir": run.dir() }).to_string());
    }

    fn finished(&mut self, run: &Run, summary: &Summary, _next: &[(&str, String)]) {
        print(&json!({ "event": "finished", "dir": run.dir(), "summary": summary }).to_string());
    }

    fn interrupted(&mut self, epoch: usize, step: usize, command: &str) {
        print(&json!({ "event": "interrupted", "epoch": epoch, "step": step, "resume": command }).to_string());
    }
}

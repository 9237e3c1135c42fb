//! A progress bar as wide as the terminal, and what there is to say below it, cut where the terminal ends.

use std::time::{Duration, Instant};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use trainer::{Amount, Count, EpochRecord, Observer, Run, Seconds, Stage, StartReport, StepReport, Summary};

use super::frame::{Log, first_lines, interrupted_lines};
use crate::cli::output::{print, say};
use crate::cli::result;

/// The time between two updates of the bar.
const PAUSE: Duration = Duration::from_millis(100);
/// Parts of a stage after training that the bar can show.
const STAGE_PARTS: u64 = 1000;

pub struct Terminal {
    bar: ProgressBar,
    epochs: usize,
    validation: Option<f64>,
    drawn: Option<Instant>,
    pace: Pace,
    stage: Option<Stage>,
}

impl Default for Terminal {
    fn default() -> Self {
        Self {
            bar: ProgressBar::hidden(),
            epochs: 0,
            validation: None,
            drawn: None,
            pace: Pace::new(Instant::now()),
            stage: None,
        }
    }
}

/// How fast this process trains; what an earlier one did before `--resume` does not count.
struct Pace {
    since: Instant,
    steps: u64,
    rows: usize,
}

impl Pace {
    fn new(since: Instant) -> Self {
        Self { since, steps: 0, rows: 0 }
    }

    fn rows_per_second(&self, now: Instant) -> f64 {
        self.rows as f64 / (now - self.since).as_secs_f64().max(1e-9)
    }

    /// Seconds for as many steps as are `left`, once there is something to go by.
    fn seconds_for(&self, left: u64, now: Instant) -> Option<f64> {
        let seconds = (now - self.since).as_secs_f64();
        (self.steps >= 3 && seconds > 0.2).then(|| seconds / self.steps as f64 * left as f64)
    }
}

impl Observer for Terminal {
    fn start(&mut self, report: &StartReport) {
        say(&first_lines(report));
        let steps = report.steps();
        let style = ProgressStyle::with_template("{wide_bar} {percent:>3} %{prefix}\n{wide_msg}")
            .expect("the template is well formed");
        self.epochs = report.epochs;
        self.pace = Pace::new(Instant::now());
        self.bar = ProgressBar::new((steps * report.epochs) as u64).with_style(style);
        self.bar.set_position((steps * report.epochs_done) as u64);
    }

    fn step(&mut self, report: &StepReport) {
        self.pace.rows += report.rows;
        self.pace.steps += 1;
        let now = Instant::now();
        if self.drawn.is_some_and(|drawn| now - drawn < PAUSE) {
            return;
        }
        self.drawn = Some(now);
        let done = ((report.epoch - 1) * report.steps + report.step) as u64;
        let left = self.pace.seconds_for((self.epochs * report.steps) as u64 - done, now);
        let left = left.map_or(String::new(), |seconds| format!("  {} left", Seconds(seconds.ceil())));
        // What matters most comes first: a narrow terminal shows no more.
        let validation = self.validation.map_or(String::new(), |loss| format!("  validation {}", Amount(loss)));
        let rows = Count(self.pace.rows_per_second(now).round() as u64);
        let (epoch, epochs) = (Count::from(report.epoch), Count::from(self.epochs));
        let loss = Amount(report.train_loss);
        self.bar.set_prefix(left);
        self.bar.set_message(format!("epoch {epoch}/{epochs}  loss {loss}{validation}  {rows} rows/s"));
        self.bar.set_position(done);
    }

    fn epoch(&mut self, record: &EpochRecord, _best: bool) {
        self.validation = Some(record.val_loss);
    }

    fn finishing(&mut self, stage: Stage, part: f64) {
        if self.stage.replace(stage) != Some(stage) {
            self.bar.set_length(STAGE_PARTS);
            self.bar.set_prefix("");
            self.bar.set_message(format!("after training: {stage}; Ctrl-C leaves out what is left"));
        }
        self.bar.set_position((part * STAGE_PARTS as f64) as u64);
    }
}

impl Log for Terminal {
    fn finished(&mut self, run: &Run, summary: &Summary, next: &[(&str, String)]) -> Result<()> {
        self.bar.finish_and_clear();
        print(&result::lines(run, summary, next))
    }

    fn interrupted(&mut self, epoch: usize, step: usize, command: &str) -> Result<()> {
        self.bar.finish_and_clear();
        print(&interrupted_lines(epoch, step, command))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_counts_only_the_steps_of_this_process() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        assert_eq!(pace.seconds_for(100, start + Duration::from_secs(1)), None);
        // Resumed in the middle: 200 steps took 20 s, so 600 more take a minute.
        (pace.steps, pace.rows) = (200, 6400);
        let now = start + Duration::from_secs(20);
        assert!((pace.seconds_for(600, now).unwrap() - 60.).abs() < 1e-9);
        assert!((pace.rows_per_second(now) - 320.).abs() < 1e-9);
    }
}

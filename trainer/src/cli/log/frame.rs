//! The first and the last words of a training, around what its observer says.

use anyhow::Result;
use trainer::{Count, Observer, Run, StartReport, Summary};

use crate::cli::output::{print, result_width};
use crate::cli::result;
use bundle::indented_command;

/// An observer that also has the first and the last word.
pub trait Log: Observer {
    /// Names the run that is about to be trained.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    fn open(&mut self, _run: &Run) -> Result<()> {
        Ok(())
    }

    /// Tells the result, and the commands to run next.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    fn finished(&mut self, run: &Run, summary: &Summary, next: &[(&str, String)]) -> Result<()> {
        print(&result::lines(run, summary, next))
    }

    /// Tells where training stopped, and the `command` that goes on.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    fn interrupted(&mut self, epoch: usize, step: usize, command: &str) -> Result<()> {
        print(&interrupted_lines(epoch, step, command))
    }
}

pub fn interrupted_lines(epoch: usize, step: usize, command: &str) -> String {
    let place = if step == 0 { format!("after epoch {epoch}") } else { format!("in epoch {epoch} after step {step}") };
    format!("stopped {place}; everything is saved. Go on with\n{}", indented_command(command, result_width()))
}

/// What is trained, on how much, and for how long.
pub fn first_lines(report: &StartReport) -> String {
    let StartReport { network, optimizer, learning_rate, batch_size, device, epochs_done, .. } = report;
    let [train, validation] = [report.train_rows, report.validation_rows].map(Count::from);
    let epochs = match (report.epochs, epochs_done) {
        (1, _) => "1 epoch".into(),
        (epochs, 0) => format!("{} epochs", Count::from(epochs)),
        (epochs, done) => format!("epochs {} to {}", Count::from(done + 1), Count::from(epochs)),
    };
    let lines = [
        ("network", network.clone()),
        ("rows", format!("{train} to train, {validation} to validate")),
        ("training", format!("{epochs} in batches of {batch_size}, {optimizer} at {learning_rate}, on {device}")),
    ];
    lines.map(|(what, text)| format!("{what:<10}{text}")).join("\n")
}

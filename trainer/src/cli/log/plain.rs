//! Lines on standard error: at most about fifty for the epochs, however many there are.

use std::time::{Duration, Instant};

use trainer::{Amount, EpochRecord, Observer, Seconds, Stage, StartReport};

use super::frame::{Log, first_lines};
use crate::cli::output::say;

/// After this time without a line, a person begins to wonder.
const SILENCE: Duration = Duration::from_secs(1);
/// About as many lines as a person reads.
const LINES: usize = 50;
/// The first epochs, which show the pace.
const FIRST: usize = 3;

#[derive(Default)]
pub struct Plain {
    done: usize,
    epochs: usize,
    best: Option<(usize, f64)>,
    /// The last epoch, until it is said.
    unsaid: Option<EpochRecord>,
    /// What is being done after training, and since when without a line.
    stage: Option<(Stage, Option<Instant>)>,
}

impl Plain {
    /// Whether `epoch` has a line of its own: the first ones, every n-th and the last.
    fn shows(&self, epoch: usize) -> bool {
        let every = step_for(self.epochs - self.done, LINES);
        epoch <= self.done + FIRST || epoch.is_multiple_of(every) || epoch == self.epochs
    }

    fn line(&self, record: &EpochRecord) -> String {
        let EpochRecord { epoch, train_loss, val_loss, seconds, .. } = *record;
        let best = match self.best {
            Some((best, _)) if best == epoch => "  best".into(),
            Some((best, loss)) => format!("  best {} in epoch {best}", Amount(loss)),
            None => String::new(),
        };
        let (loss, validation) = (Amount(train_loss), Amount(val_loss));
        format!("epoch {epoch}/{}  loss {loss}  validation {validation}  {}{best}", self.epochs, Seconds(seconds))
    }
}

/// The least of 1, 2, 5, 10, 20, 50 and so on that divides `count` into at most `most` parts.
fn step_for(count: usize, most: usize) -> usize {
    let steps = (0..).flat_map(|power| [1, 2, 5].map(|digit| digit * 10usize.pow(power)));
    steps.into_iter().find(|step| count.div_ceil(*step) <= most).expect("the steps grow without end")
}

impl Observer for Plain {
    fn start(&mut self, report: &StartReport) {
        (self.done, self.epochs) = (report.epochs_done, report.epochs);
        say(&first_lines(report));
    }

    fn epoch(&mut self, record: &EpochRecord, best: bool) {
        if best {
            self.best = Some((record.epoch, record.val_loss));
        }
        self.unsaid = Some(*record);
        if self.shows(record.epoch) {
            say(&self.line(record));
            self.unsaid = None;
        }
    }

    fn finishing(&mut self, stage: Stage, _part: f64) {
        if let Some(last) = self.unsaid.take() {
            say(&self.line(&last));
        }
        let now = Instant::now();
        let began = match self.stage {
            Some((current, began)) if current == stage => began,
            _ => Some(now),
        };
        // What is over at once needs no line.
        let said = began.is_some_and(|began| now - began >= SILENCE);
        if said {
            say(&format!("after training: {stage}"));
        }
        self.stage = Some((stage, began.filter(|_| !said)));
    }
}

impl Log for Plain {}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(done: usize, epochs: usize) -> Vec<usize> {
        let log = Plain { done, epochs, ..Plain::default() };
        (done + 1..=epochs).filter(|&epoch| log.shows(epoch)).collect()
    }

    #[test]
    fn few_epochs_have_a_line_each_and_many_about_fifty_with_the_first_and_the_last() {
        assert_eq!(shown(0, 50).len(), 50);
        for epochs in [51, 100, 137, 500, 999, 1000, 100_000] {
            let shown = shown(0, epochs);
            assert!((20..=LINES + FIRST + 1).contains(&shown.len()), "{epochs}: {}", shown.len());
            assert_eq!([shown[0], *shown.last().unwrap()], [1, epochs]);
        }
        let shown = shown(200, 703);
        assert_eq!((shown[0], *shown.last().unwrap()), (201, 703));
        assert!(shown.len() <= LINES + FIRST + 1);
    }

    #[test]
    fn a_line_names_the_best_epoch_so_far() {
        let record =
            EpochRecord { epoch: 12, train_loss: 0.25, val_loss: 0.5, seconds: 0.0018, ..EpochRecord::default() };
        let mut log = Plain { epochs: 500, best: Some((12, 0.5)), ..Plain::default() };
        assert_eq!(log.line(&record), "epoch 12/500  loss 0.2500  validation 0.5000  1.8 ms  best");
        log.best = Some((7, 0.375));
        assert!(log.line(&record).ends_with("  best 0.3750 in epoch 7"));
    }
}

//! `--timings`: where the time of training went.

use trainer::{Percent, Seconds, Timings};

use super::table::aligned;

/// A line for each phase: the threads' mean time in an epoch, and its part of the whole.
pub fn lines(threads: usize) -> String {
    let Timings { phases, epochs, wall } = trainer::timings();
    let (epochs, wall) = (epochs.max(1) as f64, wall.as_secs_f64());
    let seconds =
        phases.map(|(phase, time)| (format!("{phase:?}").to_lowercase(), time.as_secs_f64() / threads as f64));
    let waiting = (wall - seconds.iter().map(|(_, seconds)| seconds).sum::<f64>()).max(0.);
    let mut rows = vec![["phase", "per epoch", "part"].map(str::to_owned).to_vec()];
    for (name, seconds) in seconds.into_iter().chain([("waiting".into(), waiting), ("epoch".into(), wall)]) {
        let part = if wall > 0. { seconds / wall } else { 0. };
        rows.push(vec![name, Seconds(seconds / epochs).to_string(), Percent(part).to_string()]);
    }
    aligned(&rows, 1)
}

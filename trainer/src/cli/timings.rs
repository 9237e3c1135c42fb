//! `--timings`: where the time of training went.

use trainer::{Percent, Seconds, Timings};

use super::table::aligned;

/// A line for each phase that took time: the threads' mean time in an epoch, and its part of the whole.
pub fn lines(threads: usize) -> String {
    table(&trainer::timings(), threads)
}

fn table(Timings { phases, epochs, wall }: &Timings, threads: usize) -> String {
    let (epochs, wall) = ((*epochs).max(1) as f64, wall.as_secs_f64());
    let seconds =
        phases.map(|(phase, time)| (format!("{phase:?}").to_lowercase(), time.as_secs_f64() / threads as f64));
    let waiting = (wall - seconds.iter().map(|(_, seconds)| seconds).sum::<f64>()).max(0.);
    let mut rows = vec![["phase", "per epoch", "part"].map(str::to_owned).to_vec()];
    for (name, seconds) in seconds.into_iter().chain([("waiting".into(), waiting), ("epoch".into(), wall)]) {
        if seconds > 0. {
            rows.push(vec![name, Seconds(seconds / epochs).to_string(), Percent(seconds / wall).to_string()]);
        }
    }
    aligned(&rows, 1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use trainer::Phase;

    use super::*;

    #[test]
    fn a_phase_that_took_no_time_has_no_line_and_a_short_one_has_its_digits() {
        let times = [0, 1_000_000, 0, 0, 3000, 0, 0].map(Duration::from_nanos);
        let phases = std::array::from_fn(|index| (Phase::ALL[index], times[index]));
        let timings = Timings { phases, epochs: 1, wall: Duration::from_nanos(2_000_000) };
        let names: Vec<String> =
            table(&timings, 1).lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        let expected = [
            "phase per epoch part",
            "forward 1.0 ms 50.0 %",
            "update 3.0 µs 0.1 %",
            "waiting 997 µs 49.9 %",
            "epoch 2.0 ms 100 %",
        ];
        assert_eq!(names, expected);
    }
}

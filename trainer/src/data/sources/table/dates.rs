//! A column of dates as numbers: seconds since the Monday before the first of them.

use bundle::date_of;

const DAY: f64 = 86_400.;
const WEEK: f64 = 7. * DAY;
/// The mean year of the Gregorian calendar.
const YEAR: f64 = 365.2425 * DAY;
/// 1970-01-01 was a Thursday.
const MONDAY: f64 = 4. * DAY;

/// Dates as the network takes them.
pub(super) struct DateColumn {
    /// The moment from which the numbers count.
    pub(super) since: String,
    /// The seconds of each row, NaN where it is missing.
    pub(super) seconds: Vec<f32>,
    /// Of day, week and year, in seconds, those of which the dates cover two.
    pub(super) periods: Vec<f32>,
}

impl DateColumn {
    /// Takes dates in seconds since 1970, of which one at least is no NaN.
    pub(super) fn new(dates: &[f64]) -> Self {
        let first = dates.iter().copied().fold(f64::INFINITY, f64::min);
        let last = dates.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // From a midnight, so that equal times of a day have equal places in it.
        let since = ((first - MONDAY) / WEEK).floor() * WEEK + MONDAY;
        let is_midnight = |seconds: &f64| seconds.is_nan() || seconds.rem_euclid(DAY) == 0.;
        let has_times = !dates.iter().all(is_midnight);
        let periods = [DAY, WEEK, YEAR].into_iter().filter(|&period| last - first >= 2. * period);
        Self {
            since: date_of(since),
            seconds: dates.iter().map(|seconds| (seconds - since) as f32).collect(),
            periods: periods.filter(|&period| period > DAY || has_times).map(|period| period as f32).collect(),
        }
    }

    /// The periods in words: `day, week and year`.
    pub(super) fn cycles(&self) -> String {
        let name = |period: &f32| match f64::from(*period) {
            period if period < WEEK => "day",
            period if period < YEAR => "week",
            _ => "year",
        };
        let names: Vec<&str> = self.periods.iter().map(name).collect();
        match names.split_last() {
            Some((last, others)) if !others.is_empty() => format!("{} and {last}", others.join(", ")),
            _ => names.concat(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_count_from_the_monday_before_and_periods_occur_twice() {
        let start = bundle::seconds_of("2026-01-31T12:00:00").unwrap();
        let hours = |count: usize| (0..count).map(|hour| start + 3600. * hour as f64).collect::<Vec<_>>();
        let column = DateColumn::new(&hours(24 * 20));
        assert_eq!((column.since.as_str(), column.seconds[0]), ("2026-01-26T00:00:00", 5.5 * 86_400.));
        assert_eq!((column.periods.as_slice(), column.cycles().as_str()), (&[86_400., 604_800.][..], "day and week"));
        assert!(DateColumn::new(&hours(47)).periods.is_empty());
        let days: Vec<f64> = (0..800).map(|day| 86_400. * f64::from(day)).collect();
        assert_eq!(DateColumn::new(&days).cycles(), "week and year");
        assert!(DateColumn::new(&[f64::NAN, 5.]).seconds[0].is_nan());
    }
}

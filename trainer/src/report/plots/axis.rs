//! An axis: the range it covers, where its ticks are, and how they are labelled.

use crate::numbers::Count;

/// A range of values that is never empty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Axis {
    pub(super) low: f64,
    pub(super) high: f64,
    /// Whether there is nothing between two neighbouring whole numbers.
    whole: bool,
}

/// A place on an axis that has a label.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    pub(super) value: f64,
    pub(super) label: String,
}

impl Axis {
    /// Whole numbers, as of epochs.
    pub(super) fn whole(values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = range(values).unwrap_or((1., 1.));
        let room = if low == high { 0.5 } else { 0. };
        Self { low: low - room, high: high + room, whole: true }
    }

    /// All numbers from the least to the largest of `values`, with some room around them.
    pub(super) fn around(values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = range(values).unwrap_or((0., 1.));
        let size = low.abs().max(high.abs()).max(f64::MIN_POSITIVE);
        // Where all values are the same but for rounding, a range of their own size shows that they are.
        let room = if high - low > 1e-9 * size { 0.05 * (high - low) } else { (0.05 * size).max(1e-6) };
        Self { low: low - room, high: high + room, whole: false }
    }

    /// Where `value` lies: 0 at the low end, 1 at the high end.
    pub(super) fn part(&self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }

    /// Whether `value` lies on the axis; what is not a number does not.
    pub(super) fn holds(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// At most `most` ticks, from 3, at round numbers: ones, twos or fives of a power of ten.
    pub(super) fn ticks(&self, most: usize) -> Vec<Tick> {
        let power = 10f64.powf(((self.high - self.low) / most as f64).log10().floor());
        let steps = [1., 2., 5., 10.].map(|factor| if self.whole { (factor * power).max(1.) } else { factor * power });
        let ticks = |step: f64| ((self.low / step - 1e-9).ceil(), (self.high / step + 1e-9).floor());
        let fits = |step: &f64| {
            let (first, last) = ticks(*step);
            last - first < most as f64
        };
        let step = steps.into_iter().find(fits).unwrap_or(20. * power);
        let (first, last) = ticks(step);
        let count = (last - first + 1.).clamp(0., most as f64) as usize;
        let values = (0..count).map(|index| (first + index as f64) * step);
        values.map(|value| Tick { value, label: label(value, step) }).collect()
    }
}

/// The least and the largest of the finite values.
fn range(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    // Beyond this, a range could not be computed.
    let finite = values.into_iter().filter(|value| value.abs() < 1e300);
    finite.fold(None, |range, value| {
        let (low, high) = range.unwrap_or((value, value));
        Some((value.min(low), value.max(high)))
    })
}

/// A tick's value with the decimals that tell it from the next one, `step` away.
fn label(value: f64, step: f64) -> String {
    let value = if value.abs() < step * 1e-6 { 0. } else { value };
    let digit = (step.log10() + 1e-9).floor();
    let decimals = (-digit).max(0.) as usize;
    let text = match value.abs() {
        0. => "0".into(),
        size if decimals > 5 || size >= 1e7 => {
            let digits = (size.log10().floor() - digit).max(0.) as usize;
            without_zeros(&format!("{size:.digits$e}"))
        }
        size if decimals == 0 => Count(size.round() as u64).to_string(),
        size => format!("{size:.decimals$}"),
    };
    if value < 0. { format!("−{text}") } else { text }
}

/// `1.50e18` as `1.5e18`, and `1.0e18` as `1e18`.
fn without_zeros(text: &str) -> String {
    match text.split_once('e') {
        Some((digits, exponent)) if digits.contains('.') => {
            format!("{}e{exponent}", digits.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: Axis, most: usize) -> Vec<String> {
        axis.ticks(most).into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn ticks_of_epochs_are_whole_and_each_is_there_once() {
        let epochs = |last: u32, most| labels(Axis::whole((1..=last).map(f64::from)), most);
        assert_eq!(epochs(1, 6), ["1"]);
        assert_eq!(epochs(2, 6), ["1", "2"]);
        assert_eq!(epochs(5, 6), ["1", "2", "3", "4", "5"]);
        assert_eq!(epochs(12, 6), ["2", "4", "6", "8", "10", "12"]);
        assert_eq!(epochs(500, 6), ["100", "200", "300", "400", "500"]);
        assert_eq!(epochs(20_000, 3), ["10,000", "20,000"]);
    }

    #[test]
    fn no_two_ticks_have_the_same_label() {
        for exponent in -9..9 {
            for (low, high) in [(0., 1.), (0.9, 1.1), (-3., 4.), (1., 1.0001), (9.99, 10.01)] {
                let scale = 10f64.powi(exponent);
                let axis = Axis::around([low * scale, high * scale]);
                for most in 3..9 {
                    let ticks = axis.ticks(most);
                    let mut labels = labels(axis, most);
                    assert!((1..=most).contains(&labels.len()), "{axis:?}: {labels:?}");
                    assert!(ticks.iter().all(|tick| (-1e-9..1. + 1e-9).contains(&axis.part(tick.value))));
                    labels.dedup();
                    assert_eq!(labels.len(), ticks.len(), "{axis:?}: {labels:?}");
                }
            }
        }
    }

    #[test]
    fn ticks_read_as_people_write_them() {
        assert_eq!(labels(Axis::around([0.0917, 0.543]), 5), ["0.1", "0.2", "0.3", "0.4", "0.5"]);
        assert_eq!(labels(Axis::around([-1.2, 2.]), 4), ["−1", "0", "1", "2"]);
        assert_eq!(labels(Axis::around([105., 180.]), 4), ["120", "140", "160", "180"]);
        assert_eq!(labels(Axis::around([1e-7, 3e-7]), 4), ["1e-7", "2e-7", "3e-7"]);
        assert_eq!(labels(Axis::around([0., 1e18]), 4), ["0", "5e17", "1e18"]);
        assert_eq!(labels(Axis::around([-1e-6, 1e-6]), 6), ["−1e-6", "−5e-7", "0", "5e-7", "1e-6"]);
    }

    #[test]
    fn there_is_an_axis_even_without_finite_values() {
        for values in [vec![], vec![f64::NAN], vec![f64::INFINITY, 0.5], vec![0.; 3], vec![1e300, -1e300], vec![1e-320]]
        {
            let axis = Axis::around(values.iter().copied());
            assert!(axis.low < axis.high && !axis.ticks(5).is_empty(), "{values:?}: {axis:?}");
            let axis = Axis::whole(values);
            assert!(axis.low < axis.high && axis.ticks(5).len() <= 5, "{axis:?}");
        }
    }
}

//! How numbers are written for people: with their unit, and with the digits that matter.

use std::fmt::{Display, Formatter, Result};

/// A time in seconds, in the units that suit it.
///
/// ```
/// use trainer::Seconds;
/// let texts = [0.00042, 0.0018, 0.83, 27.931, 250., 7500.].map(|seconds| Seconds(seconds).to_string());
/// assert_eq!(texts, ["420 µs", "1.8 ms", "830 ms", "27.9 s", "4 min 10 s", "2 h 5 min"]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seconds(pub f64);

impl Display for Seconds {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        // The unit is chosen after rounding: 59.96 s are a minute, not "60.0 s".
        match self.0 {
            seconds if !seconds.is_finite() => write!(f, "unknown time"),
            0. => write!(f, "0 s"),
            seconds if seconds < 0.000_009_95 => write!(f, "{:.1} µs", seconds * 1e6),
            seconds if seconds < 0.000_999_5 => write!(f, "{:.0} µs", seconds * 1e6),
            seconds if seconds < 0.00995 => write!(f, "{:.1} ms", seconds * 1e3),
            seconds if seconds < 0.9995 => write!(f, "{:.0} ms", seconds * 1e3),
            seconds if seconds < 59.95 => write!(f, "{seconds:.1} s"),
            seconds if seconds < 3599.5 => in_two_units(f, seconds.round() as u64, (60, "min"), "s"),
            seconds if seconds < 86_370. => in_two_units(f, (seconds / 60.).round() as u64, (60, "h"), "min"),
            seconds => in_two_units(f, (seconds / 3600.).round() as u64, (24, "d"), "h"),
        }
    }
}

fn in_two_units(f: &mut Formatter<'_>, value: u64, (size, large): (u64, &str), small: &str) -> Result {
    write!(f, "{} {large}", Count(value / size))?;
    if value.is_multiple_of(size) { Ok(()) } else { write!(f, " {} {small}", value % size) }
}

/// A part of a whole, from 0 to 1, in percent.
///
/// ```
/// use trainer::Percent;
/// let texts = [0., 0.0004, 0.976, 0.9999, 1.].map(|part| Percent(part).to_string());
/// assert_eq!(texts, ["0 %", "under 0.1 %", "97.6 %", "over 99.9 %", "100 %"]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percent(pub f64);

impl Display for Percent {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match 100. * self.0 {
            0. => write!(f, "0 %"),
            100. => write!(f, "100 %"),
            percent if percent > 0. && percent < 0.1 => write!(f, "under 0.1 %"),
            percent if percent > 99.9 && percent < 100. => write!(f, "over 99.9 %"),
            percent => write!(f, "{percent:.1} %"),
        }
    }
}

/// A whole number with its thousands separated.
///
/// ```
/// assert_eq!(trainer::Count(1234567).to_string(), "1,234,567");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count(pub u64);

impl Display for Count {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let digits = self.0.to_string();
        let mut text = String::with_capacity(digits.len() + digits.len() / 3);
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                text.push(',');
            }
            text.push(digit);
        }
        f.pad(&text)
    }
}

impl From<usize> for Count {
    fn from(count: usize) -> Self {
        Self(count as u64)
    }
}

/// An error, a loss or another amount, with three or four significant digits: further ones change from one training to the next.
///
/// ```
/// use trainer::Amount;
/// let texts = [105.6123, 0.68173, 0.09171, 0.0096, 0.0000123].map(|error| Amount(error).to_string());
/// assert_eq!(texts, ["105.6", "0.6817", "0.0917", "0.00960", "1.23e-5"]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Amount(pub f64);

impl Amount {
    /// Amounts to compare, one below the other, with as many decimals as the smallest of them needs.
    ///
    /// ```
    /// assert_eq!(trainer::Amount::column(&[0.0168, 0.0096]), ["0.01680", "0.00960"]);
    /// ```
    pub fn column(amounts: &[f64]) -> Vec<String> {
        let fixed = amounts.iter().map(|&amount| decimals(amount)).collect::<Option<Vec<_>>>();
        let most = fixed.and_then(|decimals| decimals.into_iter().max());
        let text = |&amount: &f64| match most {
            Some(decimals) => format!("{amount:.decimals$}"),
            None => Self(amount).to_string(),
        };
        amounts.iter().map(text).collect()
    }
}

impl Display for Amount {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let text = match decimals(self.0) {
            Some(decimals) => format!("{:.decimals$}", self.0),
            None if self.0.is_nan() => "not a number".into(),
            None if self.0.is_infinite() => "infinite".into(),
            None => format!("{:.2e}", self.0),
        };
        f.pad(&text)
    }
}

/// How many decimals show the digits that matter; nothing where it takes an exponent.
fn decimals(amount: f64) -> Option<usize> {
    match amount.abs() {
        0. => Some(0),
        size if (1e-4..1e6).contains(&size) => {
            // What rounds to 0.1000 is written like larger numbers.
            let (digits, leading) =
                if size < 0.09995 { (3, size.log10().floor()) } else { (4, size.log10().floor().max(-1.)) };
            Some((digits - 1 - leading as i32).max(0) as usize)
        }
        _ => None,
    }
}

/// A signal-to-noise ratio in decibels; nothing where there is no noise at all.
///
/// ```
/// assert_eq!(trainer::Decibels(Some(20.1799)).to_string(), "20.18 dB");
/// assert_eq!(trainer::Decibels(None).to_string(), "exact");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decibels(pub Option<f64>);

impl Display for Decibels {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self.0 {
            Some(decibels) => f.pad(&format!("{decibels:.2} dB")),
            None => f.pad("exact"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_never_written_as_sixty_of_a_unit() {
        for (seconds, text) in [
            (0., "0 s"),
            (0.000_001_23, "1.2 µs"),
            (0.000_999_4, "999 µs"),
            (0.000_999_6, "1.0 ms"),
            (0.00996, "10 ms"),
            (0.99951, "1.0 s"),
            (59.94, "59.9 s"),
            (59.96, "1 min"),
            (3599.6, "1 h"),
            (3600. * 23.999, "1 d"),
            (3600. * 30., "1 d 6 h"),
            (f64::NAN, "unknown time"),
        ] {
            assert_eq!(Seconds(seconds).to_string(), text);
        }
    }

    #[test]
    fn amounts_keep_their_digits_at_every_size() {
        for (amount, text) in [
            (0., "0"),
            (-105.61, "-105.6"),
            (0.09999, "0.1000"),
            (0.1175, "0.1175"),
            (1234.5, "1234"),
            (2.5e9, "2.50e9"),
            (f64::NAN, "not a number"),
            (f64::NEG_INFINITY, "infinite"),
        ] {
            assert_eq!(Amount(amount).to_string(), text);
        }
        assert_eq!(Amount::column(&[0.0917, 0.1175]), ["0.0917", "0.1175"]);
        assert_eq!(Amount::column(&[0.5, 1e-9]), ["0.5000", "1.00e-9"]);
    }

    #[test]
    fn thousands_are_set_apart() {
        for (count, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (60_000, "60,000"), (1_234_567, "1,234,567")] {
            assert_eq!(Count(count).to_string(), text);
        }
        assert_eq!(format!("{:>7}", Count(1797)), "  1,797");
    }
}

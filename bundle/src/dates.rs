//! Dates and times as seconds, and back.

const DAY: f64 = 86_400.;

/// The seconds from 1970-01-01T00:00:00 UTC to the moment that `text` names, or nothing where it is no date.
///
/// Read are `2026-01-31` and `2026/01/31`, and `31.01.2026` with the day first; then, behind a `T` or a space, `23:59`, `23:59:59` or
/// `23:59:59.5`; then `Z` or an offset such as `+01:00`. A time without an offset counts as UTC.
///
/// ```
/// assert_eq!(bundle::seconds_of("1970-01-02T01:00:00Z"), Some(90_000.));
/// assert_eq!(bundle::seconds_of("02.01.1970"), Some(86_400.));
/// assert_eq!(bundle::seconds_of("01/02/1970"), None); // the day or the month first?
/// ```
pub fn seconds_of(text: &str) -> Option<f64> {
    let text = text.trim();
    let (date, time) = text.split_once(['T', 't', ' ']).unwrap_or((text, ""));
    let seconds = days(date)? as f64 * DAY;
    if time.is_empty() { Some(seconds) } else { Some(seconds + time_of_day(time.trim())?) }
}

/// The moment so many seconds after 1970-01-01T00:00:00 UTC, to the second.
///
/// ```
/// assert_eq!(bundle::date_of(90_000.), "1970-01-02T01:00:00");
/// ```
pub fn date_of(seconds: f64) -> String {
    if !seconds.is_finite() {
        return String::new();
    }
    let seconds = seconds.round() as i64;
    let (days, seconds) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    format!("{}T{:02}:{:02}:{:02}", day(days), seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// The day so many days after 1970-01-01, by the algorithm `civil_from_days` of Howard Hinnant.
fn day(days: i64) -> String {
    let days = days.saturating_add(719_468);
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    format!("{:04}-{month:02}-{day:02}", era * 400 + year + i64::from(month <= 2))
}

/// The days from 1970-01-01 to a date, by the algorithm `days_from_civil` of Howard Hinnant.
fn days(date: &str) -> Option<i64> {
    let parts = |separator| {
        let mut parts = date.split(separator);
        let three = [parts.next()?, parts.next()?, parts.next()?];
        if parts.next().is_some() { None } else { Some(three) }
    };
    let [year, month, day] = parts('-').or_else(|| parts('/')).or_else(|| parts('.').map(|[d, m, y]| [y, m, d]))?;
    let (year, month, day) = (number(year, 4, 4)?, number(month, 1, 2)?, number(day, 1, 2)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    Some(era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468)
}

/// The seconds from midnight UTC to a time with an offset or without.
fn time_of_day(time: &str) -> Option<f64> {
    let (time, offset) = match time.strip_suffix(['Z', 'z']) {
        Some(time) => (time, 0.),
        None => match time.find(['+', '-']) {
            Some(at) => (&time[..at], offset(&time[at..])?),
            None => (time, 0.),
        },
    };
    let mut parts = time.trim().split(':');
    let (hours, minutes) = (number(parts.next()?, 1, 2)?, number(parts.next()?, 2, 2)?);
    let seconds = parts.next().unwrap_or("0");
    let whole = seconds.split_once('.').map_or(seconds, |(whole, _)| whole);
    number(whole, 1, 2)?;
    let seconds: f64 = seconds.parse().ok()?;
    let fits = hours < 24 && minutes < 60 && seconds < 61. && parts.next().is_none();
    fits.then_some((hours * 3600 + minutes * 60) as f64 + seconds - offset)
}

/// An offset from UTC in seconds: `+01:00`, `+0100` or `-05`.
fn offset(text: &str) -> Option<f64> {
    let sign = if text.starts_with('-') { -1. } else { 1. };
    let digits = text[1..].replace(':', "");
    let (hours, minutes) = digits.split_at_checked(2)?;
    let minutes = if minutes.is_empty() { 0 } else { number(minutes, 2, 2)? };
    Some(sign * (number(hours, 2, 2)? * 3600 + minutes * 60) as f64)
}

/// A number of so many digits and no sign.
fn number(text: &str, least: usize, most: usize) -> Option<i64> {
    let fits = (least..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("1970-01-01", 0.),
            ("2000-02-29", 951_782_400.),
            ("2026-01-31T23:59:59", 1_769_903_999.),
            ("2026-01-31 23:59:59.5", 1_769_903_999.5),
            ("2026-01-31T23:59Z", 1_769_903_940.),
            ("2026/1/31 1:05", 1_769_821_500.),
            ("31.01.2026 00:00", 1_769_817_600.),
            ("2026-01-31T01:00:00+01:00", 1_769_817_600.),
            ("2026-01-30 19:00:00-0500", 1_769_817_600.),
            ("1969-12-31", -86_400.),
        ] {
            assert_eq!(seconds_of(text), Some(seconds), "{text}");
        }
        for text in [
            "",
            "5",
            "2026",
            "2026-13-01",
            "2025-02-29",
            "01/02/2026",
            "2026-01-31T25:00",
            "2026-01-31 noon",
            "1-2-3",
            "1.5",
        ] {
            assert_eq!(seconds_of(text), None, "{text}");
        }
    }

    #[test]
    fn every_day_of_four_centuries_comes_back() {
        for days in -150_000..150_000 {
            assert_eq!(seconds_of(&date_of(days as f64 * DAY)), Some(days as f64 * DAY));
        }
        assert_eq!(date_of(f64::NAN), "");
    }

    #[test]
    fn days_are_dates() {
        assert_eq!([0, 19_358, -1, 11_016].map(day), ["1970-01-01", "2023-01-01", "1969-12-31", "2000-02-29"]);
    }
}

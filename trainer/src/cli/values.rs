//! Values on the command line, and plain words for what is none.

use trainer::{Config, DataSource, Error, Validation};

/// A whole number in the range of `setting`.
pub fn whole(setting: &str) -> impl Fn(&str) -> Result<i64, String> + Clone + use<> {
    let range = Config::range_of(setting).expect("the setting is a whole number");
    move |text| {
        let expected = match *range.end() {
            i64::MAX => format!("{} or more", range.start()),
            end => format!("{} to {end}", range.start()),
        };
        let digits = text.strip_prefix('-').unwrap_or(text);
        match text.parse::<i64>() {
            Ok(number) if range.contains(&number) => Ok(number),
            Err(_) if digits.is_empty() || !digits.chars().all(|c| c.is_ascii_digit()) => {
                Err(format!("expected a whole number, {expected}, found `{text}`"))
            }
            Err(_) if *range.end() == i64::MAX => Err(format!("expected a smaller number, found {text}")),
            _ => Err(format!("expected {expected}, found {text}")),
        }
    }
}

/// What `--data` names. A folder is kept with its full path, so that `config.toml` repeats the run from anywhere.
pub fn source(text: &str) -> Result<DataSource, String> {
    Ok(match text.to_owned().into() {
        DataSource::Path(dir) if !text.is_empty() => {
            DataSource::Path(std::path::absolute(&dir).map_err(|error| format!("cannot resolve `{text}`: {error}"))?)
        }
        DataSource::Path(_) => return Err("expected a name or a folder, found nothing".into()),
        named => named,
    })
}

/// A number from 0; a decimal comma is not taken for a point.
pub fn amount(text: &str) -> Result<f64, String> {
    match number(text)? {
        number if number >= 0. => Ok(number),
        _ => Err(format!("expected 0 or more, found {text}")),
    }
}

/// A number above 0.
pub fn rate(text: &str) -> Result<f64, String> {
    match number(text)? {
        number if number > 0. => Ok(number),
        _ => Err(format!("expected more than 0, found {text}")),
    }
}

/// A number of seconds; another unit is named with what it comes to.
pub fn seconds(text: &str) -> Result<f64, String> {
    let units = [("s", 1.), ("m", 60.), ("min", 60.), ("h", 3600.)];
    let other = units.iter().find_map(|(unit, factor)| Some(text.strip_suffix(unit)?.parse::<f64>().ok()? * factor));
    match other {
        Some(seconds) => Err(format!("expected a number of seconds, as in {seconds}, found `{text}`")),
        None => amount(text),
    }
}

fn number(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        Ok(_) => Err(format!("expected a finite number, found {text}")),
        Err(_) if text.contains(',') && text.replace(',', ".").parse::<f64>().is_ok() => {
            Err(format!("expected a decimal point, as in {}, found `{text}`", text.replace(',', ".")))
        }
        Err(_) => Err(format!("expected a number, found `{text}`")),
    }
}

/// What `--validation` names.
pub fn validation(text: &str) -> Result<Validation, String> {
    text.parse().map_err(|error| match error {
        Error::Setting { reason, .. } => reason,
        error => error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_told_in_plain_words() {
        let (epochs, seed) = (whole("epochs"), whole("seed"));
        assert_eq!((epochs("12"), seed("0")), (Ok(12), Ok(0)));
        assert_eq!(amount("1e-3"), Ok(0.001));
        for (text, expected) in [
            ("0", "expected 1 to 1000000, found 0"),
            ("-1", "expected 1 to 1000000, found -1"),
            ("ten", "expected a whole number, 1 to 1000000, found `ten`"),
            ("1.5", "expected a whole number, 1 to 1000000, found `1.5`"),
            ("", "expected a whole number, 1 to 1000000, found ``"),
            ("99999999999999999999", "expected 1 to 1000000, found 99999999999999999999"),
        ] {
            assert_eq!(epochs(text).unwrap_err(), expected);
        }
        assert_eq!(seed("-1").unwrap_err(), "expected 0 or more, found -1");
        assert_eq!(seed("99999999999999999999").unwrap_err(), "expected a smaller number, found 99999999999999999999");
        for (text, expected) in [
            ("0,5", "expected a decimal point, as in 0.5, found `0,5`"),
            ("fast", "expected a number, found `fast`"),
            ("nan", "expected a finite number, found nan"),
            ("-0.5", "expected 0 or more, found -0.5"),
        ] {
            assert_eq!(amount(text).unwrap_err(), expected);
        }
        assert_eq!(seconds("5m").unwrap_err(), "expected a number of seconds, as in 300, found `5m`");
        assert_eq!(rate("0").unwrap_err(), "expected more than 0, found 0");
    }

    #[test]
    fn the_least_and_the_largest_of_a_range_are_taken() {
        for setting in ["epochs", "batch_size", "threads", "model.latent_dim", "seed", "patience"] {
            let range = Config::range_of(setting).unwrap();
            for value in [*range.start(), *range.end()] {
                assert_eq!(whole(setting)(&value.to_string()), Ok(value), "{setting}");
            }
        }
    }
}

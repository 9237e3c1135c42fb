//! Values on the command line, and plain words for what is none.

use trainer::DataSource;

/// A whole number from 0; which of them make sense is a matter of the setting.
pub fn count(text: &str) -> Result<i64, String> {
    match text.parse::<i64>() {
        Ok(number) if number >= 0 => Ok(number),
        Ok(_) => Err(format!("expected 0 or more, found {text}")),
        Err(_) if !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()) => {
            Err(format!("expected a smaller number, found {text}"))
        }
        Err(_) => Err(format!("expected a whole number, found `{text}`")),
    }
}

/// What `--data` names. A folder is kept with its full path, so that `config.toml` repeats the run from anywhere.
pub fn source(text: &str) -> Result<DataSource, String> {
    Ok(match text.to_owned().into() {
        DataSource::Dir(dir) if !text.is_empty() => {
            DataSource::Dir(std::path::absolute(&dir).map_err(|error| format!("cannot resolve `{text}`: {error}"))?)
        }
        DataSource::Dir(_) => return Err("expected a name or a folder, found nothing".into()),
        named => named,
    })
}

/// A number; a decimal comma is not taken for one.
pub fn amount(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        Ok(_) => Err(format!("expected a finite number, found {text}")),
        Err(_) if text.contains(',') && text.replace(',', ".").parse::<f64>().is_ok() => {
            Err(format!("expected a decimal point, as in {}, found `{text}`", text.replace(',', ".")))
        }
        Err(_) => Err(format!("expected a number, found `{text}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_told_in_plain_words() {
        assert_eq!(count("12"), Ok(12));
        assert_eq!(amount("1e-3"), Ok(0.001));
        for (text, expected) in [
            ("-1", "expected 0 or more, found -1"),
            ("ten", "expected a whole number, found `ten`"),
            ("1.5", "expected a whole number, found `1.5`"),
            ("", "expected a whole number, found ``"),
            ("99999999999999999999", "expected a smaller number, found 99999999999999999999"),
        ] {
            assert_eq!(count(text).unwrap_err(), expected);
        }
        for (text, expected) in [
            ("0,5", "expected a decimal point, as in 0.5, found `0,5`"),
            ("fast", "expected a number, found `fast`"),
            ("nan", "expected a finite number, found nan"),
        ] {
            assert_eq!(amount(text).unwrap_err(), expected);
        }
    }
}

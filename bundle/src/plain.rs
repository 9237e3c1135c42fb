//! Errors in plain words: what the operating system says, as a person would.

use std::error::Error;
use std::io::{self, ErrorKind};

use crate::printable::safe;

/// The most characters of a message.
const MAX_CHARS: usize = 1500;

/// An error and its causes in one line, safe for a terminal whatever texts from files it has.
///
/// ```
/// let error = std::fs::read("no/such/file").unwrap_err();
/// assert_eq!(bundle::one_line([&error as _]), "there is no such file or folder");
/// ```
pub fn one_line<'a>(causes: impl IntoIterator<Item = &'a (dyn Error + 'static)>) -> String {
    let words = |cause: &(dyn Error + 'static)| match cause.downcast_ref::<io::Error>() {
        Some(error) => reason(error.kind()).map_or_else(|| error.to_string(), str::to_owned),
        None => cause.to_string(),
    };
    let causes: Vec<String> = causes.into_iter().map(words).collect();
    safe(&without_numbers(&causes.join(": ")), MAX_CHARS)
}

/// A number of things.
///
/// ```
/// assert_eq!([1, 2].map(|count| bundle::counted(count, "category")), ["1 category", "2 categories"]);
/// ```
pub fn counted(count: usize, name: &str) -> String {
    match (count, name.strip_suffix('y')) {
        (1, _) => format!("1 {name}"),
        (count, Some(stem)) => format!("{count} {stem}ies"),
        (count, None) => format!("{count} {name}s"),
    }
}

/// Plainer words than the operating system's own.
fn reason(kind: ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::NotFound => "there is no such file or folder",
        ErrorKind::PermissionDenied => "you have no permission for it",
        ErrorKind::StorageFull => "the disk is full",
        ErrorKind::FileTooLarge => "the file would be larger than this shell allows (`ulimit -f`)",
        ErrorKind::QuotaExceeded => "your share of the disk is used up",
        ErrorKind::ReadOnlyFilesystem => "this disk can only be read",
        ErrorKind::NotADirectory => "a part of this path is a file, not a folder",
        ErrorKind::IsADirectory => "this is a folder, not a file",
        _ => return None,
    })
}

/// The operating system's reasons without their numbers: `No such file or directory (os error 2)`.
fn without_numbers(text: &str) -> String {
    let mut parts = text.split(" (os error ");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.trim_start_matches(|c: char| c.is_ascii_digit());
        plain += digits.strip_prefix(')').unwrap_or(digits);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_of_the_operating_system_are_told_in_plain_words_without_numbers() {
        assert_eq!(without_numbers("cannot read a: No such file (os error 2)"), "cannot read a: No such file");
        assert_eq!(without_numbers("a (os error 20): b"), "a: b");
        assert_eq!(without_numbers("plain"), "plain");
        let path = "no/such/file".into();
        let error = crate::Error::Io { path, source: std::fs::read("no/such/file").unwrap_err() };
        let causes = [&error as &(dyn Error + 'static)].into_iter().chain(error.source());
        assert_eq!(one_line(causes), "cannot read no/such/file: there is no such file or folder");
    }
}

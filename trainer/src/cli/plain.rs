//! Errors in plain words: what the operating system says, as a person would.

use std::io::{self, ErrorKind};

/// The whole of `error` in one line.
pub fn one_line(error: &anyhow::Error) -> String {
    let words = |cause: &(dyn std::error::Error + 'static)| match cause.downcast_ref::<io::Error>() {
        Some(error) => reason(error).map_or_else(|| error.to_string(), str::to_owned),
        None => cause.to_string(),
    };
    without_numbers(&error.chain().map(words).collect::<Vec<_>>().join(": "))
}

/// Whether the disk is full.
pub fn is_full_disk(error: &anyhow::Error) -> bool {
    let kinds = error.chain().filter_map(|cause| Some(cause.downcast_ref::<io::Error>()?.kind()));
    kinds.into_iter().any(|kind| matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded))
}

/// Plainer words than the operating system's own.
fn reason(error: &io::Error) -> Option<&'static str> {
    Some(match error.kind() {
        ErrorKind::NotFound => "there is no such file or folder",
        ErrorKind::PermissionDenied => "you have no permission for it",
        ErrorKind::StorageFull => "the disk is full",
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
    use anyhow::Context;

    use super::*;

    #[test]
    fn reasons_of_the_operating_system_are_told_in_plain_words_without_numbers() {
        assert_eq!(without_numbers("cannot read a: No such file (os error 2)"), "cannot read a: No such file");
        assert_eq!(without_numbers("a (os error 20): b"), "a: b");
        assert_eq!(without_numbers("plain"), "plain");
        let error = std::fs::read("/no/such/file").context("cannot read a").unwrap_err();
        assert_eq!(one_line(&error), "cannot read a: there is no such file or folder");
    }
}

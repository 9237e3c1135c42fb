//! Text from a file, made safe for a message: without line breaks, and not too long.

/// The most characters of a text that are shown.
const MAX_CHARS: usize = 80;

/// `text` with control characters escaped, cut after 80 characters.
///
/// ```
/// assert_eq!(bundle::printable("a\nb"), r"a\nb");
/// ```
pub fn printable(text: &str) -> String {
    let escape = |char: char| if char.is_control() { char.escape_default().to_string() } else { char.to_string() };
    let cut = if text.chars().nth(MAX_CHARS).is_some() { ".." } else { "" };
    text.chars().take(MAX_CHARS).map(escape).chain([cut.into()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_all_languages_stay_and_control_characters_do_not() {
        assert_eq!(printable("température\u{1b}[31m"), "température\\u{1b}[31m");
        assert_eq!(printable(&"x".repeat(81)), format!("{}..", "x".repeat(80)));
    }
}

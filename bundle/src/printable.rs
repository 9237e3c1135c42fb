//! Text from a file, made safe for a message: without line breaks, and not too long.

/// The most characters of a text that are shown.
const MAX_CHARS: usize = 80;

/// `text` with control characters escaped, cut after 80 characters.
///
/// ```
/// assert_eq!(bundle::printable("a\nb"), r"a\nb");
/// ```
pub fn printable(text: &str) -> String {
    safe(text, MAX_CHARS)
}

/// `text` with control characters escaped, and those that turn the direction of writing, cut after so many characters.
///
/// ```
/// assert_eq!(bundle::safe("a\x1b[31m long text", 11), r"a\u{1b}[31m long..");
/// ```
pub fn safe(text: &str, most_chars: usize) -> String {
    let turns = |char| matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let is_harmful = |char: char| char.is_control() || turns(char);
    let escape = |char: char| if is_harmful(char) { char.escape_default().to_string() } else { char.to_string() };
    let cut = if text.chars().nth(most_chars).is_some() { ".." } else { "" };
    text.chars().take(most_chars).map(escape).chain([cut.into()]).collect()
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

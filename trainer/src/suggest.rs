//! What someone may have meant, the known name that is closest to the one that was typed, and how a path is typed.

use std::path::Path;

/// The one of `known` that differs from `typed` by few letters, whatever their case; nothing if none is close.
pub(crate) fn closest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_lowercase().replace('-', "_");
    let distance = |name: &&str| strsim::damerau_levenshtein(&typed, &name.to_lowercase().replace('-', "_"));
    let (name, distance) =
        known.into_iter().map(|name| (name, distance(&name))).min_by_key(|(_, distance)| *distance)?;
    (distance <= 1 + name.len() / 4).then_some(name)
}

/// `; did you mean ...?` for [`closest`], or nothing.
pub(crate) fn did_you_mean<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    closest(typed, known).map_or(String::new(), |name| format!("; did you mean `{name}`?"))
}

/// `path` as a shell reads it.
///
/// ```
/// assert_eq!(trainer::quoted("my runs/a".as_ref()), "'my runs/a'");
/// ```
pub fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:".contains(c);
    // A leading hyphen would be read as an option.
    let text = if text.starts_with('-') { format!("./{text}") } else { text };
    if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_keyboard_are_recognised_and_other_words_are_not() {
        let known = ["digits", "series", "mnist", "fashion-mnist"];
        for (typed, meant) in [("mnits", "mnist"), ("MNIST", "mnist"), ("digit", "digits"), ("fashion_mnist", known[3])]
        {
            assert_eq!(closest(typed, known), Some(meant));
        }
        assert_eq!(closest("photos", known), None);
        assert_eq!(did_you_mean("seires", known), "; did you mean `series`?");
        assert_eq!(did_you_mean("photos", known), "");
    }

    #[test]
    fn a_path_is_quoted_where_a_shell_would_take_it_apart() {
        for (path, text) in
            [("runs/a-1", "runs/a-1"), ("my runs/a", "'my runs/a'"), ("it's", r"'it'\''s'"), ("-a", "./-a"), ("", "''")]
        {
            assert_eq!(quoted(Path::new(path)), text);
        }
    }
}

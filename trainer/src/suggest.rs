//! What someone may have meant: the known name that is closest to the one that was typed.

/// No name of ours is as long.
const MAX_LEN: usize = 64;

/// The one of `known` that differs from `typed` by few letters, whatever their case; nothing if none is close.
pub(crate) fn closest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if typed.len() > MAX_LEN {
        return None;
    }
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
}

//! The line of a config file that a complaint is about.

/// The line, from 1, in which `text` sets `setting`, if it does: `model.latent_dim`, or `model.encoder.2.units` for a layer's.
pub(super) fn line_of(text: &str, setting: &str) -> Option<usize> {
    match layer(setting) {
        Some((list, index, key)) => line_of_layer(text, (list, index), key),
        None => line_of_key(text, setting),
    }
}

/// `model.encoder.2.units` as the list, the layer's place in it and the key.
fn layer(setting: &str) -> Option<(&str, usize, &str)> {
    let (rest, key) = setting.rsplit_once('.')?;
    let (list, index) = rest.rsplit_once('.')?;
    Some((list, index.parse().ok()?, key))
}

fn line_of_key(text: &str, setting: &str) -> Option<usize> {
    let (table, key) = setting.rsplit_once('.').unwrap_or(("", setting));
    let mut section = String::new();
    text.lines().enumerate().find_map(|(index, line)| {
        let line = line.trim();
        if let Some(name) = section_name(line) {
            section = name.to_owned();
            // A list of tables is set by its headers.
            return (name == setting).then_some(index + 1);
        }
        let here = section == table || line.contains(table) || table.starts_with(&section) && !section.is_empty();
        (here && sets(line, key)).then_some(index + 1)
    })
}

/// The line of the layer's `key`, or else the one that names the layer.
fn line_of_layer(text: &str, (list, wanted): (&str, usize), key: &str) -> Option<usize> {
    let name = list.rsplit('.').next().unwrap_or(list);
    let (mut inside, mut count, mut named) = (false, 0, None);
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(section) = section_name(line) {
            inside = section == list && line.starts_with("[[");
            count += usize::from(inside);
            if inside && count == wanted + 1 {
                named = Some(index + 1);
            }
            continue;
        }
        if sets(line, name) {
            (inside, count) = (true, 0);
        }
        // In a list on lines of its own, each table in braces is a layer.
        let here = count + line.matches('{').count() > wanted && count <= wanted && !line.starts_with('[');
        if inside && here && line.contains('{') {
            return Some(index + 1);
        }
        count += if inside { line.matches('{').count() } else { 0 };
        if inside && named.is_some() && count == wanted + 1 && sets(line, key) {
            return Some(index + 1);
        }
    }
    named
}

/// What stands between the brackets of a table's header.
fn section_name(line: &str) -> Option<&str> {
    let line = line.split('#').next().unwrap_or(line).trim();
    let inner = line.strip_prefix('[')?.strip_suffix(']')?;
    Some(inner.trim_matches(['[', ']']).trim())
}

/// Whether `line` gives `key` a value.
fn sets(line: &str, key: &str) -> bool {
    let mut starts = line.match_indices(key).filter(|(at, _)| {
        let before = line[..*at].trim_end();
        before.is_empty() || before.ends_with(['{', ',', '.'])
    });
    starts.any(|(at, _)| line[at + key.len()..].trim_start().starts_with('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_found_in_every_way_of_writing_it() {
        let text = "seed = 3\nmodel = { latent_dim = 2 }\n[schedule] # falls\nname = \"cosine\"\n";
        assert_eq!(line_of(text, "seed"), Some(1));
        assert_eq!(line_of(text, "model.latent_dim"), Some(2));
        assert_eq!(line_of(text, "schedule.name"), Some(4));
        assert_eq!(line_of(text, "epochs"), None);
        assert_eq!(line_of("optimizer.name = \"adam\"", "optimizer.name"), Some(1));
    }

    #[test]
    fn a_layer_is_found_in_sections_and_in_lists() {
        let sections =
            "[[model.encoder]]\nlayer = \"linear\"\nunits = 3\n[[model.encoder]]\nchanels = 3\nlayer = \"conv\"\n";
        assert_eq!(line_of(sections, "model.encoder.0.units"), Some(3));
        assert_eq!(line_of(sections, "model.encoder.1.chanels"), Some(5));
        assert_eq!(line_of(sections, "model.encoder.1.layer"), Some(6));
        assert_eq!(line_of(sections, "model.encoder.1.size"), Some(4));
        assert_eq!(line_of(sections, "model.decoder.0.layer"), None);
        let list = "[model]\nencoder = [\n  { layer = \"linear\", units = 3 },\n  { layer = \"relu\" },\n]\n";
        assert_eq!(line_of(list, "model.encoder.0.units"), Some(3));
        assert_eq!(line_of(list, "model.encoder.1.layer"), Some(4));
        let line = "[model]\nencoder = [{ layer = \"linear\" }, { layer = \"rely\" }]\n";
        assert_eq!(line_of(line, "model.encoder.1.layer"), Some(2));
        assert_eq!(line_of(line, "model.encoder"), Some(2));
    }
}

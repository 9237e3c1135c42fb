//! The text of an option, with the defaults that the presets' own settings give.

use toml::{Table, Value};
use trainer::{Config, OptimizerConfig, Preset};

/// The width of an option's text in the long help: 100 columns minus the ten to its left.
const WIDTH: usize = 90;

/// `text` with the default of `setting` for each preset, and for the data where it differs.
pub fn by_preset(text: &str, setting: &str) -> String {
    let of = |preset: &str, data: &str| {
        let settings = [("preset", preset), ("data", data)];
        let settings = settings.map(|(name, text)| (name.to_owned(), Value::String(text.into())));
        let config = Config::resolve(None, Table::from_iter(settings)).expect("a preset's settings are in range");
        value_at(&Value::try_from(config).expect("a config is a table"), setting)
    };
    let (simple, mnist) = (Preset::default().name(), "mnist");
    let usual = of(simple, mnist);
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for preset in Preset::NAMES {
        let value = of(preset, mnist);
        match groups.iter_mut().find(|(known, _)| *known == value) {
            _ if value == usual => (),
            Some((_, names)) => names.push(preset),
            None => groups.push((value, vec![preset])),
        }
    }
    let mut parts = vec![usual.clone()];
    parts.extend(groups.into_iter().map(|(value, names)| format!("{} {value}", names.join(", "))));
    for data in ["digits", "series"] {
        let value = of(simple, data);
        if value != usual {
            parts.push(format!("on {data} {value}"));
        }
    }
    with_default(text, &parts.join("; "))
}

/// `text` with the default of the optimiser's `setting`, for each optimiser.
pub fn by_optimizer(text: &str, setting: &str) -> String {
    let of = |name: &&str| {
        let optimizer = OptimizerConfig::named(name).expect("the name is one of the list");
        let settings = Value::try_from(optimizer).expect("an optimiser is a table");
        format!("{name} {}", value_at(&settings, setting))
    };
    with_default(text, &OptimizerConfig::NAMES.iter().map(of).collect::<Vec<_>>().join(", "))
}

/// What stands at `path`, as it would be typed.
fn value_at(settings: &Value, path: &str) -> String {
    match path.split('.').try_fold(settings, |value, key| value.get(key)) {
        None => "none".into(),
        Some(Value::Array(values)) if values.is_empty() => "none".into(),
        Some(Value::Array(values)) => values.iter().map(Value::to_string).collect::<Vec<_>>().join(","),
        Some(Value::Float(number)) => number.to_string(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}

/// `text` with a default, which has a line of its own where it would be broken.
pub fn with_default(text: &str, default: &str) -> String {
    let (text, default) = (wrapped(text), format!("[default: {default}]"));
    let last = text.lines().last().unwrap_or_default().chars().count();
    let separator = if last + 1 + default.chars().count() <= WIDTH { ' ' } else { '\n' };
    format!("{text}{separator}{}", wrapped(&default))
}

/// `text` in lines that fit into the help.
pub fn wrapped(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => *line += &format!(" {word}"),
            _ => lines.push(word.into()),
        }
    }
    lines.join("\n")
}

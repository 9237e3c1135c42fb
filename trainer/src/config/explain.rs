//! A config parser's complaint in plain words: which setting, what it takes, and what may have been meant.

use toml::{Table, Value};

use super::Config;
use super::ranges;
use crate::optimizer::{OptimizerConfig, Schedule};
use crate::suggest::did_you_mean;

/// What the parser said, as `(setting, reason)`: its message, and the names it puts in backticks.
#[derive(Debug)]
pub(super) struct Complaint {
    /// `model.latent_dim`; empty where the parser does not say.
    pub(super) setting: String,
    pub(super) reason: String,
}

impl Complaint {
    /// Reads the message of `error`, which is about `settings`.
    pub(super) fn new(error: &toml::de::Error, settings: &Table) -> Self {
        let message = error.message().lines().next().unwrap_or_default().trim();
        let text = error.to_string();
        let mut place =
            text.lines().rev().find_map(|line| quoted(line.trim().strip_prefix("in ")?)).unwrap_or_default();
        let reason = if let Some(rest) = message.strip_prefix("unknown field ") {
            let field = quoted(rest).unwrap_or_default();
            let known: Vec<&str> = rest.split('`').skip(3).step_by(2).collect();
            let reason = unknown(field, place, &known, settings);
            return Self { setting: joined(place, field), reason };
        } else if let Some(rest) = message.strip_prefix("missing field ") {
            let field = quoted(rest).unwrap_or_default();
            return Self { setting: joined(place, field), reason: "expected a value, found none".into() };
        } else if let Some(rest) = message.strip_prefix("unknown variant ") {
            let typed = quoted(rest).unwrap_or_default();
            let known: Vec<&str> = rest.split('`').skip(3).step_by(2).collect();
            if place.is_empty() {
                place = "preset";
            }
            format!(
                "expected one of {}; found `{typed}`{}",
                known.join(", "),
                did_you_mean(typed, known.iter().copied())
            )
        } else if let Some((found, expected)) = message.split_once(", expected ") {
            let found = found.split_once(": ").map_or(found, |(_, found)| found);
            let (expected, found) = (in_words(expected), plain_value(found));
            if let Some(key) = key_of(settings, place, &found) {
                return Self { setting: joined(place, key), reason: format!("expected {expected}, found {found}") };
            }
            match Config::range_of(place).filter(|_| expected == WHOLE) {
                Some(range) if found.parse::<i64>().is_ok() => {
                    format!("expected {}, found {found}", ranges::in_words(&range))
                }
                Some(range) => format!("expected a whole number, {}, found {found}", ranges::in_words(&range)),
                None => format!("expected {expected}, found {found}"),
            }
        } else if let Some((layer, reason)) = layer_of(message, place) {
            return Self { setting: layer, reason };
        } else {
            message.to_owned()
        };
        Self { setting: place.to_owned(), reason }
    }
}

fn unknown(field: &str, place: &str, known: &[&str], settings: &Table) -> String {
    // A schedule or an optimiser has other settings under another name.
    let others: Vec<&str> = match place {
        "schedule" => named_with(field, &Schedule::NAMES, |name| Table::try_from(Schedule::named(name).ok()?).ok()),
        "optimizer" => {
            named_with(field, &OptimizerConfig::NAMES, |name| Table::try_from(OptimizerConfig::named(name).ok()?).ok())
        }
        _ => Vec::new(),
    };
    if !others.is_empty() {
        let chosen =
            settings.get(place).and_then(|table| table.get("name")).and_then(Value::as_str).unwrap_or("chosen");
        let (all, first) = (others.join("` or `"), others[0]);
        return format!(
            "the {place} `{chosen}` has no such setting, `{all}` has; it needs `name = \"{first}\"` in `[{place}]`"
        );
    }
    // A table's setting outside of it.
    let sections = ["model", "optimizer", "schedule"];
    let has = |section: &&str| {
        settings.get(*section).and_then(Value::as_table).is_some_and(|table| table.contains_key(field))
    };
    if place.is_empty()
        && let Some(section) = sections.into_iter().find(has).or((field == "latent_dim").then_some("model"))
    {
        return format!("no such setting here; it belongs below `[{section}]`");
    }
    let meant = did_you_mean(field, known.iter().copied());
    if meant.is_empty() && !known.is_empty() {
        return format!("no such setting; there are {}", known.join(", "));
    }
    format!("no such setting{meant}")
}

/// The names whose settings have `field`.
fn named_with<'a>(field: &str, names: &[&'a str], table: impl Fn(&str) -> Option<Table>) -> Vec<&'a str> {
    names.iter().copied().filter(|name| table(name).is_some_and(|table| table.contains_key(field))).collect()
}

/// The message of a layer's own settings, `layer `encoder.0` (conv): ...`, as the setting that it is about and the message.
fn layer_of(message: &str, place: &str) -> Option<(String, String)> {
    let name = quoted(message.strip_prefix("layer ")?)?;
    let (_, reason) = message.split_once(": ")?;
    let table = place.rsplit_once('.').map_or("model", |(table, _)| table);
    // What is said of one setting begins with its name; an unknown layer, with what was expected.
    let key = if reason.starts_with('`') { quoted(reason)? } else { "layer" };
    Some((format!("{table}.{name}.{key}"), message.to_owned()))
}

/// The setting of the table `place` that has the value `found`: of a table that a name tells apart, the parser does not say which.
fn key_of<'a>(settings: &'a Table, place: &str, found: &str) -> Option<&'a str> {
    let table = settings.get(place)?.as_table()?;
    let shown = |value: &Value| match value {
        Value::String(text) => format!("the text {text:?}"),
        value => value.to_string(),
    };
    table.iter().find(|(_, value)| shown(value) == found).map(|(key, _)| key.as_str())
}

const WHOLE: &str = "a whole number from 0, as in 5";

/// What a type's name means to someone who does not program in Rust.
fn in_words(expected: &str) -> &str {
    match expected.trim() {
        "usize" | "u64" | "u32" | "u8" => WHOLE,
        "i64" | "isize" => "a whole number, as in 5",
        "f64" | "f32" => "a number, as in 0.5",
        "a string" | "a borrowed string" => "text in quotes, as in \"mnist\"",
        "a boolean" | "bool" => "true or false",
        "a sequence" => "a list, as in [128, 64]",
        other if other.starts_with("struct ") || other == "a map" => "a table",
        other => other,
    }
}

/// `string "5"` as `"5"` (text), ``integer `-1` `` as `-1`.
fn plain_value(found: &str) -> String {
    match found.split_once(' ') {
        Some(("string", value)) => format!("the text {value}"),
        _ => quoted(found).unwrap_or(found).to_owned(),
    }
}

/// The first name in backticks.
fn quoted(text: &str) -> Option<&str> {
    text.split('`').nth(1)
}

fn joined(place: &str, field: &str) -> String {
    if place.is_empty() { field.to_owned() } else { format!("{place}.{field}") }
}

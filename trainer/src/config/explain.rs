//! A config parser's complaint in plain words: which setting, in which line, what it takes, and what may have been meant.

use toml::{Table, Value};

use crate::optimizer::{OptimizerConfig, Schedule};
use crate::suggest::did_you_mean;

/// What the parser said, as `(setting, reason)`: its message, and the names it puts in backticks.
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
            format!("expected {}, found {}", in_words(expected), plain_value(found))
        } else {
            message.to_owned()
        };
        Self { setting: place.to_owned(), reason }
    }
}

/// The line, from 1, in which `text` sets `setting`, if it does.
pub(super) fn line_of(text: &str, setting: &str) -> Option<usize> {
    let (table, key) = setting.rsplit_once('.').unwrap_or(("", setting));
    let mut section = String::new();
    let sets = |line: &str| {
        let mut starts = line.match_indices(key).filter(|(at, _)| {
            let before = line[..*at].trim_end();
            before.is_empty() || before.ends_with(['{', ','])
        });
        starts.any(|(at, _)| line[at + key.len()..].trim_start().starts_with('='))
    };
    text.lines().enumerate().find_map(|(index, line)| {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.trim_matches(['[', ']']).trim().to_owned();
        }
        let here = section == table || line.contains(table) || table.starts_with(&section) && !section.is_empty();
        (here && sets(line)).then_some(index + 1)
    })
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

/// What a type's name means to someone who does not program in Rust.
fn in_words(expected: &str) -> &str {
    match expected.trim() {
        "usize" | "u64" | "u32" | "u8" => "a whole number from 0, as in 5",
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

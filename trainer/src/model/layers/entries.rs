//! A layer's table in a config, read setting by setting, so that every error names the setting and what was found.

use toml::{Table, Value};

use crate::suggest::{closest, did_you_mean};

/// The settings of one layer that are not read yet.
pub(super) struct Entries {
    table: Table,
    /// Settings that were asked for.
    known: Vec<&'static str>,
}

impl Entries {
    pub(super) fn new(table: Table) -> Self {
        Self { table, known: Vec::new() }
    }

    fn take(&mut self, setting: &'static str) -> Option<Value> {
        self.known.push(setting);
        self.table.remove(setting)
    }

    /// Whether this setting is given; it is not read.
    pub(super) fn has(&self, setting: &str) -> bool {
        self.table.contains_key(setting)
    }

    /// A whole number that must be there.
    pub(super) fn count(&mut self, setting: &'static str) -> Result<usize, String> {
        self.optional_count(setting)?.ok_or_else(|| self.missing(setting, "a whole number"))
    }

    /// What to say where `setting` is missing: perhaps it is there and misspelt.
    fn missing(&self, setting: &'static str, kind: &str) -> String {
        let typed = self.table.keys().find(|typed| closest(typed, [setting]).is_some());
        match typed {
            Some(typed) => format!("{}: no such setting; did you mean `{setting}`?", shown_name(typed)),
            None => format!("`{setting}`: expected {kind}, found none"),
        }
    }

    /// A whole number, or `default`.
    pub(super) fn count_or(&mut self, setting: &'static str, default: usize) -> Result<usize, String> {
        Ok(self.optional_count(setting)?.unwrap_or(default))
    }

    /// A whole number that may be left out.
    pub(super) fn optional_count(&mut self, setting: &'static str) -> Result<Option<usize>, String> {
        let Some(value) = self.take(setting) else { return Ok(None) };
        let count = value.as_integer().and_then(|count| usize::try_from(count).ok());
        count.map(Some).ok_or_else(|| format!("`{setting}`: expected a whole number, found {}", shown(&value)))
    }

    /// A number that must be there, under its name or an earlier one.
    pub(super) fn number(&mut self, setting: &'static str, earlier: Option<&str>) -> Result<f64, String> {
        let value = self.take(setting).or_else(|| self.table.remove(earlier?));
        let value = value.ok_or_else(|| self.missing(setting, "a number"))?;
        let number = value.as_float().or_else(|| value.as_integer().map(|number| number as f64));
        number.ok_or_else(|| format!("`{setting}`: expected a number, found {}", shown(&value)))
    }

    /// A list that must be there.
    pub(super) fn list(&mut self, setting: &'static str) -> Result<Vec<Value>, String> {
        match self.take(setting) {
            Some(Value::Array(values)) => Ok(values),
            Some(other) => Err(format!("`{setting}`: expected a list of layers, found {}", shown(&other))),
            None => Err(self.missing(setting, "a list of layers")),
        }
    }

    /// `true` or `false`, or `default`.
    pub(super) fn switch_or(&mut self, setting: &'static str, default: bool) -> Result<bool, String> {
        let Some(value) = self.take(setting) else { return Ok(default) };
        value.as_bool().ok_or_else(|| format!("`{setting}`: expected true or false, found {}", shown(&value)))
    }

    /// Fails when a setting is left that nothing asked for.
    pub(super) fn finish(self) -> Result<(), String> {
        let Some(unknown) = self.table.keys().next() else { return Ok(()) };
        let meant = did_you_mean(unknown, self.known.iter().copied());
        let advice = match &self.known[..] {
            [] => "; this layer has no settings".into(),
            known if meant.is_empty() => format!("; there are {}", known.join(", ")),
            _ => meant,
        };
        Err(format!("{}: no such setting{advice}", shown_name(unknown)))
    }
}

/// Characters of a config's text that an error repeats.
const SHOWN: usize = 40;

/// A value as an error repeats it: shortened, on one line.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Table(_) => "a table".into(),
        Value::Array(_) => "a list".into(),
        Value::String(text) => format!("the text \"{}\"", cut(text)),
        value => value.to_string(),
    }
}

/// A name as an error repeats it.
pub(super) fn shown_name(name: &str) -> String {
    format!("`{}`", cut(name))
}

fn cut(text: &str) -> String {
    let mut escaped: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() {
        escaped.push_str("...");
    }
    escaped
}

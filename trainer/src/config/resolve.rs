//! Config files: a preset, a file's settings over it, and the command line's on top.

use std::path::Path;

use toml::{Table, Value};

use super::explain::{Complaint, line_of};
use super::{Config, Preset};
use crate::error::{Error, Result};
use crate::file;
use crate::optimizer::{OptimizerConfig, Schedule};

impl Config {
    /// Reads a config file, in which every setting may be left out.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for what does not parse, [`Error::Setting`] for a value out of range.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        Self::resolve(Some(path.as_ref()), Table::new())
    }

    /// The preset's settings, with those of `file` put over them and `overrides` on top.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for what does not parse, [`Error::Setting`] for a value out of range.
    pub fn resolve(file: Option<&Path>, overrides: Table) -> Result<Self> {
        let (mut layers, mut text) = (Vec::new(), String::new());
        if let Some(path) = file {
            let place = path.display().to_string();
            text = file::read_text(path)?;
            let table = text.parse::<Table>().map_err(|error| Error::Config {
                place: format!("{place}:{}", error.span().map_or(1, |span| line_at(&text, span.start))),
                reason: error.message().into(),
            })?;
            layers.push((place, table));
        }
        layers.push(("command line".to_owned(), overrides));

        let named = |key: &str| layers.iter().rev().find_map(|(_, layer)| layer.get(key).cloned());
        let preset = named("preset").map_or(Ok(Preset::default()), |value| parse_one("preset", value))?;
        let data = named("data").map_or(Ok(preset.data()), |value| parse_one("data", value))?;
        let defaults = Self::preset(preset, data);

        let mut settings = Table::try_from(&defaults).expect("a config is a table");
        let mut config = defaults;
        for (place, layer) in layers {
            merge(&mut settings, layer)?;
            let parsed = settings.clone().try_into::<Self>();
            config = parsed.map_err(|error| complain(&error, &settings, &place, &text))?;
            // What the command line says stands in no line.
            text.clear();
        }
        config.check()?;
        Ok(config)
    }

    /// The settings as a TOML document.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a config is a table")
    }
}

/// Puts `layer` over `settings`; another optimiser or schedule brings its own defaults, another encoder its mirror image.
fn merge(settings: &mut Table, layer: Table) -> Result<()> {
    for (key, value) in layer {
        match (settings.get_mut(&key), value) {
            (Some(Value::Table(inner)), Value::Table(layer)) => {
                if let Some(name) = layer.get("name").and_then(Value::as_str)
                    && inner.get("name").and_then(Value::as_str) != Some(name)
                {
                    *inner = if key == "schedule" {
                        Table::try_from(Schedule::named(name)?).expect("a schedule is a table")
                    } else {
                        Table::try_from(OptimizerConfig::named(name)?).expect("an optimiser is a table")
                    };
                }
                if layer.contains_key("encoder") {
                    inner.retain(|key, _| key == "variational");
                }
                inner.extend(layer);
            }
            (Some(Value::Table(_)), value) => {
                let reason = format!("expected a table, `[{key}]`, found {value}");
                return Err(Error::Config { place: key, reason });
            }
            (_, value) => {
                settings.insert(key, value);
            }
        }
    }
    Ok(())
}

/// The value of one setting that others' defaults depend on.
fn parse_one<T: serde::de::DeserializeOwned>(setting: &str, value: Value) -> Result<T> {
    let whole = Table::from_iter([(setting.to_owned(), value.clone())]);
    value.try_into().map_err(|error| {
        let Complaint { reason, .. } = Complaint::new(&error, &whole);
        Error::Config { place: format!("`{setting}`"), reason }
    })
}

/// The parser's complaint about `settings`, with its place in the file's `text`.
fn complain(error: &toml::de::Error, settings: &Table, place: &str, text: &str) -> Error {
    let Complaint { setting, reason } = Complaint::new(error, settings);
    let place = match line_of(text, &setting) {
        Some(line) => format!("{place}:{line}: `{setting}`"),
        None if setting.is_empty() => place.to_owned(),
        None => format!("{place}: `{setting}`"),
    };
    Error::Config { place, reason }
}

/// The line, from 1, in which byte `position` lies.
fn line_at(text: &str, position: usize) -> usize {
    text.bytes().take(position).filter(|&byte| byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests;

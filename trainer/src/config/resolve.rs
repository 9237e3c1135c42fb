//! Config files: a preset, a file's settings over it, and the command line's on top.

use std::path::Path;

use toml::{Table, Value};

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
        let mut layers = Vec::new();
        if let Some(path) = file {
            let (place, text) = (path.display().to_string(), file::read_text(path)?);
            let table = text.parse::<Table>().map_err(|error| Error::Config {
                place: format!("{place}:{}", error.span().map_or(1, |span| line_at(&text, span.start))),
                reason: error.message().into(),
            })?;
            layers.push((place, table));
        }
        layers.push(("command line".to_owned(), overrides));

        let named = |key: &str| layers.iter().rev().find_map(|(_, layer)| layer.get(key).cloned());
        let preset = named("preset").map_or(Ok(Preset::default()), |value| parse("preset", value))?;
        let data = named("data").map_or(Ok(preset.data()), |value| parse("data", value))?;
        let defaults = Self::preset(preset, data);

        let mut settings = Table::try_from(&defaults).expect("a config is a table");
        for (place, layer) in layers {
            merge(&mut settings, layer).and_then(|()| parse::<Self>(&place, Value::Table(settings.clone())))?;
        }
        let config = parse::<Self>("config", Value::Table(settings))?;
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

fn parse<T: serde::de::DeserializeOwned>(place: &str, value: Value) -> Result<T> {
    value.try_into().map_err(|error| Error::Config { place: place.into(), reason: one_line(&error) })
}

/// The line, from 1, in which byte `position` lies.
fn line_at(text: &str, position: usize) -> usize {
    text.bytes().take(position).filter(|&byte| byte == b'\n').count() + 1
}

fn one_line(error: &toml::de::Error) -> String {
    error.to_string().lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;

//! Config files: a preset, a file's settings over it, and the command line's on top.

use std::path::Path;

use toml::{Table, Value};

use super::explain::Complaint;
use super::place::line_of;
use super::{Config, Preset};
use crate::data::DataSource;
use crate::error::{Error, Result};
use crate::file;
use crate::optimizer::{OptimizerConfig, Schedule};

/// A file of settings has some kilobytes, and more where columns are named in it.
const MAX_BYTES: u64 = 1 << 20;

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
        let mut layers: Vec<Layer> = file.map(Layer::read).transpose()?.into_iter().collect();
        layers.push(Layer { place: "command line".to_owned(), text: String::new(), table: overrides });

        let (preset, data): (Option<Preset>, Option<DataSource>) =
            (parse_last(&layers, "preset")?, parse_last(&layers, "data")?);
        let for_data = match &data {
            Some(data) if data.is_table() => Preset::Table,
            Some(data) if data.is_pictures() => Preset::Image,
            _ => Preset::default(),
        };
        let preset = preset.unwrap_or(for_data);
        let data = data.unwrap_or_else(|| preset.data());
        let mut config = Self::preset(preset, data);

        let mut settings = Table::try_from(&config).expect("a config is a table");
        for layer in &layers {
            merge(&mut settings, layer)?;
            let parsed = settings.clone().try_into::<Self>();
            config = parsed.map_err(|error| layer.complain(Complaint::new(&error, &settings)))?;
        }
        let sets = |setting: &str| layers.iter().any(|layer| layer.table.contains_key(setting));
        if sets("epochs") && !sets("min_steps") {
            config.min_steps = 0;
        }
        if sets("epochs") && !sets("max_steps") {
            config.max_steps = 0;
        }
        config.check().and_then(|()| config.check_preparation()).map_err(|error| placed(error, &layers))?;
        Ok(config)
    }

    /// Where the file `path` sets `setting`, as `config.toml:3`; nothing where it does not.
    pub fn place_of(path: impl AsRef<Path>, setting: &str) -> Option<String> {
        let path = path.as_ref();
        let line = line_of(&file::read_text(path, MAX_BYTES).ok()?, setting)?;
        Some(format!("{}:{line}", path.display()))
    }

    /// The settings as a TOML document.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a config is a table")
    }
}

/// Settings of one origin: a file, or the command line, which has no text.
struct Layer {
    place: String,
    text: String,
    table: Table,
}

impl Layer {
    fn read(path: &Path) -> Result<Self> {
        let place = path.display().to_string();
        let text = file::read_text(path, MAX_BYTES)?;
        let table = text.parse().map_err(|error: toml::de::Error| Error::Config {
            place: format!("{place}:{}", error.span().map_or(1, |span| line_at(&text, span.start))),
            reason: error.message().into(),
        })?;
        Ok(Self { place, text, table })
    }

    /// A complaint about a setting in here, with its line.
    fn complain(&self, complaint: Complaint) -> Error {
        let Complaint { setting, reason } = complaint;
        let place = &self.place;
        let line = line_of(&self.text, &setting).map_or(String::new(), |line| format!(":{line}"));
        // A layer's message says which one it is.
        let name =
            if setting.is_empty() || reason.starts_with("layer `") { String::new() } else { format!(": `{setting}`") };
        Error::Config { place: format!("{place}{line}{name}"), reason }
    }
}

/// A setting that is out of its range, with the line of the file that sets it, unless the command line does.
fn placed(error: Error, layers: &[Layer]) -> Error {
    let Error::Setting { setting, reason } = error else { return error };
    let sets = |layer: &&Layer| {
        let mut keys = setting.split('.');
        let first = keys.next().and_then(|key| layer.table.get(key));
        keys.try_fold(first, |value, key| value.map(|value| value.get(key))).flatten().is_some()
    };
    match layers.iter().rev().find(sets) {
        Some(layer) if !layer.text.is_empty() => layer.complain(Complaint { setting: setting.into(), reason }),
        _ => Error::Setting { setting, reason },
    }
}

/// Puts `layer` over `settings`; another optimiser or schedule brings its own defaults, another encoder its mirror image.
fn merge(settings: &mut Table, layer: &Layer) -> Result<()> {
    for (key, value) in layer.table.clone() {
        match (settings.get_mut(&key), value) {
            (Some(Value::Table(inner)), Value::Table(table)) => {
                if let Some(name) = table.get("name").and_then(Value::as_str)
                    && inner.get("name").and_then(Value::as_str) != Some(name)
                {
                    let fail = |error| placed(error, std::slice::from_ref(layer));
                    *inner = if key == "schedule" {
                        Table::try_from(Schedule::named(name).map_err(fail)?).expect("a schedule is a table")
                    } else {
                        Table::try_from(OptimizerConfig::named(name).map_err(fail)?).expect("an optimiser is a table")
                    };
                }
                if table.contains_key("encoder") {
                    inner.retain(|key, _| key == "variational" || key == "output");
                }
                inner.extend(table);
            }
            (Some(Value::Table(_)), value) => {
                let example = if value.is_str() { format!(" and below it `name = {value}`") } else { String::new() };
                let reason = format!("expected a table, `[{key}]`{example}; found {value}");
                return Err(layer.complain(Complaint { setting: key, reason }));
            }
            (_, value) => {
                settings.insert(key, value);
            }
        }
    }
    Ok(())
}

/// The last value of a setting that others' defaults depend on.
fn parse_last<T: serde::de::DeserializeOwned>(layers: &[Layer], setting: &str) -> Result<Option<T>> {
    let Some(layer) = layers.iter().rev().find(|layer| layer.table.contains_key(setting)) else { return Ok(None) };
    let parsed = layer.table[setting].clone().try_into().map(Some);
    parsed.map_err(|error| {
        let Complaint { reason, .. } = Complaint::new(&error, &layer.table);
        layer.complain(Complaint { setting: setting.into(), reason })
    })
}

/// The line, from 1, in which byte `position` lies.
fn line_at(text: &str, position: usize) -> usize {
    text.bytes().take(position).filter(|&byte| byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests;

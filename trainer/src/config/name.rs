//! What a run's network is called, in the names of folders and reports.

use super::Config;
use crate::model::ModelConfig;

/// The longest name that is made of widths.
const MAX_NAME: usize = 32;

impl Config {
    /// The preset's name where the network is the preset's; else the widths of dense layers, or `custom`.
    ///
    /// ```
    /// # use trainer::{Config, ModelConfig};
    /// let config = Config { model: ModelConfig::dense(32, [128, 64]), ..Config::default() };
    /// assert_eq!(config.network_name(), "dense-128-64-32");
    /// assert_eq!(Config::default().network_name(), "simple");
    /// ```
    pub fn network_name(&self) -> String {
        let model = &self.model;
        if self.preset.has(model) {
            return self.preset.name().into();
        }
        if !model.encoder.is_empty() || !model.decoder.is_empty() {
            return "custom".into();
        }
        let kind = if model.variational { "variational" } else { "dense" };
        let latent_dim = model.latent_dim.unwrap_or(ModelConfig::LATENT_DIM);
        let widths = model.hidden.iter().chain([&latent_dim]).map(|width| format!("-{width}"));
        let name = format!("{kind}{}", widths.collect::<String>());
        if name.len() <= MAX_NAME { name } else { "custom".into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Preset;
    use crate::data::DataSource;

    #[test]
    fn a_run_is_named_after_the_network_that_it_has() {
        for name in Preset::NAMES {
            let settings = toml::Table::from_iter([("preset".to_owned(), toml::Value::String(name.into()))]);
            assert_eq!(Config::resolve(None, settings).unwrap().network_name(), name);
        }
        let name = |preset: Preset, change: fn(&mut ModelConfig)| {
            let mut config = Config::preset(preset, DataSource::Digits);
            change(&mut config.model);
            config.network_name()
        };
        assert_eq!(name(Preset::Simple, |model| model.hidden = vec![128, 64]), "dense-128-64-32");
        assert_eq!(name(Preset::Deep, |model| model.latent_dim = Some(8)), "dense-128-64-8");
        assert_eq!(name(Preset::Vae, |model| model.latent_dim = Some(2)), "variational-400-2");
        assert_eq!(name(Preset::Simple, |model| model.latent_dim = None), "dense-32");
        assert_eq!(name(Preset::Simple, |model| model.hidden = vec![512; 9]), "custom");
        assert_eq!(name(Preset::Conv, |model| model.encoder.pop().map_or((), drop)), "custom");
    }
}

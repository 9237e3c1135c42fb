//! The settings that the options of `trainer fit` give, in the layout of `config.toml`.

use anyhow::{Result, anyhow, bail};
use bundle::quoted;
use toml::{Table, Value};
use trainer::{Config, Error, Schedule};

use super::args::FitArguments;
use super::usage::UsageError;

impl FitArguments {
    /// A new run's settings: the preset's, with those of `--config` over them and the options on top.
    ///
    /// # Errors
    ///
    /// As [`Config::resolve`], and for an option that has no effect beside the others.
    pub fn resolve(&self) -> Result<Config> {
        if let Some(dir) = self.config.as_deref().filter(|path| path.is_dir()) {
            let file = dir.join("config.toml");
            let meant = if file.is_file() { format!("; did you mean `{}`?", quoted(&file)) } else { String::new() };
            bail!("{}: expected a file of settings, found a folder{meant}", dir.display());
        }
        let mut overrides = self.overrides()?;
        let Some(epochs) = self.warmup else { return Ok(Config::resolve(self.config.as_deref(), overrides)?) };
        let config = Config::resolve(self.config.as_deref(), overrides.clone())?;
        if !matches!(config.schedule, Schedule::Cosine { .. }) {
            let reason = "`--warmup` needs `--schedule cosine`, whose rate rises before it falls";
            return Err(UsageError::new("fit", reason).into());
        }
        let schedule = overrides.entry("schedule").or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(schedule) = schedule {
            schedule.insert("warmup_epochs".into(), Value::Float(epochs));
        }
        Ok(Config::resolve(self.config.as_deref(), overrides)?)
    }

    /// An error about a setting, as one about the option or the line of `--config` that gave it.
    pub fn blame(&self, error: anyhow::Error) -> anyhow::Error {
        let Some(Error::Setting { setting, reason }) = error.downcast_ref() else { return error };
        if let Some(option) = self.option_of(setting) {
            return UsageError::new("fit", format!("`{option}`: {reason}")).into();
        }
        match self.config.as_ref().and_then(|file| Config::place_of(file, setting)) {
            Some(place) => anyhow!("{place}: `{setting}`: {reason}"),
            None => error,
        }
    }

    /// The option that gave `setting` its value.
    fn option_of(&self, setting: &str) -> Option<String> {
        if setting == "schedule.warmup_epochs" {
            return self.warmup.map(|_| "--warmup".into());
        }
        let settings = self.overrides().ok()?;
        let (table, key) = setting.split_once('.').map_or((&settings, setting), |(table, key)| {
            (settings.get(table).and_then(Value::as_table).unwrap_or(&settings), key)
        });
        table.get(key)?;
        let name = if key == "name" { setting.trim_end_matches(".name") } else { key };
        Some(format!("--{}", name.replace('_', "-")))
    }

    /// An error about data that only the file of `--config` names, with the line that does.
    pub fn with_place_of_data(&self, error: Error) -> anyhow::Error {
        let named = self.config.as_ref().filter(|_| self.data.is_none());
        match named.and_then(|file| Config::place_of(file, "data")) {
            Some(place) => anyhow!("{place}: `data`: {error}"),
            None => error.into(),
        }
    }

    /// The settings of a run that goes on, with those that may change.
    pub fn resume(&self, config: Config) -> Config {
        let count = |option: Option<i64>, setting: usize| option.map_or(setting, |count| count as usize);
        Config {
            data: self.data.clone().unwrap_or(config.data),
            epochs: count(self.epochs, config.epochs),
            max_steps: if self.epochs.is_some() { 0 } else { config.max_steps },
            threads: count(self.threads, config.threads),
            patience: count(self.patience, config.patience),
            time_budget: self.time_budget.unwrap_or(config.time_budget),
            baseline_seconds: self.baseline_seconds.or(config.baseline_seconds),
            optimizer: match self.learning_rate {
                Some(rate) => config.optimizer.with_learning_rate(rate),
                None => config.optimizer,
            },
            ..config
        }
    }

    fn overrides(&self) -> Result<Table> {
        let text = |value: &Option<String>| value.clone().map(Value::String);
        let integer = |value: Option<i64>| value.map(Value::Integer);
        let float = |value: Option<f64>| value.map(Value::Float);
        let hidden = self.hidden.as_ref().map(|widths| widths.iter().copied().map(Value::Integer).collect());
        let model = table([("latent_dim", integer(self.latent_dim)), ("hidden", hidden.map(Value::Array))]);
        let schedule = table([("name", text(&self.schedule))]);
        let optimizer = table([
            ("name", text(&self.optimizer)),
            ("learning_rate", float(self.learning_rate)),
            ("weight_decay", float(self.weight_decay)),
        ]);
        let settings = [
            ("preset", text(&self.preset)),
            ("data", self.data.clone().map(|source| Value::String(source.into()))),
            ("validation", self.validation.map(Value::try_from).transpose()?),
            ("loss", text(&self.loss)),
            ("epochs", integer(self.epochs)),
            ("batch_size", integer(self.batch_size)),
            ("seed", integer(self.seed)),
            ("sparsity", float(self.sparsity)),
            ("beta", float(self.beta)),
            ("input_noise", float(self.input_noise)),
            ("clip_norm", float(self.clip_norm)),
            ("patience", integer(self.patience)),
            ("time_budget", float(self.time_budget)),
            ("baseline_seconds", float(self.baseline_seconds)),
            ("detector", text(&self.detector.clone().or(self.contaminated.then(|| "contaminated".into())))),
            ("device", text(&self.device)),
            ("threads", integer(self.threads)),
        ];
        let columns = self.columns.overrides();
        let pictures = table([("size", integer(self.size))]);
        let parts = [
            ("table", columns),
            ("pictures", pictures),
            ("model", model),
            ("schedule", schedule),
            ("optimizer", optimizer),
        ];
        let parts = parts.map(|(name, part)| (name, (!part.is_empty()).then_some(Value::Table(part))));
        Ok(table(settings.into_iter().chain(parts)))
    }
}

/// The entries that are there.
fn table<'a>(entries: impl IntoIterator<Item = (&'a str, Option<Value>)>) -> Table {
    entries.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

//! The whole numbers that settings may be.

use std::ops::RangeInclusive;

use super::{Config, MAX_EPOCHS};
use crate::error::{Error, Result};
use crate::model::ModelConfig;

impl Config {
    /// The whole numbers that `setting` may be, by its name in `config.toml`; nothing for a setting that is no whole number.
    ///
    /// ```
    /// assert_eq!(trainer::Config::range_of("threads"), Some(1..=1024));
    /// assert_eq!(trainer::Config::range_of("beta"), None);
    /// ```
    pub fn range_of(setting: &str) -> Option<RangeInclusive<i64>> {
        Some(match setting {
            "epochs" => 1..=MAX_EPOCHS as i64,
            "batch_size" => 1..=1 << 20,
            "threads" => 1..=1024,
            "model.latent_dim" | "model.hidden" => 1..=ModelConfig::MAX_WIDTH as i64,
            "pictures.size" => 8..=256,
            "table.window" => 2..=ModelConfig::MAX_WIDTH as i64,
            "table.stride" => 1..=i64::MAX,
            "min_steps" | "max_steps" => 0..=1 << 32,
            "seed" | "patience" | "schedule.patience" => 0..=i64::MAX,
            _ => return None,
        })
    }
}

impl Config {
    /// Fails for a whole number out of its range.
    pub(super) fn check_whole_numbers(&self) -> Result<()> {
        let counts = [
            ("threads", self.threads),
            ("epochs", self.epochs),
            ("min_steps", self.min_steps),
            ("max_steps", self.max_steps),
            ("batch_size", self.batch_size),
        ];
        let windows = [
            ("table.window", self.table.window),
            ("table.stride", self.table.stride),
            ("pictures.size", self.pictures.size),
        ];
        let windows = windows.into_iter().filter_map(|(setting, value)| Some((setting, value?)));
        for (setting, value) in counts.into_iter().chain(windows) {
            let range = Self::range_of(setting).expect("it is a whole number");
            if !i64::try_from(value).is_ok_and(|value| range.contains(&value)) {
                return Err(Error::setting(setting, format!("expected {}, found {value}", in_words(&range))));
            }
        }
        if i64::try_from(self.seed).is_err() {
            return Err(Error::setting("seed", format!("expected at most {}, found {}", i64::MAX, self.seed)));
        }
        Ok(())
    }
}

/// A range in words: `1 to 1024`, or `0 or more`.
pub(super) fn in_words(range: &RangeInclusive<i64>) -> String {
    match *range.end() {
        i64::MAX => format!("{} or more", range.start()),
        end => format!("{} to {end}", range.start()),
    }
}

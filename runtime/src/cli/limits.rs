//! The options that say what a file from a stranger may ask for.

use std::str::FromStr;

use clap::Args;
use runtime::Limits;

const MIB: u64 = 1 << 20;
/// What a process of its own may take where nothing else is said.
const MEMORY: u64 = 1024 * MIB;
const SECONDS: u64 = 60;
const NAMES: &str = "bytes, nodes, weights, row-values, row-work, layers, operators, memory or seconds";

#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Files from strangers")]
pub struct LimitArguments {
    /// What a bundle may ask for, such as nodes=20000; may be given again
    ///
    /// bytes, nodes, weights, row-values, row-work, layers, operators=any.
    ///
    /// In a process of its own: memory=1GiB, seconds=60.
    #[arg(long = "limit", value_name = "NAME=VALUE", global = true)]
    settings: Vec<Setting>,
    /// Compute in a process of its own, of limited memory and time
    #[arg(long, global = true)]
    isolated: bool,
}

/// What a process of its own may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Bytes of memory.
    pub memory: u64,
    /// Seconds of processor time.
    pub seconds: u64,
}

/// One limit: its name, and how much.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Setting {
    name: String,
    value: u64,
}

impl LimitArguments {
    /// What a graph may ask for.
    pub fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        for Setting { name, value } in &self.settings {
            let value = usize::try_from(*value).unwrap_or(usize::MAX);
            match name.as_str() {
                "bytes" => limits.bytes = value,
                "nodes" => limits.nodes = value,
                "weights" => limits.weights = value,
                "row-values" => limits.row_values = value,
                "row-work" => limits.row_work = value,
                "layers" => limits.layers = value,
                "operators" => limits.any_operator = true,
                _ => {}
            }
        }
        limits
    }

    /// What the process that computes may take, where it should be one of its own.
    pub fn allowance(&self) -> Option<Allowance> {
        let given = |wanted: &str| self.settings.iter().rev().find(|setting| setting.name == wanted).map(|it| it.value);
        let (memory, seconds) = (given("memory"), given("seconds"));
        let isolated = self.isolated || memory.is_some() || seconds.is_some();
        isolated.then(|| Allowance { memory: memory.unwrap_or(MEMORY), seconds: seconds.unwrap_or(SECONDS) })
    }
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("expected a name and a value, as in nodes=20000")?;
        let name = name.trim().to_ascii_lowercase().replace('_', "-");
        let value = match name.as_str() {
            "operators" if value == "any" => 1,
            "operators" => return Err("expected operators=any".into()),
            "bytes" | "weights" | "memory" => size(value).ok_or("expected a size, as in 512MiB")?,
            "nodes" | "row-values" | "row-work" | "layers" | "seconds" => {
                value.parse().ok().filter(|&count| count > 0).ok_or("expected a whole number from 1")?
            }
            _ => return Err(format!("expected one of {NAMES}")),
        };
        Ok(Self { name, value })
    }
}

/// `512MiB`, `512M`, `1g`: bytes.
fn size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => MIB,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit).filter(|&bytes| bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(settings: &[&str]) -> LimitArguments {
        let settings = settings.iter().map(|text| text.parse().unwrap()).collect();
        LimitArguments { settings, isolated: false }
    }

    #[test]
    fn limits_are_raised_by_name_and_a_process_of_its_own_has_an_allowance() {
        let found = arguments(&["nodes=20000", "weights=2GiB", "row_values=7", "operators=any"]);
        let limits = found.limits();
        assert_eq!((limits.nodes, limits.weights, limits.row_values, limits.any_operator), (20_000, 2 << 30, 7, true));
        assert_eq!(found.allowance(), None);
        let found = arguments(&["memory=512m", "memory=256m"]).allowance();
        assert_eq!(found, Some(Allowance { memory: 256 * MIB, seconds: 60 }));
        assert_eq!(LimitArguments { isolated: true, ..Default::default() }.allowance().unwrap().memory, MEMORY);
    }

    #[test]
    fn what_is_no_limit_is_told() {
        for (text, expected) in [
            ("nodes", "expected a name and a value"),
            ("node=3", "expected one of bytes"),
            ("nodes=many", "expected a whole number"),
            ("memory=0", "expected a size"),
            ("memory=1TB", "expected a size"),
            ("operators=all", "expected operators=any"),
        ] {
            let error = text.parse::<Setting>().unwrap_err();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }
}

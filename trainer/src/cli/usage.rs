//! What is wrong with a command line, in one line.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use trainer::Preset;

/// Says in one line what the command line should have been; `arguments` are those after the program's name.
pub fn explain(error: &clap::Error, arguments: &[String]) -> String {
    let context = Context { error, arguments };
    let what = match error.kind() {
        ErrorKind::UnknownArgument => context.unknown(),
        ErrorKind::InvalidSubcommand => context.no_command(),
        ErrorKind::ArgumentConflict => context.conflict(),
        ErrorKind::MissingRequiredArgument => format!("expected {}", context.text(ContextKind::InvalidArg)),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => context.value(),
        ErrorKind::TooManyValues | ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
            let expected = context.text(ContextKind::MinValues);
            let found = context.text(ContextKind::ActualNumValues);
            format!("{}: expected {expected} or more, found {found}", context.text(ContextKind::InvalidArg))
        }
        ErrorKind::InvalidUtf8 => "expected text that is UTF-8, found other bytes".into(),
        _ => error.to_string().lines().next().unwrap_or_default().trim_start_matches("error: ").into(),
    };
    format!("{what}; see `{} --help`", context.command())
}

struct Context<'a> {
    error: &'a clap::Error,
    arguments: &'a [String],
}

impl Context<'_> {
    /// `trainer fit`, or the program alone where no command was recognised.
    fn command(&self) -> String {
        let first = self.arguments.first().map(String::as_str).unwrap_or_default();
        let known = ["fit", "evaluate", "compare", "completions", "man"].contains(&first);
        if known { format!("trainer {first}") } else { "trainer".into() }
    }

    /// A part of the error, without the name of an option's value.
    fn text(&self, kind: ContextKind) -> String {
        match self.error.get(kind) {
            Some(ContextValue::String(text)) => text.clone(),
            Some(ContextValue::Strings(texts)) => texts.join(" and "),
            Some(ContextValue::Number(number)) => number.to_string(),
            _ => String::new(),
        }
    }

    fn option(&self) -> String {
        let text = self.text(ContextKind::InvalidArg);
        text.split(' ').next().unwrap_or_default().trim_matches(['<', '>', '[', ']']).into()
    }

    fn suggestion(&self, kind: ContextKind) -> String {
        let text = self.text(kind);
        if text.is_empty() { text } else { format!("; did you mean `{text}`?") }
    }

    /// An option or a word that has no place there.
    fn unknown(&self) -> String {
        let found = self.text(ContextKind::InvalidArg);
        if self.arguments.first().is_some_and(|first| first.starts_with('-')) {
            return format!("expected a command before `{found}`, as in `trainer fit {found}`");
        }
        if found.starts_with('-') {
            let suggested = self.text(ContextKind::SuggestedArg);
            let suggested = suggested.split(' ').next().unwrap_or_default();
            let suggestion =
                if suggested.is_empty() { String::new() } else { format!("; did you mean `{suggested}`?") };
            return format!("there is no option `{found}`{suggestion}");
        }
        let option = match self.arguments.first().map(String::as_str) {
            Some("fit") => option_for(&found),
            Some("evaluate") => {
                return format!("expected one run, found also `{found}`; `trainer compare` takes several");
            }
            _ => None,
        };
        let suggestion = option.map_or(String::new(), |option| format!("; did you mean `{option} {found}`?"));
        format!("expected options that begin with `--`, found `{found}`{suggestion}")
    }

    fn no_command(&self) -> String {
        let found = self.text(ContextKind::InvalidSubcommand);
        let suggestion = match found.as_str() {
            "train" => "; did you mean `trainer fit`?".into(),
            "eval" | "test" => "; did you mean `trainer evaluate`?".into(),
            "export" => "; did you mean the program `exporter`?".into(),
            "resume" => "; did you mean `trainer fit --resume`?".into(),
            _ => match option_for(&found) {
                Some(option) => format!("; did you mean `trainer fit {option} {found}`?"),
                None => self.suggestion(ContextKind::SuggestedSubcommand),
            },
        };
        format!("there is no command `{found}`{suggestion}")
    }

    fn conflict(&self) -> String {
        let (option, other) = (self.option(), self.text(ContextKind::PriorArg));
        let other = other.split(' ').next().unwrap_or_default();
        if option == other {
            return format!("`{option}` is given more than once");
        }
        // `--resume` alone conflicts with others, whichever comes first.
        let other = if option == "--resume" { other } else { option.as_str() };
        format!("`{other}` cannot change with `--resume`, which goes on with the run's own settings")
    }

    fn value(&self) -> String {
        let (option, found) = (self.option(), self.text(ContextKind::InvalidValue));
        let name = if option.starts_with('-') { format!("`{option}`") } else { option };
        if found.is_empty() {
            return format!("{name}: expected a value, found none");
        }
        if let Some(source) = std::error::Error::source(self.error) {
            return format!("{name}: {source}");
        }
        let valid = match self.error.get(ContextKind::ValidValue) {
            Some(ContextValue::Strings(values)) => values.join(", "),
            _ => "another value".into(),
        };
        format!("{name}: expected one of {valid}; found `{found}`{}", self.suggestion(ContextKind::SuggestedValue))
    }
}

/// The option of `trainer fit` that a bare word probably belongs to.
fn option_for(word: &str) -> Option<&'static str> {
    let path = std::path::Path::new(word);
    if Preset::NAMES.contains(&word) {
        Some("--preset")
    } else if word.ends_with(".toml") {
        Some("--config")
    } else if path.join("config.toml").is_file() {
        Some("--resume")
    } else if path.is_dir() || ["digits", "series", "mnist", "fashion-mnist"].contains(&word) {
        Some("--data")
    } else {
        None
    }
}

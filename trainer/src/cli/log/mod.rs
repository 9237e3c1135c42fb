//! What a training says while it goes: a bar on a terminal, lines elsewhere, JSON on request.

mod frame;
mod json;
mod plain;
mod terminal;

use std::io::IsTerminal;

use super::args::LogFormat;
pub use frame::Log;
use json::Json;
use plain::Plain;
use terminal::Terminal;

/// The log of `format`.
pub fn of(format: LogFormat) -> Box<dyn Log> {
    match format {
        LogFormat::Auto if std::io::stderr().is_terminal() => Box::new(Terminal::default()),
        LogFormat::Auto | LogFormat::Plain => Box::new(Plain::default()),
        LogFormat::Json => Box::new(Json::default()),
    }
}

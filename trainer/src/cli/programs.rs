//! The next command, as it works from where the person stands.

use std::env;
use std::path::{Path, PathBuf};

use trainer::quoted;

/// How this program was started, which is how its neighbours are reached.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Started {
    /// By `cargo run`.
    Cargo,
    /// By its path, from the folder that holds the neighbours too.
    Path(PathBuf),
    /// By its name.
    Name,
}

impl Started {
    fn here() -> Self {
        if env::var_os("CARGO").is_some() {
            return Self::Cargo;
        }
        let typed = env::args_os().next().map(PathBuf::from).unwrap_or_default();
        match typed.parent() {
            Some(dir) if dir != Path::new("") => Self::Path(dir.into()),
            _ => Self::Name,
        }
    }

    /// The command that starts `program`. What was started by its path finds its neighbours beside it, if they are there.
    fn command(&self, program: &str, is_file: impl Fn(&Path) -> bool) -> String {
        match self {
            Self::Cargo => format!("cargo run --release --bin {program} --"),
            Self::Path(dir) if is_file(&dir.join(format!("{program}{}", env::consts::EXE_SUFFIX))) => {
                quoted(&dir.join(program))
            }
            Self::Path(_) | Self::Name => program.into(),
        }
    }
}

/// The command that starts `program`, `trainer` or `exporter`, from here.
pub fn command(program: &str) -> String {
    Started::here().command(program, Path::is_file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_reached_as_this_program_was() {
        let beside = |path: &Path| path == Path::new("target/release/exporter");
        let started = Started::Path("target/release".into());
        assert_eq!(started.command("exporter", beside), "target/release/exporter");
        assert_eq!(started.command("other", beside), "other");
        assert_eq!(Started::Name.command("exporter", beside), "exporter");
        assert_eq!(Started::Cargo.command("exporter", beside), "cargo run --release --bin exporter --");
    }
}

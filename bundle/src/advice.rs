//! Commands and paths in messages, as they work from where the person stands.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::printable::printable;

/// The programs that messages advise.
const PROGRAMS: [&str; 3] = ["trainer", "exporter", "runtime"];
/// As many paths as a message lists.
const MAX_LISTED: usize = 4;

/// How the program `name`, which is installed or built beside this one, is called here: through cargo, by its path, or by
/// its bare name, as this one was. Nothing where the shell would not find it.
pub fn find_program(name: &str) -> Option<String> {
    let called_as = env::args_os().next().unwrap_or_default();
    let search_path = env::var_os("PATH").unwrap_or_default();
    find(name, env::var_os("CARGO").is_some(), Path::new(&called_as), &search_path)
}

/// As [`find_program`]; the bare name where the shell would not find it.
pub fn program(name: &str) -> String {
    find_program(name).unwrap_or_else(|| name.into())
}

fn find(name: &str, in_cargo: bool, called_as: &Path, search_path: &OsStr) -> Option<String> {
    if in_cargo {
        return Some(format!("cargo run --release --bin {name} --"));
    }
    let file = format!("{name}{}", env::consts::EXE_SUFFIX);
    if called_as.components().count() > 1 && called_as.with_file_name(&file).is_file() {
        return Some(quoted(&called_as.with_file_name(name)));
    }
    env::split_paths(search_path).any(|dir| dir.join(&file).is_file()).then(|| name.into())
}

/// `message` with each command between backticks, such as `exporter --split`, as it is typed here.
pub fn with_programs(message: &str) -> String {
    PROGRAMS.iter().fold(message.to_owned(), |message, name| {
        let typed = format!("`{name} ");
        if message.contains(&typed) { message.replace(&typed, &format!("`{} ", program(name))) } else { message }
    })
}

/// `path` as a shell reads it.
///
/// ```
/// assert_eq!(bundle::quoted("my runs/a".as_ref()), "'my runs/a'");
/// ```
pub fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:".contains(c);
    // A leading hyphen would be read as an option.
    let text = if text.starts_with('-') { format!("./{text}") } else { text };
    if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// Up to four paths, as a shell reads them, and how many more there are in `parent`.
///
/// ```
/// let runs = ["a", "b", "c", "d", "e"].map(|name| std::path::Path::new("runs").join(name));
/// assert_eq!(bundle::listed(&runs, "runs".as_ref()), "`runs/a`, `runs/b`, `runs/c`, `runs/d` and 1 more in runs");
/// ```
pub fn listed(paths: &[PathBuf], parent: &Path) -> String {
    let names: Vec<String> = paths.iter().take(MAX_LISTED).map(|path| format!("`{}`", quoted(path))).collect();
    let more = match paths.len().saturating_sub(MAX_LISTED) {
        0 => String::new(),
        more => format!(" and {more} more in {}", parent.display()),
    };
    format!("{}{more}", names.join(", "))
}

/// Names for a sentence: the first eight, and how many more there are.
///
/// ```
/// assert_eq!(bundle::listed_names(&["a", "b"]), "`a`, `b`");
/// ```
pub fn listed_names(names: &[impl AsRef<str>]) -> String {
    const MOST: usize = 8;
    let shown: Vec<String> = names.iter().take(MOST).map(|name| format!("`{}`", printable(name.as_ref()))).collect();
    let more = if names.len() > MOST { format!(" and {} more", names.len() - MOST) } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_called_as_this_one_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(format!("runtime{}", env::consts::EXE_SUFFIX));
        std::fs::write(&path, "").unwrap();
        let (beside, none) = (dir.path().join("exporter"), OsStr::new(""));
        let find = |in_cargo, called_as: &Path, search_path| find("runtime", in_cargo, called_as, search_path);
        assert_eq!(find(true, &beside, none).unwrap(), "cargo run --release --bin runtime --");
        assert_eq!(find(false, &beside, none).unwrap(), quoted(&dir.path().join("runtime")));
        assert_eq!(find(false, Path::new("exporter"), dir.path().as_os_str()).unwrap(), "runtime");
        assert_eq!(find(false, Path::new("elsewhere/exporter"), dir.path().as_os_str()).unwrap(), "runtime");
        assert_eq!(find(false, Path::new("exporter"), none), None);
    }

    #[test]
    fn only_commands_between_backticks_are_replaced() {
        let exporter = program("exporter");
        let message = "not exported; `exporter --split run` does it, the exporter says";
        let expected = format!("not exported; `{exporter} --split run` does it, the exporter says");
        assert_eq!(with_programs(message), expected);
        assert_eq!(with_programs(&expected), expected);
    }

    #[test]
    fn a_path_is_quoted_where_a_shell_would_take_it_apart() {
        for (path, text) in
            [("runs/a-1", "runs/a-1"), ("my runs/a", "'my runs/a'"), ("it's", r"'it'\''s'"), ("-a", "./-a"), ("", "''")]
        {
            assert_eq!(quoted(Path::new(path)), text);
        }
    }
}

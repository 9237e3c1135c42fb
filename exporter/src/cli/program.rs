//! How a program is called from where the person stands.

use std::ffi::OsStr;
use std::path::Path;

/// How the program `name`, which is installed or built beside this one, is called here: through cargo, by its path, or by
/// its bare name, as this one was. Nothing where the shell would not find it.
pub fn program(name: &str) -> Option<String> {
    let called_as = std::env::args_os().next().unwrap_or_default();
    let in_cargo = std::env::var_os("CARGO").is_some();
    let search_path = std::env::var_os("PATH").unwrap_or_default();
    find(name, in_cargo, Path::new(&called_as), &search_path)
}

fn find(name: &str, in_cargo: bool, called_as: &Path, search_path: &OsStr) -> Option<String> {
    if in_cargo {
        return Some(format!("cargo run --release --bin {name} --"));
    }
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let beside = called_as.with_file_name(&file);
    if called_as.components().count() > 1 && beside.is_file() {
        return Some(quoted(&beside));
    }
    std::env::split_paths(search_path).any(|dir| dir.join(&file).is_file()).then(|| name.into())
}

/// A path as a shell takes it.
pub fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:".contains(c);
    if !path.is_empty() && path.chars().all(plain) { path } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_called_as_this_one_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(format!("runtime{}", std::env::consts::EXE_SUFFIX));
        std::fs::write(&path, "").unwrap();
        let beside = dir.path().join("exporter");
        let none = OsStr::new("");
        let find = |in_cargo, called_as: &Path, search_path| find("runtime", in_cargo, called_as, search_path);
        assert_eq!(find(true, &beside, none).unwrap(), "cargo run --release --bin runtime --");
        assert_eq!(find(false, &beside, none).unwrap(), quoted(&path));
        assert_eq!(find(false, Path::new("exporter"), dir.path().as_os_str()).unwrap(), "runtime");
        assert_eq!(find(false, Path::new("elsewhere/exporter"), dir.path().as_os_str()).unwrap(), "runtime");
        assert_eq!(find(false, Path::new("exporter"), none), None);
    }

    #[test]
    fn paths_are_quoted_where_a_shell_needs_it() {
        assert_eq!(quoted(Path::new("runs/simple-digits-1")), "runs/simple-digits-1");
        assert_eq!(quoted(Path::new("my runs/it's")), r"'my runs/it'\''s'");
    }
}

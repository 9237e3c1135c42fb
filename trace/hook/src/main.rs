//! Copies candle from cargo's registry and lets the copy record what it computes: `hook [FOLDER]`.
//!
//! Nothing of candle is in this repository. The copies are made from what cargo downloaded, and each edit must find its place, or
//! nothing is written.

mod edits;

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use edits::{Edit, PACKAGES, VERSION};

const USAGE: &str =
    "hook [FOLDER]: writes candle-core and candle-nn, edited, into FOLDER (default: the folder of hourglass-trace)";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let folder = match &arguments[..] {
        [] => Path::new(env!("CARGO_MANIFEST_DIR")).join(".."),
        [folder] if !folder.starts_with('-') => PathBuf::from(folder),
        [help] if help == "--help" => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match write_copies(&folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hook: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write_copies(folder: &Path) -> Result<(), Box<dyn Error>> {
    let registry = registry()?;
    let mut copies = vec![];
    for (package, edits) in PACKAGES {
        let source = find(&registry, package).map_or_else(|| download(&registry, package), Ok)?;
        copies.push((package, source.clone(), edited(&source, package, edits)?));
    }
    fs::create_dir_all(folder)?;
    let folder = folder.canonicalize()?;
    for (package, source, files) in copies {
        copy(&source, &folder.join(package), &|path| {
            let edited = files.iter().find(|(file, _)| source.join(file) == path);
            edited.map(|(_, text)| text.clone().into_bytes())
        })?;
    }
    println!("# candle {VERSION} that can be recorded; for the Cargo.toml of your workspace:\n[patch.crates-io]");
    for (package, _) in PACKAGES {
        // A literal string: backslashes of a path stand for themselves.
        println!("{package} = {{ path = '{}' }}", folder.join(package).display());
    }
    Ok(())
}

/// The files of a package that have edits, each with all of them.
fn edited(source: &Path, package: &str, edits: &[Edit]) -> Result<Vec<(&'static str, String)>, Box<dyn Error>> {
    let mut files: Vec<(&'static str, String)> = vec![];
    for edit in edits {
        if !files.iter().any(|(file, _)| *file == edit.file) {
            files.push((edit.file, fs::read_to_string(source.join(edit.file))?.replace("\r\n", "\n")));
        }
        let (_, text) = files.iter_mut().find(|(file, _)| *file == edit.file).expect("it was just read");
        let found = text.matches(edit.anchor).count();
        if found != 1 {
            let anchor = edit.anchor.trim();
            return Err(format!(
                "{package} {VERSION}, {}: expected `{anchor}` once, found it {found} times",
                edit.file
            )
            .into());
        }
        *text = text.replacen(edit.anchor, edit.text, 1);
    }
    Ok(files)
}

fn registry() -> Result<PathBuf, Box<dyn Error>> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home =
        home.or_else(|| env::home_dir().map(|home| home.join(".cargo"))).ok_or("no CARGO_HOME and no home folder")?;
    Ok(home.join("registry").join("src"))
}

/// The package's folder in cargo's registry.
fn find(registry: &Path, package: &str) -> Option<PathBuf> {
    let indices = fs::read_dir(registry).ok()?.flatten();
    indices.map(|index| index.path().join(format!("{package}-{VERSION}"))).find(|folder| folder.is_dir())
}

/// Lets cargo download the package, by a manifest that is thrown away.
fn download(registry: &Path, package: &str) -> Result<PathBuf, Box<dyn Error>> {
    let folder = env::temp_dir().join(format!("hourglass-trace-hook-{}", std::process::id()));
    fs::create_dir_all(folder.join("src"))?;
    let manifest = format!(
        "[package]\nname = \"fetch\"\nversion = \"0.0.0\"\n[dependencies]\n{package} = \"={VERSION}\"\n[workspace]\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest)?;
    fs::write(folder.join("src/lib.rs"), "")?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo).arg("fetch").current_dir(&folder).status()?;
    fs::remove_dir_all(&folder)?;
    if !status.success() {
        return Err(format!("cargo could not download {package} {VERSION}").into());
    }
    find(registry, package).ok_or_else(|| format!("{package} {VERSION} is not in {}", registry.display()).into())
}

/// Copies a folder; `edited` gives the bytes of a file that has edits. What is there already is not touched, so that cargo need not build it
/// again.
fn copy(from: &Path, to: &Path, edited: &dyn Fn(&Path) -> Option<Vec<u8>>) -> Result<(), Box<dyn Error>> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()), edited)?;
        }
        return Ok(());
    }
    let bytes = edited(from).map_or_else(|| fs::read(from), Ok)?;
    if fs::read(to).ok().as_ref() != Some(&bytes) {
        fs::write(to, bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_without_its_place_is_refused_by_version_and_anchor() {
        let folder = env::temp_dir().join(format!("hook-test-{}", std::process::id()));
        fs::create_dir_all(folder.join("src")).unwrap();
        fs::write(folder.join("src/op.rs"), "one two two\n").unwrap();
        let edit = |anchor| [Edit { file: "src/op.rs", anchor, text: "three" }];
        assert_eq!(edited(&folder, "candle-core", &edit("one")).unwrap(), [("src/op.rs", "three two two\n".into())]);
        let error = edited(&folder, "candle-core", &edit("two")).unwrap_err().to_string();
        assert_eq!(error, format!("candle-core {VERSION}, src/op.rs: expected `two` once, found it 2 times"));
        fs::remove_dir_all(&folder).unwrap();
    }
}

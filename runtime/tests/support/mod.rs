//! The program under test, in a folder of its own with a run and its bundle.
#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder with `run/onnx`, the bundle of a network that takes 64 pixels and has 4 latent values.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.add_bundle("run/onnx", "0.1.0/digits");
        fs::write(folder.path("run/config.toml"), "").unwrap();
        folder
    }

    /// Copies a bundle of `tests/bundles` to `name`.
    pub fn add_bundle(&self, name: &str, bundle: &str) {
        let to = self.path(name);
        fs::create_dir_all(&to).unwrap();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/bundles").join(bundle);
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The names of the files and folders in here.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_runtime"));
        // As if it were not started by cargo, which changes how commands are advised.
        command.current_dir(self.0.path()).args(arguments).env_remove("CARGO");
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs the program, which must succeed; gives what it wrote on standard output and on standard error.
    pub fn succeed(&self, arguments: &[&str]) -> (String, String) {
        let output = self.run(arguments);
        let [out, error] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {error}");
        (out, error)
    }

    /// Runs the program, which must fail with exit code 1 and one line that starts with `error: `, the last one; gives that
    /// line. Nothing is left behind, and nothing on standard output.
    pub fn fail(&self, arguments: &[&str]) -> String {
        let before = self.names();
        let output = self.run(arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {error}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        let lines: Vec<&str> = error.lines().collect();
        let errors = lines.iter().filter(|line| line.starts_with("error: ")).count();
        assert!(errors == 1 && lines.last().unwrap().starts_with("error: "), "{arguments:?}: {error}");
        assert!(!error.contains("panicked") && !error.contains("should not happen"), "{arguments:?}: {error}");
        assert_eq!(self.names(), before, "{arguments:?} left something");
        lines.last().unwrap().to_string()
    }
}

/// `rows` lines of 64 pixels in 0..=1.
pub fn pixels(rows: usize) -> String {
    let pixel = |index: usize| ((index * 7 % 17) as f32 / 16.).to_string();
    let line = |row: usize| (0..64).map(|column| pixel(row * 64 + column)).collect::<Vec<_>>().join(",");
    (0..rows).map(|row| line(row) + "\n").collect()
}

/// The command that a message advises between backticks, behind the text `before`.
pub fn advised<'a>(message: &'a str, before: &str) -> Vec<&'a str> {
    let rest = message.split(before).nth(1).unwrap_or_else(|| panic!("{before} is not in: {message}"));
    rest.split('`').nth(1).unwrap_or_else(|| panic!("no advice behind {before} in: {message}")).split(' ').collect()
}

//! Reads a bundle: its manifest, and the files that the manifest names.

use std::path::Path;

use crate::advice::quoted;
use crate::claims;
use crate::digest::sha256;
use crate::error::{Error, Result};
use crate::inside::read_inside;
use crate::manifest::{FORMAT_VERSION, FileEntry, Manifest};
use crate::names::{AUTOENCODER_FILE, MANIFEST_FILE, SCORER_FILE};
use crate::printable::printable;

/// A manifest has a few kilobytes, and with 60,000 columns some megabytes; a larger file is something else.
const MAX_BYTES: usize = 1 << 24;

impl Manifest {
    /// Reads `model.json` of the bundle in `dir`.
    ///
    /// # Errors
    ///
    /// [`Error::NoBundle`] when `dir` is no finished bundle, [`Error::Manifest`] when its manifest cannot be
    /// understood.
    pub fn read(dir: impl AsRef<Path>) -> Result<Self> {
        let dir = dir.as_ref();
        let path = dir.join(MANIFEST_FILE);
        if !path.is_file() {
            return Err(Error::no_bundle(dir, format!("not a bundle: it has no {MANIFEST_FILE}")));
        }
        let text = read_inside(dir, MANIFEST_FILE, MAX_BYTES);
        let text = text.map_err(|source| Error::Io { path: path.clone(), source })?;
        let manifest: Self = serde_json::from_slice(&text)
            .map_err(|error| Error::manifest(&path, format!("{}; {}", explain(&error, text.len()), restore(dir))))?;
        if manifest.format_version != FORMAT_VERSION {
            let found = manifest.format_version;
            let advice = if found > FORMAT_VERSION { "a newer version of Hourglass reads it" } else { &restore(dir) };
            let reason = format!("expected format version {FORMAT_VERSION}, found {found}; {advice}");
            return Err(Error::manifest(&path, reason));
        }
        claims::check(&manifest).map_err(|reason| Error::manifest(&path, reason))?;
        Ok(manifest)
    }

    /// Reads the file `name` of the bundle in `dir`, of at most `most` bytes, which must be the one that was exported.
    ///
    /// # Errors
    ///
    /// [`Error::MissingFile`] when the bundle has other files, [`Error::Damaged`] when the file's SHA-256 is not the
    /// manifest's, [`Error::Io`] when it cannot be read, is larger, or is a link that leads out of the folder.
    pub fn read_file(&self, dir: impl AsRef<Path>, name: &str, most: usize) -> Result<Vec<u8>> {
        let dir = dir.as_ref();
        let entry = self.file(dir, name)?;
        let path = dir.join(name);
        if !path.exists() {
            let reason = format!("missing, though {MANIFEST_FILE} names it; {}", restore(dir));
            return Err(Error::Damaged { path, reason });
        }
        let bytes = read_inside(dir, name, most).map_err(|source| Error::Io { path: path.clone(), source })?;
        let found = sha256(&bytes);
        if found == entry.sha256 || entry.previous_sha256.as_ref() == Some(&found) {
            return Ok(bytes);
        }
        let reason = if bytes.len() < entry.bytes {
            format!("incomplete: expected {} bytes, found {}", entry.bytes, bytes.len())
        } else {
            let expected = printable(&entry.sha256);
            format!("damaged or replaced since the export: expected the sha256 {expected}, found {found}")
        };
        Err(Error::Damaged { path, reason: format!("{reason}; {}", restore(dir)) })
    }

    /// What the manifest has about the file `name` of the bundle in `dir`.
    ///
    /// # Errors
    ///
    /// [`Error::MissingFile`] when the bundle has other files.
    pub fn file(&self, dir: impl AsRef<Path>, name: &str) -> Result<&FileEntry> {
        self.files.get(name).ok_or_else(|| {
            let path = dir.as_ref().to_path_buf();
            let files: Vec<String> = self.files.keys().map(|name| printable(name)).collect();
            let found = files.join(", ");
            let advice = match name {
                _ if self.files.contains_key(AUTOENCODER_FILE) => export_split(&path),
                SCORER_FILE => {
                    "; a run that this version of `trainer fit` trains has one if some of its test rows are usual"
                        .into()
                }
                _ => String::new(),
            };
            Error::MissingFile { path, name: name.into(), found, advice }
        })
    }
}

/// What is wrong with a manifest that is `bytes` long.
fn explain(error: &serde_json::Error, bytes: usize) -> String {
    let place = format!("line {}, column {}", error.line(), error.column());
    let text = error.to_string();
    match text.strip_prefix("missing field ").and_then(|rest| rest.split(" at line").next()) {
        Some(field) => format!("not the manifest of a bundle: it has no {field}"),
        None if error.is_eof() => format!("incomplete: it ends at byte {bytes}"),
        None if error.is_data() => format!("not the manifest of a bundle: {place} holds something else than expected"),
        None => format!("not JSON from {place} on"),
    }
}

/// How to get the files of a bundle again.
fn restore(dir: &Path) -> String {
    match run_around(dir) {
        Some(run) => format!("`exporter --split {}` writes the bundle again", quoted(run)),
        None => "copy the bundle again, or export its run again with `exporter --split`".into(),
    }
}

/// What to do with a bundle that is one graph, where the two halves are needed.
fn export_split(dir: &Path) -> String {
    let run = run_around(dir).map(|run| format!(" {}", quoted(run))).unwrap_or_default();
    format!("; this one was exported as a whole, and `exporter --split{run}` exports the two halves")
}

/// The run whose folder the bundle lies in.
fn run_around(dir: &Path) -> Option<&Path> {
    dir.parent().filter(|run| run.join("config.toml").is_file())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The fewest fields that a bundle of any program has.
    const PLAIN: &str = r#"{
        "format_version": 1,
        "input": {"name": "x", "row_shape": [2, 3]},
        "latent": {"name": "z", "row_shape": [2]},
        "reconstruction": {"name": "y", "row_shape": [2, 3], "range": null},
        "files": {"encoder.onnx": {"sha256": "00"}}
    }"#;

    fn written(text: &str) -> (tempfile::TempDir, Result<Manifest>) {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(MANIFEST_FILE), text).unwrap();
        let manifest = Manifest::read(dir.path());
        (dir, manifest)
    }

    #[test]
    fn what_other_programs_leave_out_is_not_needed() {
        let manifest = written(PLAIN).1.unwrap();
        assert_eq!((manifest.input.row_len(), manifest.input.dtype.as_str()), (Some(6), "float32"));
        assert_eq!((manifest.threshold, manifest.input_noise), (None, None));
    }

    #[test]
    fn a_manifest_that_cannot_be_understood_names_its_file_and_place() {
        for (text, expected) in [
            ("{", "model.json: incomplete: it ends at byte 1; copy the bundle again, or export its run again with"),
            ("[]", "model.json: not the manifest of a bundle: line 1, column 2 holds something else than expected"),
            ("no", "model.json: not JSON from line 1, column 2 on"),
            (&PLAIN.replace("\"format_version\": 1", "\"format_version\": 7"), "expected format version 1, found 7"),
            (&PLAIN.replace("\"latent\"", "\"code\""), "it has no `latent`"),
        ] {
            let error = written(text).1.unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_file_must_have_its_hash() {
        let (dir, manifest) = written(&PLAIN.replace("\"00\"", &format!("\"{}\"", sha256("graph"))));
        let manifest = manifest.unwrap();
        let path = dir.path().join("encoder.onnx");
        let error = manifest.read_file(&dir, "encoder.onnx", 100).unwrap_err().to_string();
        assert!(error.contains("encoder.onnx: missing, though model.json names it; copy the bundle again"), "{error}");
        fs::write(&path, "graph").unwrap();
        assert_eq!(manifest.read_file(&dir, "encoder.onnx", 100).unwrap(), b"graph");
        fs::write(&path, "Graph").unwrap();
        assert!(matches!(manifest.read_file(&dir, "encoder.onnx", 100), Err(Error::Damaged { .. })));
        let error = manifest.read_file(&dir, "decoder.onnx", 100).unwrap_err().to_string();
        assert!(error.ends_with("expected a bundle with decoder.onnx, found one with encoder.onnx"), "{error}");
    }

    #[test]
    fn text_from_a_file_cannot_write_lines_of_its_own() {
        let (dir, manifest) = written(&PLAIN.replace("\"00\"", r#""\n\u001b[31m""#));
        fs::write(dir.path().join("encoder.onnx"), "").unwrap();
        let error = manifest.unwrap().read_file(&dir, "encoder.onnx", 100).unwrap_err().to_string();
        assert!(!error.contains('\n') && !error.contains('\u{1b}'), "{error}");
    }
}

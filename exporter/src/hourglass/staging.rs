//! A temporary folder beside the bundle's, in which the bundle is made: an export that fails leaves nothing that looks finished.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bundle::{BUNDLE_FILES, FileEntry, MANIFEST_FILE, PRODUCER};
use tempfile::TempDir;

use crate::hourglass::error::ExportError;

type Result<T> = crate::error::Result<T, ExportError>;

/// An unfinished bundle. Dropping it deletes its files.
pub(super) struct Staging {
    out: PathBuf,
    dir: TempDir,
}

impl Staging {
    /// Starts a bundle that will be published as `out`: a new folder, an empty one, or an older bundle.
    ///
    /// Nothing else is replaced: a folder is a bundle only if it has a manifest that this program wrote.
    pub(super) fn new(out: &Path) -> Result<Self> {
        if out.is_dir() {
            check_free(out)?;
        }
        Self::over(out)
    }

    /// Starts a bundle that will be published as `out`; files there with the names of a bundle's are replaced.
    pub(super) fn over(out: &Path) -> Result<Self> {
        if out.exists() && !out.is_dir() {
            return Err(ExportError::Occupied { path: out.into(), found: "a file".into() });
        }
        if let Some(file) = out.ancestors().skip(1).find(|folder| folder.exists() && !folder.is_dir()) {
            return Err(ExportError::NotAFolder { path: file.into() });
        }
        let parent = match out.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent).map_err(|source| ExportError::io("create", parent, source))?;
        let dir = tempfile::Builder::new()
            .prefix(".onnx-unverified-")
            .tempdir_in(parent)
            .map_err(|source| ExportError::io("create", parent, source))?;
        Ok(Self { out: out.into(), dir })
    }

    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.path(name);
        fs::write(&path, bytes).map_err(|source| ExportError::io("write", &path, source))
    }

    /// The files written so far, in the order of [`BUNDLE_FILES`].
    fn files(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let present = BUNDLE_FILES.iter().filter(|name| self.path(name).exists());
        present
            .map(|name| {
                let path = self.path(name);
                let bytes = fs::read(&path).map_err(|source| ExportError::io("read", &path, source))?;
                Ok(((*name).to_owned(), bytes))
            })
            .collect()
    }

    /// The lengths and hashes of the files written so far, by their names.
    pub(super) fn entries(&self) -> Result<BTreeMap<String, FileEntry>> {
        Ok(self.files()?.into_iter().map(|(name, bytes)| (name, FileEntry::of(&bytes))).collect())
    }

    /// Moves the files into place. An older manifest is removed first and the new one is written last, so that a crash in
    /// between leaves a folder that does not look finished.
    pub(super) fn publish(self) -> Result<Vec<(String, u64)>> {
        let files = self.files()?;
        fs::create_dir_all(&self.out).map_err(|source| ExportError::io("create", &self.out, source))?;
        for name in BUNDLE_FILES.iter().rev() {
            let old = self.out.join(name);
            if old.exists() {
                fs::remove_file(&old).map_err(|source| ExportError::io("replace", &old, source))?;
            }
        }
        for (name, _) in &files {
            let new = self.out.join(name);
            fs::rename(self.path(name), &new).map_err(|source| ExportError::io("write", &new, source))?;
        }
        Ok(files.into_iter().map(|(name, bytes)| (name, bytes.len() as u64)).collect())
    }
}

/// Fails when `out` holds something that is not part of a bundle that this program wrote.
fn check_free(out: &Path) -> Result<()> {
    let occupied = |found: &str| ExportError::Occupied { path: out.into(), found: found.into() };
    let mut found = Vec::new();
    for entry in fs::read_dir(out).map_err(|source| ExportError::io("read", out, source))? {
        let entry = entry.map_err(|source| ExportError::io("read", out, source))?;
        found.push(entry.file_name().to_string_lossy().into_owned());
    }
    found.sort();
    if let Some(foreign) = found.iter().find(|name| !BUNDLE_FILES.contains(&name.as_str())) {
        return Err(occupied(&format!("`{foreign}` in it")));
    }
    let text = fs::read_to_string(out.join(MANIFEST_FILE)).unwrap_or_default();
    let ours = serde_json::from_str::<serde_json::Value>(&text).is_ok_and(|manifest| {
        manifest["producer"].as_str().is_some_and(|name| name.split(' ').next() == Some(PRODUCER))
    });
    match found.first() {
        Some(first) if !ours => Err(occupied(&format!("`{first}` in it"))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unpublished_bundle_leaves_nothing() {
        let parent = tempfile::tempdir().unwrap();
        let staging = Staging::new(&parent.path().join("onnx")).unwrap();
        staging.write("encoder.onnx", b"x").unwrap();
        drop(staging);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    #[test]
    fn publishing_replaces_an_older_bundle_whole() {
        let parent = tempfile::tempdir().unwrap();
        let out = parent.path().join("onnx");
        for files in [&["encoder.onnx", "model.json"][..], &["autoencoder.onnx", "model.json"]] {
            let staging = Staging::new(&out).unwrap();
            files.iter().for_each(|file| staging.write(file, br#"{"producer": "hourglass 0"}"#).unwrap());
            staging.publish().unwrap();
            let mut found: Vec<_> = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            found.sort();
            assert_eq!(found, *files);
        }
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_with_other_files_is_left_alone() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("thesis.tex"), "").unwrap();
        let error = Staging::new(parent.path()).err().unwrap().to_string();
        assert!(error.contains("found `thesis.tex` in it"), "{error}");
        fs::remove_file(parent.path().join("thesis.tex")).unwrap();
        fs::write(parent.path().join("model.json"), r#"{"producer": "somebody else"}"#).unwrap();
        let error = Staging::new(parent.path()).err().unwrap().to_string();
        assert!(error.contains("found `model.json` in it"), "{error}");
    }

    #[test]
    fn a_file_where_the_folder_should_be_is_said_to_be_one() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("notes.txt");
        fs::write(&path, "").unwrap();
        let error = Staging::new(&path).err().unwrap().to_string();
        assert!(error.ends_with("notes.txt: expected a new folder, an empty one or a bundle, found a file"), "{error}");
        let error = Staging::new(&path.join("bundle")).err().unwrap().to_string();
        assert!(error.ends_with("notes.txt: expected a folder, found a file"), "{error}");
    }
}

//! A temporary folder beside the bundle's, in which the bundle is made: an export that fails leaves nothing that looks finished.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use bundle::{BUNDLE_FILES, FileEntry, FolderLock, MANIFEST_FILE, PRODUCER, sync_folder, waits_for_disk, write_whole};
use tempfile::TempDir;

use crate::hourglass::error::ExportError;

type Result<T> = crate::error::Result<T, ExportError>;

/// How the names of such folders begin.
const PREFIX: &str = ".onnx-unverified-";

/// An unfinished bundle. Dropping it deletes its files; if the program is killed, the next export beside it does.
pub(super) struct Staging {
    out: PathBuf,
    dir: TempDir,
    _lock: Option<FolderLock>,
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
        if out.as_os_str().is_empty() {
            return Err(ExportError::Occupied { path: out.into(), found: "no name".into() });
        }
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
        remove_left_over(parent);
        let create = || {
            let mut builder = tempfile::Builder::new();
            builder.prefix(PREFIX);
            // It becomes the bundle's folder, which others may read as any other.
            #[cfg(unix)]
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
            let dir = builder.tempdir_in(parent)?;
            let lock = FolderLock::take(dir.path())?;
            if out.is_dir() {
                fs::set_permissions(dir.path(), fs::metadata(out)?.permissions())?;
            }
            Ok((dir, lock))
        };
        let (dir, lock) = create().map_err(|source| ExportError::io("create", parent, source))?;
        Ok(Self { out: out.into(), dir, _lock: lock })
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

    /// Puts the bundle in its place, at once: at any moment, there is the older bundle or this one.
    ///
    /// Where the system cannot exchange two folders, the older manifest goes first and the new one comes last, so that a crash in between
    /// leaves a folder that does not look finished.
    pub(super) fn publish(self) -> Result<Vec<(String, u64)>> {
        let files = self.files()?;
        let failed = |source| ExportError::io("write", &self.out, source);
        if waits_for_disk() {
            let sync = |name: &str| File::open(self.path(name))?.sync_all();
            files.iter().try_for_each(|(name, _)| sync(name)).map_err(failed)?;
            sync_folder(self.dir()).map_err(failed)?;
        }
        if !self.takes_place().map_err(failed)? {
            self.publish_by_files(&files)?;
        }
        let parent = self.dir().parent().unwrap_or(Path::new("."));
        sync_folder(parent).map_err(failed)?;
        Ok(files.into_iter().map(|(name, bytes)| (name, bytes.len() as u64)).collect())
    }

    /// Moves the whole folder to its place, in exchange for what is there. False where that cannot be done.
    fn takes_place(&self) -> io::Result<bool> {
        if !self.out.exists() {
            return Ok(fs::rename(self.dir(), &self.out).is_ok());
        }
        // A link stays one.
        let out = self.out.canonicalize()?;
        if out.parent() != self.dir().canonicalize()?.parent() {
            return Ok(false);
        }
        for entry in fs::read_dir(&out)? {
            let entry = entry?;
            let name = entry.file_name();
            let is_ours = BUNDLE_FILES.iter().any(|ours| name == *ours);
            // What else is there stays: files in both folders, and of folders there can be but one.
            if !is_ours && (entry.path().is_dir() || fs::hard_link(entry.path(), self.dir().join(&name)).is_err()) {
                return Ok(false);
            }
        }
        Ok(exchange(self.dir(), &out))
    }

    fn publish_by_files(&self, files: &[(String, Vec<u8>)]) -> Result<()> {
        fs::create_dir_all(&self.out).map_err(|source| ExportError::io("create", &self.out, source))?;
        for name in BUNDLE_FILES.iter().rev() {
            let old = self.out.join(name);
            if old.exists() {
                fs::remove_file(&old).map_err(|source| ExportError::io("replace", &old, source))?;
            }
        }
        // Not moved: the folder may lie on another disk.
        for (name, bytes) in files {
            let new = self.out.join(name);
            write_whole(&new, bytes).map_err(|source| ExportError::io("write", &new, source))?;
        }
        Ok(())
    }
}

/// Exchanges two folders at once, where the system can.
fn exchange(a: &Path, b: &Path) -> bool {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE).is_ok()
    }
    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    {
        let _ = (a, b);
        false
    }
}

/// Removes what killed exports left in `parent`: folders that no program holds.
fn remove_left_over(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let files = || fs::read_dir(entry.path()).into_iter().flatten().flatten();
        let is_ours = |file: fs::DirEntry| BUNDLE_FILES.iter().any(|ours| file.file_name() == *ours);
        let is_left_over = entry.file_name().to_string_lossy().starts_with(PREFIX)
            && entry.file_type().is_ok_and(|kind| kind.is_dir())
            && files().all(is_ours);
        if is_left_over && let Ok(Some(_lock)) = FolderLock::take(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
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
    let text = bundle::read(&out.join(MANIFEST_FILE)).unwrap_or_default();
    let ours = serde_json::from_slice::<serde_json::Value>(&text).is_ok_and(|manifest| {
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
    fn a_folder_has_the_permissions_of_any_other_and_keeps_what_else_is_there() {
        let parent = tempfile::tempdir().unwrap();
        let (out, other) = (parent.path().join("onnx"), parent.path().join("other"));
        fs::create_dir(&other).unwrap();
        let write = |out: &Path| {
            let staging = Staging::over(out).unwrap();
            staging.write("model.json", b"new").unwrap();
            staging.publish().unwrap();
        };
        write(&out);
        assert_eq!(fs::metadata(&out).unwrap().permissions(), fs::metadata(other).unwrap().permissions());
        fs::write(out.join("notes.txt"), "mine").unwrap();
        // A folder of one's own cannot be in two places, and is left where it is.
        for folder in [false, true] {
            if folder {
                fs::create_dir(out.join("figures")).unwrap();
            }
            fs::write(out.join("model.json"), "old").unwrap();
            write(&out);
            assert_eq!(fs::read(out.join("notes.txt")).unwrap(), b"mine");
            assert_eq!(fs::read(out.join("model.json")).unwrap(), b"new");
            assert_eq!(out.join("figures").is_dir(), folder);
        }
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_a_killed_export_left_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        let left = parent.path().join(format!("{PREFIX}killed"));
        fs::create_dir(&left).unwrap();
        let other = Staging::new(&parent.path().join("other")).unwrap();
        other.write("encoder.onnx", b"x").unwrap();
        let staging = Staging::new(&parent.path().join("onnx")).unwrap();
        assert!(!left.exists() && other.path("encoder.onnx").exists());
        drop((staging, other));
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

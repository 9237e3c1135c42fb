//! Files that are whole or not there, whatever ends the program or the machine, and folders that one program writes at a time.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

const BESIDE: &str = ".partial-";
const SYNC: &str = "HOURGLASS_SYNC";

/// Writes `bytes` beside `path` and moves them there when they are whole. After a crash, the old file is there or the new one; after a
/// power cut too, unless `$HOURGLASS_SYNC` is 0, which does not wait for the disk.
///
/// ```
/// # let dir = std::env::temp_dir().join("bundle-files-example");
/// # std::fs::create_dir_all(&dir)?;
/// bundle::write_whole(&dir.join("model.json"), b"{}")?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// When the file cannot be written: nothing is left beside it, and an older one stays as it was.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut unfinished = Unfinished::new(path)?;
    unfinished.file.write_all(bytes)?;
    unfinished.commit()
}

/// A file that is written beside its place. Unless it is committed, it is removed; if the program is killed, by the next one that
/// writes there.
#[derive(Debug)]
pub struct Unfinished {
    file: File,
    beside: PathBuf,
    path: PathBuf,
}

impl Unfinished {
    /// Begins a file that will be at `path`.
    ///
    /// # Errors
    ///
    /// When it cannot be created.
    pub fn new(path: &Path) -> io::Result<Self> {
        let prefix = prefix(path);
        remove_left_over(folder(path), &prefix);
        let mut name = prefix;
        name.push(std::process::id().to_string());
        let beside = path.with_file_name(name);
        let unfinished = Self { file: File::create(&beside)?, beside, path: path.into() };
        // Where files cannot be locked, what a killed program leaves stays.
        let _ = unfinished.file.try_lock();
        if let Ok(old) = fs::metadata(path) {
            unfinished.file.set_permissions(old.permissions())?;
        }
        Ok(unfinished)
    }

    /// The file, to write to.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Moves the file to its place.
    ///
    /// # Errors
    ///
    /// When it cannot be moved, or what was written does not reach the disk.
    pub fn commit(self) -> io::Result<()> {
        if waits_for_disk() {
            self.file.sync_all()?;
        }
        fs::rename(&self.beside, &self.path)?;
        sync_folder(folder(&self.path))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Half a file is of no use, and on a full disk it takes the room that is left. After `commit`, there is none.
        let _ = fs::remove_file(&self.beside);
    }
}

/// Opens a file to read it. Pipes, sockets and devices are refused: they may never end, or wait for ever to be opened.
///
/// # Errors
///
/// When there is no such file, or it is none.
pub fn open(path: &Path) -> io::Result<File> {
    let kind = fs::metadata(path)?;
    if kind.is_file() || kind.is_dir() {
        return File::open(path);
    }
    Err(io::Error::new(ErrorKind::InvalidInput, "expected a file, found a pipe, a socket or a device"))
}

/// Reads a whole file, as [`open`] opens it.
///
/// # Errors
///
/// As [`open`], and when it cannot be read.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = open(path)?;
    let mut bytes = Vec::with_capacity(file.metadata().map_or(0, |metadata| metadata.len().min(1 << 30) as usize));
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a whole file of at most `most` bytes, as [`open`] opens it.
///
/// # Errors
///
/// As [`read`], and when the file is larger.
pub fn read_at_most(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    whole(open(path)?, most)
}

/// All of an open file, which has at most `most` bytes.
pub(crate) fn whole(file: File, most: u64) -> io::Result<Vec<u8>> {
    let refused = |found: &str| {
        let reason = format!("expected at most {most} bytes, found {found}");
        Err(io::Error::new(ErrorKind::InvalidInput, reason))
    };
    let len = file.metadata()?.len();
    if len > most {
        return refused(&len.to_string());
    }
    let mut bytes = Vec::with_capacity(len as usize);
    // It may have grown meanwhile.
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { refused("more") } else { Ok(bytes) }
}

/// Waits until names in this folder have reached the disk, unless `$HOURGLASS_SYNC` is 0.
///
/// # Errors
///
/// When they do not reach it.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    // Windows opens no folder, and keeps names itself.
    if !waits_for_disk() || cfg!(windows) {
        return Ok(());
    }
    match File::open(folder)?.sync_all() {
        // Some network file systems cannot.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        result => result,
    }
}

/// Whether files and folders are to reach the disk before they count.
pub fn waits_for_disk() -> bool {
    std::env::var_os(SYNC).is_none_or(|value| value != "0")
}

/// A folder that this program alone writes, until this is dropped or the program ends.
#[derive(Debug)]
pub struct FolderLock {
    _folder: File,
}

impl FolderLock {
    /// Locks a folder; nothing where another program has.
    ///
    /// Where the system cannot lock folders, as Windows and some network file systems, it always succeeds.
    ///
    /// # Errors
    ///
    /// When there is no such folder.
    pub fn take(folder: &Path) -> io::Result<Option<Self>> {
        let file = match File::open(folder) {
            Err(_) if cfg!(windows) => return Ok(Some(Self { _folder: File::open("NUL")? })),
            file => file?,
        };
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => Ok(None),
            Ok(()) | Err(TryLockError::Error(_)) => Ok(Some(Self { _folder: file })),
        }
    }
}

/// The process that has locked a folder, where the system says so.
pub fn lock_holder(folder: &Path) -> Option<u32> {
    let inode = inode(&fs::metadata(folder).ok()?)?.to_string();
    let locks = fs::read_to_string("/proc/locks").ok()?;
    locks.lines().find_map(|line| {
        // `1: FLOCK  ADVISORY  WRITE 1234 fe:00:5678 0 EOF`
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "FLOCK", _, "WRITE", process, file, ..] = words[..] else { return None };
        if file.rsplit(':').next() == Some(&inode) { process.parse().ok() } else { None }
    })
}

#[cfg(unix)]
fn inode(metadata: &fs::Metadata) -> Option<u64> {
    Some(std::os::unix::fs::MetadataExt::ino(metadata))
}

#[cfg(not(unix))]
fn inode(_metadata: &fs::Metadata) -> Option<u64> {
    None
}

/// Whether a file of this name is one that [`write_whole`] has not finished.
pub fn is_unfinished(name: &str) -> bool {
    name.starts_with('.') && name.contains(BESIDE)
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn prefix(path: &Path) -> OsString {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(BESIDE);
    name
}

/// Removes what killed programs left of files with this prefix: those that nobody holds.
fn remove_left_over(folder: &Path, prefix: &OsString) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.as_encoded_bytes().strip_prefix(prefix.as_encoded_bytes());
        if process.is_some_and(|process| process.iter().all(u8::is_ascii_digit))
            && let Ok(file) = File::open(entry.path())
            && file.try_lock().is_ok()
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_whole_or_as_it_was_and_nothing_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows.csv");
        write_whole(&path, b"old").unwrap();
        let unfinished = Unfinished::new(&path).unwrap();
        unfinished.file().write_all(b"ne").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert!(names(dir.path()).iter().any(|name| is_unfinished(name)));
        drop(unfinished);
        write_whole(&path, b"new").unwrap();
        assert_eq!((fs::read(&path).unwrap(), names(dir.path())), (b"new".to_vec(), vec!["rows.csv".to_owned()]));
    }

    #[test]
    fn what_a_killed_program_left_is_removed_and_what_a_running_one_writes_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows.csv");
        fs::write(dir.path().join(".rows.csv.partial-1"), "left over").unwrap();
        fs::write(dir.path().join(".rows.csv.partial-notes"), "somebody's").unwrap();
        fs::write(dir.path().join(".other.csv.partial-1"), "another's").unwrap();
        let held = dir.path().join(".rows.csv.partial-2");
        let file = File::create(&held).unwrap();
        file.lock().unwrap();
        write_whole(&path, b"new").unwrap();
        assert_eq!(
            names(dir.path()),
            [".other.csv.partial-1", ".rows.csv.partial-2", ".rows.csv.partial-notes", "rows.csv"]
        );
    }

    #[test]
    #[cfg(unix)]
    fn what_is_no_file_is_refused_before_it_is_opened() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for path in [&pipe, Path::new("/dev/zero")] {
            assert_eq!(read(path).unwrap_err().to_string(), "expected a file, found a pipe, a socket or a device");
        }
        fs::write(dir.path().join("file"), "x").unwrap();
        assert_eq!(read(&dir.path().join("file")).unwrap(), b"x");
    }

    #[test]
    fn a_locked_folder_is_refused_and_its_holder_named() {
        let dir = tempfile::tempdir().unwrap();
        let lock = FolderLock::take(dir.path()).unwrap().unwrap();
        assert!(FolderLock::take(dir.path()).unwrap().is_none());
        if cfg!(target_os = "linux") {
            assert_eq!(lock_holder(dir.path()), Some(std::process::id()));
        }
        drop(lock);
        assert!(FolderLock::take(dir.path()).unwrap().is_some());
        assert!(FolderLock::take(&dir.path().join("none")).is_err());
    }
}

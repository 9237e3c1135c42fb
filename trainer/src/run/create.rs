//! New run folders: nothing is ever overwritten.

use std::fs;
use std::path::{Path, PathBuf};

use bundle::{LATEST_RUN, quoted};

use super::{CONFIG, Run};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::file;

impl Run {
    /// Starts a run in `dir`, which must be new or empty.
    ///
    /// # Errors
    ///
    /// [`Error::File`] when there is something in `dir` already: nothing is overwritten.
    pub fn create(dir: impl Into<PathBuf>, config: &Config) -> Result<Self> {
        let dir = dir.into();
        Self::check_new(&dir)?;
        file::create_dir(&dir)?;
        let run = Self { dir };
        // Of two programs that begin at once, the second finds the other's config.
        let _lock = run.lock()?;
        Self::check_new(&run.dir)?;
        run.write_config(config)?;
        Ok(run)
    }

    /// Fails unless a run can be created in `dir`, which must be new or empty.
    ///
    /// # Errors
    ///
    /// [`Error::File`] when there is something in `dir` already, or a file on the way to it.
    pub fn check_new(dir: impl AsRef<Path>) -> Result<()> {
        let dir = dir.as_ref();
        if dir.exists() {
            if !dir.is_dir() {
                return Err(Error::file(dir, "expected a new or empty folder for the run, found a file"));
            }
            let entries = fs::read_dir(dir).map_err(|source| Error::io("read", dir, source))?;
            // What a program left that was killed before the run began is no file.
            let is_file = |entry: fs::DirEntry| !bundle::is_unfinished(&entry.file_name().to_string_lossy());
            if entries.flatten().any(is_file) {
                let resume = match dir.join(CONFIG).is_file() {
                    true => format!("; `trainer fit --resume {}` goes on with the run there", quoted(dir)),
                    false => String::new(),
                };
                let reason = format!("expected a new or empty folder for the run, found files in it{resume}");
                return Err(Error::file(dir, reason));
            }
        }
        if let Some(file) = dir.ancestors().skip(1).find(|parent| parent.is_file()) {
            return Err(Error::file(file, "expected a folder for the run to lie in, found a file"));
        }
        Ok(())
    }

    /// Starts a run in the first free folder `parent/network-data-N`.
    ///
    /// # Errors
    ///
    /// When the folder cannot be created.
    pub fn create_next(parent: impl AsRef<Path>, config: &Config) -> Result<Self> {
        let parent = parent.as_ref();
        file::create_dir(parent)?;
        let stem = format!("{}-{}", config.network_name(), config.data.name());
        for number in 1.. {
            let dir = parent.join(format!("{stem}-{number}"));
            // Creating the folder is what claims the number, should two runs start at once.
            match fs::create_dir(&dir) {
                Ok(()) => return Self::create(dir, config),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => (),
                Err(source) => return Err(Error::io("create", &dir, source)),
            }
        }
        unreachable!("a folder holds fewer runs than there are numbers")
    }

    /// Lets `latest` beside the run lead to it, for other programs too. Where something else has that name, or the system has no links,
    /// nothing happens.
    pub fn link_latest(&self) {
        let link = self.dir.with_file_name(LATEST_RUN);
        let Some(name) = self.dir.file_name().filter(|name| *name != LATEST_RUN) else { return };
        // Ours leads to a run beside it.
        let is_ours = fs::read_link(&link).is_ok_and(|run| run.components().count() == 1);
        if !is_ours && (link.exists() || link.is_symlink()) {
            return;
        }
        // A link is not changed but replaced, so that there is one at any time.
        let new = self.dir.with_file_name(format!(".{LATEST_RUN}.partial-{}", std::process::id()));
        if symlink(Path::new(name), &new).and_then(|()| fs::rename(&new, &link)).is_err() {
            let _ = fs::remove_file(&new);
        }
    }
}

#[cfg(unix)]
use std::os::unix::fs::symlink;

#[cfg(not(unix))]
fn symlink(_run: &Path, _link: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

//! Reads the files of a folder that came from elsewhere: only what lies in it.

use std::fs;
use std::io::{self, Error, ErrorKind};
use std::path::Path;

use crate::files::{open, whole};

/// Reads the file `name` of the folder `dir`, which has at most `most` bytes. A link that leads out of the folder, and a hard link, which
/// may be a file elsewhere, are refused.
pub(crate) fn read_inside(dir: &Path, name: &str, most: usize) -> io::Result<Vec<u8>> {
    let path = dir.join(name);
    let refused = |reason: &str| Err(Error::new(ErrorKind::InvalidInput, reason));
    if fs::canonicalize(&path)?.parent() != Some(&fs::canonicalize(dir)?) {
        return refused("it leads out of the bundle's folder, which is refused; copy the file itself there");
    }
    let file = open(&path)?;
    if is_hard_link(&file.metadata()?) {
        return refused("it is a hard link, which is refused; copy the file itself there");
    }
    whole(file, most as u64)
}

#[cfg(unix)]
fn is_hard_link(metadata: &fs::Metadata) -> bool {
    metadata.is_file() && std::os::unix::fs::MetadataExt::nlink(metadata) > 1
}

#[cfg(not(unix))]
fn is_hard_link(_metadata: &fs::Metadata) -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_lies_elsewhere_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (outside, bundle) = (dir.path().join("outside"), dir.path().join("bundle"));
        fs::create_dir(&bundle).unwrap();
        fs::write(&outside, "secret").unwrap();
        fs::write(bundle.join("plain"), "text").unwrap();
        symlink(&outside, bundle.join("out")).unwrap();
        symlink("../outside", bundle.join("up")).unwrap();
        symlink("plain", bundle.join("beside")).unwrap();
        fs::hard_link(&outside, bundle.join("hard")).unwrap();
        for (name, most, expected) in [
            ("plain", 4, Ok("text")),
            ("beside", 4, Ok("text")),
            ("plain", 3, Err("expected at most 3 bytes, found 4")),
            ("out", 100, Err("it leads out of the bundle's folder")),
            ("up", 100, Err("it leads out of the bundle's folder")),
            ("../outside", 100, Err("it leads out of the bundle's folder")),
            ("hard", 100, Err("it is a hard link")),
        ] {
            match (read_inside(&bundle, name, most), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected.as_bytes()),
                (Err(error), Err(expected)) => assert!(error.to_string().starts_with(expected), "{name}: {error}"),
                (found, _) => panic!("{name}: {found:?}"),
            }
        }
        // The folder itself may be a link.
        symlink(&bundle, dir.path().join("latest")).unwrap();
        assert_eq!(read_inside(&dir.path().join("latest"), "plain", 4).unwrap(), b"text");
    }
}

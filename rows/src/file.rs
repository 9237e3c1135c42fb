//! The bytes of a file, and what kind of file they are.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};

use crate::gunzip::Gunzip;
use crate::unpacked::{Unpacked, buffer, is_beyond, most};

/// A path with the name of an array behind a `#`, unless there is such a file.
pub fn split_array(path: &Path) -> (PathBuf, Option<String>) {
    let split = path.to_str().filter(|_| !path.exists()).and_then(|text| text.rsplit_once('#'));
    match split {
        Some((file, array)) if !array.is_empty() => (file.into(), Some(array.into())),
        _ => (path.into(), None),
    }
}

/// The bytes of a file, unpacked if they are gzipped.
pub fn content(path: &Path) -> anyhow::Result<Vec<u8>> {
    if path == Path::new("-") {
        let mut bytes = vec![];
        std::io::stdin().read_to_end(&mut bytes).context("cannot read standard input")?;
        return Ok(bytes);
    }
    if !path.exists() {
        bail!("{}: no such file", path.display());
    }
    if path.is_dir() {
        bail!("{}: expected a file of rows, found a folder", path.display());
    }
    let cannot = || format!("cannot read {}", path.display());
    let mut file = bundle::open(path).with_context(cannot)?;
    let mut bytes = start(&mut file).with_context(cannot)?;
    let Some(packed) = bytes.strip_prefix(b"\x1f\x8b").map(|_| file.metadata().map_or(0, |file| file.len())) else {
        refuse_binary_start(&bytes).with_context(|| path.display().to_string())?;
        file.read_to_end(&mut bytes).with_context(cannot)?;
        return Ok(bytes);
    };
    let refused = |error: std::io::Error| match is_beyond(&error) {
        true => anyhow!("{}: {error}", path.display()),
        false => anyhow!("{}: not a whole gzip file: {error}", path.display()),
    };
    let mut unpacked = Unpacked::new(Gunzip::new(bytes.chain(file)), packed);
    let start = start(&mut unpacked).map_err(refused)?;
    refuse_binary_start(&start).with_context(|| path.display().to_string())?;
    let mut bytes = buffer(most(packed));
    bytes.extend(start);
    unpacked.read_to_end(&mut bytes).map_err(refused)?;
    Ok(bytes)
}

/// The first bytes, by which a file is known.
fn start(input: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![];
    input.take(1 << 12).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Refuses what begins as no file of rows does, before the rest is read.
fn refuse_binary_start(start: &[u8]) -> anyhow::Result<()> {
    let is_known = start.starts_with(b"\x93NUMPY") || start.starts_with(b"PAR1") || is_npz(start);
    if is_known || start.len() < 1 << 12 { Ok(()) } else { refuse_binary(start) }
}

/// Whether a file is a zip file, if only an empty one.
pub fn is_npz(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

/// Names the formats that are often taken for rows.
pub fn refuse_binary(bytes: &[u8]) -> anyhow::Result<()> {
    let known: [(&[u8], &str); 8] = [
        (b"\x1f\x8b", "a gzip file; `gunzip` unpacks it"),
        (b"\x89PNG", "an image (PNG)"),
        (b"\xff\xd8\xff", "an image (JPEG)"),
        (b"\x89HDF", "an HDF5 file"),
        (b"\xd0\xcf\x11\xe0", "an old Excel workbook; save it as CSV"),
        (b"\xff\xfe", "UTF-16 text; save it as UTF-8"),
        (b"\xfe\xff", "UTF-16 text; save it as UTF-8"),
        (b"\x80\x04\x95", "a Python pickle; save the array with `numpy.save`"),
    ];
    let found = known.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, name)| *name);
    // The length of its header, and the header as JSON.
    let found = found.or(bytes.get(8..10).is_some_and(|header| header == b"{\"").then_some("a safetensors file"));
    // The first field of an ONNX file is its version of the format.
    let found = found.or((bytes.starts_with(b"\x08") && bytes.contains(&b':')).then_some("an ONNX graph"));
    let text = bytes.trim_ascii_start();
    let json = text.starts_with(b"{") || text.starts_with(b"[");
    let found = found.or(json.then_some("JSON; write each row on a line, with commas between its values"));
    let found = found.or(bytes.iter().take(1 << 12).any(|&byte| byte == 0).then_some("binary data of another kind"));
    match found {
        Some(found) => bail!("expected rows as CSV, .npy or .npz, found {found}"),
        None => Ok(()),
    }
}

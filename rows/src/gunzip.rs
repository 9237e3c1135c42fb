//! Gzip files of any number of parts, as `cat` and parallel packers make them.

use std::io::{BufRead, BufReader, Error, Read, Result};

use flate2::bufread::GzDecoder;

/// Parts without a byte that a file may have: some programs end their files with one. A file of a million of them takes seconds.
const MAX_EMPTY: usize = 1000;

/// Unpacks all parts of a gzip file, one after the other.
pub struct Gunzip<R> {
    /// Nothing at the end.
    part: Option<GzDecoder<BufReader<R>>>,
    is_empty: bool,
    empty: usize,
}

impl<R: Read> Gunzip<R> {
    /// Unpacks `packed`.
    pub fn new(packed: R) -> Self {
        Self { part: Some(GzDecoder::new(BufReader::new(packed))), is_empty: true, empty: 0 }
    }
}

impl<R: Read> Read for Gunzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        while let Some(part) = self.part.as_mut().filter(|_| !buffer.is_empty()) {
            let count = part.read(buffer)?;
            if count > 0 {
                self.is_empty = false;
                return Ok(count);
            }
            self.empty += usize::from(self.is_empty);
            if self.empty > MAX_EMPTY {
                return Err(Error::other(format!("it has more than {MAX_EMPTY} parts without a byte")));
            }
            self.is_empty = true;
            if let Some(part) = self.part.take() {
                let mut rest = part.into_inner();
                self.part = if rest.fill_buf()?.is_empty() { None } else { Some(GzDecoder::new(rest)) };
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::write::GzEncoder;

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut packer = GzEncoder::new(vec![], flate2::Compression::default());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    fn unpacked(packed: &[u8]) -> Result<Vec<u8>> {
        let mut bytes = vec![];
        Gunzip::new(packed).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    #[test]
    fn parts_follow_each_other() {
        let parts = [packed(b"one"), packed(b""), packed(b"two"), packed(b"")].concat();
        assert_eq!(unpacked(&parts).unwrap(), b"onetwo");
        for damaged in [&parts[..parts.len() - 1], &[&parts[..], b"rest"].concat(), b"no gzip"] {
            assert!(unpacked(damaged).is_err());
        }
    }

    #[test]
    fn a_thousand_of_them_may_be_empty() {
        assert_eq!(unpacked(&packed(b"").repeat(MAX_EMPTY)).unwrap(), b"");
        assert!(unpacked(&packed(b"").repeat(MAX_EMPTY + 1)).is_err());
    }
}

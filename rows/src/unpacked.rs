//! Bounds what packed files unpack to: a megabyte of them can hold a gigabyte of zeros.

use std::io::{Error, Read, Result};

/// Bytes that any file may unpack to.
const FREE: u64 = 48 << 20;
/// How many times its own bytes a file may unpack to beyond that. Tables and pictures reach ten to thirty.
const GROWTH: u64 = 50;

/// Gives what `reader` unpacks, and an error where that is too much.
pub struct Unpacked<R> {
    reader: R,
    most: u64,
    done: u64,
}

/// The error behind the bound.
#[derive(Debug, thiserror::Error)]
#[error("it unpacks to more than {0} bytes, fifty times its own and 48 MiB; if you trust it, unpack it yourself")]
struct Beyond(u64);

impl<R> Unpacked<R> {
    /// Unpacks a file of `packed` bytes.
    pub fn new(reader: R, packed: u64) -> Self {
        Self { reader, most: most(packed), done: 0 }
    }
}

/// Bytes that a file of `packed` bytes may unpack to.
pub(crate) fn most(packed: u64) -> u64 {
    packed.saturating_mul(GROWTH).saturating_add(FREE)
}

/// Whether an error says that a file unpacks to too much, and not that it is damaged.
pub(crate) fn is_beyond(error: &Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Beyond>())
}

/// An empty buffer for `most` bytes at most. It takes memory as it fills, but does not move: one that doubles takes up to three times as
/// much while it does.
pub fn buffer(most: u64) -> Vec<u8> {
    const RESERVED: u64 = 128 << 20;
    let mut bytes = Vec::new();
    // Without the room, it grows as others do.
    let _ = bytes.try_reserve(most.min(RESERVED) as usize);
    bytes
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let count = self.reader.read(buffer)?;
        self.done += count as u64;
        if self.done > self.most { Err(Error::other(Beyond(self.most))) } else { Ok(count) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_file_may_unpack_to_some_megabytes_and_a_large_one_to_more() {
        let unpack = |len: u64, packed| {
            let mut count = 0;
            let mut reader = Unpacked::new(std::io::repeat(0).take(len), packed);
            let mut buffer = vec![0; 1 << 20];
            loop {
                match reader.read(&mut buffer) {
                    Ok(0) => return Ok(count),
                    Ok(read) => count += read as u64,
                    Err(error) => return Err(error),
                }
            }
        };
        assert_eq!(unpack(FREE, 0).unwrap(), FREE);
        assert_eq!(unpack(FREE + 500, 10).unwrap(), FREE + 500);
        let error = unpack(FREE + 501, 10).unwrap_err();
        assert!(is_beyond(&error), "{error}");
        assert!(error.to_string().starts_with("it unpacks to more than 50332148 bytes"), "{error}");
    }
}

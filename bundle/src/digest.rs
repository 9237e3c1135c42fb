//! SHA-256 as hexadecimal text.

use sha2::Digest as _;

/// The SHA-256 of `bytes` in hexadecimal.
///
/// ```
/// assert!(bundle::sha256(b"abc").starts_with("ba7816bf8f01cfea"));
/// ```
pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    let mut digest = Digest::default();
    digest.update(bytes);
    digest.finish()
}

/// A SHA-256 over several pieces, one after the other.
#[derive(Clone, Debug, Default)]
pub struct Digest(sha2::Sha256);

impl Digest {
    /// Takes another piece.
    pub fn update(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.update(bytes);
    }

    /// The hash of all pieces in hexadecimal.
    pub fn finish(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_hash_as_the_whole() {
        let mut digest = Digest::default();
        digest.update("a");
        digest.update([b'b', b'c']);
        // The example of FIPS 180-2, appendix B.1.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest.finish(), expected);
        assert_eq!(sha256("abc"), expected);
    }
}

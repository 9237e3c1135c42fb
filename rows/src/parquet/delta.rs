//! Sums the lengths that delta encodings give, of which the crate takes memory for as many as they claim to be.
//!
//! The format is <https://parquet.apache.org/docs/file-format/data-pages/encodings/>.

use super::thrift::{varint, zigzag};

/// Lengths in the encoding DELTA_BINARY_PACKED.
#[derive(Debug, PartialEq)]
pub(super) struct Lengths {
    pub(super) count: u64,
    pub(super) sum: u64,
    /// Their bytes.
    pub(super) bytes: usize,
}

/// Counts and sums lengths; nothing where they are damaged or more than `most`.
pub(super) fn lengths(bytes: &[u8], most: u64) -> Option<Lengths> {
    let mut place = 0;
    let mut next = || {
        let (value, length) = varint(bytes.get(place..)?)?;
        place += length;
        Some(value)
    };
    let (block, parts, count, first) = (next()?, next()?, next()?, zigzag(next()?));
    let is_known = parts > 0 && block.is_multiple_of(128) && block.is_multiple_of(parts) && block <= 1 << 20;
    let values = if is_known { block / parts } else { 0 };
    if values == 0 || !values.is_multiple_of(32) || count > most {
        return None;
    }
    let (mut length, mut sum) = (first as i32, 0u64);
    let mut add = |length: i32| {
        sum = sum.checked_add(u64::try_from(length).ok()?)?;
        Some(())
    };
    if count > 0 {
        add(length)?;
    }
    let mut left = count.saturating_sub(1);
    while left > 0 {
        let (least, size) = varint(bytes.get(place..)?)?;
        place += size;
        let widths = bytes.get(place..)?.get(..parts as usize)?;
        place += parts as usize;
        for &width in widths {
            // Nothing follows for the parts of a block behind the last value.
            if left == 0 {
                break;
            }
            let packed = bytes.get(place..)?.get(..usize::from(width) * values as usize / 8)?;
            place += packed.len();
            if width > 32 {
                return None;
            }
            for index in 0..left.min(values) {
                let delta = bits(packed, index as usize * usize::from(width), width) as i64 + zigzag(least);
                // Sums of 32 bits wrap.
                length = length.wrapping_add(delta as i32);
                add(length)?;
            }
            left -= left.min(values);
        }
    }
    Some(Lengths { count, sum, bytes: place })
}

/// A number of `width` bits, at most 32, from the bit `start` on, the lowest first.
fn bits(bytes: &[u8], start: usize, width: u8) -> u64 {
    let mut word = [0; 8];
    let from = &bytes[(start / 8).min(bytes.len())..];
    let length = from.len().min(8);
    word[..length].copy_from_slice(&from[..length]);
    u64::from_le_bytes(word) >> (start % 8) & ((1 << width) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_counted_and_summed() {
        // A block of 128 in 4 parts, 5 values: 1 2 3 4 5, as the format's own example has them.
        assert_eq!(lengths(b"\x80\x01\x04\x05\x02\x02\0\0\0\0rest", 5), Some(Lengths { count: 5, sum: 15, bytes: 10 }));
        // 7 5 3 1 2 3 4 5: the least difference is -2, and what is beyond it has two bits.
        let bytes = b"\x80\x01\x04\x08\x0e\x03\x02\0\0\0\xc0\x3f\0\0\0\0\0\0";
        assert_eq!(lengths(bytes, 8), Some(Lengths { count: 8, sum: 30, bytes: 18 }));
        assert_eq!(lengths(bytes, 7), None);
        assert_eq!(lengths(&bytes[..17], 8), None);
    }

    #[test]
    fn what_is_claimed_takes_no_memory() {
        for header in [&b"\x80\x01\0\x05\x02"[..], b"\0\x04\x05\x02", b"\x81\x01\x04\x05\x02", b"\x80\x01\x08\x05\x02"]
        {
            assert_eq!(lengths(header, 100), None);
        }
        assert_eq!(lengths(b"\x80\x01\x04\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02", 100), None);
    }
}

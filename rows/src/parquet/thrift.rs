//! Looks through Thrift's compact protocol, in which Parquet describes itself, without memory for what it claims.
//!
//! The format is <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>.

/// The deepest that structs and lists may lie in each other; Parquet needs seven.
const DEPTH: usize = 16;

/// What is seen on the way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Seen {
    /// A struct begins.
    Struct,
    /// A whole number.
    Whole(i64),
    /// A truth value.
    Truth(bool),
}

/// Gives structs, whole numbers and truth values to `see`, each with the numbers of the fields that lead to it.
///
/// The bytes that the struct takes; nothing where it is cut or damaged.
pub(super) fn walk(bytes: &[u8], see: &mut dyn FnMut(&[i16], Seen)) -> Option<usize> {
    let mut walk = Walk { bytes, place: 0, path: [0; DEPTH], depth: 0, see };
    walk.fields()?;
    Some(walk.place)
}

struct Walk<'a> {
    bytes: &'a [u8],
    place: usize,
    path: [i16; DEPTH],
    depth: usize,
    see: &'a mut dyn FnMut(&[i16], Seen),
}

impl Walk<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.place)?;
        self.place += 1;
        Some(byte)
    }

    fn skip(&mut self, count: u64) -> Option<()> {
        let end = self.place.checked_add(usize::try_from(count).ok()?)?;
        self.place = (end <= self.bytes.len()).then_some(end)?;
        Some(())
    }

    fn varint(&mut self) -> Option<u64> {
        let (value, length) = varint(&self.bytes[self.place..])?;
        self.place += length;
        Some(value)
    }

    fn saw(&mut self, seen: Seen) {
        (self.see)(&self.path[..self.depth], seen);
    }

    fn fields(&mut self) -> Option<()> {
        self.saw(Seen::Struct);
        if self.depth == DEPTH {
            return None;
        }
        self.depth += 1;
        let mut last = 0i16;
        loop {
            let head = self.byte()?;
            if head & 15 == 0 {
                break;
            }
            last = match head >> 4 {
                0 => i16::try_from(zigzag(self.varint()?)).ok()?,
                step => last.checked_add(i16::from(step))?,
            };
            self.path[self.depth - 1] = last;
            match head & 15 {
                truth @ (1 | 2) => self.saw(Seen::Truth(truth == 1)),
                kind => self.value(kind)?,
            }
        }
        self.depth -= 1;
        Some(())
    }

    /// A value that is no field's truth value: those lie in the type of their field.
    fn value(&mut self, kind: u8) -> Option<()> {
        match kind {
            1 | 2 => {
                let truth = self.byte()? == 1;
                self.saw(Seen::Truth(truth));
            }
            3 => self.skip(1)?,
            4..=6 => {
                let whole = zigzag(self.varint()?);
                self.saw(Seen::Whole(whole));
            }
            7 => self.skip(8)?,
            8 => {
                let length = self.varint()?;
                self.skip(length)?;
            }
            9 | 10 => {
                let head = self.byte()?;
                let count = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
                // Every item takes a byte at least, so that this ends with the bytes.
                for _ in 0..count {
                    self.value(head & 15)?;
                }
            }
            12 => self.fields()?,
            13 => self.skip(16)?,
            // Maps: Parquet has none.
            _ => return None,
        }
        Some(())
    }
}

/// A whole number of seven bits a byte, and its bytes.
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 127) << (7 * index);
        if byte & 128 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}

pub(super) fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is seen, each with its path.
    type All = Vec<(Vec<i16>, Seen)>;

    fn seen(bytes: &[u8]) -> Option<(usize, All)> {
        let mut all = vec![];
        let length = walk(bytes, &mut |path, seen| all.push((path.to_vec(), seen)))?;
        Some((length, all))
    }

    #[test]
    fn fields_are_named_by_their_numbers() {
        // 1: 5, 2: true, 4: a list of two structs with 1: -1 and 3: "ab", 20: 2.
        let bytes = b"\x15\x0a\x11\x29\x2c\x15\x01\0\x38\x02ab\0\x05\x28\x04\0rest";
        let (length, all) = seen(bytes).unwrap();
        assert_eq!(length, bytes.len() - 4);
        let expected = [
            (vec![], Seen::Struct),
            (vec![1], Seen::Whole(5)),
            (vec![2], Seen::Truth(true)),
            (vec![4], Seen::Struct),
            (vec![4, 1], Seen::Whole(-1)),
            (vec![4], Seen::Struct),
            (vec![20], Seen::Whole(2)),
        ];
        assert_eq!(all, expected);
    }

    #[test]
    fn what_is_cut_or_too_deep_or_claims_too_much_ends() {
        let whole = b"\x15\x0a\x29\x2c\x15\x01\0\x38\x02ab\0\0";
        assert!(seen(whole).is_some());
        for length in 0..whole.len() {
            assert_eq!(seen(&whole[..length]), None, "{length}");
        }
        assert_eq!(seen(&[0x1c; 1000]), None);
        assert_eq!(seen(b"\x19\xf1\xff\xff\xff\xff\xff\xff\xff\xff\x01\0"), None);
        assert_eq!(seen(b"\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\0"), None);
    }
}

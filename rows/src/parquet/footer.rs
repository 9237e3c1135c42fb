//! What a Parquet file claims of itself, before the crate makes anything of it.

use anyhow::{Result, bail};
use parquet::file::reader::ChunkReader;

use super::damage::{MAGIC, NOT_WHOLE};
use super::thrift::{Seen, walk};

/// The deepest that types may lie in each other; the crate goes into them by recursion.
const DEPTH: usize = 32;
/// Pieces of columns that any file may have, and for how many of its bytes one more: each takes half a kilobyte.
const FREE: u64 = 1 << 16;
const BYTES: u64 = 256;

/// Refuses a footer that is damaged, or whose schema or row groups cannot be as they claim.
pub(super) fn check(source: &impl ChunkReader) -> Result<()> {
    let length = source.len();
    let Some(end) = length.checked_sub(8) else { bail!(NOT_WHOLE) };
    let tail = source.get_bytes(end, 8)?;
    let size = tail.first_chunk().map_or(0, |size| u64::from(u32::from_le_bytes(*size)));
    let Some(start) = end.checked_sub(size).filter(|_| tail.ends_with(MAGIC)) else { bail!(NOT_WHOLE) };
    let footer = source.get_bytes(start, usize::try_from(size)?)?;
    let (mut children, mut pieces) = (vec![], 0u64);
    let seen = walk(&footer, &mut |path, seen| match (path, seen) {
        ([2], Seen::Struct) => children.push(0),
        ([2, 5], Seen::Whole(count)) => {
            if let Some(last) = children.last_mut() {
                *last = count;
            }
        }
        ([4, 1], Seen::Struct) => pieces += 1,
        _ => (),
    });
    if seen.is_none() || !is_tree(&children)? {
        bail!(NOT_WHOLE);
    }
    if pieces > FREE + length / BYTES {
        bail!("its row groups have {pieces} pieces of columns; expected at most {}", FREE + length / BYTES);
    }
    Ok(())
}

/// Whether the elements of a schema, each with the number of its children behind it, are one tree.
fn is_tree(children: &[i64]) -> Result<bool> {
    let mut open = vec![1u64];
    for &count in children {
        // What is not needed any more is closed.
        while open.last() == Some(&0) {
            open.pop();
        }
        let Some(last) = open.last_mut() else { return Ok(false) };
        *last -= 1;
        let Ok(count) = u64::try_from(count) else { return Ok(false) };
        if count > children.len() as u64 {
            return Ok(false);
        }
        if count > 0 {
            open.push(count);
        }
        if open.len() > DEPTH {
            bail!("expected one value a row, found types that lie {DEPTH} deep in each other");
        }
    }
    Ok(!children.is_empty() && open.iter().all(|&left| left == 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_one_tree() {
        let is = |children: &[i64]| is_tree(children).unwrap();
        assert!(is(&[2, 0, 0]) && is(&[1, 1, 0]) && is(&[2, 1, 0, 0]) && is(&[0]));
        assert!(!is(&[]) && !is(&[2, 0]) && !is(&[1, 0, 0]) && !is(&[-1]) && !is(&[i64::MAX]) && !is(&[3, 0, 0]));
        assert!(is_tree(&[vec![1; 100], vec![0]].concat()).is_err());
    }
}

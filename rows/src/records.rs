//! The records of a CSV file, each with the number of its line.

use anyhow::Result;
use csv::{ByteRecord, ReaderBuilder, Trim};

use super::options::Separator;

/// The text behind a byte order mark.
pub fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// The separator that a first line such as `sep=;` names, as spreadsheets write it, and the text behind that line. The line may be
/// quoted, and filled up with separators.
pub fn named_separator(text: &[u8]) -> Option<(Separator, &[u8])> {
    let end = text.iter().take(256).position(|&byte| byte == b'\n')?;
    let line = text[..end].strip_suffix(b"\r").unwrap_or(&text[..end]);
    let line = line.strip_prefix(b"\"").unwrap_or(line);
    let named = line.strip_prefix(b"sep=").or_else(|| line.strip_prefix(b"SEP="))?;
    let separator = Separator::ALL.into_iter().find(|separator| named.first() == Some(&separator.byte()))?;
    let is_filling = |byte: &u8| *byte == b'"' || *byte == separator.byte();
    named.iter().all(is_filling).then_some((separator, &text[end + 1..]))
}

/// Gives every record of `text` to `work`, with its line from 1. Blank lines and those that begin with `#` are no records.
pub fn for_each_record(
    text: &[u8],
    separator: Separator,
    mut work: impl FnMut(&ByteRecord, usize) -> Result<()>,
) -> Result<()> {
    let squeezed = (separator == Separator::Space).then(|| squeeze(text));
    let text = squeezed.as_deref().unwrap_or(text);
    // Trimming copies every record: worth it only where there is something to trim.
    let blank = |byte: &u8| *byte == b' ' || *byte == b'\t' && separator != Separator::Tab;
    let trim = if text.iter().any(blank) { Trim::All } else { Trim::None };
    let mut lines = Lines { text, byte: 0, line: 1 };
    let mut records = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(trim)
        .comment(Some(b'#'))
        .delimiter(separator.byte())
        .from_reader(text);
    let mut record = ByteRecord::new();
    while records.read_byte_record(&mut record)? {
        let line = lines.of(record.position().map_or(0, |position| position.byte() as usize));
        work(&record, line)?;
    }
    Ok(())
}

/// Single spaces between the values, and none at the ends of a line.
fn squeeze(text: &[u8]) -> Vec<u8> {
    let mut squeezed = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        let words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        for (index, word) in words.enumerate() {
            squeezed.extend((index > 0).then_some(b' '));
            squeezed.extend(word);
        }
        squeezed.push(b'\n');
    }
    squeezed
}

/// Counts lines as the records go by.
struct Lines<'a> {
    text: &'a [u8],
    byte: usize,
    line: usize,
}

impl Lines<'_> {
    /// The line, from 1, of the first record at or behind byte `start`: blank lines and comments are no records.
    fn of(&mut self, start: usize) -> usize {
        let mut start = start;
        loop {
            let rest = &self.text[start..];
            start += rest.iter().take_while(|byte| b"\r\n".contains(byte)).count();
            if self.text.get(start) != Some(&b'#') {
                break;
            }
            start += self.text[start..].iter().take_while(|byte| !b"\r\n".contains(byte)).count();
        }
        let passed = &self.text[self.byte..start];
        let next = |index: usize| self.text.get(self.byte + index + 1);
        // A line ends in \n, in \r, or in both.
        let ends = passed
            .iter()
            .enumerate()
            .filter(|&(index, byte)| *byte == b'\n' || *byte == b'\r' && next(index) != Some(&b'\n'));
        self.line += ends.count();
        self.byte = start;
        self.line
    }
}

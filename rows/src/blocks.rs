//! A CSV file of any size as a table, block by block.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result as AnyResult, bail};
use flate2::read::MultiGzDecoder;

use crate::error::Result;
use crate::named::{Columns, FirstLines, parse_block};
use crate::options::Options;
use crate::records::without_mark;

/// Bytes of text in a block, and a line more.
const BLOCK: usize = 4 << 20;
/// The most bytes without the end of a record: a small gzip file may unpack to a line without end.
const MAX_RECORD: usize = 64 << 20;

/// A CSV file, gzipped or not, as tables of some rows each, which follow each other. Separator and header are those of the first.
///
/// ```
/// let path = std::env::temp_dir().join("rows-blocks-example.csv");
/// std::fs::write(&path, "size,mode\n1,slow\n2,fast\n")?;
/// for table in rows::Blocks::open(&path, &rows::Options::default())? {
///     assert_eq!(table?.names, ["size", "mode"]);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Blocks {
    path: PathBuf,
    options: Options,
    input: Box<dyn Read + Send>,
    /// What is read and not yet given.
    text: Vec<u8>,
    /// What the first block said.
    first: Option<FirstLines>,
    /// Lines that were given.
    lines: usize,
    is_at_end: bool,
    progress: Arc<Progress>,
}

/// How much of a file has been read.
#[derive(Debug)]
pub struct Progress {
    read: AtomicU64,
    len: u64,
}

impl Progress {
    /// The part of the file's bytes that have been read, in 0.0..=1.0.
    pub fn part(&self) -> f64 {
        self.read.load(Ordering::Relaxed) as f64 / self.len.max(1) as f64
    }
}

/// Counts the bytes of a file as they are read.
struct Counted {
    file: File,
    progress: Arc<Progress>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.progress.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

impl Blocks {
    /// Opens a CSV file.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened.
    pub fn open(path: &Path, options: &Options) -> Result<Self> {
        Ok(open(path, options)?)
    }

    /// How much of the file has been read, for others to look at.
    pub fn progress(&self) -> Arc<Progress> {
        self.progress.clone()
    }

    /// Reads until there is a block or the file ends.
    fn fill(&mut self) -> AnyResult<()> {
        while self.text.len() < BLOCK && !self.is_at_end {
            self.more()?;
        }
        Ok(())
    }

    fn more(&mut self) -> AnyResult<()> {
        let count = self.input.by_ref().take(BLOCK as u64).read_to_end(&mut self.text)?;
        self.is_at_end = count < BLOCK;
        Ok(())
    }

    /// The next lines, up to the end of a record.
    fn take(&mut self) -> AnyResult<Vec<u8>> {
        self.fill()?;
        loop {
            if self.is_at_end {
                return Ok(std::mem::take(&mut self.text));
            }
            if let Some(end) = last_end(&self.text) {
                let rest = self.text.split_off(end);
                return Ok(std::mem::replace(&mut self.text, rest));
            }
            if self.text.len() > MAX_RECORD {
                let (line, most) = (self.lines + 1, MAX_RECORD >> 20);
                bail!(
                    "line {line}: expected the end of a row within {most} MiB, found none; is there a `\"` too many?"
                );
            }
            self.more()?;
        }
    }

    fn table(&mut self) -> AnyResult<Option<Columns>> {
        loop {
            let block = self.take()?;
            if block.is_empty() {
                return Ok(None);
            }
            let text = if self.first.is_none() { without_mark(&block) } else { &block };
            if self.first.is_none() {
                crate::file::refuse_binary(text)?;
            }
            let (table, first) = parse_block(text, &self.options, self.first.as_ref(), self.lines)?;
            self.lines += lines(text);
            self.first.get_or_insert(first);
            // A block may hold nothing but comments, or a header alone.
            if !table.is_empty() {
                return Ok(Some(table));
            }
        }
    }
}

impl Iterator for Blocks {
    type Item = Result<Columns>;

    fn next(&mut self) -> Option<Self::Item> {
        self.table().with_context(|| self.path.display().to_string()).map_err(Into::into).transpose()
    }
}

fn open(path: &Path, options: &Options) -> AnyResult<Blocks> {
    let cannot = || format!("cannot read {}", path.display());
    let file = File::open(path).with_context(cannot)?;
    let metadata = file.metadata().with_context(cannot)?;
    if !metadata.is_file() {
        bail!("{}: expected a file of rows", path.display());
    }
    let progress = Arc::new(Progress { read: AtomicU64::new(0), len: metadata.len() });
    let mut start = vec![];
    let mut counted = Counted { file, progress: progress.clone() };
    counted.by_ref().take(2).read_to_end(&mut start).with_context(cannot)?;
    let is_gzip = start == b"\x1f\x8b";
    let whole = std::io::Cursor::new(start).chain(BufReader::with_capacity(1 << 18, counted));
    let input: Box<dyn Read + Send> = if is_gzip { Box::new(MultiGzDecoder::new(whole)) } else { Box::new(whole) };
    let (path, options) = (path.to_owned(), options.clone());
    Ok(Blocks { path, options, input, text: vec![], first: None, lines: 0, is_at_end: false, progress })
}

/// Where the last whole record ends: behind a line's end that is not within quotes.
fn last_end(text: &[u8]) -> Option<usize> {
    let mut is_quoted = text.iter().filter(|&&byte| byte == b'"').count() % 2 == 1;
    for (index, &byte) in text.iter().enumerate().rev() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\n' if !is_quoted => return Some(index + 1),
            _ => (),
        }
    }
    None
}

/// The lines of a text, of which the last one ends too.
fn lines(text: &[u8]) -> usize {
    let ends = text.iter().filter(|&&byte| byte == b'\n').count();
    ends + usize::from(text.last().is_some_and(|&byte| byte != b'\n'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::read_columns;
    use crate::named::Column;

    fn blocks(text: &[u8], options: &Options) -> Result<Vec<Columns>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows.csv");
        std::fs::write(&path, text).unwrap();
        Blocks::open(&path, options)?.collect()
    }

    /// More than three blocks of rows, with a quoted text of two lines in each.
    fn large() -> String {
        let row = |i: usize| {
            let note = if i % 1000 == 7 { "\"two\nlines\"" } else { "one" };
            format!("{i},{}.25,{note},{}\n", i % 77, "x".repeat(40))
        };
        format!("id,size,note,more\n{}", (0..220_000).map(row).collect::<String>())
    }

    #[test]
    fn blocks_hold_what_the_whole_file_does() {
        let text = large();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows.csv");
        std::fs::write(&path, &text).unwrap();
        let whole = read_columns(&path, &Options::default()).unwrap();
        let blocks: Vec<Columns> = Blocks::open(&path, &Options::default()).unwrap().map(Result::unwrap).collect();
        assert!(blocks.len() >= 3, "{}", blocks.len());
        let lines: Vec<u32> = blocks.iter().flat_map(|block| block.lines.clone()).collect();
        assert_eq!(lines, whole.lines);
        let sizes = blocks.iter().flat_map(|block| match &block.columns[1] {
            Column::Numbers(numbers) => numbers.clone(),
            Column::Texts(_) => panic!("sizes are numbers"),
        });
        assert_eq!(Column::Numbers(sizes.collect()), whole.columns[1]);
        assert!(blocks.iter().all(|block| block.names == whole.names && block.has_header));
    }

    #[test]
    fn an_error_names_the_line_of_the_file() {
        let text = large() + "1,2\n";
        let error = blocks(text.as_bytes(), &Options::default()).unwrap_err().to_string();
        let line = text.lines().count();
        assert!(error.ends_with(&format!("line {line}: expected 4 values as in the lines before, found 2")), "{error}");
    }

    #[test]
    fn words_stay_words_in_a_block_of_numbers() {
        let options = Options { words: vec!["code".into()], ..Options::default() };
        let found = blocks(b"code,size\n05,1\n1.0,2\n", &options).unwrap();
        let Column::Texts(code) = &found[0].columns[0] else { panic!("{found:?}") };
        assert_eq!(
            (code.values.as_slice(), &found[0].columns[1]),
            (&["05".into(), "1.0".into()][..], &Column::Numbers(vec![1., 2.]))
        );
    }

    #[test]
    fn a_row_without_end_is_refused() {
        let text = [b"a,b\n1,\"".to_vec(), vec![b'x'; MAX_RECORD + 2 * BLOCK]].concat();
        let error = blocks(&text, &Options::default()).unwrap_err().to_string();
        assert!(
            error.ends_with("line 2: expected the end of a row within 64 MiB, found none; is there a `\"` too many?"),
            "{error}"
        );
    }

    #[test]
    fn a_file_without_rows_has_no_blocks() {
        assert!(blocks(b"", &Options::default()).unwrap().is_empty());
        assert!(blocks(b"a,b\n", &Options::default()).unwrap().is_empty());
        assert!(blocks(b"\x89PNG\r\n", &Options::default()).is_err());
    }
}

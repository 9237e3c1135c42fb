//! A CSV file of any size as a table, block by block.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::num::NonZero;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;
use std::{mem, thread};

use anyhow::{Context, Result, bail};
use memchr::{memchr_iter, memrchr};

use super::progress::Progress;
use crate::gunzip::Gunzip;
use crate::named::{Columns, FirstLines, parse_block};
use crate::options::Options;
use crate::records::without_mark;

/// Bytes of text in a block, and a line more.
const BLOCK: usize = 4 << 20;
/// The most bytes without the end of a record: a small gzip file may unpack to a line without end.
const MAX_RECORD: usize = 64 << 20;
/// The most blocks that are parsed side by side, so that memory does not grow with the processor.
const MAX_WORKERS: usize = 4;

/// A CSV file, gzipped or not. Separator and header are those of the first block.
pub(super) struct CsvBlocks {
    options: Options,
    input: Box<dyn Read + Send>,
    /// What is read and not yet given.
    text: Vec<u8>,
    /// What the first block said.
    first: Option<FirstLines>,
    /// Lines that were given.
    lines: usize,
    is_at_end: bool,
    /// Blocks that are parsed and not yet given.
    ready: VecDeque<Result<Columns>>,
}

/// Counts the bytes of a file as they are read.
struct Counted {
    file: File,
    progress: Arc<Progress>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.progress.add(count as u64);
        Ok(count)
    }
}

/// The text of a block, and the lines before it.
struct Text {
    bytes: Vec<u8>,
    lines: usize,
}

impl CsvBlocks {
    pub(super) fn open(path: &Path, options: &Options, progress: &Arc<Progress>) -> Result<Self> {
        let cannot = || format!("cannot read {}", path.display());
        let mut counted = Counted { file: bundle::open(path).with_context(cannot)?, progress: progress.clone() };
        let mut start = vec![];
        counted.by_ref().take(2).read_to_end(&mut start).with_context(cannot)?;
        let is_gzip = start == b"\x1f\x8b";
        let whole = Cursor::new(start).chain(BufReader::with_capacity(1 << 18, counted));
        let input: Box<dyn Read + Send> = if is_gzip { Box::new(Gunzip::new(whole)) } else { Box::new(whole) };
        let ready = VecDeque::new();
        Ok(Self { options: options.clone(), input, text: vec![], first: None, lines: 0, is_at_end: false, ready })
    }

    /// The next rows; none at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<Columns>> {
        loop {
            match self.ready.pop_front() {
                // A block may hold nothing but comments, or a header alone.
                Some(Ok(table)) if table.is_empty() => {}
                Some(table) => return table.map(Some),
                None => {
                    self.parse()?;
                    if self.ready.is_empty() {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Parses the next blocks, side by side; the first one alone, since it says how the others are to be understood.
    fn parse(&mut self) -> Result<()> {
        let Some(known) = &self.first else {
            let Some(Text { bytes, .. }) = self.take()? else { return Ok(()) };
            let text = without_mark(&bytes);
            crate::file::refuse_binary(text)?;
            let (table, first) = parse_block(text, &self.options, None, 0)?;
            self.first = Some(first);
            self.ready.push_back(Ok(table));
            return Ok(());
        };
        let known = known.clone();
        let workers = thread::available_parallelism().map_or(1, NonZero::get).min(MAX_WORKERS);
        let texts = (0..workers).filter_map(|_| self.take().transpose()).collect::<Vec<Result<Text>>>();
        let options = &self.options;
        let parse = |text: Result<Text>| {
            let Text { bytes, lines } = text?;
            Ok(parse_block(&bytes, options, Some(&known), lines)?.0)
        };
        self.ready.extend(thread::scope(|scope| {
            let parsing: Vec<_> = texts.into_iter().map(|text| scope.spawn(|| parse(text))).collect();
            let joined = parsing.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
            joined.collect::<Vec<_>>()
        }));
        Ok(())
    }

    /// The next lines, up to the end of a record.
    fn take(&mut self) -> Result<Option<Text>> {
        while self.text.len() < BLOCK && !self.is_at_end {
            self.more()?;
        }
        let end = loop {
            match last_end(&self.text) {
                _ if self.is_at_end => break self.text.len(),
                Some(end) => break end,
                None if self.text.len() > MAX_RECORD => {
                    let (line, most) = (self.lines + 1, MAX_RECORD >> 20);
                    bail!(
                        "line {line}: expected the end of a row within {most} MiB, found none; is there a `\"` too many?"
                    );
                }
                None => self.more()?,
            }
        };
        let rest = self.text.split_off(end);
        let text = Text { bytes: mem::replace(&mut self.text, rest), lines: self.lines };
        self.lines += lines(&text.bytes);
        Ok((!text.bytes.is_empty()).then_some(text))
    }

    fn more(&mut self) -> Result<()> {
        let count = self.input.by_ref().take(BLOCK as u64).read_to_end(&mut self.text)?;
        self.is_at_end = count < BLOCK;
        Ok(())
    }
}

/// Where the last whole record ends: behind a line's end that is not within quotes.
fn last_end(text: &[u8]) -> Option<usize> {
    let quotes = memchr_iter(b'"', text).count();
    if quotes == 0 {
        return memrchr(b'\n', text).map(|end| end + 1);
    }
    let mut is_quoted = quotes % 2 == 1;
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
    let ends = memchr_iter(b'\n', text).count();
    ends + usize::from(text.last().is_some_and(|&byte| byte != b'\n'))
}

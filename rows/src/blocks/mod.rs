//! Rows of any number as tables, block by block, in constant memory.

mod arrays;
mod csv;
mod progress;

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result as AnyResult, bail};

use crate::error::Result;
use crate::named::Columns;
use crate::npy;
use crate::options::Options;
use crate::parquet::{self, ParquetRows};
use crate::shards::{arrange, name, shards};
use arrays::ArrayBlocks;
use csv::CsvBlocks;
pub use progress::Progress;

/// Values in a block of Parquet.
const VALUES: usize = 1 << 20;

/// A CSV file, gzipped or not, a Parquet or `.npy` file, or a folder of them, as tables of some rows each, which follow each other.
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
    options: Options,
    /// The files that are not yet opened.
    files: VecDeque<PathBuf>,
    current: Option<Current>,
    /// The first file, and the names of its columns.
    first: Option<(String, Vec<String>)>,
    is_folder: bool,
    progress: Arc<Progress>,
}

/// The file that is being read.
struct Current {
    path: PathBuf,
    part: Part,
    /// Bytes of it that count as read.
    counted: u64,
}

enum Part {
    Csv(CsvBlocks),
    Parquet(Box<ParquetRows<File>>),
    Array(ArrayBlocks),
}

impl Part {
    fn open(path: &Path, options: &Options, progress: &Arc<Progress>) -> AnyResult<Self> {
        let mut start = vec![];
        let read = bundle::open(path).and_then(|file| file.take(8).read_to_end(&mut start));
        read.with_context(|| format!("cannot read {}", path.display()))?;
        if start.starts_with(parquet::MAGIC) {
            return Ok(Self::Parquet(Box::new(ParquetRows::open_file(path)?)));
        }
        if start.starts_with(npy::MAGIC) {
            return Ok(Self::Array(ArrayBlocks::open(path)?));
        }
        Ok(Self::Csv(CsvBlocks::open(path, options, progress)?))
    }

    fn next(&mut self) -> AnyResult<Option<Columns>> {
        match self {
            Self::Csv(blocks) => blocks.next(),
            Self::Parquet(rows) => rows.next((VALUES / rows.columns()).max(1)),
            Self::Array(blocks) => blocks.next(),
        }
    }

    /// The part of it that was given, where it does not count bytes by itself.
    fn part(&self) -> Option<f64> {
        match self {
            Self::Csv(_) => None,
            Self::Parquet(rows) => Some(rows.part()),
            Self::Array(blocks) => Some(blocks.part()),
        }
    }
}

impl Blocks {
    /// Opens a file, or the files of a folder.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened, or the folder has no files of rows, or some of several kinds.
    pub fn open(path: &Path, options: &Options) -> Result<Self> {
        Ok(open(path, options)?)
    }

    /// How much of the files has been read, for others to look at.
    pub fn progress(&self) -> Arc<Progress> {
        self.progress.clone()
    }

    fn table(&mut self) -> AnyResult<Option<Columns>> {
        loop {
            let Some(current) = &mut self.current else {
                let Some(path) = self.files.pop_front() else { return Ok(None) };
                let part =
                    Part::open(&path, &self.options, &self.progress).with_context(|| path.display().to_string())?;
                self.current = Some(Current { path, part, counted: 0 });
                continue;
            };
            let table = current.part.next().with_context(|| current.path.display().to_string())?;
            if let Some(part) = current.part.part() {
                let bytes = (fs::metadata(&current.path)?.len() as f64 * part) as u64;
                self.progress.add(bytes.saturating_sub(current.counted));
                current.counted = bytes;
            }
            let Some(mut table) = table else {
                self.current = None;
                continue;
            };
            if self.is_folder {
                let name = name(&current.path);
                match &self.first {
                    Some((first, names)) => {
                        arrange(&mut table, names, first).with_context(|| current.path.display().to_string())?;
                    }
                    None => self.first = Some((name.clone(), table.names.clone())),
                }
                table.shards = vec![(0, name)];
            }
            return Ok(Some(table));
        }
    }
}

impl Iterator for Blocks {
    type Item = Result<Columns>;

    fn next(&mut self) -> Option<Self::Item> {
        self.table().map_err(Into::into).transpose()
    }
}

fn open(path: &Path, options: &Options) -> AnyResult<Blocks> {
    let is_folder = path.is_dir();
    let files = if is_folder { shards(path)? } else { vec![path.to_owned()] };
    let mut len = 0;
    for path in &files {
        let metadata = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
        if !metadata.is_file() {
            bail!("{}: expected a file of rows", path.display());
        }
        len += metadata.len();
    }
    let progress = Arc::new(Progress::new(len));
    Ok(Blocks { options: options.clone(), files: files.into(), current: None, first: None, is_folder, progress })
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
    fn a_first_line_may_name_the_separator() {
        let found = blocks(b"sep=;\na;b\n1;2\n", &Options::default()).unwrap();
        assert_eq!((&found[0].names[..], &found[0].lines[..]), (&["a".into(), "b".into()][..], &[3][..]));
        assert!(found[0].note.contains("semicolons"), "{}", found[0].note);
    }

    #[test]
    fn a_row_without_end_is_refused() {
        let text = [b"a,b\n1,\"".to_vec(), vec![b'x'; 72 << 20]].concat();
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

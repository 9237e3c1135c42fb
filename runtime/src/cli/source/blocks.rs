//! Blocks of rows, and of tables that they are made of.

use std::io::Read;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::{iter, thread};

use anyhow::Result;
use rows::{Blocks, Columns, Progress};

/// Rows, one block after the other.
pub(super) trait RowBlocks {
    /// The values of the next rows; none at the end.
    fn next(&mut self) -> Result<Option<Vec<f32>>>;

    /// The part of the source that was read, in 0.0..=1.0.
    fn part(&self) -> f64;

    /// How the source was understood, when it has come to its end.
    fn note(&self) -> Option<String>;
}

/// The blocks of a file or a folder as tables, which another thread reads ahead.
pub(super) struct Tables {
    pub(super) first: Columns,
    tables: mpsc::IntoIter<rows::Result<Columns>>,
    progress: Arc<Progress>,
}

impl Tables {
    /// Reads the first block; nothing where there is none.
    pub(super) fn open(path: &Path, options: &rows::Options) -> Result<Option<rows::Result<Self>>> {
        let mut blocks = Blocks::open(path, options)?;
        let progress = blocks.progress();
        let first = blocks.next();
        Ok(first.map(|first| Ok(Self { first: first?, tables: ahead(blocks), progress })))
    }

    /// How the first block was understood, less the number of its rows.
    pub(super) fn layout(&self) -> String {
        self.first.note.split_once(" of ").map_or(String::new(), |(_, layout)| format!(" of {layout}"))
    }

    /// All blocks from the first one on, and how much of them was read.
    pub(super) fn all(self) -> (impl Iterator<Item = rows::Result<Columns>>, Arc<Progress>) {
        (iter::once(Ok(self.first)).chain(self.tables), self.progress)
    }
}

/// Takes one item ahead on another thread.
pub(super) fn ahead<T: Send + 'static>(mut items: impl Iterator<Item = T> + Send + 'static) -> mpsc::IntoIter<T> {
    let (sender, receiver) = mpsc::sync_channel(1);
    // When nobody takes the next item, the rest is not read.
    thread::spawn(move || items.all(|item| sender.send(item).is_ok()));
    receiver.into_iter()
}

/// The first bytes of a file.
pub(super) fn start(path: &Path) -> Vec<u8> {
    let mut start = vec![];
    let _ = bundle::open(path).and_then(|file| file.take(8).read_to_end(&mut start));
    start
}

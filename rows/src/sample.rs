//! Rows drawn at random from a table of any size.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result as AnyResult, bail};
use bundle::counted;

use crate::blocks::Blocks;
use crate::error::Result;
use crate::named::{Column, Columns};
use crate::options::Options;
use crate::shards::joined;
use crate::texts::{Texts, TextsBuilder};

/// Rows drawn at random from a table of any size: the same ones every time.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The rows that were drawn, in the order of the file.
    pub table: Columns,
    /// The number of each among all rows, from 0.
    pub numbers: Vec<u64>,
    /// All rows of the file.
    pub rows: u64,
    /// Columns that hold numbers in at least half of all rows, and where one first holds none.
    pub not_numbers: Vec<NotANumber>,
    /// How the file is to be read again: which columns are words.
    pub options: Options,
    /// The largest key of a row that was drawn.
    last: u64,
}

/// A cell that is no number, in a column of numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotANumber {
    /// The column's name.
    pub column: String,
    /// Where the cell is, as in [`Columns::place`].
    pub place: String,
    /// What it holds.
    pub text: String,
}

impl Sample {
    /// Draws at most `most` rows from a file or a folder, in constant memory.
    ///
    /// # Errors
    ///
    /// As those of [`Blocks`]; also when there are no rows.
    pub fn draw(path: &Path, most: impl Fn(&Columns) -> usize, options: &Options) -> Result<Self> {
        let mut options = options.clone();
        loop {
            match draw(path, &most, &options)? {
                Drawn::Sample(sample) => return Ok(*sample),
                // A column whose texts come late: its numbers are texts too.
                Drawn::Mixed(names) => options.words.extend(names),
            }
        }
    }

    /// Whether the row with this number, from 0, was drawn.
    pub fn holds(&self, row: u64) -> bool {
        key(row) <= self.last
    }
}

/// A key for each row by which rows are drawn, as random as its number is not (SplitMix64, Steele and others 2014).
fn key(row: u64) -> u64 {
    let mut key = row.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    key = (key ^ (key >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    key = (key ^ (key >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    key ^ (key >> 31)
}

enum Drawn {
    Sample(Box<Sample>),
    /// Columns that hold numbers in one block and texts in another.
    Mixed(Vec<String>),
}

/// What was seen of a column so far.
#[derive(Clone, Default)]
struct Tally {
    numbers: u64,
    texts: u64,
    /// Whether a block held numbers, and whether one held texts.
    is_numbers: bool,
    is_texts: bool,
    first: Option<NotANumber>,
}

/// The rows with the smallest keys so far.
#[derive(Default)]
struct Kept {
    parts: Vec<(String, Columns)>,
    numbers: Vec<u64>,
    /// Rows with a larger key are not drawn.
    last: u64,
}

fn draw(path: &Path, most: &impl Fn(&Columns) -> usize, options: &Options) -> AnyResult<Drawn> {
    let mut kept = Kept { last: u64::MAX, ..Kept::default() };
    let mut tallies: Vec<Tally> = vec![];
    let (mut rows, mut limit, mut layout) = (0, 0, String::new());
    for block in Blocks::open(path, options)? {
        let block = block?;
        if rows == 0 {
            limit = most(&block).max(1);
            layout = block.note.split_once(" of ").map_or("", |(_, layout)| layout).to_owned();
            tallies = vec![Tally::default(); block.columns.len()];
        }
        tallies.iter_mut().enumerate().for_each(|(place, tally)| tally.add(&block, place));
        kept.add(&block, rows);
        rows += block.len() as u64;
        if kept.numbers.len() > 2 * limit {
            kept.shrink(limit)?;
        }
    }
    if rows == 0 {
        bail!("{}: expected at least one row, found none", path.display());
    }
    kept.shrink(limit)?;
    let Kept { parts, numbers, last } = kept;
    let mut table = match parts.into_iter().next() {
        Some((_, table)) => table,
        None => bail!("{}: expected at least one row, found none", path.display()),
    };
    let mixed: Vec<String> = table
        .names
        .iter()
        .zip(&tallies)
        .filter(|(name, tally)| tally.is_numbers && tally.is_texts && !options.words.contains(name))
        .map(|(name, _)| name.clone())
        .collect();
    if !mixed.is_empty() {
        return Ok(Drawn::Mixed(mixed));
    }
    table.note = format!("{} of {layout}", counted(usize::try_from(rows)?, "row"));
    let not_numbers = tallies.into_iter().filter(|tally| tally.texts > 0 && tally.numbers >= tally.texts);
    let not_numbers = not_numbers.filter_map(|tally| tally.first).collect();
    Ok(Drawn::Sample(Box::new(Sample { table, numbers, rows, not_numbers, options: options.clone(), last })))
}

impl Tally {
    fn add(&mut self, block: &Columns, place: usize) {
        match &block.columns[place] {
            Column::Numbers(numbers) => {
                let present = numbers.iter().filter(|number| !number.is_nan()).count() as u64;
                self.numbers += present;
                self.is_numbers |= present > 0;
            }
            Column::Texts(texts) => {
                let present = texts.rows.iter().filter(|&&row| row != Texts::MISSING).count() as u64;
                self.numbers += texts.numbers as u64;
                self.texts += present.saturating_sub(texts.numbers as u64);
                self.is_texts |= present > 0;
                if self.first.is_none()
                    && let Some(row) = texts.first
                {
                    let (column, text) = (block.names[place].clone(), texts.get(row).unwrap_or_default().to_owned());
                    self.first = Some(NotANumber { column, place: block.place(row), text });
                }
            }
        }
    }
}

impl Kept {
    /// Takes the rows of a block whose keys are small enough; `before` rows came before it.
    fn add(&mut self, block: &Columns, before: u64) {
        let number = |row: u32| before + u64::from(row);
        let chosen: Vec<u32> = (0..block.len() as u32).filter(|&row| key(number(row)) <= self.last).collect();
        if chosen.is_empty() {
            return;
        }
        self.numbers.extend(chosen.iter().map(|&row| number(row)));
        let name = block.shards.first().map(|(_, name)| name.clone()).unwrap_or_default();
        self.parts.push((name, select(block, &chosen)));
    }

    /// Leaves at most `limit` rows, in one part.
    fn shrink(&mut self, limit: usize) -> AnyResult<()> {
        if self.numbers.len() > limit {
            let mut keys: Vec<u64> = self.numbers.iter().map(|&number| key(number)).collect();
            self.last = *keys.select_nth_unstable(limit - 1).1;
        }
        let (last, is_folder) = (self.last, self.parts.iter().any(|(name, _)| !name.is_empty()));
        let mut numbers = self.numbers.iter();
        for (_, part) in &mut self.parts {
            let keys: Vec<u64> = numbers.by_ref().take(part.len()).map(|&number| key(number)).collect();
            let chosen: Vec<u32> = (0..part.len() as u32).filter(|&row| keys[row as usize] <= last).collect();
            *part = select(part, &chosen);
        }
        self.parts.retain(|(_, part)| !part.is_empty());
        self.numbers.retain(|&number| key(number) <= last);
        // Parts of one column may hold numbers and texts: whoever asks for the sample is told.
        align(&mut self.parts);
        let shards = shards(&self.parts);
        let mut table = joined(std::mem::take(&mut self.parts)).context("the rows that were drawn")?;
        table.shards = if is_folder { shards } else { vec![] };
        self.parts.push((String::new(), table));
        Ok(())
    }
}

/// The files that the rows of the parts come from, each with its first row.
fn shards(parts: &[(String, Columns)]) -> Vec<(usize, String)> {
    let (mut shards, mut row) = (Vec::<(usize, String)>::new(), 0);
    for (name, part) in parts {
        let own = [(0, name.clone())];
        let of_part = if part.shards.is_empty() { &own[..] } else { &part.shards[..] };
        for (first, name) in of_part {
            if shards.last().is_none_or(|(_, last)| last != name) {
                shards.push((row + first, name.clone()));
            }
        }
        row += part.len();
    }
    shards
}

/// Where some parts hold texts in a column, the numbers of the others become texts.
fn align(parts: &mut [(String, Columns)]) {
    let Some((_, first)) = parts.first() else { return };
    let is_texts = |place: &usize| parts.iter().any(|(_, part)| matches!(part.columns[*place], Column::Texts(_)));
    let places: BTreeSet<usize> = (0..first.columns.len()).filter(is_texts).collect();
    for (_, part) in parts {
        for &place in &places {
            let Column::Numbers(numbers) = &part.columns[place] else { continue };
            let mut texts = TextsBuilder::new();
            numbers.iter().for_each(|number| {
                let text = number.to_string();
                texts.push((!number.is_nan()).then_some(text.as_bytes()));
            });
            part.columns[place] = Column::Texts(texts.finish(0, None));
        }
    }
}

/// These rows of a table.
fn select(table: &Columns, rows: &[u32]) -> Columns {
    let column = |column: &Column| match column {
        Column::Numbers(numbers) => Column::Numbers(rows.iter().map(|&row| numbers[row as usize]).collect()),
        Column::Texts(texts) => {
            let mut builder = TextsBuilder::new();
            rows.iter().for_each(|&row| match texts.rows[row as usize] {
                Texts::OTHER => builder.push_other(),
                _ => builder.push(texts.get(row as usize).map(str::as_bytes)),
            });
            let dates = texts.dates.as_ref().map(|dates| rows.iter().map(|&row| dates[row as usize]).collect());
            let found = builder.finish(0, None);
            Column::Texts(Texts { dates: dates.or(found.dates), ..found })
        }
    };
    let shards = table.shards.iter().map(|(first, name)| {
        let first = rows.partition_point(|&row| (row as usize) < *first);
        (first, name.clone())
    });
    Columns {
        names: table.names.clone(),
        columns: table.columns.iter().map(column).collect(),
        lines: rows.iter().map(|&row| table.lines[row as usize]).collect(),
        shards: shards.collect(),
        note: table.note.clone(),
        ..*table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(text: &str, most: usize) -> Result<Sample> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows.csv");
        std::fs::write(&path, text).unwrap();
        Sample::draw(&path, |_| most, &Options::default())
    }

    /// More than two blocks.
    fn large(mode: impl Fn(usize) -> String) -> String {
        let row = |i: usize| format!("{i},{},{}\n", mode(i), "x".repeat(60));
        format!("id,mode,more\n{}", (0..150_000).map(row).collect::<String>())
    }

    #[test]
    fn rows_are_drawn_evenly_and_the_same_every_time() {
        let text = large(|i| ["slow", "fast"][i % 2].into());
        let sample = draw(&text, 1000).unwrap();
        assert_eq!((sample.table.len(), sample.rows, sample.numbers.len()), (1000, 150_000, 1000));
        let Column::Numbers(ids) = &sample.table.columns[0] else { panic!("ids are numbers") };
        assert!(ids.iter().zip(&sample.numbers).all(|(id, number)| *id as u64 == *number));
        assert!(sample.numbers.is_sorted() && sample.table.lines[7] as u64 == sample.numbers[7] + 2);
        assert_eq!((0..150_000).filter(|&row| sample.holds(row)).collect::<Vec<u64>>(), sample.numbers);
        let early = sample.numbers.iter().filter(|&&number| number < 75_000).count();
        assert!((440..560).contains(&early), "{early}");
        let Column::Texts(mode) = &sample.table.columns[1] else { panic!("modes are texts") };
        assert_eq!(mode.get(3), Some(["slow", "fast"][sample.numbers[3] as usize % 2]));
        assert_eq!(sample.numbers, draw(&text, 1000).unwrap().numbers);
        assert!(sample.table.note.starts_with("150000 rows of 3 columns"), "{}", sample.table.note);
    }

    #[test]
    fn a_small_table_is_drawn_whole() {
        let sample = draw("a,b\n1,x\n2,y\n", 10).unwrap();
        assert_eq!((sample.rows, sample.table.len(), sample.holds(1)), (2, 2, true));
        assert!(draw("a,b\n", 10).is_err());
    }

    #[test]
    fn a_late_text_makes_texts_of_all_cells_or_is_told() {
        let sample = draw(&large(|i| if i < 60_000 { "05".into() } else { "slow".into() }), 1000).unwrap();
        let Column::Texts(mode) = &sample.table.columns[1] else { panic!("modes are texts") };
        assert_eq!((mode.values.as_slice(), sample.not_numbers.len()), (&["05".to_owned(), "slow".into()][..], 0));
        let sample = draw(&large(|i| if i == 140_000 { "broken".into() } else { "5".into() }), 1000).unwrap();
        let [found] = &sample.not_numbers[..] else { panic!("{:?}", sample.not_numbers) };
        assert_eq!((&found.column[..], &found.place[..], &found.text[..]), ("mode", "line 140002", "broken"));
    }
}

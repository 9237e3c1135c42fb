//! A folder whose files are parts of one table, as Spark and others write it.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use bundle::{counted, printable};

use crate::named::{Column, Columns};
use crate::texts::{MAX_TEXTS, Texts};

/// For each kind of shard, the endings of its files.
const KINDS: [&[&str]; 3] = [&["csv", "tsv"], &["parquet", "pq"], &["npy"]];

/// Whether this is a folder of shards: it holds CSV, Parquet or `.npy` files.
pub fn is_shards(dir: &Path) -> bool {
    !files(dir).is_empty()
}

/// The shards in a folder with the number of their kind, in the order of their names. What begins with `.` or `_` is no shard.
fn files(dir: &Path) -> Vec<(PathBuf, usize)> {
    let kind = |path: &Path| {
        let name = path.file_name()?.to_str()?.to_lowercase();
        let plain = name.strip_suffix(".gz").unwrap_or(&name);
        let (_, ending) = plain.rsplit_once('.').filter(|_| !name.starts_with(['.', '_']))?;
        KINDS.iter().position(|endings| endings.contains(&ending))
    };
    let paths = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<_> =
        paths.filter(|path| path.is_file()).filter_map(|path| kind(&path).map(|kind| (path, kind))).collect();
    files.sort();
    files
}

/// The shards in a folder, all of one kind.
pub(crate) fn shards(dir: &Path) -> Result<Vec<PathBuf>> {
    let files = files(dir);
    let Some((first, kind)) = files.first() else {
        bail!("{}: expected a file of rows or a folder of them, found a folder without any", dir.display());
    };
    if let Some((other, _)) = files.iter().find(|(_, other)| other != kind) {
        let (dir, first, other) = (dir.display(), name(first), name(other));
        bail!("{dir}: expected files of one kind, found `{first}` and `{other}`; move one kind elsewhere");
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

/// The name of a file, for messages.
pub(crate) fn name(path: &Path) -> String {
    printable(&path.file_name().unwrap_or_default().to_string_lossy()).to_string()
}

/// The rows of all parts, whose columns may be in another order than the first one's.
pub(crate) fn joined(mut parts: Vec<(String, Columns)>) -> Result<Columns> {
    let (first, (names, has_header, unit)) = match parts.first() {
        Some((name, part)) => (name.clone(), (part.names.clone(), part.has_header, part.unit)),
        None => bail!("expected at least one part"),
    };
    for (name, part) in &mut parts {
        arrange(part, &names, &first).with_context(|| name.clone())?;
    }
    let columns = (0..names.len()).map(|place| {
        let cells =
            parts.iter_mut().map(|(part, columns)| (&part[..], std::mem::replace(&mut columns.columns[place], EMPTY)));
        column(cells.collect()).with_context(|| format!("column `{}`", printable(&names[place])))
    });
    let columns = columns.collect::<Result<Vec<Column>>>()?;
    let mut lines = vec![];
    let mut shards = vec![];
    for (name, part) in &parts {
        shards.push((lines.len(), name.clone()));
        lines.extend_from_slice(&part.lines);
    }
    let note = format!(
        "{} of {} in {}",
        counted(lines.len(), "row"),
        counted(names.len(), "column"),
        counted(parts.len(), "file")
    );
    Ok(Columns { names, columns, lines, unit, shards, has_header, note })
}

/// Puts the columns of a part in the order of the `first` one's `names`.
pub(crate) fn arrange(part: &mut Columns, names: &[String], first: &str) -> Result<()> {
    if let Some(more) = part.names.iter().find(|found| !names.contains(found)) {
        bail!("column `{}` is not in {first}", printable(more));
    }
    let Some(order) = names.iter().map(|name| part.position(name)).collect::<Option<Vec<usize>>>() else {
        let missing = names.iter().find(|name| part.position(name).is_none()).map_or("", String::as_str);
        bail!("expected the columns of {first}, found no `{}`", printable(missing));
    };
    part.columns = order.into_iter().map(|place| std::mem::replace(&mut part.columns[place], EMPTY)).collect();
    part.names = names.to_vec();
    Ok(())
}

const EMPTY: Column = Column::Numbers(Vec::new());

/// The cells of a column of all parts.
fn column(parts: Vec<(&str, Column)>) -> Result<Column> {
    let texts = parts.iter().find(|(_, column)| matches!(column, Column::Texts(_))).map(|(name, _)| *name);
    let Some(texts) = texts else {
        let numbers = parts.into_iter().flat_map(|(_, column)| match column {
            Column::Numbers(numbers) => numbers,
            Column::Texts(_) => unreachable!("no part has texts"),
        });
        return Ok(Column::Numbers(numbers.collect()));
    };
    let mut all = Texts { values: vec![], rows: vec![], numbers: 0, first: None, dates: Some(vec![]) };
    let mut places: HashMap<String, u32> = HashMap::new();
    for (name, column) in parts {
        match column {
            Column::Numbers(numbers) if numbers.iter().any(|number| !number.is_nan()) => {
                bail!("{name} has numbers, {texts} has texts");
            }
            Column::Numbers(numbers) => {
                all.rows.resize(all.rows.len() + numbers.len(), Texts::MISSING);
                all.dates.iter_mut().for_each(|dates| dates.resize(dates.len() + numbers.len(), f64::NAN));
            }
            Column::Texts(part) => {
                all.first = all.first.or(part.first.map(|first| all.rows.len() + first));
                let mut place = |text: String| match places.get(&text) {
                    Some(&place) => place,
                    None if all.values.len() == MAX_TEXTS => Texts::OTHER,
                    None => {
                        let place = all.values.len() as u32;
                        all.values.push(text.clone());
                        places.insert(text, place);
                        place
                    }
                };
                let moved: Vec<u32> = part.values.into_iter().map(&mut place).collect();
                all.rows.extend(part.rows.iter().map(|row| moved.get(*row as usize).unwrap_or(row)));
                all.numbers += part.numbers;
                match (&mut all.dates, part.dates) {
                    (Some(dates), Some(more)) => dates.extend(more),
                    (dates, _) => *dates = None,
                }
            }
        }
    }
    Ok(Column::Texts(all))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::read_columns;
    use crate::options::Options;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        files.iter().for_each(|(name, text)| fs::write(dir.path().join(name), text).unwrap());
        dir
    }

    fn table(files: &[(&str, &str)]) -> Result<Columns, String> {
        let dir = folder(files);
        let found = read_columns(dir.path(), &Options::default());
        found.map_err(|error| {
            error.to_string().rsplit_once(&format!("{}: ", dir.path().display())).unwrap().1.to_owned()
        })
    }

    #[test]
    fn the_files_of_a_folder_are_one_table() {
        let found = table(&[
            ("part-2.csv", "mode,day,size\nfast,2026-01-03,3\nslow,,4\n"),
            ("part-1.csv", "size,mode,day\n1,slow,2026-01-01\n\n2,,2026-01-02\n"),
            ("part-3.csv", "size,mode,day\n5,,\n"),
            ("_SUCCESS", ""),
            (".part-1.csv.crc", "x"),
        ]);
        let found = found.unwrap();
        assert_eq!(found.names, ["size", "mode", "day"]);
        assert_eq!(found.columns[0], Column::Numbers(vec![1., 2., 3., 4., 5.]));
        let Column::Texts(mode) = &found.columns[1] else { panic!("{found:?}") };
        let modes: Vec<Option<&str>> = (0..5).map(|row| mode.get(row)).collect();
        assert_eq!(modes, [Some("slow"), None, Some("fast"), Some("slow"), None]);
        let Column::Texts(Texts { dates: Some(dates), .. }) = &found.columns[2] else { panic!("{found:?}") };
        assert!(dates[2] > dates[1] && dates[3].is_nan() && dates.len() == 5);
        assert_eq!(found.note, "5 rows of 3 columns in 3 files");
        assert_eq!(
            [1, 2, 4].map(|row| found.place(row)),
            ["part-1.csv, line 4", "part-2.csv, line 2", "part-3.csv, line 2"]
        );
        assert_eq!([0, 1, 2, 4].map(|row| found.shard(row)), [0, 0, 1, 2]);
    }

    #[test]
    fn files_that_do_not_fit_together_are_named() {
        for (files, expected) in [
            ([("a.csv", "x,y\n1,2\n"), ("b.csv", "x\n1\n")], "b.csv: expected the columns of a.csv, found no `y`"),
            ([("a.csv", "x,y\n1,2\n"), ("b.csv", "x,y,z\n1,2,3\n")], "b.csv: column `z` is not in a.csv"),
            ([("a.csv", "x,y\n1,2\n"), ("b.csv", "x,y\n1,two\n")], "column `y`: a.csv has numbers, b.csv has texts"),
            (
                [("a.csv", "x,y\n1,2\n"), ("b.parquet", "PAR1")],
                "expected files of one kind, found `a.csv` and `b.parquet`; move one kind elsewhere",
            ),
        ] {
            assert_eq!(table(&files).unwrap_err(), expected);
        }
        assert!(!is_shards(folder(&[("notes.txt", "x")]).path()));
    }

    #[test]
    fn arrays_are_shards_too() {
        let header = |rows: usize| {
            let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, 2), }}");
            [b"\x93NUMPY\x01\x00".to_vec(), (header.len() as u16).to_le_bytes().to_vec(), header.into_bytes()].concat()
        };
        let dir = tempfile::tempdir().unwrap();
        for (name, values) in [("a.npy", &[1f32, 2.][..]), ("b.npy", &[3., 4., 5., 6.])] {
            let values: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            fs::write(dir.path().join(name), [header(values.len() / 8), values].concat()).unwrap();
        }
        let found = read_columns(dir.path(), &Options::default()).unwrap();
        assert_eq!(found.columns[1], Column::Numbers(vec![2., 4., 6.]));
        assert_eq!(found.place(2), "b.npy, row 2");
    }
}

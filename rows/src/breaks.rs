//! Which rows of a table belong to which series.

use bundle::SeriesBreaks;

use crate::named::{Column, Columns};
use crate::texts::Texts;

/// Numbers the series of a table that comes in blocks.
#[derive(Debug)]
pub struct SeriesNumbers {
    breaks: SeriesBreaks,
    number: usize,
    /// Group and time of the last row.
    last: Option<(Option<String>, f64)>,
}

impl SeriesNumbers {
    /// Nothing so far.
    pub fn new(breaks: SeriesBreaks) -> Self {
        Self { breaks, number: 0, last: None }
    }

    /// For each of the next rows the number of its series. A column that the table does not have ends none.
    pub fn of(&mut self, table: &Columns) -> Vec<usize> {
        let column = |name: &String| table.position(name).map(|place| &table.columns[place]);
        let groups = self.breaks.group.as_ref().and_then(column);
        let time = self.breaks.time.as_ref().and_then(|time| Some((time, seconds(column(&time.name)?)?)));
        if groups.is_none() && time.is_none() {
            return vec![self.number; table.len()];
        }
        let mut numbers = Vec::with_capacity(table.len());
        for row in 0..table.len() {
            let group = groups.and_then(|groups| text(groups, row));
            let now = time.map_or(f64::NAN, |(_, seconds)| seconds[row]);
            if let Some((last_group, last)) = &self.last {
                let is_late = time.is_some_and(|(time, _)| time.is_break(*last, now));
                self.number += usize::from(*last_group != group || is_late);
            }
            self.last = Some((group, now));
            numbers.push(self.number);
        }
        numbers
    }
}

/// The seconds of a column of dates.
fn seconds(column: &Column) -> Option<&[f64]> {
    match column {
        Column::Texts(Texts { dates, .. }) => dates.as_deref(),
        Column::Numbers(_) => None,
    }
}

fn text(column: &Column, row: usize) -> Option<String> {
    match column {
        Column::Texts(texts) => texts.get(row).map(str::to_owned),
        Column::Numbers(numbers) => Some(numbers[row].to_string()),
    }
}

#[cfg(test)]
mod tests {
    use bundle::TimeColumn;

    use super::*;

    #[test]
    fn a_series_ends_with_its_group_and_where_time_jumps() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows.csv");
        let rows = [("01:00", "a"), ("01:01", "a"), ("01:02", "b"), ("03:00", "b"), ("03:01", "b"), ("03:00", "b")];
        let line = |(time, unit): &(&str, &str)| format!("2026-01-01T{time},{unit},1\n");
        std::fs::write(&path, format!("time,unit,x\n{}", rows.iter().map(line).collect::<String>())).unwrap();
        let table = crate::read_columns(&path, &crate::Options::default()).unwrap();
        let time = Some(TimeColumn { name: "time".into(), step: 60. });
        let of = |group: Option<&str>, time: Option<TimeColumn>| {
            SeriesNumbers::new(SeriesBreaks { group: group.map(str::to_owned), time }).of(&table)
        };
        assert_eq!(of(None, None), [0; 6]);
        assert_eq!(of(Some("unit"), None), [0, 0, 1, 1, 1, 1]);
        assert_eq!(of(None, time.clone()), [0, 0, 0, 1, 1, 2]);
        assert_eq!(of(Some("unit"), time), [0, 0, 1, 2, 2, 3]);
        assert_eq!(of(Some("other"), None), [0; 6]);
    }
}

//! What is unusual about the columns of a table, seen in the rows that train.

use std::collections::HashMap;

use bundle::{ColumnKind, Schema, counted, printable};
use rows::{Column, Columns, Texts};

use super::kinds::{Kind, Kinds};

/// The largest step between two 32-bit floats, in units of a column's scale, that nobody needs to hear of.
const MAX_STEP: f32 = 0.01;

/// The cells of a column in the rows that train.
#[derive(PartialEq, Eq, Hash)]
enum Cells<'a> {
    /// The bits of numbers, or of the seconds of dates.
    Numbers(Vec<u64>),
    Words(Vec<Option<&'a str>>),
}

impl<'a> Cells<'a> {
    fn of(kind: &Kind, table: &'a Columns, train: &[u32]) -> Self {
        let rows = train.iter().map(|&row| row as usize);
        match &table.columns[kind.place] {
            Column::Numbers(numbers) => Self::Numbers(rows.map(|row| numbers[row].to_bits().into()).collect()),
            Column::Texts(Texts { dates: Some(dates), .. }) => {
                Self::Numbers(rows.map(|row| dates[row].to_bits()).collect())
            }
            Column::Texts(texts) => Self::Words(rows.map(|row| texts.get(row)).collect()),
        }
    }

    fn are_all_alike(&self) -> bool {
        match self {
            Self::Numbers(bits) => bits.iter().all(|cell| *cell == bits[0]),
            Self::Words(words) => words.iter().all(|cell| *cell == words[0]),
        }
    }
}

impl Kinds {
    /// Leaves out each column that repeats one before it in all rows that train: it would make that one weigh twice.
    pub(super) fn leave_out_repeats(&mut self, table: &Columns, train: &[u32]) {
        let Self { columns, notes } = self;
        let mut known: HashMap<Cells, usize> = HashMap::new();
        columns.retain(|kind| {
            let cells = Cells::of(kind, table, train);
            if cells.are_all_alike() {
                return true;
            }
            if let Some(twin) = known.get(&cells) {
                let [name, twin] = [kind.place, *twin].map(|place| printable(&table.names[place]));
                notes.push(format!("column `{name}` is left out: it repeats column `{twin}`"));
                return false;
            }
            known.insert(cells, kind.place);
            true
        });
    }

    /// What is unusual about the columns that are trained on.
    pub(super) fn remarks(&self, table: &Columns, schema: &Schema, train: &[u32]) -> Vec<String> {
        let mut remarks = Vec::new();
        for (kind, column) in self.columns.iter().zip(schema.columns()) {
            if Cells::of(kind, table, train).are_all_alike() {
                remarks.push(format!("column `{}` is the same in all training rows", printable(&column.name)));
            }
        }
        for column in schema.columns() {
            let ColumnKind::Number { mean, scale } = column.kind else { continue };
            // The distance to the next number that a raw row can hold.
            let step = mean.abs().next_up() - mean.abs();
            if column.since.is_none() && step > scale * MAX_STEP {
                let name = printable(&column.name);
                remarks.push(format!(
                    "column `{name}`: values near {mean} are rounded to steps of {step}, as 32-bit floats are; smaller ones, or dates, keep \
                     their digits"
                ));
            }
        }
        let missing: usize = self.columns.iter().map(|kind| kind.missing).sum();
        if missing > 0 {
            let columns = self.columns.iter().filter(|kind| kind.missing > 0).count();
            remarks.push(format!(
                "missing: {} in {}, filled in",
                counted(missing, "value"),
                counted(columns, "column")
            ));
        }
        remarks
    }
}

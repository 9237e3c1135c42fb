//! Which rows of a table are held out for testing.

use std::collections::HashMap;

use rand::seq::SliceRandom;
use rows::{Column, Columns, Texts};

use super::names::position;
use crate::data::table_config::{TableConfig, TestRows};
use crate::random::{Purpose, stream};

/// The first column of dates, and the seconds of each row; a row without a date comes before all others.
fn dates(table: &Columns) -> Option<(&str, Vec<f64>)> {
    table.columns.iter().zip(&table.names).find_map(|(column, name)| match column {
        Column::Texts(Texts { dates: Some(dates), .. }) => {
            let known = |seconds: &f64| if seconds.is_nan() { f64::NEG_INFINITY } else { *seconds };
            Some((name.as_str(), dates.iter().map(known).collect()))
        }
        _ => None,
    })
}

/// Training and test rows, each in the order of the file. The same ones every time, whatever a run's seed is.
pub(super) fn test_rows(table: &Columns, config: &TableConfig) -> Result<(Vec<u32>, Vec<u32>), String> {
    let fraction = config.test_fraction;
    if table.len() < 2 {
        return Err("expected two rows or more, of which some are held out for testing, found one".into());
    }
    let count = ((table.len() as f64 * fraction).round() as usize).clamp(1, table.len() - 1);
    let mut rows: Vec<u32> = (0..table.len() as u32).collect();
    let mut train = match &config.split {
        TestRows::Time => {
            if config.window.is_none()
                && let Some((name, dates)) = dates(table)
                && !dates.is_sorted()
            {
                if config.stream {
                    return Err(format!(
                        "`--split time`: the rows are not in the order of `{name}`; sort the file by it"
                    ));
                }
                rows.sort_by(|&a, &b| dates[a as usize].total_cmp(&dates[b as usize]));
            }
            let mut test = rows.split_off(table.len() - count);
            rows.sort_unstable();
            test.sort_unstable();
            return Ok((rows, test));
        }
        TestRows::Random => {
            rows.shuffle(&mut stream(0, Purpose::Split, 1));
            rows.split_off(count)
        }
        TestRows::Groups(name) => {
            let place = position(table, name);
            let place = place.map_err(|reason| format!("`--split {name}`: {reason}; or `random` or `time`"))?;
            let groups = groups(table, place);
            let mut order: Vec<u32> = (0..groups.iter().max().map_or(0, |last| last + 1)).collect();
            if order.len() < 2 {
                return Err(format!("`--split {name}`: expected two groups or more in the column, found one"));
            }
            order.shuffle(&mut stream(0, Purpose::Split, 1));
            let sizes = groups.iter().fold(vec![0; order.len()], |mut sizes, &group| {
                sizes[group as usize] += 1;
                sizes
            });
            // Whole groups until there are enough rows, and one is left to train on.
            let mut held_out = vec![false; order.len()];
            let mut rest = count;
            for &group in &order[1..] {
                if rest == 0 {
                    break;
                }
                held_out[group as usize] = true;
                rest = rest.saturating_sub(sizes[group as usize]);
            }
            let (test, train) = rows.iter().partition(|&&row| held_out[groups[row as usize] as usize]);
            rows = test;
            train
        }
    };
    train.sort_unstable();
    rows.sort_unstable();
    Ok((train, rows))
}

/// The group of each row, from 0 on.
pub(super) fn groups(table: &Columns, column: usize) -> Vec<u32> {
    match &table.columns[column] {
        Column::Texts(texts) => {
            let values = texts.values.len() as u32;
            texts.rows.iter().map(|&row| if row == Texts::MISSING { values } else { row.min(values + 1) }).collect()
        }
        Column::Numbers(numbers) => {
            let mut known: HashMap<u32, u32> = HashMap::new();
            numbers
                .iter()
                .map(|number| {
                    let next = known.len() as u32;
                    *known.entry(number.to_bits()).or_insert(next)
                })
                .collect()
        }
    }
}

//! Tables that are streamed: which rows are held, and which train.

use std::collections::HashSet;

use super::*;
use crate::data::table_config::{TestRows, TrainOn};

const ROWS: usize = 150_000;

/// A table larger than a sample: the row's number, a plant of seven, and a fault in every tenth row.
fn loaded(config: &TableConfig) -> (Loaded, Vec<f32>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("plants.csv");
    let row = |i: usize| format!("{i},plant {},{}\n", i % 7, u8::from(i.is_multiple_of(10)));
    std::fs::write(&path, format!("id,plant,fault\n{}", (0..ROWS).map(row).collect::<String>())).unwrap();
    let loaded = load_streamed(&path, config).unwrap();
    let mut rest = vec![];
    let take = |raw: &[f32]| {
        rest.extend_from_slice(raw);
        Ok(())
    };
    loaded.rest.as_ref().unwrap().for_each(take).unwrap();
    (loaded, rest)
}

fn ids(samples: &Samples) -> Vec<usize> {
    (0..samples.len()).map(|row| samples.raw_row(row)[0] as usize).collect()
}

#[test]
fn every_row_is_in_the_sample_or_in_the_rest() {
    let config = TableConfig { drop: vec!["plant".into(), "fault".into()], ..TableConfig::default() };
    let (loaded, rest) = loaded(&config);
    let mut all = [ids(&loaded.train), ids(&loaded.test), rest.iter().map(|&id| id as usize).collect()].concat();
    assert_eq!((all.len(), loaded.train.len() + loaded.test.len()), (ROWS, SAMPLE[0]));
    all.sort_unstable();
    assert!(all.into_iter().eq(0..ROWS));
}

#[test]
fn what_is_held_out_is_held_out_of_the_rest_too() {
    let usual = TableConfig { drop: vec!["plant".into(), "fault".into()], ..TableConfig::default() };
    let label = TableConfig { label: Some("fault".into()), drop: vec!["plant".into()], ..usual.clone() };
    let (normal, rest) = loaded(&label);
    assert!(rest.iter().all(|&id| !(id as usize).is_multiple_of(10)) && normal.test.labels().contains(&1));
    let (_, rest) = loaded(&TableConfig { train_on: Some(TrainOn::All), ..label });
    assert!(rest.iter().any(|&id| (id as usize).is_multiple_of(10)));

    let (time, rest) = loaded(&TableConfig { split: TestRows::Time, ..usual.clone() });
    let first = ids(&time.test)[0];
    assert!(rest.iter().all(|&id| (id as usize) < first), "{first}");

    let (groups, rest) = loaded(&TableConfig { split: TestRows::Groups("plant".into()), ..usual });
    let held_out: HashSet<usize> = ids(&groups.test).into_iter().map(|id| id % 7).collect();
    assert!(!held_out.is_empty() && rest.iter().all(|&id| !held_out.contains(&(id as usize % 7))));
}

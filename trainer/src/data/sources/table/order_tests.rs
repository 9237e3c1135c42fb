//! What the order of rows, their times and their labels decide.

use bundle::ColumnKind;

use super::*;
use crate::data::table_config::{Scaling, TestRows, TrainOn};

fn loaded(text: &str, config: &TableConfig) -> Result<Loaded> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sensors.csv");
    std::fs::write(&path, text).unwrap();
    load(&path, config)
}

/// Rows of these minutes, whose numbers are the minutes too.
fn minutes(minutes: impl Iterator<Item = usize>) -> String {
    let row = |minute: usize| {
        let word = if minute >= 90 { "late" } else { ["a", "b"][minute % 2] };
        format!("2026-01-01T{:02}:{:02}:00,{minute},{word}\n", minute / 60, minute % 60)
    };
    format!("time,x,word\n{}", minutes.map(row).collect::<String>())
}

#[test]
fn the_last_rows_by_their_dates_are_for_testing() {
    let time = TableConfig { split: TestRows::Time, test_fraction: 0.1, ..TableConfig::default() };
    for text in [minutes(0..100), minutes((0..100).rev())] {
        let found = loaded(&text, &time).unwrap();
        let xs: Vec<f32> = (0..found.test.len()).map(|row| found.test.raw_row(row)[1]).collect();
        assert!(xs.len() == 10 && xs.iter().all(|x| *x >= 90.), "{xs:?}");
        // A word of test rows alone is one that training never saw.
        let ColumnKind::Category { values } = &found.train.schema().unwrap().columns()[2].kind else { panic!("words") };
        assert!(values.len() == 2 && !values.contains(&"late".into()), "{values:?}");
    }
}

#[test]
fn a_series_begins_anew_behind_a_jump_in_time() {
    let config = TableConfig { window: Some(10), stride: Some(1), drop: vec!["word".into()], ..TableConfig::default() };
    let found = loaded(&minutes((0..50).chain(70..120)), &config).unwrap();
    // Of 80 steps that train and 20 that test: windows of 50, of 30 and of 20 steps.
    assert_eq!((found.train.len(), found.test.len()), (41 + 21, 11));
    let notes = found.notes.join("\n");
    assert!(notes.contains("`time` jumps 1 time, from steps of 60 s"), "{notes}");
    assert_eq!(found.train.series_breaks().time.unwrap().name, "time");
}

#[test]
fn normal_rows_are_only_those_that_are_known_to_be() {
    let text = format!("x,state\n{}", "1,benign\n2,attack\n".repeat(20));
    let normal = TableConfig { train_on: Some(TrainOn::Normal), ..TableConfig::default() };
    let error = loaded(&text, &normal).unwrap_err().to_string();
    assert!(error.contains("`--train-on normal` trains on rows with a normal label; expected a `--label`"), "{error}");
    let labelled = TableConfig { label: Some("state".into()), ..normal };
    let error = loaded(&text, &labelled).unwrap_err().to_string();
    assert!(error.contains("found `attack`, `benign`; `--normal VALUE` says it"), "{error}");
    let said = TableConfig { normal: Some("benign".into()), ..labelled };
    let found = loaded(&text, &said).unwrap();
    assert!((0..found.train.len()).all(|row| found.train.raw_row(row) == [1.]));
}

#[test]
fn robust_scaling_clips() {
    let config = TableConfig { scaling: Scaling::Robust, ..TableConfig::default() };
    let found = loaded(&format!("x\n{}", (0..100).map(|x| format!("{x}\n")).collect::<String>()), &config).unwrap();
    let schema = found.train.schema().unwrap();
    let mut input = [0.; 2];
    schema.prepare(&[1e9, -1e9], &mut input);
    assert_eq!(input, [10., -10.]);
}

//! Tables as people have them.

use bundle::{ColumnKind, Feature, Schema};

use super::*;
use crate::data::table_config::{Dates, Missing, TestRows, TrainOn};

/// A file of this name and text, and what is loaded from it.
fn loaded(text: &str, config: &TableConfig) -> Result<Loaded> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sensors.csv");
    std::fs::write(&path, text).unwrap();
    load(&path, config)
}

/// 40 rows: an id, a number with a gap, a category, a constant and a label.
fn sensors() -> String {
    let row = |i: usize| {
        let size = if i == 7 { String::new() } else { format!("{}.5", i % 5) };
        let mode = ["slow", "fast", "slow"][i % 3];
        format!("unit-{i},{size},{mode},7,{}\n", if i % 10 == 9 { "broken" } else { "ok" })
    };
    format!("id,size,mode,constant,state\n{}", (0..40).map(row).collect::<String>())
}

fn labelled() -> TableConfig {
    TableConfig { label: Some("state".into()), ..TableConfig::default() }
}

fn schema(loaded: &Loaded) -> &Schema {
    loaded.train.schema().unwrap()
}

#[test]
fn columns_are_found_out_and_what_was_assumed_is_said() {
    let found = loaded(&sensors(), &TableConfig { drop: vec!["state".into()], ..TableConfig::default() }).unwrap();
    let names: Vec<&str> = schema(&found).columns().iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["size", "mode", "constant"]);
    assert_eq!(schema(&found).columns()[1].kind, ColumnKind::Category { values: vec!["slow".into(), "fast".into()] });
    assert_eq!((found.train.len(), found.test.len()), (32, 8));
    let notes = found.notes.join("\n");
    for expected in [
        "40 rows of 5 columns separated by commas, below a header",
        "column `id` is left out: 40 different texts in 40 rows are no categories",
        "column `constant` is the same in all training rows",
        "missing: 1 value in 1 column, filled in",
    ] {
        assert!(notes.contains(expected), "{notes}");
    }
}

#[test]
fn a_column_that_repeats_another_is_left_out() {
    // Other words that go together say which of them do, and two dates in each row are two.
    let row = |i: usize| {
        let (mode, kind) = [("slow", "b"), ("fast", "a")][i % 2];
        let day = |i: usize| format!("2026-01-01 {:02}:{:02}", i / 60, i % 60);
        format!("{i},{mode},{},{i},{kind},{mode},{},{}\n", i % 7, day(i), day(2 * i + 5))
    };
    let header = "size,mode,load,\"again, size\",kind,again,start,end\n";
    let text = header.to_owned() + &(0..40).map(row).collect::<String>();
    let found = loaded(&text, &TableConfig::default()).unwrap();
    let names: Vec<&str> = schema(&found).columns().iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["size", "mode", "load", "kind", "start", "end"]);
    let notes = found.notes.join("\n");
    for (name, twin) in [("again, size", "size"), ("again", "mode")] {
        assert!(notes.contains(&format!("column `{name}` is left out: it repeats column `{twin}`")), "{notes}");
    }
    // Rows that do not train may tell the two apart.
    let other = header.to_owned() + &"1,slow,2,3,a,fast,2026-01-01,2026-01-02\n".repeat(3);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("test.csv"), other).unwrap();
    let config = TableConfig { test: Some(dir.path().join("test.csv")), ..TableConfig::default() };
    assert_eq!(schema(&loaded(&text, &config).unwrap()).columns().len(), 6);
}

#[test]
fn only_normal_rows_train_where_the_label_says_which_they_are() {
    let found = loaded(&sensors(), &labelled()).unwrap();
    let ok = |images: &Samples| images.labels().iter().filter(|label| **label == 1).count();
    assert_eq!((ok(&found.train), found.train.len()), (found.train.len(), found.train.len()));
    assert_eq!(found.train.len() + found.test.len(), 40);
    assert_eq!(found.test.len() - ok(&found.test), 4, "all broken ones are for testing");
    let all = TableConfig { train_on: Some(TrainOn::All), ..labelled() };
    assert_eq!(loaded(&sensors(), &all).unwrap().train.len(), 32);
    let other = TableConfig { normal: Some("broken".into()), ..labelled() };
    assert!(loaded(&sensors(), &other).unwrap().train.len() <= 4);
}

#[test]
fn scales_are_learnt_on_the_training_rows_alone() {
    let text = |last: f32| format!("x\n{}{last}\n", "1\n3\n".repeat(20));
    let time = TableConfig { split: TestRows::Time, test_fraction: 0.02, ..TableConfig::default() };
    for last in [5., 1e9] {
        let found = loaded(&text(last), &time).unwrap();
        let expected = Feature::Number { column: 0, missing: Some(2.), mean: 2., scale: 1., clip: None };
        assert_eq!(schema(&found).features(), [expected], "{last}");
        assert_eq!(found.test.raw_row(0), [last]);
    }
}

#[test]
fn a_group_never_falls_on_both_sides() {
    let rows: String = (0..60).map(|i| format!("{},{}\n", i / 6, i % 7)).collect();
    let config = TableConfig { split: TestRows::Groups("machine".into()), ..TableConfig::default() };
    let found = loaded(&format!("machine,x\n{rows}"), &config).unwrap();
    let machines =
        |images: &Samples| -> HashSet<u32> { (0..images.len()).map(|row| images.raw_row(row)[0].to_bits()).collect() };
    assert!(machines(&found.train).is_disjoint(&machines(&found.test)));
    assert_eq!((found.train.len(), found.test.len()), (48, 12));
}

#[test]
fn test_rows_of_their_own_file_are_prepared_as_the_training_rows() {
    let dir = tempfile::tempdir().unwrap();
    let test = dir.path().join("test.csv");
    std::fs::write(&test, "mode,size,state\nslow,1,ok\nnew,2,broken\n").unwrap();
    let config = TableConfig { test: Some(test), drop: vec!["id".into(), "constant".into()], ..labelled() };
    let found = loaded(&sensors(), &config).unwrap();
    assert_eq!(found.test.raw_rows(&[0, 1]), [1., 0., 2., 2.], "an unseen category has the place behind the last");
    assert_eq!(found.test.labels(), [1, 0]);
}

#[test]
fn rows_that_stand_on_both_sides_are_counted() {
    let found = loaded(&format!("a,b\n{}", "1,2\n".repeat(20)), &TableConfig::default()).unwrap();
    assert!(found.notes.iter().any(|note| note == "4 of 4 test rows are equal to a training row"), "{:?}", found.notes);
}

#[test]
fn what_cannot_be_trained_on_is_refused_with_its_place() {
    let refused = |text: &str, config: &TableConfig| loaded(text, config).unwrap_err().to_string();
    let plain = TableConfig::default();
    let rows = "1,2\n".repeat(9);
    for (text, config, expected) in [
        (format!("a,b\n{rows}3,x\n"), plain.clone(), "line 11, column `b`: expected a number, found `x`"),
        (format!("a,b\n{rows}3,inf\n"), plain.clone(), "line 11, column `b`: expected a finite number, found inf"),
        (format!("a,b\n{rows}3\n"), plain.clone(), "line 11: expected 2 values as in the lines before, found 1"),
        (format!("a,a\n{rows}"), plain.clone(), "columns 1 and 2 have the same name, `a`"),
        ("a,b\n".into(), plain.clone(), "expected at least one row below the header, found none"),
        ("a,b\n1,2\n".into(), plain.clone(), "expected two rows or more"),
        ("a\n\"\"\n\"\"\n".into(), plain.clone(), "expected columns to train on, found none that is left"),
        (format!("a,b\n{rows}"), TableConfig { label: Some("c".into()), ..plain.clone() }, "expected a column `c`"),
        (
            format!("speed,b\n{rows}"),
            TableConfig { drop: vec!["sped".into()], ..plain.clone() },
            "did you mean `speed`?",
        ),
        (
            format!("a,b\n{rows},1\n"),
            TableConfig { missing: Missing::Refuse, ..plain.clone() },
            "column `a`: 1 of 10 values are missing; `--missing mean` fills them in",
        ),
        (
            sensors(),
            TableConfig { normal: Some("fine".into()), ..labelled() },
            "expected rows whose `state` is `fine`, found `broken`, `ok`",
        ),
        (sensors(), TableConfig { normal: Some("ok".into()), ..plain.clone() }, "expected a `--label` beside it"),
    ] {
        let error = refused(&text, &config);
        assert!(error.contains("sensors.csv") && error.contains(expected), "{error}");
    }
}

#[test]
fn a_filled_gap_can_be_trained_on_as_the_message_says() {
    let text = format!("a,b\n{},1\n", "1,2\n".repeat(9));
    let config = TableConfig { missing: Missing::Mean, ..TableConfig::default() };
    assert_eq!(loaded(&text, &config).unwrap().train.len(), 8);
}

#[test]
fn windows_reach_over_no_gap_and_no_group() {
    let rows: String = (0..60)
        .map(|i| if i == 20 { "a,,\n".into() } else { format!("{},{i},{}\n", ["a", "b", "c"][i / 24], i * 2) })
        .collect();
    let text = format!("machine,x,y\n{rows}");
    let windows =
        TableConfig { window: Some(5), stride: Some(1), drop: vec!["machine".into()], ..TableConfig::default() };
    let found = loaded(&text, &windows).unwrap();
    let firsts = |samples: &Samples| (0..samples.len()).map(|row| samples.raw_row(row)[0]).collect::<Vec<f32>>();
    // 48 rows train; none of the windows has row 20.
    let expected: Vec<f32> = (0..16).chain(21..44).map(|i| i as f32).collect();
    assert_eq!(firsts(&found.train), expected);
    assert_eq!(firsts(&found.test), (48..56).map(|i| i as f32).collect::<Vec<f32>>());
    assert_eq!(found.train.raw_row(0), [0., 0., 1., 2., 2., 4., 3., 6., 4., 8.]);
    let names: Vec<&str> = schema(&found).columns()[..3].iter().map(|column| &column.name[..]).collect();
    assert_eq!(names, ["x[0]", "y[0]", "x[1]"]);

    let groups = TableConfig { split: TestRows::Groups("machine".into()), drop: vec![], ..windows.clone() };
    let found = loaded(&text, &groups).unwrap();
    let all = [firsts(&found.train), firsts(&found.test)].concat();
    assert!(all.iter().all(|first| (*first as usize) / 24 == (*first as usize + 4) / 24), "{all:?}");

    let error = loaded("mode,x\na,1\nb,2\na,3\n", &TableConfig { window: Some(2), ..TableConfig::default() });
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("column `mode`: windows take numbers, found words; leave the column out with `--drop mode`"),
        "{error}"
    );
}

#[test]
fn an_unusual_step_makes_its_windows_unusual() {
    let rows: String = (0..100).map(|i| format!("{i},{}\n", u8::from(i == 50))).collect();
    let windows =
        TableConfig { window: Some(4), stride: Some(2), label: Some("fault".into()), ..TableConfig::default() };
    let found = loaded(&format!("x,fault\n{rows}"), &windows).unwrap();
    let unusual: Vec<f32> = (0..found.test.len())
        .filter(|&row| found.test.labels()[row] == 1)
        .map(|row| found.test.raw_row(row)[0])
        .collect();
    assert_eq!(unusual, [48., 50.]);
    assert!(found.train.labels().iter().all(|label| *label == 0));
}

/// 60 hours: a time with a gap, a load, and a day on which no two are alike.
fn hours() -> String {
    let row = |i: usize| {
        let time = if i == 4 { String::new() } else { format!("2026-02-0{} {:02}:00", 1 + i / 24, i % 24) };
        format!("{time},{}.5\n", i % 7)
    };
    format!("time,load\n{}", (0..60).map(row).collect::<String>())
}

#[test]
fn dates_count_in_seconds_and_cycles_are_offered() {
    let found = loaded(&hours(), &TableConfig::default()).unwrap();
    let time = &schema(&found).columns()[0];
    assert_eq!((time.since.as_deref(), time.cycles.len()), (Some("2026-01-26T00:00:00"), 0));
    assert!(matches!(time.kind, ColumnKind::Number { scale, .. } if scale > 3600. * 10.));
    assert!(found.train.raw_row(0)[0] >= 6. * 86_400.);
    let notes = found.notes.join("\n");
    assert!(notes.contains("`--drop time` leaves it out, `--dates cycles` adds the place in day"), "{notes}");

    let cycles = loaded(&hours(), &TableConfig { dates: Dates::Cycles, ..TableConfig::default() }).unwrap();
    assert_eq!(schema(&cycles).columns()[0].cycles, [86_400.]);
    assert_eq!(schema(&cycles).input_len(), 4);
    let dropped = loaded(&hours(), &TableConfig { dates: Dates::Drop, ..TableConfig::default() }).unwrap();
    assert_eq!(schema(&dropped).raw_len(), 1);
    let windows = loaded(&hours(), &TableConfig { window: Some(4), ..TableConfig::default() }).unwrap();
    assert!(windows.notes.join("\n").contains("column `time` is left out, it holds dates"), "{:?}", windows.notes);
}

#[test]
fn a_test_file_without_dates_where_they_are_expected_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let test = dir.path().join("test.csv");
    for (cell, found) in [("7", "found numbers"), ("soon", "found `soon` in line 2")] {
        std::fs::write(&test, format!("time,load\n{cell},0.5\n")).unwrap();
        let error =
            loaded(&hours(), &TableConfig { test: Some(test.clone()), ..TableConfig::default() }).err().unwrap();
        assert!(error.to_string().contains("column `time`: expected dates such as"), "{error}");
        assert!(error.to_string().ends_with(found), "{error}");
    }
}

/// 60 rows of one text, which depends on the number of the row, and a number.
fn texts(text: impl Fn(usize) -> String) -> String {
    format!("t,x\n{}", (0..60).map(|i| format!("{},{}\n", text(i), i % 7)).collect::<String>())
}

#[test]
fn texts_that_mean_a_date_or_a_number_say_how_to_write_it() {
    type Text = fn(usize) -> String;
    let cases: [(Text, &str); 5] = [
        (|i| format!("01/{:02}/20{i:02}", 1 + i % 12), "; dates count where they are written as 2026-01-31 23:59"),
        (|i| format!("{}:05 PM on {i}", i % 12), "are no categories"),
        (|i| format!("{i}.5 %"), "; numbers count without signs such as `%`, `$` or `,`"),
        (|i| format!("${i}"), "; numbers count without signs such as `%`, `$` or `,`"),
        (|i| format!("unit-{i}"), "60 different texts in 60 rows are no categories"),
    ];
    for (text, expected) in cases {
        let notes = loaded(&texts(text), &TableConfig::default()).unwrap().notes;
        assert!(notes.iter().any(|note| note.ends_with(expected)), "{expected}: {notes:?}");
    }
}

#[test]
fn one_text_among_dates_is_refused_by_its_line() {
    let date = |i: usize| if i == 30 { "unknown".into() } else { format!("2026-01-{:02}", 1 + i % 28) };
    let error = loaded(&texts(date), &TableConfig::default()).err().unwrap().to_string();
    assert!(error.contains("line 32, column `t`: expected a date as in most rows, found `unknown`"), "{error}");
}

#[test]
fn numbers_beyond_the_digits_of_a_float_are_told() {
    let notes = |step: usize| {
        loaded(&texts(|i| (1_769_817_600 + step * i).to_string()), &TableConfig::default()).unwrap().notes.join("\n")
    };
    assert!(notes(60).contains("column `t`: values near 1769819") && notes(60).contains("rounded to steps of 128"));
    assert!(!notes(86_400).contains("rounded"));
}

#[test]
fn a_fault_may_occur_in_the_test_rows_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let row = |i: usize| format!("{i},{}\n", if i > 30 { "broken" } else { "ok" });
    let rows = |range: std::ops::Range<usize>| format!("size,state\n{}", range.map(row).collect::<String>());
    std::fs::write(path("train.csv"), rows(0..30)).unwrap();
    std::fs::write(path("test.csv"), rows(20..40)).unwrap();
    let found = load(&path("train.csv"), &TableConfig { test: Some(path("test.csv")), ..labelled() }).unwrap();
    assert_eq!((found.train.len(), found.test.len()), (30, 20));
    assert_eq!(found.train.labels(), [1; 30]);
    assert_eq!(found.test.labels()[..12], [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0]);
    assert!(found.notes.contains(&"only rows whose `state` is `ok` train; all others are left out".into()));
}

//! Scores from end to end: a labelled table, its scorer, alarms with reasons, and another calibration.

use std::fs;
use std::path::Path;

use bundle::{LabelColumn, Manifest};
use runtime::{Error, Scorer, is_anomaly};
use trainer::Run;

use crate::support::{everything, fail, fail_with, program, succeed};

/// 3,000 rows of three columns that depend on each other, with gaps in one and a word; every twentieth breaks the dependence.
fn write_rows(path: &Path, start: u64) {
    let mut state = start;
    let mut random = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
    };
    let mut text = String::from("temp,load,flow,mode,fault\n");
    for row in 0..3000 {
        let fault = row % 20 == 7;
        let (hidden, noise) = (random(), [random(), random(), random()]);
        let load = if fault { -hidden + 3. } else { hidden };
        let flow = if row % 10 == 3 { String::new() } else { (0.1 * noise[2] - hidden).to_string() };
        let mode = if noise[0] > 0. { "on" } else { "off" };
        let [temp, load] = [1000. + 20. * hidden + noise[0], load + 0.05 * noise[1]];
        text += &format!("{temp},{load},{flow},{mode},{}\n", u8::from(fault));
    }
    fs::write(path, text).unwrap();
}

/// A run of labelled rows with its bundle, both in `run`.
fn train_and_export(dir: &Path, epochs: &str) {
    write_rows(&dir.join("rows.csv"), 1);
    let fit = ["fit", "--data", "rows.csv", "--label", "fault", "--epochs", epochs, "--out", "run"];
    succeed(program("trainer", dir).args(fit));
    succeed(program("exporter", dir).args(["--split", "run"]));
}

#[test]
fn alarms_of_usual_rows_are_as_many_as_accepted_and_unusual_ones_are_found_with_their_column() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    write_rows(&dir.join("new.csv"), 2);
    train_and_export(dir, "20");
    let report = Run::open(dir.join("run")).unwrap().summary().unwrap().anomalies.unwrap();
    assert_eq!(report.unusual_rows, 150);
    assert!(report.roc_auc > 0.99 && report.alarms[1].recall > 0.95, "{report:?}");

    succeed(program("runtime", dir).args(["score", "run", "new.csv", "--alpha", "0.05", "--out", "scored.csv"]));
    let scored = fs::read_to_string(dir.join("scored.csv")).unwrap();
    let mut lines = scored.lines();
    assert_eq!(lines.next(), Some("score,p_value,is_anomaly,reason_1,off_1,reason_2,off_2,reason_3,off_3"));
    let (mut false_alarms, mut found, mut named) = (0, 0, 0);
    for (row, line) in lines.enumerate() {
        let cells: Vec<&str> = line.split(',').collect();
        let is_alarm = cells[2] == "1";
        assert_eq!(is_alarm, is_anomaly(cells[1].parse().unwrap(), 0.05), "{line}");
        match row % 20 == 7 {
            true => (found, named) = (found + usize::from(is_alarm), named + usize::from(cells[3..].contains(&"load"))),
            false => false_alarms += usize::from(is_alarm),
        }
    }
    // 5 % of 2,850, of which 570 calibration rows know their own rate within a standard deviation of 0.9 %.
    assert!((60..230).contains(&false_alarms), "{false_alarms}");
    assert!(found > 140 && named > 140, "{found} found, {named} with their column");

    let explained = succeed(program("runtime", dir).args(["explain", "run", "new.csv", "--row", "8"]));
    assert!(explained.starts_with("row 8: score ") && explained.contains("\nload "), "{explained}");
    let error = fail_with(program("runtime", dir).args(["explain", "run", "new.csv", "--row", "3001"]), 1);
    assert!(error.contains("--row 3001: expected a row from 1 to 3000"), "{error}");
}

#[test]
fn a_bundle_is_calibrated_on_other_rows_without_training() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    write_rows(&dir.join("rows.csv"), 1);
    let fit =
        ["fit", "--data", "rows.csv", "--drop", "fault,flow", "--missing", "refuse", "--epochs", "2", "--out", "run"];
    succeed(program("trainer", dir).args(fit));
    succeed(program("exporter", dir).args(["--split", "run"]));
    let bundle = dir.join("run/onnx");
    let before = Scorer::load(&bundle).unwrap();
    assert_eq!(before.calibration_rows(), Manifest::read(&bundle).unwrap().scorer.unwrap().calibration_rows);

    // A hundred rows that are further off than any of training.
    let strange: String = (0..100).map(|row| format!("{},{row},on\n", 3000 + row)).collect();
    fs::write(dir.join("strange.csv"), format!("temp,load,mode\n{strange}")).unwrap();
    let row = [3050., 50., 1.];
    assert!(before.p_value(&row[..]).unwrap()[0] < 0.01);
    succeed(program("runtime", dir).args(["calibrate", "run", "strange.csv"]));
    let after = Scorer::load(&bundle).unwrap();
    assert_eq!(after.calibration_rows(), 100);
    assert_eq!(after.score(&row[..]).unwrap(), before.score(&row[..]).unwrap());
    assert!((0.3..0.7).contains(&after.p_value(&row[..]).unwrap()[0]));

    // A row that could not be read has no score, and no rate of alarms is kept by so few rows.
    let explained = after.explain(&[f32::NAN, 0., 1.][..]).unwrap();
    assert!(explained.scores[0].is_nan() && explained.p_values[0].is_nan() && is_anomaly(explained.p_values[0], 0.01));
    let score = ["score", "run", "rows.csv", "--alpha", "0.001", "--out", "s.csv"];
    let said = everything(program("runtime", dir).args(score));
    assert!(said.contains("no row will be an alarm, since 100 usual rows can show no rate below 0.0099"), "{said}");

    fs::remove_file(bundle.join("scorer.onnx")).unwrap();
    assert!(matches!(Scorer::load(&bundle), Err(Error::Bundle(bundle::Error::Damaged { .. }))));
}

#[test]
fn a_bundle_knows_which_rows_of_a_table_with_labels_are_usual() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    write_rows(&dir.join("more.csv"), 2);
    train_and_export(dir, "2");
    let bundle = dir.join("run/onnx");
    let label = LabelColumn { name: "fault".into(), usual: vec!["0".into()], are_numbers: true };
    assert_eq!(Manifest::read(&bundle).unwrap().label, Some(label));

    let more = fs::read_to_string(dir.join("more.csv")).unwrap();
    let (usual, faults): (Vec<&str>, Vec<&str>) = more.lines().skip(1).partition(|line| line.ends_with(",0"));
    let said = everything(program("runtime", dir).args(["calibrate", "run", "more.csv"]));
    assert!(said.contains(&format!("left out: {} rows whose `fault` is `1`", faults.len())), "{said}");
    assert!(said.contains(&format!("ranks among {} usual rows now", usual.len())), "{said}");
    assert_eq!(Scorer::load(&bundle).unwrap().calibration_rows(), usual.len());
    // The same labels written otherwise, one of them not at all.
    let otherwise = more.replace(",0\n", ",false\n").replacen(",1\n", ",\n", 1).replace(",1\n", ",true\n");
    fs::write(dir.join("otherwise.csv"), otherwise.replacen("true\n", "unknown\n", 1)).unwrap();
    for command in [
        ["runtime", "calibrate", "run", "otherwise.csv"].as_slice(),
        &["trainer", "calibrate", "run", "--data", "otherwise.csv"],
    ] {
        let said = everything(program(command[0], dir).args(&command[1..]));
        assert!(said.contains(&format!("ranks among {} usual rows now", usual.len())), "{said}");
    }
    let error = fail(program("runtime", dir).args(["calibrate", "run", "more.csv", "--skip-last-columns", "1"]));
    assert!(error.contains("`fault` says which rows are usual"), "{error}");
    succeed(program("runtime", dir).args(["calibrate", "run", "more.csv"]));
    // The same rows as the trainer's.
    succeed(program("trainer", dir).args(["calibrate", "run", "--data", "more.csv"]));
    succeed(program("exporter", dir).args(["--split", "--out", "again", "run"]));
    let row = [20., 50., 1., 0.5];
    let p_value = |bundle: &Path| Scorer::load(bundle).unwrap().p_value(&row[..]).unwrap();
    assert_eq!(p_value(&bundle), p_value(&dir.join("again")));

    // A word that training never saw is told as it was written.
    let header = more.lines().next().unwrap();
    fs::write(dir.join("odd.csv"), format!("{header}\n1000,0,0,on,0\n1000,0,0,idle,0\n")).unwrap();
    let said = succeed(program("runtime", dir).args(["explain", "run", "odd.csv", "--row", "2"]));
    assert!(said.contains("idle (new)"), "{said}");
    fs::write(dir.join("faults.csv"), format!("{header}\n{}\n", faults.join("\n"))).unwrap();
    for command in
        [["runtime", "calibrate", "run", "faults.csv", ""], ["trainer", "calibrate", "run", "--data", "faults.csv"]]
    {
        let error = fail(program(command[0], dir).args(command[1..].iter().filter(|argument| !argument.is_empty())));
        assert!(error.contains("expected rows whose `fault` is `0`, found "), "{error}");
    }
}

#[test]
fn a_run_is_calibrated_on_other_rows_without_training() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    write_rows(&dir.join("rows.csv"), 1);
    write_rows(&dir.join("more.csv"), 2);
    let fit = ["fit", "--data", "rows.csv", "--label", "fault", "--epochs", "2", "--out", "run"];
    succeed(program("trainer", dir).args(fit));
    let weights = fs::read(dir.join("run/best.safetensors")).unwrap();
    let said = succeed(program("trainer", dir).args(["calibrate", "run", "--data", "more.csv"]));
    // The rows of the other file less those with the label of a fault.
    let more = fs::read_to_string(dir.join("more.csv")).unwrap();
    let usual = more.lines().skip(1).filter(|line| line.ends_with(",0")).count();
    assert!(said.starts_with(&format!("run: p-values are ranks among {usual} usual rows now")), "{said}");
    succeed(program("exporter", dir).args(["--split", "run"]));
    assert_eq!(Scorer::load(dir.join("run/onnx")).unwrap().calibration_rows(), usual);
    assert_eq!(fs::read(dir.join("run/best.safetensors")).unwrap(), weights);
    let again = succeed(program("trainer", dir).args(["calibrate", "run"]));
    assert!(again.contains("usual rows now") && again != said, "{again}");

    let evaluate = ["evaluate", "run", "--data", "more.csv", "--json"];
    let report: serde_json::Value = serde_json::from_str(&succeed(program("trainer", dir).args(evaluate))).unwrap();
    let [found, faults] = ["usual_rows", "unusual_rows"].map(|key| report["anomalies"][key].as_u64().unwrap() as usize);
    assert_eq!((found, faults, report["test"]["rows"].as_u64()), (usual, 3000 - usual, Some(3000)));
    let alarms = &report["anomalies"]["alarms"][0];
    assert!(alarms["false_alarms"].as_f64().unwrap() < 0.03 && report["anomalies"]["baselines"].is_array(), "{report}");

    let error = fail(program("trainer", dir).args(["calibrate", "run", "--data", "none.csv"]));
    assert!(error.ends_with("none.csv: no such file"), "{error}");
    let error = fail(program("trainer", dir).args(["calibrate", "run", "--data", "digits"]));
    assert!(error.ends_with("expected a file of rows, found `digits`"), "{error}");
}

#[test]
fn a_change_of_the_world_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    write_rows(&dir.join("rows.csv"), 1);
    write_rows(&dir.join("same.csv"), 2);
    let fit = ["fit", "--data", "rows.csv", "--label", "fault", "--drop", "flow", "--epochs", "5", "--out", "run"];
    succeed(program("trainer", dir).args(fit));
    succeed(program("exporter", dir).args(["--split", "run"]));
    let usual: Vec<String> = fs::read_to_string(dir.join("same.csv")).unwrap().lines().map(str::to_owned).collect();
    let usual: Vec<&String> = usual.iter().filter(|line| !line.ends_with(",1")).collect();
    let watch = |rows: &[String]| {
        fs::write(dir.join("new.csv"), rows.join("\n")).unwrap();
        everything(program("runtime", dir).args(["score", "run", "new.csv", "--watch", "--out", "scores.csv"]))
    };
    let same: Vec<String> = usual.iter().map(|line| (*line).clone()).collect();
    let said = watch(&same);
    assert!(said.contains(&format!("no drift in {} rows", same.len() - 1)), "{said}");
    // From the middle on, every load is larger.
    let moved = same.iter().skip(1).map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        let load = cells[1].parse::<f32>().unwrap_or_default() + 40.;
        [cells[0], &load.to_string(), cells[2], cells[3], cells[4]].join(",")
    });
    let both: Vec<String> = same.iter().cloned().chain(moved).collect();
    let said = watch(&both);
    let row: usize = said.split("drift: by row ").nth(1).unwrap().split(',').next().unwrap().parse().unwrap();
    assert!((same.len()..same.len() + 100).contains(&row), "{said}");
}

#[test]
fn without_usual_test_rows_a_run_has_no_scorer_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    write_rows(&dir.join("rows.csv"), 1);
    // Unusual rows alone.
    fs::write(dir.join("faults.csv"), "temp,load,flow,mode,fault\n1000,9,0,on,1\n1000,8,0,on,1\n").unwrap();
    let fit =
        ["fit", "--data", "rows.csv", "--test", "faults.csv", "--label", "fault", "--epochs", "2", "--out", "run"];
    succeed(program("trainer", dir).args(fit));
    succeed(program("exporter", dir).args(["--split", "run"]));
    assert!(Manifest::read(dir.join("run/onnx")).unwrap().scorer.is_none());
    let error = fail_with(program("runtime", dir).args(["score", "run", "rows.csv"]), 1);
    assert!(error.contains("expected a bundle with scorer.onnx") && error.contains("test rows are usual"), "{error}");
}

//! A table from end to end: CSV in, raw rows into the graphs and out of them, columns by name.

use std::fs;
use std::path::Path;

use runtime::Autoencoder;

use crate::support::{everything, fail, fail_with, program, succeed};

/// 400 rows: a temperature around a million, a pressure that follows it with gaps, a mode, an id and a fault, whose load is far off.
fn write_sensors(path: &Path) {
    let row = |i: usize| {
        let wave = ((i * 37 % 100) as f32 / 50. - 1., (i * 61 % 100) as f32 / 50. - 1.);
        let pressure = if i % 20 == 3 { String::new() } else { (0.01 * wave.0).to_string() };
        let mode = ["slow", "fast", "idle"][i % 3];
        let fault = u8::from(i % 25 == 24);
        let load = wave.1 + 5000. * f32::from(fault);
        format!("unit-{i},{},{pressure},{mode},{load:.3},{fault}\n", 1_000_000. + wave.0)
    };
    fs::write(path, format!("id,temp,pressure,mode,load,fault\n{}", (0..400).map(row).collect::<String>())).unwrap();
}

#[test]
fn a_table_is_trained_exported_and_run_by_the_names_of_its_columns() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    write_sensors(&dir.join("sensors.csv"));
    let fit = ["fit", "--data", "sensors.csv", "--label", "fault", "--epochs", "30", "--log-format", "plain"];
    let said = everything(program("trainer", dir).args(fit));
    assert!(said.contains("only rows whose `fault` is `0` train"), "{said}");
    assert!(!said.contains("PSNR") && !said.contains("BCE"), "{said}");
    let report = fs::read_to_string(dir.join("runs/table-sensors-1/report.html")).unwrap();
    assert!(report.contains("pressure") && !report.contains("PSNR"));

    succeed(program("exporter", dir).arg("--split"));
    // Columns in another order, with one more, a gap, and a mode that training never saw.
    fs::write(
        dir.join("new.csv"),
        "note,mode,load,temp,pressure\na,fast,0.5,1000000.5,\nb,other,-0.5,999999.5,-0.005\n",
    )
    .unwrap();
    let rebuild = ["reconstruct", "runs/table-sensors-1", "new.csv", "--out", "rebuilt.csv"];
    let said = everything(program("runtime", dir).args(rebuild));
    assert!(said.contains("2 rows of 5 columns") && said.contains("not used: `note`"), "{said}");
    let rebuilt = fs::read_to_string(dir.join("rebuilt.csv")).unwrap();
    let lines: Vec<&str> = rebuilt.lines().collect();
    assert_eq!((lines.len(), lines[0]), (3, "temp,pressure,mode,load"));
    assert!(lines[1].starts_with("1000000") && lines[1].contains(",fast,"), "{rebuilt}");

    let bundle = Autoencoder::load(dir.join("runs/table-sensors-1")).unwrap();
    let rows = bundle.reconstruct(&[1_000_000.5, f32::NAN, 1., 0.5][..]).unwrap();
    let library: Vec<String> = rows.row(0).iter().map(f32::to_string).collect();
    assert_eq!([&library[0], &library[1], "fast", &library[3]].join(","), lines[1]);

    // A fault is far off in one column; a column a million large does not hide it.
    let scores = bundle.score(&[1_000_000.5, 0.005, 1., 0.5, 1_000_000.5, 0.005, 1., 5000.][..]).unwrap();
    let limit = bundle.threshold().unwrap().value;
    assert!(scores[0] <= limit && scores[1] > 100. * limit, "{scores:?}, {limit}");

    fs::write(dir.join("other.csv"), "mode,temp,pressure\nfast,1,2\n").unwrap();
    let error = fail(program("runtime", dir).args(["encode", "runs/table-sensors-1", "other.csv"]));
    assert!(error.contains("other.csv: expected a column `load`, found `mode`, `temp`, `pressure`"), "{error}");
}

#[test]
fn what_is_asked_of_a_table_is_answered_with_what_works() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    write_sensors(&dir.join("sensors.csv"));
    let fit = |more: &[&str]| {
        let mut command = program("trainer", dir);
        command.args(["fit", "--data", "sensors.csv", "--label", "fault", "--epochs", "20", "--log-format", "plain"]);
        command.args(more);
        command
    };
    let error = fail_with(&mut fit(&["--test-fraction", "2"]), 2);
    assert!(error.contains("`--test-fraction`: expected a part between 0 and 1, found 2"), "{error}");
    let error = fail_with(&mut fit(&["--loss", "bce"]), 2);
    assert!(error.contains("`--loss`: the cross-entropy is for values in 0..=1"), "{error}");
    everything(&mut fit(&["--loss", "mse"]));

    fs::rename(dir.join("sensors.csv"), dir.join("moved.csv")).unwrap();
    let run = "runs/table-sensors-1";
    for (name, arguments) in [("trainer", ["evaluate", run]), ("exporter", ["--split", run])] {
        let error = fail(program(name, dir).args(arguments));
        assert!(error.contains("if they have moved, add `--data NEWPLACE`"), "{error}");
        everything(program(name, dir).args(arguments).args(["--data", "moved.csv"]));
    }
    let other = fs::read_to_string(dir.join("moved.csv")).unwrap().replace("slow", "crawling");
    fs::write(dir.join("other.csv"), other).unwrap();
    let error = fail(program("trainer", dir).args(["evaluate", run, "--data", "other.csv"]));
    assert!(
        error.contains("expected the rows this run was trained on in `") && error.contains("other.csv`, found others"),
        "{error}"
    );
}

#[test]
fn a_series_is_cut_into_windows_by_the_trainer_and_by_the_runtime() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let series = |steps: usize| {
        let row = |i: usize| format!("{:.4},{:.1}\n", (i as f32 / 7.).sin(), 1000. + 50. * (i as f32 / 11.).cos());
        format!("voltage,pressure\n{}", (0..steps).map(row).collect::<String>())
    };
    fs::write(dir.join("plant.csv"), series(600)).unwrap();
    let fit = ["fit", "--data", "plant.csv", "--window", "32", "--stride", "8", "--epochs", "40"];
    let said = everything(program("trainer", dir).args(fit));
    assert!(said.contains("600 steps of 2 channels: 69 windows of 32 steps, 8 apart"), "{said}");
    // A channel is one, at whatever step.
    let report = fs::read_to_string(dir.join("runs/table-plant-1/report.html")).unwrap();
    assert!(report.contains("voltage") && !report.contains("voltage[0]"));
    succeed(program("exporter", dir).arg("--split"));
    fs::write(dir.join("new.csv"), series(100)).unwrap();
    let encode = ["encode", "runs/table-plant-1", "new.csv", "--out", "latents.csv"];
    let said = everything(program("runtime", dir).args(encode));
    assert!(said.contains("new.csv: 9 windows of 32 rows, 8 apart"), "{said}");
    assert_eq!(fs::read_to_string(dir.join("latents.csv")).unwrap().lines().count(), 9);
}

#[test]
fn pictures_in_colour_are_trained_exported_and_run() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    // A gradient in each channel, by the number of the picture.
    let pixel = |i: usize| {
        let (picture, place, channel) = (i / 768, i / 3 % 256, i % 3);
        ((place * (picture % 7 + channel + 1) + 40 * channel) % 256) as u8
    };
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (60, 16, 16, 3), }\n";
    let bytes = (0..60 * 768).map(pixel).collect();
    let file =
        [b"\x93NUMPY\x01\x00".to_vec(), (header.len() as u16).to_le_bytes().to_vec(), header.into(), bytes].concat();
    fs::write(dir.join("photos.npy"), file).unwrap();
    let fit = ["fit", "--data", "photos.npy", "--epochs", "60", "--out", "run"];
    let said = everything(program("trainer", dir).args(fit));
    assert!(said.contains("768-conv32"), "{said}");
    succeed(program("exporter", dir).args(["--split", "run"]));
    let manifest = fs::read_to_string(dir.join("run/onnx/model.json")).unwrap().split_whitespace().collect::<String>();
    assert!(manifest.contains("\"image_shape\":[3,16,16]"), "{manifest}");
    let golden = ["encode", "run", "run/onnx/golden.npz", "--out", "latents.csv"];
    succeed(program("runtime", dir).args(golden));
}

#[test]
fn a_large_file_is_computed_block_by_block() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let pad = "0".repeat(60);
    let row = |i: usize| format!("{}.{pad},{},x\n", i % 17, i % 29);
    let text = |rows: usize| format!("a,b,c\n{}", (0..rows).map(row).collect::<String>());
    fs::write(dir.join("few.csv"), text(400)).unwrap();
    fs::write(dir.join("many.csv"), text(150_000)).unwrap();
    let fit = ["fit", "--data", "few.csv", "--epochs", "30", "--out", "run", "--log-format", "plain"];
    everything(program("trainer", dir).args(fit));
    succeed(program("exporter", dir).args(["--split", "run"]));

    let said = everything(program("runtime", dir).args(["encode", "run", "many.csv", "--out", "many.npy"]));
    assert!(said.starts_with("many.csv: 150000 rows of 3 columns separated by commas, below a header"), "{said}");
    everything(program("runtime", dir).args(["encode", "run", "few.csv", "--out", "few.npy"]));
    let [many, few] = ["many.npy", "few.npy"].map(|name| fs::read(dir.join(name)).unwrap());
    let columns = Autoencoder::load(dir.join("run")).unwrap().latent_dim();
    assert!(many.starts_with(b"\x93NUMPY") && many.len() == 128 + 150_000 * columns * 4);
    assert!(many[128..][..400 * columns * 4] == few[128..], "the first rows are the same");

    // What is wrong far behind leaves nothing.
    fs::write(dir.join("broken.csv"), text(150_000) + "1,two,x\n").unwrap();
    let said = fail(program("runtime", dir).args(["reconstruct", "run", "broken.csv", "--out", "rebuilt.csv"]));
    assert!(said.contains("line 150002, column `b`: expected a number, found `two`"), "{said}");
    let left = fs::read_dir(dir)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains("rebuilt"));
    assert_eq!(left.count(), 0);
}

#[test]
fn a_streamed_table_gives_the_same_bytes_however_it_is_trained() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let row = |i: usize| format!("{},{},{}\n", i * 37 % 1000, ["slow", "fast"][i % 2], i * 61 % 777);
    let rows: String = (0..150_000).map(row).collect();
    fs::write(dir.join("rows.csv"), format!("size,mode,load\n{rows}")).unwrap();
    let fit = |arguments: &[&str]| {
        let common = ["fit", "--batch-size", "2048", "--baseline-seconds", "0", "--log-format", "plain"];
        everything(program("trainer", dir).args(common).args(arguments))
    };
    let said = fit(&["--data", "rows.csv", "--stream", "--epochs", "2", "--threads", "1", "--out", "whole"]);
    assert!(said.contains("113,"), "{said}");
    fit(&["--data", "rows.csv", "--stream", "--epochs", "1", "--threads", "2", "--out", "parts"]);
    everything(program("trainer", dir).args(["fit", "--resume", "parts", "--epochs", "2"]));
    let weights = |run: &str| fs::read(dir.join(run).join("last.safetensors")).unwrap();
    assert!(weights("whole") == weights("parts"));
    assert!(fs::read_dir(dir).unwrap().count() == 3, "nothing is left of the rows that were set aside");
    succeed(program("exporter", dir).args(["--split", "whole"]));

    fs::write(dir.join("bad.csv"), format!("size,mode,load\n{rows}1,slow,two\n")).unwrap();
    let said = fail(program("trainer", dir).args(["fit", "--data", "bad.csv", "--stream", "--out", "bad"]));
    assert!(said.contains("line 150002, column `load`: expected a number, found `two`"), "{said}");
    assert!(!dir.join("bad").exists());
}

#[test]
fn an_array_of_which_columns_were_left_out_is_read_by_their_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    // The second column repeats the first one, and names are nowhere.
    let row = |i: usize| format!("{},{0},{}\n", (i * 37 % 100) as f32 / 50., (i * 61 % 100) as f32 / 50.);
    fs::write(dir.join("rows.csv"), (0..200).map(row).collect::<String>()).unwrap();
    let fit = ["fit", "--data", "rows.csv", "--epochs", "2", "--log-format", "plain"];
    let said = everything(program("trainer", dir).args(fit));
    assert!(said.contains("column `column 2` is left out: it repeats column `column 1`"), "{said}");
    succeed(program("exporter", dir).arg("--split"));
    let rebuild = ["reconstruct", "runs/table-rows-1", "rows.csv", "--out", "rebuilt.npy"];
    let said = everything(program("runtime", dir).args(rebuild));
    assert!(said.contains("not used: `column 2`"), "{said}");
    let of_three = succeed(program("runtime", dir).args(["score", "runs/table-rows-1", "rows.csv"]));
    succeed(program("runtime", dir).args(["reconstruct", "runs/table-rows-1", "rebuilt.npy", "--out", "again.npy"]));
    let two: String = (0..200)
        .map(|i| {
            row(i).split(',').enumerate().filter(|(i, _)| *i != 1).map(|(_, cell)| cell).collect::<Vec<_>>().join(",")
        })
        .collect();
    fs::write(dir.join("two.csv"), two).unwrap();
    assert_eq!(succeed(program("runtime", dir).args(["score", "runs/table-rows-1", "two.csv"])), of_three);
    // Windows of a series, from an array in either order.
    for order in ["True", "False"] {
        let text = format!("{{'descr': '<f4', 'fortran_order': {order}, 'shape': (200, 3), }}");
        let header = [b"\x93NUMPY\x01\x00\x76\x00".to_vec(), format!("{text:<117}\n").into_bytes()].concat();
        let cell = |row: usize, column: usize| [row as f32 % 9., row as f32 % 9., row as f32 % 7.][column];
        let values: Vec<f32> = match order {
            "True" => (0..600).map(|i| cell(i % 200, i / 200)).collect(),
            _ => (0..600).map(|i| cell(i / 3, i % 3)).collect(),
        };
        let bytes = [header, values.iter().flat_map(|value| value.to_le_bytes()).collect()].concat();
        fs::write(dir.join(format!("{order}.npy")), bytes).unwrap();
    }
    let fit = ["fit", "--data", "False.npy", "--window", "8", "--epochs", "2", "--out", "series"];
    succeed(program("trainer", dir).args(fit));
    succeed(program("exporter", dir).args(["--split", "series"]));
    let of = |rows: &str| succeed(program("runtime", dir).args(["encode", "series", rows]));
    let two: String = (0..200).map(|row| format!("{},{}\n", row % 9, row % 7)).collect();
    fs::write(dir.join("two.csv"), two).unwrap();
    assert_eq!(of("True.npy"), of("False.npy"));
    assert_eq!(of("two.csv"), of("False.npy"));
}

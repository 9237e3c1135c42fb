//! Rows as people have them, and what is said where they do not fit. Every advice is followed.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Instant;

use support::{Folder, advised, pixels};

/// The latent vectors of the rows in `file`, with further arguments.
fn encode(folder: &Folder, file: &str, more: &[&str]) -> String {
    folder.succeed(&[&["encode", "run", file], more].concat()).0
}

#[test]
fn every_way_of_writing_the_same_rows_gives_the_same_result() {
    let folder = Folder::new();
    let plain = pixels(3);
    folder.write("plain.csv", &plain);
    let expected = encode(&folder, "plain.csv", &[]);
    let with_header = |names: Vec<String>| names.join(",") + "\n" + &plain;
    let german = plain.replace(',', ";").replace('.', ",");
    let each = |change: fn(&str) -> String| plain.lines().map(|line| change(line) + "\n").collect::<String>();
    for (name, text) in [
        ("names", with_header((0..64).map(|index| format!("pixel{index}")).collect())),
        ("numbers from 0", with_header((0..64).map(|index| index.to_string()).collect())),
        ("numbers from 1", with_header((1..65).map(|index| index.to_string()).collect())),
        ("semicolons", plain.replace(',', ";")),
        ("decimal commas", german),
        ("tabs", plain.replace(',', "\t")),
        ("bars", plain.replace(',', "|")),
        ("spaces", plain.replace(',', "  ")),
        ("comma and space", plain.replace(',', ", ")),
        ("trailing comma", each(|line| format!("{line},"))),
        ("trailing semicolon", each(|line| format!("{};", line.replace(',', ";")))),
        ("quotes", each(|line| format!("\"{}\"", line.replace(',', "\",\"")))),
        ("byte order mark", format!("\u{feff}{plain}")),
        ("windows", plain.replace('\n', "\r\n")),
        ("old mac", plain.replace('\n', "\r")),
        ("empty lines", plain.replace('\n', "\n\n")),
        ("no last newline", plain.trim_end().to_owned()),
        ("comment", format!("# sixty-four pixels\n{plain}")),
    ] {
        folder.write("rows.csv", text);
        assert_eq!(encode(&folder, "rows.csv", &[]), expected, "{name}");
    }
    folder.write("rows.txt", &plain);
    assert_eq!(encode(&folder, "rows.txt", &[]), expected);
}

#[test]
fn how_the_rows_were_understood_is_said_in_one_line() {
    let folder = Folder::new();
    folder.write("rows.csv", pixels(3).replace(',', ";"));
    let (_, said) = folder.succeed(&["encode", "run", "rows.csv"]);
    assert_eq!(said, "rows.csv: 3 rows of 64 values separated by semicolons without a header\n");
}

#[test]
fn a_column_too_many_is_left_out_as_the_message_says() {
    let folder = Folder::new();
    let plain = pixels(3);
    folder.write("plain.csv", &plain);
    let expected = encode(&folder, "plain.csv", &[]);
    let each = |change: &dyn Fn(usize, &str) -> String| -> String {
        plain.lines().enumerate().map(|(row, line)| change(row, line) + "\n").collect()
    };
    let names: Vec<String> = (0..64).map(|index| index.to_string()).collect();
    for (text, before) in [
        (each(&|row, line| format!("{row},{line}")), "the first column numbers the rows: leave it out with "),
        (each(&|row, line| format!("{},{line}", row + 1)), "the first column numbers the rows: leave it out with "),
        (format!(",{}\n", names.join(",")) + &each(&|row, line| format!("{row},{line}")), "leave it out with "),
        (each(&|row, line| format!("row {row},{line}")), "if the first column names the rows, "),
        (each(&|_, line| format!("{line},cat")), "if the last column is not part of the row, "),
        (each(&|_, line| format!("7,{line}")), "leave out the first column with "),
        (each(&|_, line| format!("{line},7")), "or the last one with "),
    ] {
        folder.write("rows.csv", text);
        let error = folder.fail(&["encode", "run", "rows.csv"]);
        assert_eq!(encode(&folder, "rows.csv", &advised(&error, before)), expected, "{error}");
    }
}

#[test]
fn rows_that_are_too_short_or_too_long_name_both_lengths() {
    let folder = Folder::new();
    folder.write("rows.csv", "0,0.5\n");
    let error = folder.fail(&["encode", "run", "rows.csv"]);
    assert!(error.ends_with("rows.csv: expected 64 values a row for `input`, found 2"), "{error}");
    let error = folder.fail(&["decode", "run", "rows.csv"]);
    assert!(error.ends_with("rows.csv: expected 4 values a row for `latent`, found 2"), "{error}");
    // Latent vectors where rows are expected, and rows where latent vectors are.
    for (command, other, text) in [("encode", "decode", "1,2,5,4\n".to_owned()), ("decode", "encode", pixels(1))] {
        folder.write("rows.csv", text);
        let error = folder.fail(&[command, "run", "rows.csv"]);
        assert!(error.contains("; `") && error.ends_with(&format!("runtime {other}` takes such rows")), "{error}");
        folder.succeed(&[other, "run", "rows.csv"]);
    }
    folder.write("rows.csv", pixels(2) + "1,2\n");
    let error = folder.fail(&["encode", "run", "rows.csv"]);
    assert!(error.ends_with("rows.csv: line 3: expected 64 values as in the lines before, found 2"), "{error}");
}

#[test]
fn a_cell_that_is_no_number_is_found_by_line_and_column() {
    let folder = Folder::new();
    for (cell, expected) in [
        ("four", "line 3, column 2: expected a number, found `four`"),
        ("", "line 3, column 2: a value is missing, found an empty cell"),
        ("NaN", "line 3, column 2: a value is missing, found `NaN`"),
        ("inf", "line 3, column 2: expected a finite number, found `inf`"),
    ] {
        let mut lines: Vec<String> = pixels(3).lines().map(str::to_owned).collect();
        let mut cells: Vec<&str> = lines[2].split(',').collect();
        cells[1] = cell;
        lines[2] = cells.join(",");
        folder.write("rows.csv", lines.join("\n"));
        let error = folder.fail(&["encode", "run", "rows.csv"]);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn values_out_of_range_are_brought_into_it_as_the_message_says() {
    let folder = Folder::new();
    let plain = pixels(3);
    folder.write("plain.csv", &plain);
    let expected = encode(&folder, "plain.csv", &[]);
    let scaled = |factor: f32| -> String {
        let line =
            |line: &str| line.split(',').map(|v| (v.parse::<f32>().unwrap() * factor).to_string()).collect::<Vec<_>>();
        plain.lines().map(|text| line(text).join(",") + "\n").collect()
    };
    folder.write("raw.csv", scaled(16.));
    let error = folder.fail(&["encode", "run", "raw.csv"]);
    let advice = advised(&error, "which ");
    assert_eq!(advice, ["--divide", "16"]);
    assert_eq!(encode(&folder, "raw.csv", &advice), expected);

    // Bytes, and the number of the training rows that does not fit them.
    folder.write("bytes.csv", scaled(255.).replace(',', ";").replace(';', ","));
    for more in [&[][..], &["--divide", "16"]] {
        let error = folder.fail(&[&["encode", "run", "bytes.csv"], more].concat());
        let advice = advised(&error, "; ");
        assert_eq!(advice, ["--divide", "255"], "{error}");
        encode(&folder, "bytes.csv", &advice);
    }

    // A division that is not needed.
    for divisor in ["0.5", "16"] {
        let error = folder.fail(&["encode", "run", "plain.csv", "--divide", divisor]);
        assert!(error.contains("without `--divide` they are in"), "{error}");
    }

    // Noise that leads out of the range is no sign of a missing division.
    folder.write("noisy.csv", plain.replace("0.5,", "1.375,").replace("0.25,", "-0.125,"));
    let error = folder.fail(&["encode", "run", "noisy.csv"]);
    assert!(error.contains("from -0.125 to 1.375") && !error.contains("--divide"), "{error}");
    let (_, said) = folder.succeed(&[&["encode", "run", "noisy.csv"], &advised(&error, "; ")[..]].concat());
    assert!(said.contains("values clipped to 0..=1"), "{said}");
}

#[test]
fn ten_thousand_rows_are_read_in_seconds() {
    let folder = Folder::new();
    folder.write("rows.csv", pixels(10_000));
    let start = Instant::now();
    folder.succeed(&["encode", "run", "rows.csv", "--out", "latent.npy"]);
    // Half a second where nothing else runs; counting lines from the start for every row took more than seven.
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}

#[test]
fn a_header_that_lies_about_its_size_is_refused_at_once() {
    let folder = Folder::new();
    folder.write("rows.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff{'descr'");
    let error = folder.fail(&["encode", "run", "rows.npy"]);
    assert!(error.contains("rows.npy: not a whole .npy file: its header should end at byte 4294967307"), "{error}");
}

#[test]
fn an_array_that_is_not_there_is_answered_with_those_that_are() {
    let folder = Folder::new();
    for rows in ["run/onnx/golden.npz#rows", "run/onnx/golden.npz"] {
        let more: &[&str] = if rows.contains('#') { &[] } else { &["--array", "rows"] };
        let error = folder.fail(&[&["encode", "run", rows], more].concat());
        let arrays = "`input` [10, 64], `latent` [10, 4], `reconstruction` [10, 64]";
        assert!(error.ends_with(&format!("expected an array `rows`, found {arrays}")), "{error}");
    }
    folder.write("rows.csv", pixels(1));
    let error = folder.fail(&["encode", "run", "rows.csv", "--array", "input"]);
    assert!(error.contains("expected an .npz file with the array `input`"), "{error}");
    let error = folder.fail(&["convert", "run/onnx/golden.npz"]);
    assert!(error.contains("expected one array") && error.contains("`--array NAME` chooses one"), "{error}");
}

/// Files are read block by block from 16 MiB on.
#[test]
fn a_large_file_gives_what_its_rows_do() {
    let folder = Folder::new();
    let rows = pixels(100);
    let count = (24 << 20) / rows.len();
    folder.write("few.csv", &rows);
    folder.write("many.csv", rows.repeat(count));
    let few = encode(&folder, "few.csv", &[]);
    assert!(encode(&folder, "many.csv", &[]) == few.repeat(count));
    folder.succeed(&["convert", "many.csv", "--out", "many.npy"]);
    assert!(encode(&folder, "many.npy", &[]) == few.repeat(count));
    folder.succeed(&["convert", "many.csv", "--out", "many.parquet"]);
    assert!(encode(&folder, "many.parquet", &[]) == few.repeat(count));

    // What is wrong far behind the first block is named, and nothing is written.
    let lines = rows.lines().count() * count;
    for (cell, expected) in [
        ("x", "many.csv: line {}, column 1: expected a number, found `x`"),
        ("", "many.csv: line {}, column 1: a value is missing; fill it in, or leave the row out"),
        ("inf", "many.csv: line {}, column 1: expected a finite number, found inf"),
        ("1.5", "many.csv: row {}, column 1: expected values in 0..=1, found 1.5, and 1 of "),
    ] {
        let last = rows.lines().next().unwrap().split_once(',').unwrap().1;
        folder.write("many.csv", rows.repeat(count) + cell + "," + last + "\n");
        let error = folder.fail(&["encode", "run", "many.csv", "--out", "latents.csv"]);
        let expected = expected.replace("{}", &(lines + 1).to_string());
        assert!(error.contains(&expected), "{error}");
    }
    assert!(!folder.path("latents.csv").exists());
}

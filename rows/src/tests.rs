//! Rows as people have them in files.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;

use super::file::split_array;
use super::read::parse;
use super::{Expected, Header, Options, Rows};

fn csv(text: &str, options: &Options) -> Result<Rows> {
    let (table, note) = parse(text.as_bytes(), options)?;
    Ok(Rows { columns: table.columns, values: table.values, note })
}

fn plain(text: &str) -> Rows {
    csv(text, &Options::default()).unwrap()
}

fn error(text: &str, options: &Options) -> String {
    format!("{:#}", csv(text, options).unwrap_err())
}

fn expecting(columns: usize) -> Options {
    Options { expected: Some(Expected { name: "input".into(), columns, other: None }), ..Options::default() }
}

#[test]
fn csv_is_read_as_programs_write_it() {
    for text in [
        "1,2\n3,4.5\n",
        "1,2\r\n3,4.5\r\n",
        "1,2\r3,4.5",
        "\u{feff}1,2\n3,4.5",
        "1, 2\n3 , 4.5\n",
        "\"1\",\"2\"\n\"3\",\"4.5\"\n",
        "\n1,2\n\n\n3,4.5\n\n",
        "a,b\n1,2\n3,4.5\n",
        "0,1\n1.0,2.0\n3.0,4.5\n",
        "1,2\n1.0,2.0\n3.0,4.5\n",
        "# a b\n1,2\n# c\n3,4.5\n",
        "1;2\n3;4.5\n",
        "1;2\n3;4,5\n",
        "a;b\n1;2\n3;4,5\n",
        "1\t2\n3\t4.5\n",
        "1|2\n3|4.5\n",
        "1 2\n3 4.5\n",
        "  1.0e0   2\n  3     4.5  \n",
        "1,2,\n3,4.5,\n",
        "1;2;\n3;4,5;\n",
        "a,b,\n1,2,\n3,4.5,\n",
        "\"a, first\",b\n1,2\n3,4.5\n",
        "sep=;\n1;2\n3;4,5\n",
        "\"sep=;\"\n1;2\n3;4,5\n",
        "sep=;;\n1;2\n3;4,5\n",
        "\u{feff}sep=|\r\na|b\r\n1|2\r\n3|4.5\r\n",
    ] {
        let rows = plain(text);
        assert_eq!((rows.columns, &rows.values[..]), (2, &[1., 2., 3., 4.5][..]), "{text:?}");
    }
}

#[test]
fn how_a_csv_was_understood_is_said_in_a_line() {
    for (text, expected) in [
        ("1,2\n3,4\n", "2 rows of 2 values separated by commas without a header"),
        ("a,b\n3,4\n", "1 row of 2 values separated by commas below a header"),
        ("1;2,5\n", "1 row of 2 values separated by semicolons without a header, with decimal commas"),
        (
            "1\t2\t\n",
            "1 row of 2 values separated by tabs without a header, without the empty column behind the last separator",
        ),
        ("5\n6\n", "2 rows of 1 value without a header"),
    ] {
        assert_eq!(plain(text).note.as_deref(), Some(expected), "{text:?}");
    }
}

#[test]
fn the_person_decides_about_the_first_line() {
    let with = |header| Options { header, ..Options::default() };
    assert_eq!(csv("5,7\n3,4\n", &with(Header::Yes)).unwrap().values, [3., 4.]);
    assert_eq!(csv("0,1\n3,4\n", &with(Header::No)).unwrap().values, [0., 1., 3., 4.]);
    assert_eq!(csv("0,1\n3,4\n", &with(Header::Auto)).unwrap().values, [0., 1., 3., 4.]);
    assert_eq!(csv("0,1,2\n3,4,5\n", &with(Header::Auto)).unwrap().values, [3., 4., 5.]);
    let message = error("a,b\n3,4\n", &with(Header::No));
    assert!(message.starts_with("line 1, column 1: expected a number, found `a`"), "{message}");
    assert!(message.contains("`--header yes`"), "{message}");
    assert_eq!(csv("a,b\n3,4\n", &with(Header::Yes)).unwrap().values, [3., 4.]);
    let message = error("0,1,2\n", &with(Header::Auto));
    assert!(message.contains("`--header no`"), "{message}");
    assert_eq!(csv("0,1,2\n", &with(Header::No)).unwrap().values, [0., 1., 2.]);
}

#[test]
fn a_header_is_supposed_only_where_there_may_be_one() {
    for (text, supposed) in [
        ("a,b,c,4\n1,2,3,4\n", true),
        ("a,2\n3,4\n", true),
        // A bad cell of a row.
        ("1,2,x,4\n1,2,3,4\n", false),
        ("1,2,x,4\n", false),
        // Without a row below, leaving the line out leaves nothing.
        ("a,2\n", false),
        ("a,2\n# no row\n\n", false),
    ] {
        let message = error(text, &Options::default());
        assert_eq!(message.contains("`--header yes`"), supposed, "{text:?}: {message}");
        assert!(message.starts_with("line 1, column ") && message.contains("expected a number, found `"), "{message}");
        if supposed {
            csv(text, &Options { header: Header::Yes, ..Options::default() }).unwrap();
        }
    }
}

#[test]
fn columns_that_are_not_part_of_a_row_can_be_left_out() {
    let skip = |skip| Options { skip, ..expecting(2) };
    for (text, options, hint) in [
        ("0,5,6\n1,7,8\n", skip([1, 0]), "the first column numbers the rows: leave it out with `--skip-columns 1`"),
        ("1,5,6\n2,7,8\n", skip([1, 0]), "the first column numbers the rows: leave it out with `--skip-columns 1`"),
        (",a,b\n0,5,6\n1,7,8\n", skip([1, 0]), "the first column numbers the rows"),
        (",a,b\nx,5,6\ny,7,8\n", skip([1, 0]), "if the first column names the rows, `--skip-columns 1`"),
        ("x,5,6\ny,7,8\n", skip([1, 0]), "`--skip-columns 1`"),
        ("9,5,6\n9,7,8\n", skip([1, 0]), "leave out the first column with `--skip-columns 1`, or the last one"),
        ("5,6,9\n7,8,9\n", skip([0, 1]), "or the last one with `--skip-last-columns 1`"),
        ("a,b,c\n5,6,cat\n7,8,dog\n", skip([0, 1]), "`--skip-last-columns 1` leaves it out"),
    ] {
        let message = error(text, &expecting(2));
        assert!(message.contains(hint), "{text:?}: {message}");
        assert_eq!(csv(text, &options).unwrap().values, [5., 6., 7., 8.], "{text:?}");
    }
    assert!(error("1,2\n", &skip([2, 0])).contains("expected more columns than the 2 to leave out, found 2"));
}

#[test]
fn mistakes_in_csv_name_their_place() {
    for (text, expected) in [
        ("1,2\n\n\n3,x\n", "line 4, column 2: expected a number, found `x`"),
        ("1,2\r\n\r\n3,x\r\n", "line 3, column 2: expected a number, found `x`"),
        ("1,2\n# a\n3,x\n", "line 3, column 2: expected a number, found `x`"),
        ("1,2\n3\n", "line 2: expected 2 values as in the lines before, found 1"),
        ("1,2\n3,,4\n", "line 2, column 2: a value is missing, found an empty cell"),
        ("1,2\n,4\n", "line 2, column 1: a value is missing, found an empty cell"),
        ("1,2\n3,NaN\n", "line 2, column 2: a value is missing, found `NaN`"),
        ("1,2\n3,N/A\n", "line 2, column 2: a value is missing, found `N/A`"),
        ("1,2\n3,inf\n", "line 2, column 2: expected a finite number, found `inf`"),
        ("1,2\n3,1e99\n", "line 2, column 2: expected a finite number, found `1e99`"),
        ("a,b\n", "expected at least one row of numbers, found only a header that begins with `a`"),
        ("1.234,5;2\n", "found `1.234,5`; write it without separators of thousands"),
        ("", "expected at least one row of numbers, found none"),
        ("a,2\n", "line 1, column 1: expected a number, found `a`"),
        ("1,2\n3,\u{1b}[31m\n", "found `\\u{1b}[31m`"),
    ] {
        let message = error(text, &Options::default());
        assert!(message.contains(expected), "{text:?}: {message}");
    }
}

#[test]
fn files_of_other_kinds_are_named() {
    for (bytes, expected) in [
        (&b"\x1f\x8b\x08"[..], "a gzip file; `gunzip` unpacks it"),
        (b"\x89PNG\r\n", "an image (PNG)"),
        (b"\xff\xfe1\0", "UTF-16 text"),
        (b"\x80\x04\x95", "a Python pickle"),
        (b"[[1, 2]]", "JSON; write each row on a line"),
        (b"1,\0", "binary data"),
        (b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "a zip file without arrays"),
    ] {
        let message = format!("{:#}", parse(bytes, &Options::default()).unwrap_err());
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn ten_thousand_rows_take_no_longer_than_ten_times_a_thousand() {
    let time = |rows: usize| {
        let text = format!("{}0.5\n", "0.25,".repeat(63)).repeat(rows);
        let start = std::time::Instant::now();
        assert_eq!(plain(&text).values.len(), rows * 64);
        start.elapsed().as_secs_f64()
    };
    let (few, many) = (time(1000).min(time(1000)), time(10_000));
    // A third as much again for what a busy machine does besides; quadratic time would be ten times as much.
    assert!(many < few * 40., "{few} s for 1,000 rows, {many} s for 10,000");
}

#[test]
fn an_array_is_named_behind_the_path() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("rows.npz");
    fs::write(&file, "").unwrap();
    let with = |suffix: &str| file.to_str().map(|file| PathBuf::from(format!("{file}{suffix}"))).unwrap();
    assert_eq!(split_array(&with("#x")), (file.clone(), Some("x".into())));
    assert_eq!(split_array(&file), (file.clone(), None));
    fs::write(with("#x"), "").unwrap();
    assert_eq!(split_array(&with("#x")), (with("#x"), None));
}

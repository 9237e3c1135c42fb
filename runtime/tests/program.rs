//! The program itself; that this test exists also makes `cargo test` build it for the tests that cross crates.
#![allow(clippy::unwrap_used)]

use std::process::Command;

#[test]
fn program_tells_its_version() {
    let output = Command::new(env!("CARGO_BIN_EXE_runtime")).arg("--version").output().unwrap();
    let expected = concat!("runtime ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}

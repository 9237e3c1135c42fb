//! What the fuzzer found once, tried again.

use std::fs;
use std::path::Path;

use crate::mutate::survives;
use crate::readers::READERS;

#[test]
fn what_was_found_once_stays_mended() {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/found");
    for (name, read) in READERS {
        for entry in fs::read_dir(found.join(name)).into_iter().flatten() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            survives(&path.display().to_string(), &bytes, || read(&bytes));
        }
    }
}

//! Versions that are written down twice.

use std::fs;
use std::path::Path;

#[test]
fn the_candle_version_in_summaries_is_the_workspaces() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml")).unwrap();
    let version = trainer::Versions::default().candle;
    assert!(manifest.contains(&format!("candle-core = \"{version}\"")), "{version}");
}

//! Compiles the Rust code of the documents; the tests of what crosses crates are in `integration` and `onnx`.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../exporter/README.md")]
struct ExporterReadme;

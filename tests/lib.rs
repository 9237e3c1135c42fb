//! Compiles the Rust code of the documents; the tests of what crosses crates are in `integration` and `onnx`.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../exporter/README.md")]
struct ExporterReadme;

#[cfg(doctest)]
#[doc = include_str!("../runtime/README.md")]
struct RuntimeReadme;

#[cfg(doctest)]
#[doc = include_str!("../trainer/README.md")]
struct TrainerReadme;

#[cfg(doctest)]
#[doc = include_str!("../bundle/README.md")]
struct BundleReadme;

#[cfg(doctest)]
#[doc = include_str!("../onnx/README.md")]
struct OnnxReadme;

#[cfg(doctest)]
#[doc = include_str!("../kernels/README.md")]
struct KernelsReadme;

#[cfg(doctest)]
#[doc = include_str!("../rows/README.md")]
struct RowsReadme;

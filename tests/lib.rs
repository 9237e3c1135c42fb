//! Compiles the README's Rust code; the tests of what crosses crates are in `integration`.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

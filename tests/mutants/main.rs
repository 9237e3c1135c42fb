//! Files with random damage: whatever is wrong with one, its reader gives a result or an error, within a second and some memory.
//!
//! A tenth of them by default; all with `HOURGLASS_FULL=1`.
#![allow(clippy::unwrap_used)]

mod files;
mod found;
mod graphs;
mod mutate;
#[path = "../../fuzz/src/lib.rs"]
mod readers;

/// How many of `all` are tried.
fn count(all: usize) -> usize {
    if std::env::var_os("HOURGLASS_FULL").is_some() { all } else { all / 10 }
}

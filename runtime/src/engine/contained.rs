//! Keeps panics of other libraries inside: a malformed file must not end the embedding program.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// What `compute` gives; a panic becomes an error.
pub(crate) fn contained<T>(compute: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    // What the closure leaves half done is dropped with the error, so nobody can see it.
    catch_unwind(AssertUnwindSafe(compute)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Err(format!("the graph cannot be computed: {text}"))
    })
}

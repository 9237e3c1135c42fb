//! Errors in one plain line.

use std::io::{self, ErrorKind};

/// The whole of `error` in one line, with commands as they are typed here.
pub fn one_line(error: &anyhow::Error) -> String {
    bundle::with_programs(&bundle::one_line(error.chain()))
}

/// Whether the disk is full.
pub fn is_full_disk(error: &anyhow::Error) -> bool {
    let kinds = error.chain().filter_map(|cause| Some(cause.downcast_ref::<io::Error>()?.kind()));
    kinds.into_iter().any(|kind| matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded))
}

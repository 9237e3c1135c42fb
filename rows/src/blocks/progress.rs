//! How much of the files has been read.

use std::sync::atomic::{AtomicU64, Ordering};

/// How much of the files has been read.
#[derive(Debug)]
pub struct Progress {
    read: AtomicU64,
    len: u64,
}

impl Progress {
    /// Nothing of `len` bytes so far.
    pub(super) fn new(len: u64) -> Self {
        Self { read: AtomicU64::new(0), len }
    }

    /// The part of the bytes that have been read, in 0.0..=1.0.
    pub fn part(&self) -> f64 {
        self.read.load(Ordering::Relaxed) as f64 / self.len.max(1) as f64
    }

    /// Counts these bytes as read.
    pub(super) fn add(&self, bytes: u64) {
        self.read.fetch_add(bytes, Ordering::Relaxed);
    }
}

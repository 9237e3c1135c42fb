//! Reads values before they are needed, while the current ones are worked on.

use std::hint::black_box;

/// Floats of a memory page and of a cache line.
const PAGE: usize = 1 << 10;
const LINE: usize = 1 << 4;
/// Pages that are read side by side. The processor itself fetches ahead within each of them; where pages end, it waits for all
/// of the next ones together.
const PAGES: usize = 8;
/// From this length on (512 KiB), values are assumed to come from memory rather than from the processor's own cache.
const MIN_LEN: usize = 1 << 17;

/// Values that will be needed, and which of them is read next.
pub(crate) struct Prefetch<'a> {
    values: &'a [f32],
    next: usize,
}

impl<'a> Prefetch<'a> {
    /// Short slices are not prefetched. Of long ones, the first pages are left out: they are needed at once.
    pub(crate) fn new(values: &'a [f32]) -> Self {
        Self { values: if values.len() < MIN_LEN { &[] } else { values }, next: PAGES * PAGE }
    }

    /// How often to call [`Prefetch::read`] while this many values are worked on: a quarter more than keeps pace.
    pub(crate) fn reads(&self, values: usize) -> usize {
        if self.values.is_empty() { 0 } else { values * 5 / (4 * PAGES * LINE) }
    }

    /// Reads a cache line of each page.
    #[inline(always)]
    pub(crate) fn read(&mut self) {
        let mut bits = 0;
        for page in 0..PAGES {
            if let Some(value) = self.values.get(self.next + page * PAGE) {
                bits |= value.to_bits();
            }
        }
        black_box(bits);
        self.next += LINE;
        if self.next.is_multiple_of(PAGE) {
            self.next += (PAGES - 1) * PAGE;
        }
    }
}

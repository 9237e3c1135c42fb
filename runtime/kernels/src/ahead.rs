//! Reads values before they are needed, while sums are computed.

use std::hint::black_box;

/// Values of a page of memory and of a cache line.
const PAGE: usize = 1 << 10;
const LINE: usize = 1 << 4;
/// Pages that are read side by side. The processor fetches each of them ahead by itself, and where pages end, it waits for the
/// next ones at once.
const PAGES: usize = 8;
/// From this length on, 512 KiB, values are taken to come from memory, and not from the processor's own cache.
const FAR: usize = 1 << 17;

/// Values that are being read, and which of them is next.
pub(super) struct Ahead<'a> {
    values: &'a [f32],
    next: usize,
}

impl<'a> Ahead<'a> {
    /// Nothing is read of few values; of many, the first pages are left to the sums, which begin at once.
    pub(super) fn new(values: &'a [f32]) -> Self {
        Self { values: if values.len() < FAR { &[] } else { values }, next: PAGES * PAGE }
    }

    /// How often to call [`Ahead::read`] while so many values are worked on: a quarter more than keeps pace.
    pub(super) fn reads(&self, values: usize) -> usize {
        if self.values.is_empty() { 0 } else { values * 5 / (4 * PAGES * LINE) }
    }

    /// Reads a line of each page.
    #[inline(always)]
    pub(super) fn read(&mut self) {
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

//! Memory that each thread keeps for what its kernels work on: fresh buffers would be mapped and cleared anew at every call.

use std::cell::RefCell;

/// Numbers in a cache line: vectors that straddle none are the faster ones, and sizes that are multiples of it keep all of a
/// call's parts on one.
pub(super) const LINE: usize = 16;

thread_local! {
    /// Buffers that no call of this thread uses at the moment.
    static FREE: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Calls `work` with parts of these lengths, which hold any values. Calls may be nested, and a thread that waits for another may
/// begin a second one meanwhile: each has a buffer of its own.
pub fn with_scratch<const N: usize, R>(lengths: [usize; N], work: impl FnOnce([&mut [f32]; N]) -> R) -> R {
    // The last one that was returned is the one that the same call had before.
    let mut buffer = FREE.with_borrow_mut(Vec::pop).unwrap_or_default();
    let needed = lengths.iter().sum::<usize>() + LINE;
    if buffer.len() < needed {
        buffer.resize(needed, 0.);
    }
    let start = buffer.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE);
    let mut rest = &mut buffer[start..];
    let result = work(lengths.map(|length| rest.split_off_mut(..length).unwrap_or_default()));
    FREE.with_borrow_mut(|free| free.push(buffer));
    result
}

/// As [`with_scratch`], with zeros.
pub(super) fn with_zeros<const N: usize, R>(lengths: [usize; N], work: impl FnOnce([&mut [f32]; N]) -> R) -> R {
    with_scratch(lengths, |mut parts| {
        for part in &mut parts {
            part.fill(0.);
        }
        work(parts)
    })
}

//! Scratch memory that each thread keeps between calls: fresh buffers would be mapped and cleared anew at every call.

use std::cell::RefCell;

/// Floats in a cache line. Vectors that do not straddle two lines are faster, and lengths that are multiples of it keep all
/// parts of a call aligned.
pub(crate) const LINE: usize = 16;

thread_local! {
    /// Buffers that no call on this thread uses at the moment.
    static FREE: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Calls `work` with buffers of these lengths, whose values are arbitrary. Calls may be nested, and a thread that waits for
/// another may begin a second call meanwhile: each call has a buffer of its own.
pub fn with_scratch<const N: usize, R>(lengths: [usize; N], work: impl FnOnce([&mut [f32]; N]) -> R) -> R {
    // Last in, first out: the same call gets the buffer that it had before.
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

/// As [`with_scratch`], but the buffers are filled with zeros.
pub(crate) fn with_zeros<const N: usize, R>(lengths: [usize; N], work: impl FnOnce([&mut [f32]; N]) -> R) -> R {
    with_scratch(lengths, |mut parts| {
        for part in &mut parts {
            part.fill(0.);
        }
        work(parts)
    })
}

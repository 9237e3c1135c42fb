//! The threads that rows are computed on.

use std::sync::{Arc, OnceLock};
use std::thread::available_parallelism;

use rayon::{ThreadPool, ThreadPoolBuilder};

/// Threads that compute blocks of rows side by side.
///
/// [`Threads`] is one. An embedding program that has threads of its own lends them instead:
///
/// ```
/// use runtime::Pool;
///
/// struct Scoped;
///
/// impl Pool for Scoped {
///     fn threads(&self) -> usize {
///         2
///     }
///
///     fn run(&self, work: &(dyn Fn() + Sync)) {
///         std::thread::scope(|scope| {
///             scope.spawn(work);
///             work();
///         });
///     }
/// }
/// ```
pub trait Pool: Send + Sync {
    /// How many calls of `work` may go on at a time.
    fn threads(&self) -> usize;

    /// Calls `work` once or more often, on as many threads as are to take part, and returns when all of its calls have. Each call
    /// computes blocks of rows until none is left.
    fn run(&self, work: &(dyn Fn() + Sync));
}

/// A fixed number of threads: the one that calls, and others that wait for work.
pub struct Threads {
    count: usize,
    others: OnceLock<Option<ThreadPool>>,
}

impl Threads {
    /// `count` threads, the one that calls included; those that are missing start when they are first needed.
    pub fn new(count: usize) -> Self {
        Self { count: count.max(1), others: OnceLock::new() }
    }

    /// As many threads as the machine runs at a time, the same ones for all who ask.
    pub fn all() -> Arc<Self> {
        static ALL: OnceLock<Arc<Threads>> = OnceLock::new();
        ALL.get_or_init(|| Arc::new(Self::new(available_parallelism().map_or(1, usize::from)))).clone()
    }
}

impl Pool for Threads {
    fn threads(&self) -> usize {
        self.count
    }

    fn run(&self, work: &(dyn Fn() + Sync)) {
        // Where no threads can be had, as in a browser, the one that calls does it all.
        let start = || ThreadPoolBuilder::new().num_threads(self.count - 1).build().ok();
        let others = if self.count > 1 { self.others.get_or_init(start).as_ref() } else { None };
        let Some(others) = others else { return work() };
        others.in_place_scope(|scope| {
            for _ in 1..self.count {
                scope.spawn(|_| work());
            }
            work();
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn every_thread_takes_part_and_all_are_waited_for() {
        for count in [0, 1, 2, 5] {
            let calls = AtomicUsize::new(0);
            let threads = Threads::new(count);
            threads.run(&|| {
                calls.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!(calls.into_inner(), threads.threads());
        }
    }
}

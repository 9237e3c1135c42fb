//! The threads that rows are computed on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, TryLockError};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use rayon::{ThreadPool, ThreadPoolBuilder, Yield};

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
///
/// The others stay awake for a fifth of a millisecond after a call, because to wake a thread may take as long as many a call.
pub struct Threads {
    count: usize,
    others: OnceLock<Option<ThreadPool>>,
    /// Those of the others that are awake.
    awake: Arc<AtomicUsize>,
    /// Held by the caller that the others work for.
    busy: Mutex<()>,
}

/// How long a thread looks out for more work.
const AWAKE: Duration = Duration::from_micros(200);

impl Threads {
    /// `count` threads, the one that calls included; those that are missing start when they are first needed.
    pub fn new(count: usize) -> Self {
        Self { count: count.max(1), others: OnceLock::new(), awake: Arc::default(), busy: Mutex::default() }
    }

    /// As many threads as the machine runs at a time, the same ones for all who ask.
    pub fn all() -> Arc<Self> {
        static ALL: OnceLock<Arc<Threads>> = OnceLock::new();
        ALL.get_or_init(|| Arc::new(Self::new(available_parallelism().map_or(1, usize::from)))).clone()
    }

    /// Has every one of the others look out for work.
    fn wake(&self, others: &ThreadPool) {
        for _ in self.awake.load(Ordering::Relaxed)..self.count - 1 {
            let awake = self.awake.clone();
            awake.fetch_add(1, Ordering::Relaxed);
            others.spawn(move || {
                let mut start = Instant::now();
                while start.elapsed() < AWAKE {
                    match rayon::yield_now() {
                        Some(Yield::Executed) => start = Instant::now(),
                        _ => std::thread::yield_now(),
                    }
                }
                awake.fetch_sub(1, Ordering::Relaxed);
            });
        }
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
        // While they work for another caller, waiting for them takes longer than doing it alone.
        let _busy = match self.busy.try_lock() {
            Ok(busy) => busy,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return work(),
        };
        let done = AtomicUsize::new(1);
        others.in_place_scope(|scope| {
            for _ in 1..self.count {
                scope.spawn(|_| {
                    work();
                    done.fetch_add(1, Ordering::Release);
                });
            }
            self.wake(others);
            work();
            let start = Instant::now();
            while done.load(Ordering::Acquire) < self.count && start.elapsed() < AWAKE {
                std::thread::yield_now();
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_calls_while_the_others_work_for_another_does_it_alone() {
        let threads = Threads::new(3);
        let (inner, outer) = (AtomicUsize::new(0), AtomicUsize::new(0));
        threads.run(&|| {
            if outer.fetch_add(1, Ordering::Relaxed) == 0 {
                threads.run(&|| {
                    inner.fetch_add(1, Ordering::Relaxed);
                });
            }
        });
        assert_eq!((inner.into_inner(), outer.into_inner()), (1, 3));
    }

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

//! The threads that rows are computed on.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, TryLockError};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use kernels::spin;
use rayon::{ThreadPool, ThreadPoolBuilder};

/// Threads that compute blocks of rows in parallel.
///
/// [`Threads`] implements it. A program with threads of its own implements it for those:
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
///     fn run(&self, most: usize, work: &(dyn Fn() + Sync)) {
///         std::thread::scope(|scope| {
///             if most > 1 {
///                 scope.spawn(work);
///             }
///             work();
///         });
///     }
/// }
/// ```
pub trait Pool: Send + Sync {
    /// How many calls of `work` may go on at a time.
    fn threads(&self) -> usize;

    /// Calls `work` at least once, on as many threads as are free, and returns when all calls have returned. Each
    /// call computes blocks of rows until none is left. There are `most` blocks: further calls find nothing to do.
    fn run(&self, most: usize, work: &(dyn Fn() + Sync));
}

/// A fixed number of threads: the one that calls, and others that wait for work.
///
/// A call takes no more of them than it has blocks of rows, and leaves the rest asleep. Those that took part stay awake
/// for a fifth of a millisecond, because waking a thread may take as long as a small call.
pub struct Threads {
    others: Box<[Other]>,
    /// Locked by the caller whose work the threads are doing.
    busy: Mutex<()>,
}

/// The most threads, far more than help: each takes memory before it starts.
const MAX_THREADS: usize = 1 << 8;
/// How long a thread waits for more work before it sleeps.
const SPIN: Duration = Duration::from_micros(200);

impl Threads {
    /// `count` threads, from 1 to 256, including the one that calls. The others start when they are first needed.
    pub fn new(count: usize) -> Self {
        Self { others: (1..count.min(MAX_THREADS)).map(|_| Other::default()).collect(), busy: Mutex::default() }
    }

    /// As many threads as the machine has cores. Every call returns the same ones.
    pub fn all() -> Arc<Self> {
        static ALL: OnceLock<Arc<Threads>> = OnceLock::new();
        ALL.get_or_init(|| Arc::new(Self::new(available_parallelism().map_or(1, usize::from)))).clone()
    }
}

impl Pool for Threads {
    fn threads(&self) -> usize {
        1 + self.others.len()
    }

    fn run(&self, most: usize, work: &(dyn Fn() + Sync)) {
        let others = &self.others[..self.others.len().min(most.saturating_sub(1))];
        if others.is_empty() {
            return work();
        }
        // While they work for another caller, waiting for them takes longer than doing it alone.
        let _busy = match self.busy.try_lock() {
            Ok(busy) => busy,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return work(),
        };
        let done = AtomicUsize::new(0);
        let theirs = || {
            work();
            done.fetch_add(1, Ordering::Release);
        };
        lend(others, 0, &theirs, &|lent| {
            work();
            if lent == 0 {
                return;
            }
            let start = Instant::now();
            while done.load(Ordering::Acquire) < lent && start.elapsed() < SPIN {
                std::thread::yield_now();
            }
        });
    }
}

/// Calls `theirs` on each of the others that can be had, and at the same time `ours` here, with the number of all that
/// were lent.
fn lend(others: &[Other], lent: usize, theirs: &(dyn Fn() + Sync), ours: &dyn Fn(usize)) {
    let next = others.split_first().and_then(|(other, rest)| Some((other, other.thread()?, rest)));
    let Some((other, thread, rest)) = next else { return ours(lent) };
    thread.in_place_scope(|scope| {
        scope.spawn(|_| theirs());
        other.keep_awake(thread);
        lend(rest, lent + 1, theirs, ours);
    });
}

/// One thread besides the one that calls. It is a pool of its own, so that work can be given to it and wakes no other.
#[derive(Default)]
struct Other {
    thread: OnceLock<Option<ThreadPool>>,
    awake: Arc<AtomicBool>,
}

impl Other {
    /// Nothing where no threads can be had, as in a browser.
    fn thread(&self) -> Option<&ThreadPool> {
        self.thread.get_or_init(|| ThreadPoolBuilder::new().num_threads(1).build().ok()).as_ref()
    }

    /// Wakes the thread, so that it waits for work.
    fn keep_awake(&self, thread: &ThreadPool) {
        if self.awake.swap(true, Ordering::Relaxed) {
            return;
        }
        let awake = self.awake.clone();
        thread.spawn(move || {
            spin(SPIN, || false);
            awake.store(false, Ordering::Relaxed);
        });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::thread::{ThreadId, current};

    use super::*;

    #[test]
    fn who_calls_while_the_others_work_for_another_does_it_alone() {
        let threads = Threads::new(3);
        let (inner, outer) = (AtomicUsize::new(0), AtomicUsize::new(0));
        threads.run(3, &|| {
            if outer.fetch_add(1, Ordering::Relaxed) == 0 {
                threads.run(3, &|| {
                    inner.fetch_add(1, Ordering::Relaxed);
                });
            }
        });
        assert_eq!((inner.into_inner(), outer.into_inner()), (1, 3));
    }

    #[test]
    fn as_many_threads_take_part_as_there_is_work_for_and_all_are_waited_for() {
        for (count, most) in [(0, 9), (1, 9), (2, 9), (5, 9), (5, 5), (5, 2), (5, 1), (5, 0)] {
            let calls = AtomicUsize::new(0);
            let threads = Threads::new(count);
            threads.run(most, &|| {
                calls.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!(calls.into_inner(), threads.threads().min(most).max(1), "{most} blocks on {count} threads");
        }
        assert_eq!(Threads::new(usize::MAX).threads(), MAX_THREADS);
    }

    #[test]
    fn little_work_starts_and_wakes_no_more_threads_than_it_needs() {
        let threads = Threads::new(64);
        let seen = Mutex::new(HashSet::<ThreadId>::new());
        for _ in 0..100 {
            threads.run(3, &|| {
                seen.lock().unwrap().insert(current().id());
            });
        }
        assert_eq!(seen.into_inner().unwrap().len(), 3);
        assert_eq!(threads.others.iter().filter(|other| other.thread.get().is_some()).count(), 2);
    }
}

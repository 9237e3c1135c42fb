//! Threads that do not sleep between two pieces of work: waking one takes as long as a small piece of work itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rayon::Yield;

/// How long a thread looks for work in vain before it sleeps after all.
const AWAKE: Duration = Duration::from_millis(20);

/// Does `work` while the other threads of this pool look for parts of it without rest, as long as there are any. One call at a time
/// for each pool: the thread that makes it must not become one of those that look for work.
pub(crate) fn awake<R>(work: impl FnOnce() -> R) -> R {
    /// Lets them rest, whatever becomes of the work.
    struct Rest<'a>(&'a AtomicBool);
    impl Drop for Rest<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let (leader, done) = (rayon::current_thread_index(), AtomicBool::new(false));
    rayon::in_place_scope(|scope| {
        let _rest = Rest(&done);
        if leader.is_some() {
            let done = &done;
            scope.spawn_broadcast(move |_, thread| {
                let mut last = Instant::now();
                while Some(thread.index()) != leader && !done.load(Ordering::Relaxed) && last.elapsed() < AWAKE {
                    match rayon::yield_now() {
                        Some(Yield::Executed) => last = Instant::now(),
                        _ => std::thread::yield_now(),
                    }
                }
            });
        }
        work()
    })
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use rayon::prelude::*;

    use super::*;

    #[test]
    fn work_is_shared_and_threads_rest_when_it_ends() {
        for threads in [1, 2, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let sum = || (0..1000u64).into_par_iter().sum::<u64>();
            assert_eq!(pool.install(|| awake(|| awake(sum))), 499_500);
            // Would hang if they did not.
            assert!(catch_unwind(AssertUnwindSafe(|| pool.install(|| awake(|| panic!("no work"))))).is_err());
            assert_eq!(pool.install(sum), 499_500);
        }
        assert_eq!(awake(|| 3), 3);
    }
}

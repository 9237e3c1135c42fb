//! Threads that do not sleep between two pieces of work: waking one takes as long as a small piece of work itself.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rayon::{Scope, Yield};

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

/// Pieces of work that any thread of the pool may do, and how many of them are not done.
#[derive(Default)]
pub(crate) struct Pending(AtomicUsize);

impl Pending {
    /// Has `work` done before `scope` ends, by a thread that has nothing more urgent.
    pub(crate) fn spawn<'a>(&'a self, scope: &Scope<'a>, work: impl FnOnce() + Send + 'a) {
        /// Counts down, whatever becomes of the work.
        struct Done<'a>(&'a AtomicUsize);
        impl Drop for Done<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Release);
            }
        }
        self.0.fetch_add(1, Ordering::Relaxed);
        scope.spawn(move |_| {
            let _done = Done(&self.0);
            work();
        });
    }

    /// Helps until all of them are done. A scope that ends would let this thread sleep meanwhile.
    pub(crate) fn finish(&self) {
        while self.0.load(Ordering::Acquire) > 0 {
            if rayon::yield_now() != Some(Yield::Executed) {
                std::thread::yield_now();
            }
        }
    }
}

/// Does `work` on each of `tasks`; a thread that is done with one takes the next. This thread begins at the front and the others
/// at the back: what a thread wrote, it mostly finds in its own cache when the tasks of the next call lie alike.
pub(crate) fn each<T: Send>(
    tasks: impl IntoIterator<Item = T, IntoIter: DoubleEndedIterator + ExactSizeIterator + Send>,
    work: impl Fn(T) + Sync,
) {
    let tasks = tasks.into_iter();
    let threads = rayon::current_num_threads().min(tasks.len());
    let tasks = Mutex::new(tasks);
    let take = |front: bool| {
        let next = || {
            let mut tasks = tasks.lock().unwrap_or_else(PoisonError::into_inner);
            if front { tasks.next() } else { tasks.next_back() }
        };
        while let Some(task) = next() {
            work(task);
        }
    };
    let pending = Pending::default();
    rayon::in_place_scope(|scope| {
        (1..threads).for_each(|_| pending.spawn(scope, || take(false)));
        take(true);
        pending.finish();
    });
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

    #[test]
    fn each_task_is_done_once_and_a_panic_is_passed_on() {
        for threads in [1, 2, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut counts = [0; 100];
            let twice = |counts: &mut [i32; 100]| {
                awake(|| each(counts.iter_mut(), |count| each([count], |count| *count += 1)));
                each(counts.iter_mut(), |count| *count += 1);
            };
            pool.install(|| twice(&mut counts));
            assert_eq!(counts, [2; 100]);
            let panics = || each(0..20, |task| assert_ne!(task, 7, "no such task"));
            assert!(catch_unwind(AssertUnwindSafe(|| pool.install(panics))).is_err());
            pool.install(|| twice(&mut counts));
            assert_eq!(counts, [4; 100]);
        }
        each([1], |one| assert_eq!(one, 1));
    }
}

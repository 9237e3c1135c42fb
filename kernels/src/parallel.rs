//! Work shared between threads that stay awake between two pieces of it: waking a thread takes as long as a small piece of work.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rayon::{Scope, Yield};

/// How long a thread of [`spinning`] looks for work before it gives up and sleeps.
const SPIN: Duration = Duration::from_millis(20);

/// Does other work of this thread's pool until `done` says so, or until none was found for `patience`.
pub fn spin(patience: Duration, done: impl Fn() -> bool) {
    let mut last = Instant::now();
    while !done() && last.elapsed() < patience {
        match rayon::yield_now() {
            Some(Yield::Executed) => last = Instant::now(),
            _ => std::thread::yield_now(),
        }
    }
}

/// Does `work` while the other threads of this pool look for parts of it without sleeping, as long as they find any. Only one
/// call at a time for each pool: the thread that makes it must not be one of those that look for work.
pub fn spinning<R>(work: impl FnOnce() -> R) -> R {
    /// Lets the threads sleep, even after a panic.
    struct Sleep<'a>(&'a AtomicBool);
    impl Drop for Sleep<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let (leader, done) = (rayon::current_thread_index(), AtomicBool::new(false));
    rayon::in_place_scope(|scope| {
        let _sleep = Sleep(&done);
        if leader.is_some() {
            let done = &done;
            scope.spawn_broadcast(move |_, thread| {
                spin(SPIN, || Some(thread.index()) == leader || done.load(Ordering::Relaxed));
            });
        }
        work()
    })
}

/// Tasks that any thread of the pool may do in the background, and how many of them are not done.
#[derive(Default)]
pub struct TaskGroup(AtomicUsize);

impl TaskGroup {
    /// Leaves `work` to a thread that has nothing more urgent to do, before `scope` ends.
    pub fn spawn<'a>(&'a self, scope: &Scope<'a>, work: impl FnOnce() + Send + 'a) {
        /// Counts down, even after a panic.
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

    /// Helps until all tasks are done. The end of the scope alone would let this thread sleep meanwhile.
    pub fn finish(&self) {
        spin(Duration::MAX, || self.0.load(Ordering::Acquire) == 0);
    }
}

/// Does `work` for each of `tasks`; a thread that has finished one takes the next. This thread begins at the front and the
/// others at the back, so that a thread mostly finds what it wrote in its own cache when the next call has the same tasks.
pub fn for_each_task<T: Send>(
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
    let group = TaskGroup::default();
    rayon::in_place_scope(|scope| {
        (1..threads).for_each(|_| group.spawn(scope, || take(false)));
        take(true);
        group.finish();
    });
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use rayon::prelude::*;

    use super::*;

    #[test]
    fn work_is_shared_and_threads_sleep_when_it_ends() {
        for threads in [1, 2, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let sum = || (0..1000u64).into_par_iter().sum::<u64>();
            assert_eq!(pool.install(|| spinning(|| spinning(sum))), 499_500);
            // Would hang if they did not.
            assert!(catch_unwind(AssertUnwindSafe(|| pool.install(|| spinning(|| panic!("no work"))))).is_err());
            assert_eq!(pool.install(sum), 499_500);
        }
        assert_eq!(spinning(|| 3), 3);
    }

    #[test]
    fn each_task_is_done_once_and_a_panic_is_passed_on() {
        for threads in [1, 2, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut counts = [0; 100];
            let twice = |counts: &mut [i32; 100]| {
                spinning(|| for_each_task(counts.iter_mut(), |count| for_each_task([count], |count| *count += 1)));
                for_each_task(counts.iter_mut(), |count| *count += 1);
            };
            pool.install(|| twice(&mut counts));
            assert_eq!(counts, [2; 100]);
            let panics = || for_each_task(0..20, |task| assert_ne!(task, 7, "no such task"));
            assert!(catch_unwind(AssertUnwindSafe(|| pool.install(panics))).is_err());
            pool.install(|| twice(&mut counts));
            assert_eq!(counts, [4; 100]);
        }
        for_each_task([1], |one| assert_eq!(one, 1));
    }
}

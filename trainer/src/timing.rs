//! Where the time of training goes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// A part of a training step, or what is done between epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Rows are gathered and converted to floats, noise is drawn.
    Batch,
    /// Rows go through the layers.
    Forward,
    /// The loss and its gradient with respect to the logits.
    Loss,
    /// Gradients go back through the layers, to the rows and to the parameters.
    Backward,
    /// The optimiser moves the parameters.
    Update,
    /// Validation rows are measured.
    Validation,
    /// Weights and progress are written.
    Save,
}

impl Phase {
    /// All, in the order of an epoch.
    pub const ALL: [Self; 7] =
        [Self::Batch, Self::Forward, Self::Loss, Self::Backward, Self::Update, Self::Validation, Self::Save];
}

static ENABLED: AtomicBool = AtomicBool::new(false);
static COUNT: AtomicU64 = AtomicU64::new(0);
/// Of each phase and, last, of whole epochs.
static NANOSECONDS: [AtomicU64; 8] = [const { AtomicU64::new(0) }; 8];
const EPOCHS: usize = 7;

/// The times that were measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timings {
    /// Of each phase, of all threads together.
    pub phases: [(Phase, Duration); 7],
    /// Epochs that were measured, the last one perhaps in part.
    pub epochs: u64,
    /// Of all of them together, in wall-clock time.
    pub wall: Duration,
}

/// Starts measuring the time that threads spend in each phase, in all training of this process. It reads the clock twice for each
/// phase of each block of rows.
///
/// ```
/// trainer::measure_timings();
/// assert!(trainer::timings().wall.is_zero());
/// ```
pub fn measure_timings() {
    NANOSECONDS.iter().chain([&COUNT]).for_each(|time| time.store(0, Relaxed));
    ENABLED.store(true, Relaxed);
}

/// What has been measured since [`measure_timings`].
pub fn timings() -> Timings {
    let time = |index: usize| Duration::from_nanos(NANOSECONDS[index].load(Relaxed));
    let phases = Phase::ALL.map(|phase| (phase, time(phase as usize)));
    Timings { phases, epochs: COUNT.load(Relaxed), wall: time(EPOCHS) }
}

/// Does the `work` of an epoch.
pub(crate) fn time_epoch<R>(work: impl FnOnce() -> R) -> R {
    COUNT.fetch_add(1, Relaxed);
    time(EPOCHS, 1, work)
}

impl Phase {
    /// Does `work` as a part of this phase, on this thread.
    pub(crate) fn time<R>(self, work: impl FnOnce() -> R) -> R {
        time(self as usize, 1, work)
    }

    /// Does `work` as a part of this phase, which all threads take part in: the time that some of them wait counts too.
    pub(crate) fn wall<R>(self, work: impl FnOnce() -> R) -> R {
        time(self as usize, rayon::current_num_threads() as u64, work)
    }
}

fn time<R>(index: usize, threads: u64, work: impl FnOnce() -> R) -> R {
    if !ENABLED.load(Relaxed) {
        return work();
    }
    let started = Instant::now();
    let result = work();
    NANOSECONDS[index].fetch_add(started.elapsed().as_nanos() as u64 * threads, Relaxed);
    result
}

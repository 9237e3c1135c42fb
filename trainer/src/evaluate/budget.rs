//! How long the baselines may take, and who is told of their progress.

use std::fmt;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::numbers::Seconds;

/// What is done after the last epoch, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The test rows are measured, and the result is written.
    Measure,
    /// A baseline is computed.
    Baseline(Baseline),
    /// Pictures and report are written.
    Report,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Measure => f.write_str("test rows"),
            Self::Baseline(baseline) => write!(f, "{baseline}"),
            Self::Report => f.write_str("report"),
        }
    }
}

/// A figure that the network is compared by, beside its errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Baseline {
    /// How well the latents tell classes apart: the labels of their five nearest neighbours.
    Neighbours,
    /// PCA of the same width.
    Pca,
    /// How well the components of PCA tell classes apart.
    PcaNeighbours,
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Neighbours => "nearest neighbours",
            Self::Pca => "PCA",
            Self::PcaNeighbours => "nearest neighbours by PCA",
        })
    }
}

/// A baseline that was not computed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Which one.
    pub baseline: Baseline,
    /// Why.
    #[serde(flatten)]
    pub reason: LeftOutReason,
}

/// Why a baseline was not computed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum LeftOutReason {
    /// None was asked for.
    NotWanted,
    /// The time for all baselines together had run out.
    Time {
        /// That time.
        seconds: f64,
    },
    /// The program was asked to stop.
    Stopped,
    /// It needs more memory than a baseline may take.
    Memory {
        /// Bytes it needs.
        needed: u64,
        /// Bytes it may take.
        limit: u64,
    },
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gigabytes = |bytes: u64| bytes as f64 / 1e9;
        write!(f, "{} left out: ", self.baseline)?;
        match self.reason {
            LeftOutReason::NotWanted => f.write_str("baselines have no time; `trainer evaluate` computes it"),
            LeftOutReason::Time { seconds } => {
                write!(
                    f,
                    "not done within the {} that baselines have; `trainer evaluate` has no such limit",
                    Seconds(seconds)
                )
            }
            LeftOutReason::Stopped => f.write_str("stopped before it was done; `trainer evaluate` computes it"),
            LeftOutReason::Memory { needed, limit } => {
                write!(f, "it needs {:.1} GB of memory, the limit is {:.1} GB", gigabytes(needed), gigabytes(limit))
            }
        }
    }
}

/// Why the work on a baseline ended early.
#[derive(Debug)]
pub(crate) enum Halt {
    LeftOut(LeftOutReason),
    Failed(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<candle_core::Error> for Halt {
    fn from(error: candle_core::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// Told of the part of a stage that is done, in 0.0..=1.0; whether to go on.
pub(crate) type Watch<'a> = &'a dyn Fn(Stage, f64) -> bool;

/// The time for all baselines together.
#[derive(Clone, Copy)]
pub(crate) struct Budget<'a> {
    /// Seconds, and when they are over; nothing for any time.
    limit: Option<(f64, Instant)>,
    watch: Watch<'a>,
}

impl<'a> Budget<'a> {
    /// `seconds` from now on; none at 0.
    pub(crate) fn new(seconds: f64, watch: Watch<'a>) -> Self {
        let end = Duration::try_from_secs_f64(seconds).ok().and_then(|time| Instant::now().checked_add(time));
        Self { limit: end.map(|end| (seconds, end)), watch }
    }

    /// Without a limit, watched by nobody.
    pub(crate) fn unlimited() -> Self {
        Self { limit: None, watch: &|_, _| true }
    }

    /// Goes on with `baseline`, of which `part` is done, unless the time is over or the program was asked to stop.
    pub(super) fn check(&self, baseline: Baseline, part: f64) -> Result<(), Halt> {
        match self.limit {
            Some((0., _)) => Err(Halt::LeftOut(LeftOutReason::NotWanted)),
            _ if !(self.watch)(Stage::Baseline(baseline), part) => Err(Halt::LeftOut(LeftOutReason::Stopped)),
            Some((seconds, end)) if Instant::now() >= end => Err(Halt::LeftOut(LeftOutReason::Time { seconds })),
            _ => Ok(()),
        }
    }
}

//! One loaded model under many threads: every result is right to the bit, wrong calls are errors, and memory stays as it is.
//!
//! Ten seconds by default; ten minutes with `HOURGLASS_FULL=1`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use exporter::{ExportOptions, export};
use runtime::{Autoencoder, Error, Scorer};
use trainer::{Config, Dataset, ModelConfig, Run, Silent, fit};

const THREADS: usize = 64;
/// Rows of a call, one after the other.
const BATCHES: [usize; 6] = [1, 2, 17, 5, 256, 64];
/// What memory may grow by, in KiB: the allocator keeps pages for each thread.
const GROWTH: u64 = 16 << 10;

/// The memory of this process in KiB.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// What 256 rows become, each computed alone.
struct Expected {
    width: usize,
    rows: Vec<f32>,
    latents: Vec<f32>,
    restored: Vec<f32>,
    p_values: Vec<f32>,
}

impl Expected {
    fn new(autoencoder: &Autoencoder, scorer: &Scorer) -> Self {
        let width = autoencoder.input_len();
        let rows: Vec<f32> = (0..256 * width).map(|i| (i * i % 17) as f32 / 16.).collect();
        let each = |compute: &dyn Fn(&[f32]) -> Vec<f32>| rows.chunks(width).flat_map(compute).collect();
        Self {
            width,
            latents: each(&|row| autoencoder.encode(row).unwrap().into_vec()),
            restored: each(&|row| autoencoder.reconstruct(row).unwrap().into_vec()),
            p_values: each(&|row| scorer.p_value(row).unwrap()),
            rows,
        }
    }

    /// One right call and one that is wrong, of these rows.
    fn check(&self, autoencoder: &Autoencoder, scorer: &Scorer, [first, count, kind]: [usize; 3]) {
        let rows = &self.rows[first * self.width..(first + count) * self.width];
        let part = |all: &[f32]| {
            let width = all.len() / 256;
            all[first * width..(first + count) * width].to_vec()
        };
        match kind {
            0 => assert_eq!(autoencoder.encode(rows).unwrap().into_vec(), part(&self.latents)),
            1 => assert_eq!(autoencoder.reconstruct(rows).unwrap().into_vec(), part(&self.restored)),
            _ => assert_eq!(scorer.p_value(rows).unwrap(), part(&self.p_values)),
        }
        let cut = &rows[..rows.len() - 1 - kind];
        let refused = match kind {
            0 => autoencoder.encode(cut).map(drop),
            1 => autoencoder.decode(cut).map(drop),
            _ => scorer.score(cut).map(drop),
        };
        assert!(matches!(refused, Err(Error::Shape { .. })), "{refused:?}");
    }
}

#[test]
fn one_model_is_shared_by_64_threads() {
    let seconds = if std::env::var_os("HOURGLASS_FULL").is_some() { 600 } else { 10 };
    let dir = tempfile::tempdir().unwrap();
    for (name, model) in [("simple", ModelConfig::dense(32, [])), ("deep", ModelConfig::dense(16, [48, 40]))] {
        let config = Config { epochs: 2, model, ..Config::default() };
        let run = Run::create(dir.path().join(name), &config).unwrap();
        fit(&config, &Dataset::load(&config.data).unwrap(), &run, &mut Silent).unwrap();
        let bundle = export(&run, &ExportOptions::default()).unwrap().dir;
        let (autoencoder, scorer) = (Autoencoder::load(&bundle).unwrap(), Scorer::load(&bundle).unwrap());
        let expected = Expected::new(&autoencoder, &scorer);
        let calls = AtomicU64::new(0);
        let (start, length) = (Instant::now(), Duration::from_secs(seconds / 2));
        let [early, late] = scope(|scope| {
            for thread in 0..THREADS {
                let (autoencoder, scorer, expected, calls) = (&autoencoder, &scorer, &expected, &calls);
                scope.spawn(move || {
                    for turn in thread.. {
                        if start.elapsed() > length {
                            break;
                        }
                        let count = BATCHES[turn % BATCHES.len()];
                        expected.check(autoencoder, scorer, [turn * 31 % (257 - count), count, turn % 3]);
                        calls.fetch_add(2, Ordering::Relaxed);
                    }
                });
            }
            [length / 5, length * 4 / 5].map(|moment| {
                sleep(moment.saturating_sub(start.elapsed()));
                memory()
            })
        });
        println!("{name}: {} calls in {length:?}; {early} KiB, later {late} KiB", calls.into_inner());
        assert!(late < early + GROWTH, "memory grew from {early} to {late} KiB");
    }
}

//! Random damage, the same for the same seed, and what each reader may take for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// Numbers that readers do not expect.
const STRANGE: [u64; 8] = [0, 1, 0x7f, 0xff, 0x7fff_ffff, 0xffff_ffff, i64::MAX as u64, u64::MAX];

/// Damages files.
pub struct Mutator(u64);

impl Mutator {
    pub fn new(seed: u8) -> Self {
        Self(seed.into())
    }

    fn below(&mut self, limit: usize) -> usize {
        // SplitMix64, by Steele, Lea and Flood (2014).
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % limit.max(1)
    }

    /// `bytes` with one to four kinds of damage; the first bytes, where headers are, are hit more often.
    pub fn mutant(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut mutant = bytes.to_vec();
        for _ in 0..1 + self.below(4) {
            let near = if self.below(2) == 0 { mutant.len().min(400) } else { mutant.len() };
            let at = self.below(near);
            match self.below(7) {
                0 => mutant.truncate(at),
                1 => mutant.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (at % 8)),
                2 => {
                    let strange = STRANGE[self.below(STRANGE.len())].to_le_bytes();
                    let width = 1 << self.below(4);
                    mutant.iter_mut().skip(at).zip(&strange[..width]).for_each(|(byte, new)| *byte = *new);
                }
                3 => {
                    let end = (at + 1 + self.below(40)).min(mutant.len());
                    mutant.drain(at.min(end)..end);
                }
                4 => {
                    let (from, len) = (self.below(mutant.len()), 1 + self.below(200));
                    let part: Vec<u8> = mutant.iter().skip(from).take(len).copied().collect();
                    mutant.splice(at..at, part);
                }
                5 => mutant.iter_mut().skip(at).take(1).for_each(|byte| *byte = byte.wrapping_add(1)),
                _ => {
                    let new = self.below(256) as u8;
                    mutant.iter_mut().skip(at).take(1).for_each(|byte| *byte = new);
                }
            }
        }
        mutant
    }
}

/// Runs a reader, which must come back without a panic and soon; `what` stands for the file in the failure.
pub fn survives<T>(what: &str, file: &[u8], read: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let keep = |reason: &str| {
        let path = std::env::temp_dir().join("hourglass-mutant");
        std::fs::write(&path, file).unwrap();
        panic!("{what}: {reason}; the file is {}", path.display())
    };
    let Ok(result) = catch_unwind(AssertUnwindSafe(read)) else { keep("a panic") };
    // A busy machine may take some time for any of them.
    if start.elapsed() > Duration::from_secs(5) {
        keep("more than five seconds");
    }
    result
}

/// The most memory that this process has had, in MiB; nothing where the system does not say.
pub fn peak_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib >> 10)
}

//! Reproducible numbers for the tests.

/// A linear congruential generator.
pub(crate) struct Lcg(pub(crate) u64);

impl Lcg {
    /// Values in -1.0..1.0.
    pub(crate) fn floats(&mut self, count: usize) -> Vec<f32> {
        (0..count)
            .map(|_| {
                self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                (self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0
            })
            .collect()
    }
}

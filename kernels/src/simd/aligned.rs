//! Floats that begin at a cache line: vectors that straddle two lines are slower.

use super::scratch::LINE;

pub(crate) struct Aligned {
    floats: Vec<f32>,
    start: usize,
}

impl Aligned {
    pub(crate) fn zeros(length: usize) -> Self {
        let floats = vec![0.; length + LINE];
        let start = floats.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE);
        Self { floats, start }
    }

    /// At least as many floats as were asked for.
    #[inline(always)]
    pub(crate) fn get(&self) -> &[f32] {
        &self.floats[self.start..]
    }

    pub(crate) fn get_mut(&mut self) -> &mut [f32] {
        &mut self.floats[self.start..]
    }
}

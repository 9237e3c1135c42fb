//! A single vector of a slice.

use pulp::Simd;

/// The vector that begins at `at`.
#[inline(always)]
pub(crate) fn load<S: Simd>(floats: &[f32], at: usize) -> S::f32s {
    S::as_simd_f32s(&floats[at..at + S::F32_LANES]).0[0]
}

/// Writes the vector that begins at `at`.
#[inline(always)]
pub(crate) fn store<S: Simd>(floats: &mut [f32], at: usize, value: S::f32s) {
    S::as_mut_simd_f32s(&mut floats[at..at + S::F32_LANES]).0[0] = value;
}

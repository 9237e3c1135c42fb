//! Dot products that skip the terms that are zero in all of a few rows, as the margins of images are.

use pulp::bytemuck::cast_slice;
use pulp::{Simd, WithSimd};

use crate::simd::prefetch::Prefetch;

/// Terms between two checks of bounds.
pub(super) const STRIDE: usize = 8;
/// The most terms of a list: their indices are bytes.
pub(super) const MAX_TERMS: usize = 1 << 8;

/// Adds the products of at most [`MAX_TERMS`] terms. A function of its own keeps the sums in registers.
pub(super) struct SparseDot<'a, 'x, const R: usize, const P: usize> {
    pub rows: [&'a [f32]; R],
    /// `[terms, P]` vectors.
    pub weight: &'a [f32],
    /// `[R, P]` vectors.
    pub sums: &'a mut [f32],
    pub prefetch: &'a mut Prefetch<'x>,
}

impl<const R: usize, const P: usize> WithSimd for SparseDot<'_, '_, R, P> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { mut rows, weight, sums, prefetch } = self;
        let weight = S::as_simd_f32s(weight).0.as_chunks::<P>().0;
        let length = weight.len().min(MAX_TERMS);
        for row in &mut rows {
            *row = &row[..length];
        }
        let (list, count) = nonzero_terms(&bits(simd, rows), length);
        let list = &list[..count.min(MAX_TERMS)];
        let [sums, ..] = S::as_mut_simd_f32s(sums).0.as_chunks_mut::<P>().0.as_chunks_mut::<R>().0 else { return };
        let mut local = *sums;
        let mut reads = prefetch.reads(R * length);
        for list in list.chunks(list.len().div_ceil(reads.max(1)).max(1)) {
            if reads > 0 {
                prefetch.read();
                reads -= 1;
            }
            for &t in list {
                let t = usize::from(t);
                // Never true: it saves a bounds check for every row.
                if t >= length {
                    break;
                }
                let weight = &weight[t];
                for (sums, row) in local.iter_mut().zip(&rows) {
                    let x = simd.splat_f32s(row[t]);
                    for (sum, &weight) in sums.iter_mut().zip(weight) {
                        *sum = simd.mul_add_e_f32s(x, weight, *sum);
                    }
                }
            }
        }
        *sums = local;
        for _ in 0..reads {
            prefetch.read();
        }
    }
}

/// For each term, the bits that are set in any row. Terms at the end that do not fill a vector count as set.
#[inline(always)]
fn bits<S: Simd, const R: usize>(simd: S, rows: [&[f32]; R]) -> [u32; MAX_TERMS] {
    let mut bits = [0; MAX_TERMS];
    let length = rows[0].len();
    let vectors = length / S::U32_LANES;
    let mut whole = [&[][..]; R];
    for (whole, row) in whole.iter_mut().zip(&rows) {
        *whole = &S::as_simd_u32s(cast_slice(row)).0[..vectors];
    }
    for (index, bits) in S::as_mut_simd_u32s(&mut bits).0.iter_mut().enumerate().take(vectors) {
        for whole in &whole {
            *bits = simd.or_u32s(*bits, whole[index]);
        }
    }
    bits[vectors * S::U32_LANES..length].fill(1);
    bits
}

/// The indices of those of the first `length` terms that have any bit set, in order, and how many there are.
#[inline(always)]
fn nonzero_terms(bits: &[u32; MAX_TERMS], length: usize) -> ([u8; MAX_TERMS + STRIDE], usize) {
    let some = bits.map(|bits| u8::from(bits != 0));
    let (mut list, mut count, mut first) = ([0; MAX_TERMS + STRIDE], 0, 0);
    for some in some.as_chunks::<STRIDE>().0.iter().take(length.div_ceil(STRIDE)) {
        // The highest byte of the product holds the lowest bits of all eight bytes, side by side.
        let set = (u64::from_le_bytes(*some).wrapping_mul(0x0102_0408_1020_4080) >> 56) as usize;
        // What is written past the indices of this set is overwritten by the next set's.
        list[count.min(MAX_TERMS)..][..STRIDE].copy_from_slice(&(PLACES[set] + first).to_le_bytes());
        count += set.count_ones() as usize;
        first = first.wrapping_add(STRIDE as u64 * 0x0101_0101_0101_0101);
    }
    (list, count)
}

/// For every set of eight places, those that are in it, a byte each.
const PLACES: [u64; 1 << STRIDE] = {
    let mut lists = [0; 1 << STRIDE];
    let mut set = 0;
    while set < lists.len() {
        let (mut place, mut count) = (0, 0);
        while place < STRIDE {
            if set >> place & 1 == 1 {
                lists[set] |= (place as u64) << (8 * count);
                count += 1;
            }
            place += 1;
        }
        set += 1;
    }
    lists
};

//! Dot products of a few rows with a panel of weights, in registers.

use std::ops::Range;

use pulp::Simd;
use pulp::bytemuck::{cast_slice, cast_slice_mut};

use super::sparse::{MAX_TERMS, STRIDE, SparseDot};
use crate::simd::prefetch::Prefetch;

/// Parts of a long sum. Those of a single row are computed side by side, which hides the latency of the additions. Those of
/// many rows are computed one after the other and added in the same order, so a row has the same result in every batch, as long
/// as the weights are finite.
pub(super) const PARTS: usize = 4;

/// Rows, and the weights of their terms.
pub(super) type Terms<'a, S, const R: usize, const P: usize> = ([&'a [f32]; R], &'a [[<S as Simd>::f32s; P]]);

/// The terms in `range`.
#[inline(always)]
pub(super) fn terms_in<'a, S: Simd, const R: usize, const P: usize>(
    (mut rows, weight): Terms<'a, S, R, P>,
    range: Range<usize>,
) -> Terms<'a, S, R, P> {
    for row in &mut rows {
        *row = &row[range.clone()];
    }
    (rows, &weight[range])
}

/// Adds the products of all terms to `sums`, and prefetches further rows meanwhile.
#[inline(always)]
pub(super) fn accumulate<S: Simd, const R: usize, const P: usize>(
    simd: S,
    (rows, weight): Terms<S, R, P>,
    sums: &mut [[S::f32s; P]; R],
    mut prefetch: Option<&mut Prefetch>,
) {
    let whole = weight.len() / STRIDE;
    let reads = prefetch.as_ref().map_or(0, |prefetch| prefetch.reads(R * weight.len()));
    let mut local = *sums;
    for (index, weight) in weight.as_chunks::<STRIDE>().0.iter().enumerate() {
        let mut terms = [&[0.; STRIDE]; R];
        for (terms, row) in terms.iter_mut().zip(&rows) {
            *terms = &row.as_chunks::<STRIDE>().0[index];
        }
        if let Some(prefetch) = prefetch.as_mut().filter(|_| index < reads) {
            prefetch.read();
        }
        for (t, weight) in weight.iter().enumerate() {
            for (sums, terms) in local.iter_mut().zip(&terms) {
                let x = simd.splat_f32s(terms[t]);
                for (sum, &weight) in sums.iter_mut().zip(weight) {
                    *sum = simd.mul_add_e_f32s(x, weight, *sum);
                }
            }
        }
    }
    for (t, weight) in weight.iter().enumerate().skip(whole * STRIDE) {
        for (sums, row) in local.iter_mut().zip(&rows) {
            let x = simd.splat_f32s(row[t]);
            for (sum, &weight) in sums.iter_mut().zip(weight) {
                *sum = simd.mul_add_e_f32s(x, weight, *sum);
            }
        }
    }
    *sums = local;
}

/// As [`accumulate`], but skips terms that are zero in all rows.
#[inline(always)]
pub(super) fn accumulate_nonzero<S: Simd, const R: usize, const P: usize>(
    simd: S,
    terms: Terms<S, R, P>,
    sums: &mut [[S::f32s; P]; R],
    prefetch: &mut Prefetch,
) {
    let length = terms.1.len();
    for from in (0..length).step_by(MAX_TERMS) {
        let (rows, weight) = terms_in::<S, R, P>(terms, from..(from + MAX_TERMS).min(length));
        let weight = cast_slice(weight.as_flattened());
        let sums = cast_slice_mut(sums.as_flattened_mut());
        simd.vectorize(SparseDot::<R, P> { rows, weight, sums, prefetch });
    }
}

/// Whether a row has enough zeros side by side for a search in all rows to pay.
#[inline(always)]
pub(super) fn many_zeros(row: &[f32]) -> bool {
    let strides = row.as_chunks::<STRIDE>().0;
    let zero = |terms: &&[f32; STRIDE]| terms.iter().fold(0, |bits, x| bits | x.to_bits()) == 0;
    strides.iter().filter(zero).count() > strides.len() / 4
}

/// The sums of all parts of one or two rows, computed side by side.
#[inline(always)]
pub(super) fn sum_interleaved<S: Simd, const R: usize, const P: usize>(
    simd: S,
    rows: [&[f32]; R],
    weight: &[[S::f32s; P]],
    part: usize,
    start: [S::f32s; P],
) -> [[S::f32s; P]; R] {
    let zero = simd.splat_f32s(0.);
    let mut sums = [[[zero; P]; R]; PARTS];
    sums[0] = [start; R];
    // The last part is the shortest.
    let shared = weight.len() - (PARTS - 1) * part;
    let mut weights = [&[][..]; PARTS];
    for (index, part_weight) in weights.iter_mut().enumerate() {
        *part_weight = &weight[index * part..][..shared];
    }
    let mut terms = [[&[][..]; R]; PARTS];
    for (index, terms) in terms.iter_mut().enumerate() {
        for (terms, row) in terms.iter_mut().zip(rows) {
            *terms = &row[index * part..][..shared];
        }
    }
    for t in 0..shared {
        for ((sums, terms), weight) in sums.iter_mut().zip(&terms).zip(&weights) {
            for (sums, terms) in sums.iter_mut().zip(terms) {
                let x = simd.splat_f32s(terms[t]);
                for (sum, &weight) in sums.iter_mut().zip(&weight[t]) {
                    *sum = simd.mul_add_e_f32s(x, weight, *sum);
                }
            }
        }
    }
    for (index, sums) in sums.iter_mut().enumerate().take(PARTS - 1) {
        let rest = terms_in::<S, R, P>((rows, weight), index * part + shared..(index + 1) * part);
        accumulate::<S, R, P>(simd, rest, sums, None);
    }
    let [mut total, others @ ..] = sums;
    for sums in &others {
        add(simd, &mut total, sums);
    }
    total
}

#[inline(always)]
pub(super) fn add<S: Simd, const R: usize, const P: usize>(
    simd: S,
    total: &mut [[S::f32s; P]; R],
    sums: &[[S::f32s; P]; R],
) {
    for (total, sums) in total.iter_mut().zip(sums) {
        for (total, &sum) in total.iter_mut().zip(sums) {
            *total = simd.add_f32s(*total, sum);
        }
    }
}

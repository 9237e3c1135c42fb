//! Winograd's matrices, as additions: each transforms a column of values, `transform_2d` the columns and then the rows.
//!
//! For a convolution, those of F(2, 3) in Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016. For an
//! upsampled image, derived in the same way: with `w` on `x` at -1, 0 and 1, the even pixel is
//! `w0 x[-1] + (w1 + w2) x[0]`, the odd one `(w0 + w1) x[0] + w2 x[1]`, and three products make both: `w0 (x[-1] - x[0])`,
//! `(w0 + w1 + w2) x[0]` and `w2 (x[1] - x[0])`.

use pulp::Simd;

/// A matrix that takes `I` values to `O` values.
pub(super) trait Transform<const I: usize, const O: usize> {
    fn of<S: Simd>(simd: S, x: [S::f32s; I]) -> [S::f32s; O];
}

/// Of a window of the input to factors of the products, and of its gradient back.
pub(super) struct Window;
pub(super) struct WindowBack;
/// Of a kernel to factors of the products, and of its gradient back.
pub(super) struct Kernel;
pub(super) struct KernelBack;
/// Of products to pixels of the output, and of their gradient back.
pub(super) struct Output;
pub(super) struct OutputBack;

/// The transform of all columns, then of all rows.
#[inline(always)]
pub(super) fn transform_2d<S: Simd, T: Transform<I, O>, const I: usize, const O: usize>(
    simd: S,
    x: [[S::f32s; I]; I],
) -> [[S::f32s; O]; O] {
    let zero = simd.splat_f32s(0.);
    let (mut half, mut all) = ([[zero; I]; O], [[zero; O]; O]);
    for column in 0..I {
        let mut values = [zero; I];
        for row in 0..I {
            values[row] = x[row][column];
        }
        let values = T::of(simd, values);
        for row in 0..O {
            half[row][column] = values[row];
        }
    }
    for row in 0..O {
        all[row] = T::of(simd, half[row]);
    }
    all
}

impl Transform<4, 4> for Window {
    #[inline(always)]
    fn of<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 4] {
        [simd.sub_f32s(a, c), simd.add_f32s(b, c), simd.sub_f32s(c, b), simd.sub_f32s(b, d)]
    }
}

impl Transform<3, 3> for Window {
    #[inline(always)]
    fn of<S: Simd>(simd: S, [a, b, c]: [S::f32s; 3]) -> [S::f32s; 3] {
        [simd.sub_f32s(a, b), b, simd.sub_f32s(c, b)]
    }
}

impl Transform<4, 4> for WindowBack {
    #[inline(always)]
    fn of<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 4] {
        let middle = simd.sub_f32s(b, c);
        let zero = simd.splat_f32s(0.);
        [a, simd.add_f32s(middle, d), simd.sub_f32s(simd.add_f32s(b, c), a), simd.sub_f32s(zero, d)]
    }
}

impl Transform<3, 3> for WindowBack {
    #[inline(always)]
    fn of<S: Simd>(simd: S, [a, b, c]: [S::f32s; 3]) -> [S::f32s; 3] {
        [a, simd.sub_f32s(simd.sub_f32s(b, a), c), c]
    }
}

impl Transform<3, 4> for Kernel {
    #[inline(always)]
    fn of<S: Simd>(simd: S, [a, b, c]: [S::f32s; 3]) -> [S::f32s; 4] {
        let half = simd.splat_f32s(0.5);
        let (ends, b) = (simd.mul_f32s(half, simd.add_f32s(a, c)), simd.mul_f32s(half, b));
        [a, simd.add_f32s(ends, b), simd.sub_f32s(ends, b), c]
    }
}

impl Transform<3, 3> for Kernel {
    #[inline(always)]
    fn of<S: Simd>(simd: S, [a, b, c]: [S::f32s; 3]) -> [S::f32s; 3] {
        [a, simd.add_f32s(simd.add_f32s(a, b), c), c]
    }
}

impl Transform<4, 3> for KernelBack {
    #[inline(always)]
    fn of<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 3] {
        let half = simd.splat_f32s(0.5);
        let sum = simd.mul_f32s(half, simd.add_f32s(b, c));
        [simd.add_f32s(a, sum), simd.mul_f32s(half, simd.sub_f32s(b, c)), simd.add_f32s(sum, d)]
    }
}

impl Transform<3, 3> for KernelBack {
    #[inline(always)]
    fn of<S: Simd>(simd: S, [a, b, c]: [S::f32s; 3]) -> [S::f32s; 3] {
        [simd.add_f32s(a, b), b, simd.add_f32s(b, c)]
    }
}

impl Transform<4, 2> for Output {
    #[inline(always)]
    fn of<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 2] {
        [simd.add_f32s(simd.add_f32s(a, b), c), simd.sub_f32s(simd.sub_f32s(b, c), d)]
    }
}

impl Transform<3, 2> for Output {
    #[inline(always)]
    fn of<S: Simd>(simd: S, [a, b, c]: [S::f32s; 3]) -> [S::f32s; 2] {
        [simd.add_f32s(a, b), simd.add_f32s(b, c)]
    }
}

impl Transform<2, 4> for OutputBack {
    #[inline(always)]
    fn of<S: Simd>(simd: S, [a, b]: [S::f32s; 2]) -> [S::f32s; 4] {
        [a, simd.add_f32s(a, b), simd.sub_f32s(a, b), simd.sub_f32s(simd.splat_f32s(0.), b)]
    }
}

impl Transform<2, 3> for OutputBack {
    #[inline(always)]
    fn of<S: Simd>(simd: S, [a, b]: [S::f32s; 2]) -> [S::f32s; 3] {
        [a, simd.add_f32s(a, b), b]
    }
}

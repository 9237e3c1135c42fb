//! Max pooling of 2 x 2 pixels with the channels last.

use super::geometry::CHANNELS;
use crate::simd::vectorised::vectorised;

type Vector = [f32; CHANNELS];

/// The maximum of each 2 x 2 window of `x` `[batch, height, width, channels]`; a window at an odd edge has one row or column.
/// `out` is `[batch, height / 2, width / 2, channels]`, both rounded up.
pub fn max_pool2_channels_last([height, width, channels]: [usize; 3], x: &[f32], out: &mut [f32]) {
    check([height, width, channels], x, out);
    maxima(height, [width, channels / CHANNELS], x.as_chunks().0, out.as_chunks_mut().0);
}

/// The gradient `dx` of the input of [`max_pool2_channels_last`]: that of each window goes to its first maximum.
pub fn max_pool2_channels_last_backward(
    [height, width, channels]: [usize; 3],
    x: &[f32],
    [out, grad]: [&[f32]; 2],
    dx: &mut [f32],
) {
    check([height, width, channels], x, out);
    assert_eq!((dx.len(), grad.len()), (x.len(), out.len()), "gradients like values");
    let size = [width, channels / CHANNELS];
    first_maxima(height, size, x.as_chunks().0, out.as_chunks().0, grad.as_chunks().0, dx.as_chunks_mut().0);
}

fn check([height, width, channels]: [usize; 3], x: &[f32], out: &[f32]) {
    assert_eq!(channels % CHANNELS, 0, "a multiple of {CHANNELS}");
    let images = x.len() / (height * width * channels);
    assert_eq!(x.len(), images * height * width * channels, "[batch, height, width, channels]");
    assert_eq!(out.len(), images * height.div_ceil(2) * width.div_ceil(2) * channels, "[batch, .., channels]");
}

vectorised! {
    /// `width` is pixels in a row and vectors in a pixel.
    fn maxima<'a>(height: usize, width: [usize; 2], x: &'a [Vector], out: &'a mut [Vector]) -> () {
        let [width, vectors] = width;
        let (row, out_row) = (width * vectors, width.div_ceil(2) * vectors);
        let images = x.chunks_exact(height * row).zip(out.chunks_exact_mut(height.div_ceil(2) * out_row));
        for (x, out) in images {
            for (rows, out) in x.chunks(2 * row).zip(out.chunks_exact_mut(out_row)) {
                // The only row of an odd edge's window stands in for the second, and so does its column.
                let (above, below) = (&rows[..row], &rows[rows.len() - row..]);
                for (at, out) in out.iter_mut().enumerate() {
                    let left = at / vectors * 2 * vectors + at % vectors;
                    let right = if left + vectors < row { left + vectors } else { left };
                    let (top, bottom) = (larger(&above[left], &above[right]), larger(&below[left], &below[right]));
                    *out = larger(&top, &bottom);
                }
            }
        }
    }

    fn first_maxima<'a>(
        height: usize,
        width: [usize; 2],
        x: &'a [Vector],
        out: &'a [Vector],
        grad: &'a [Vector],
        dx: &'a mut [Vector],
    ) -> () {
        let [width, vectors] = width;
        let (row, out_row) = (width * vectors, width.div_ceil(2) * vectors);
        let outputs = out.chunks_exact(out_row).zip(grad.chunks_exact(out_row));
        let rows = height.div_ceil(2);
        for (index, (out, grad)) in outputs.enumerate() {
            let first = (index / rows * height + index % rows * 2) * row;
            let count = if index % rows * 2 + 1 < height { 2 } else { 1 };
            for (at, (out, grad)) in out.iter().zip(grad).enumerate() {
                let left = first + at / vectors * 2 * vectors + at % vectors;
                let columns = if at / vectors * 2 + 1 < width { 2 } else { 1 };
                let mut rest = *grad;
                // Unrolled by hand: the compiler vectorises only loops of known length.
                dx[left] = take_gradient(&x[left], out, &mut rest);
                if columns == 2 {
                    dx[left + vectors] = take_gradient(&x[left + vectors], out, &mut rest);
                }
                if count == 2 {
                    dx[left + row] = take_gradient(&x[left + row], out, &mut rest);
                    if columns == 2 {
                        dx[left + row + vectors] = take_gradient(&x[left + row + vectors], out, &mut rest);
                    }
                }
            }
        }
    }
}

/// Moves the gradient of those channels of `x` that are the maximum `out` from `rest` to the result.
#[inline(always)]
fn take_gradient(x: &Vector, out: &Vector, rest: &mut Vector) -> Vector {
    let mut taken = [0.; CHANNELS];
    for lane in 0..CHANNELS {
        let is = x[lane] == out[lane];
        taken[lane] = if is { rest[lane] } else { 0. };
        rest[lane] = if is { 0. } else { rest[lane] };
    }
    taken
}

#[inline(always)]
fn larger(a: &Vector, b: &Vector) -> Vector {
    let mut larger = *a;
    for lane in 0..CHANNELS {
        larger[lane] = if b[lane] > a[lane] { b[lane] } else { a[lane] };
    }
    larger
}

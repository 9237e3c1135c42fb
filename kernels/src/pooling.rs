//! Max pooling and nearest-neighbour upsampling by a factor of 2, and cropping, on one thread.

use crate::simd::vectorised::vectorised;

/// The maximum of each 2 x 2 window of `x` `[planes, height, width]`; a window at an odd edge has one row or column. `out` is
/// `[planes, height / 2, width / 2]`, both rounded up.
pub fn max_pool2(planes: usize, height: usize, width: usize, x: &[f32], out: &mut [f32]) {
    let (plane, out_width) = (height * width, width.div_ceil(2));
    let out_plane = height.div_ceil(2) * out_width;
    assert_eq!(x.len(), planes * plane, "[planes, height, width]");
    assert_eq!(out.len(), planes * out_plane, "[planes, height / 2, width / 2]");
    max_pool2_planes(height, width, x, out);
}

/// The gradient `dx` of the input of [`max_pool2`]: that of each window goes to its first maximum.
pub fn max_pool2_backward(
    planes: usize,
    height: usize,
    width: usize,
    x: &[f32],
    out: &[f32],
    grad: &[f32],
    dx: &mut [f32],
) {
    let (plane, out_width) = (height * width, width.div_ceil(2));
    let out_plane = height.div_ceil(2) * out_width;
    assert_eq!(x.len(), planes * plane, "[planes, height, width]");
    assert_eq!(dx.len(), planes * plane, "[planes, height, width]");
    assert_eq!(out.len(), planes * out_plane, "[planes, height / 2, width / 2]");
    assert_eq!(grad.len(), planes * out_plane, "[planes, height / 2, width / 2]");
    max_pool2_backward_planes(height, width, x, out, grad, dx);
}

/// [`max_pool2_backward`] for one row of windows: `x` and `dx` are two rows, or the last odd one.
#[inline(always)]
fn first_maxima(width: usize, (x, dx): (&[f32], &mut [f32]), (out, grad): (&[f32], &[f32])) {
    let (above, below) = x.split_at(width);
    let (d_above, d_below) = dx.split_at_mut(width);
    if below.is_empty() {
        for (index, (x, dx)) in above.chunks(2).zip(d_above.chunks_mut(2)).enumerate() {
            dx.fill(0.0);
            if let Some(first) = x.iter().position(|x| *x == out[index]) {
                dx[first] = grad[index];
            }
        }
        return;
    }
    let windows = above.as_chunks::<2>().0.iter().zip(below.as_chunks::<2>().0);
    let targets = d_above.as_chunks_mut::<2>().0.iter_mut().zip(d_below.as_chunks_mut::<2>().0);
    for (((a, b), (da, db)), (out, grad)) in windows.zip(targets).zip(out.iter().zip(grad)) {
        let is = [a[0] == *out, a[1] == *out, b[0] == *out, b[1] == *out];
        da[0] = if is[0] { *grad } else { 0.0 };
        da[1] = if is[1] & !is[0] { *grad } else { 0.0 };
        db[0] = if is[2] & !is[1] & !is[0] { *grad } else { 0.0 };
        db[1] = if is[3] & !is[2] & !is[1] & !is[0] { *grad } else { 0.0 };
    }
    if width % 2 == 1 {
        let (edge, index) = (width - 1, width / 2);
        let first = above[edge] == out[index];
        d_above[edge] = if first { grad[index] } else { 0.0 };
        d_below[edge] = if !first & (below[edge] == out[index]) { grad[index] } else { 0.0 };
    }
}

/// The maximum of each complete window of two rows, `N` at a time; there are at least `N`. Rows are short, and loops of a
/// known length leave no remainder of single values.
#[inline(always)]
fn maxima_of<const N: usize>(rows: [&[f32]; 2], out: &mut [f32]) {
    let [above, below] = rows.map(|row| row.as_chunks::<2>().0);
    let windows = above.len();
    for start in (0..windows).step_by(N) {
        // The last `N` may overlap those before; the shared ones are computed twice.
        let start = start.min(windows - N);
        let (above, below) = (&above[start..][..N], &below[start..][..N]);
        let mut maxima = [0.0; N];
        for (index, maximum) in maxima.iter_mut().enumerate() {
            let ([a, b], [c, d]) = (above[index], below[index]);
            *maximum = larger(larger(a, b), larger(c, d));
        }
        out[start..][..N].copy_from_slice(&maxima);
    }
}

/// Repeats each pixel of `x` `[planes, height, width]` twice in both directions: `out` is `[planes, 2 * height, 2 * width]`.
pub fn upsample2(planes: usize, height: usize, width: usize, x: &[f32], out: &mut [f32]) {
    let plane = height * width;
    assert_eq!(x.len(), planes * plane, "[planes, height, width]");
    assert_eq!(out.len(), 4 * planes * plane, "[planes, 2 * height, 2 * width]");
    upsample2_planes(width, x, out);
}

/// The gradient `dx` `[planes, height, width]` of the input of [`upsample2`].
pub fn upsample2_backward(planes: usize, height: usize, width: usize, grad: &[f32], dx: &mut [f32]) {
    let plane = height * width;
    assert_eq!(dx.len(), planes * plane, "[planes, height, width]");
    assert_eq!(grad.len(), 4 * planes * plane, "[planes, 2 * height, 2 * width]");
    upsample2_backward_planes(width, grad, dx);
}

vectorised! {
    fn max_pool2_planes<'a>(height: usize, width: usize, x: &'a [f32], out: &'a mut [f32]) -> () {
        let (plane, out_width) = (height * width, width.div_ceil(2));
        let out_plane = height.div_ceil(2) * out_width;
        for (x, out) in x.chunks_exact(plane).zip(out.chunks_exact_mut(out_plane)) {
            for (rows, out) in x.chunks(2 * width).zip(out.chunks_exact_mut(out_width)) {
                // The only row of an odd edge's window stands in for the second.
                let (above, below) = (&rows[..width], &rows[rows.len() - width..]);
                match width / 2 {
                    8.. => maxima_of::<8>([above, below], out),
                    4.. => maxima_of::<4>([above, below], out),
                    _ => maxima_of::<1>([above, below], out),
                }
                if width % 2 == 1 {
                    out[width / 2] = larger(above[width - 1], below[width - 1]);
                }
            }
        }
    }

    fn max_pool2_backward_planes<'a>(
        height: usize,
        width: usize,
        x: &'a [f32],
        out: &'a [f32],
        grad: &'a [f32],
        dx: &'a mut [f32],
    ) -> () {
        let (plane, out_width) = (height * width, width.div_ceil(2));
        let out_plane = height.div_ceil(2) * out_width;
        let inputs = x.chunks_exact(plane).zip(dx.chunks_exact_mut(plane));
        let outputs = out.chunks_exact(out_plane).zip(grad.chunks_exact(out_plane));
        for ((x, dx), (out, grad)) in inputs.zip(outputs) {
            let rows = x.chunks(2 * width).zip(dx.chunks_mut(2 * width));
            let outputs = out.chunks_exact(out_width).zip(grad.chunks_exact(out_width));
            for ((x, dx), (out, grad)) in rows.zip(outputs) {
                first_maxima(width, (x, dx), (out, grad));
            }
        }
    }

    fn upsample2_planes<'a>(width: usize, x: &'a [f32], out: &'a mut [f32]) -> () {
        for (x, out) in x.chunks_exact(width).zip(out.chunks_exact_mut(4 * width)) {
            let (above, below) = out.split_at_mut(2 * width);
            let pairs = above.as_chunks_mut::<2>().0.iter_mut().zip(below.as_chunks_mut::<2>().0);
            for ((above, below), x) in pairs.zip(x) {
                *above = [*x; 2];
                *below = [*x; 2];
            }
        }
    }

    fn upsample2_backward_planes<'a>(width: usize, grad: &'a [f32], dx: &'a mut [f32]) -> () {
        for (grad, dx) in grad.chunks_exact(4 * width).zip(dx.chunks_exact_mut(width)) {
            let (above, below) = grad.split_at(2 * width);
            let pairs = above.as_chunks::<2>().0.iter().zip(below.as_chunks::<2>().0);
            for ((above, below), dx) in pairs.zip(dx) {
                *dx = (above[0] + above[1]) + (below[0] + below[1]);
            }
        }
    }
}

#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

/// The top left `[height, width]` of each plane `[rows, columns]` of `x`.
pub fn crop([rows, columns]: [usize; 2], [height, width]: [usize; 2], x: &[f32], out: &mut [f32]) {
    for (x, out) in x.chunks_exact(rows * columns).zip(out.chunks_exact_mut(height * width)) {
        for (x, out) in x.chunks_exact(columns).zip(out.chunks_exact_mut(width)) {
            out.copy_from_slice(&x[..width]);
        }
    }
}

/// The gradient `dx` of the input of [`crop`].
pub fn crop_backward([rows, columns]: [usize; 2], [height, width]: [usize; 2], grad: &[f32], dx: &mut [f32]) {
    dx.fill(0.);
    for (grad, dx) in grad.chunks_exact(height * width).zip(dx.chunks_exact_mut(rows * columns)) {
        for (grad, dx) in grad.chunks_exact(width).zip(dx.chunks_exact_mut(columns)) {
            dx[..width].copy_from_slice(grad);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lcg::Lcg;

    #[test]
    fn max_pooling_is_plain_loops_and_its_gradient_goes_to_the_first_maximum() {
        for (planes, height, width) in
            [(3, 28, 28), (130, 7, 7), (5, 14, 14), (2, 1, 9), (2, 9, 1), (1, 1, 1), (4, 6, 35)]
        {
            // Few different values, so that windows hold equal ones.
            let x: Vec<f32> = Lcg(5).floats(planes * height * width).iter().map(|x| (x * 3.0).round()).collect();
            let (oh, ow) = (height.div_ceil(2), width.div_ceil(2));
            let grad = Lcg(6).floats(planes * oh * ow);
            let mut expected = vec![0.0; grad.len()];
            let mut expected_dx = vec![0.0; x.len()];
            for window in 0..grad.len() {
                let (p, y, x0) = (window / (oh * ow), window / ow % oh * 2, window % ow * 2);
                let mut best: Option<usize> = None;
                for y in y..height.min(y + 2) {
                    for x0 in x0..width.min(x0 + 2) {
                        let at = (p * height + y) * width + x0;
                        if best.is_none_or(|best| x[at] > x[best]) {
                            best = Some(at);
                        }
                    }
                }
                expected[window] = x[best.unwrap()];
                expected_dx[best.unwrap()] = grad[window];
            }
            let mut out = vec![f32::NAN; grad.len()];
            max_pool2(planes, height, width, &x, &mut out);
            assert_eq!(out, expected);
            let mut dx = vec![f32::NAN; x.len()];
            max_pool2_backward(planes, height, width, &x, &out, &grad, &mut dx);
            assert_eq!(dx, expected_dx);
        }
    }

    #[test]
    fn upsampling_repeats_each_pixel_four_times() {
        for (planes, height, width) in [(3, 14, 14), (70, 7, 7), (2, 1, 5), (1, 3, 1), (2, 5, 20)] {
            let x = Lcg(5).floats(planes * height * width);
            let grad = Lcg(6).floats(4 * x.len());
            let mut expected = vec![0.0; grad.len()];
            let mut expected_dx = vec![0.0; x.len()];
            for at in 0..grad.len() {
                let (row, column) = (at / (2 * width), at % (2 * width));
                let from = row / 2 * width + column / 2;
                expected[at] = x[from];
                expected_dx[from] += grad[at];
            }
            let mut out = vec![f32::NAN; grad.len()];
            upsample2(planes, height, width, &x, &mut out);
            assert_eq!(out, expected);
            let mut dx = vec![f32::NAN; x.len()];
            upsample2_backward(planes, height, width, &grad, &mut dx);
            assert!(dx.iter().zip(&expected_dx).all(|(a, b): (&f32, &f32)| (a - b).abs() < 1e-6));
        }
    }
}

//! Convolutions against plain loops in `f64`, and those of upsampled images against upsampling and convolution.

use super::*;
use crate::lcg::Lcg;
use crate::pooling::{upsample2, upsample2_backward};

/// Calls `visit` with the indices of `x`, `weight` and `out` of every product.
fn products(conv: &Conv, mut visit: impl FnMut(usize, usize, usize)) {
    let (height, width, k) = (conv.out_height(), conv.out_width(), conv.kernel);
    for n in 0..conv.batch {
        for o in 0..conv.out_channels {
            for i in 0..conv.in_channels {
                for y in 0..height {
                    for x in 0..width {
                        for ky in 0..k {
                            for kx in 0..k {
                                let (sy, sx) = (y + ky, x + kx);
                                let (p, h, w) = (conv.padding, conv.height, conv.width);
                                if sy < p || sx < p || sy >= h + p || sx >= w + p {
                                    continue;
                                }
                                visit(
                                    ((n * conv.in_channels + i) * h + sy - p) * w + sx - p,
                                    ((o * conv.in_channels + i) * k + ky) * k + kx,
                                    ((n * conv.out_channels + o) * height + y) * width + x,
                                );
                            }
                        }
                    }
                }
            }
        }
    }
}

fn assert_close(name: &str, conv: &Conv, actual: &[f32], expected: &[f64]) {
    let scale = expected.iter().fold(1.0f64, |a, b| a.max(b.abs()));
    for (index, (a, e)) in actual.iter().zip(expected).enumerate() {
        assert!((f64::from(*a) - e).abs() <= 1e-5 * scale, "{name} of {conv:?} at {index}: {a} {e}");
    }
}

fn check(conv: Conv) {
    let mut lcg = Lcg(7);
    let x = lcg.floats(conv.batch * conv.in_channels * conv.height * conv.width);
    let weight = lcg.floats(conv.out_channels * conv.in_channels * conv.kernel * conv.kernel);
    let bias = lcg.floats(conv.out_channels);
    let plane = conv.out_height() * conv.out_width();
    let grad = lcg.floats(conv.batch * conv.out_channels * plane);

    let mut expected: Vec<f64> = (0..grad.len()).map(|i| f64::from(bias[i / plane % conv.out_channels])).collect();
    let mut expected_dx = vec![0.0; x.len()];
    // Gradients of weights are added to the values there.
    let mut expected_dweight = vec![0.5; weight.len()];
    let mut expected_dbias = vec![0.5; bias.len()];
    products(&conv, |i, w, o| {
        expected[o] += f64::from(x[i]) * f64::from(weight[w]);
        expected_dx[i] += f64::from(grad[o]) * f64::from(weight[w]);
        expected_dweight[w] += f64::from(grad[o]) * f64::from(x[i]);
    });
    for (i, g) in grad.iter().enumerate() {
        expected_dbias[i / plane % conv.out_channels] += f64::from(*g);
    }

    let mut out = vec![f32::NAN; grad.len()];
    conv.forward(&x, &weight, &bias, &mut out);
    assert_close("forward", &conv, &out, &expected);
    let mut dx = vec![f32::NAN; x.len()];
    conv.backward_input(&grad, &weight, &mut dx);
    assert_close("backward_input", &conv, &dx, &expected_dx);
    let (mut dweight, mut dbias) = (vec![0.5; weight.len()], vec![0.5; bias.len()]);
    conv.backward_weight(&x, &grad, &mut dweight, &mut dbias);
    assert_close("dweight", &conv, &dweight, &expected_dweight);
    assert_close("dbias", &conv, &dbias, &expected_dbias);
}

fn square(batch: usize, in_channels: usize, out_channels: usize, size: usize) -> Conv {
    Conv { batch, in_channels, height: size, width: size, out_channels, kernel: 3, padding: 1 }
}

#[test]
fn convolutions_of_the_presets_are_plain_loops() {
    for (from, to, size) in [
        (1, 16, 28),
        (16, 8, 14),
        (8, 8, 7),
        (8, 16, 14),
        (16, 1, 28),
        (1, 32, 28),
        (32, 32, 14),
        (32, 1, 28),
        (32, 32, 7),
    ] {
        for batch in [1, 3, 19] {
            check(square(batch, from, to, size));
        }
    }
}

#[test]
fn convolutions_of_odd_shapes_are_plain_loops() {
    let channels = [1, 2, 3, 5, 8, 16, 32, 33];
    let mut pairs = channels.iter().cycle();
    for (height, width) in [(1, 1), (1, 9), (9, 1), (5, 6), (7, 12), (13, 4), (6, 33), (3, 40)] {
        for kernel in [1, 3, 5, 7] {
            for padding in [0, 1, 2, 3] {
                if height.min(width) + 2 * padding < kernel {
                    continue;
                }
                for _ in 0..3 {
                    let (Some(&in_channels), Some(&out_channels)) = (pairs.next(), pairs.nth(1)) else { return };
                    check(Conv { batch: 2, in_channels, height, width, out_channels, kernel, padding });
                }
                pairs.next();
            }
        }
    }
    for in_channels in channels {
        for out_channels in channels {
            check(Conv { in_channels, out_channels, ..square(3, 1, 1, 7) });
        }
    }
}

#[test]
fn convolutions_to_few_channels_are_plain_loops() {
    for kernel in [1, 3, 5, 7] {
        for (in_channels, out_channels) in [(4, 1), (16, 2), (33, 1), (1, 8), (2, 16)] {
            for (height, width) in [(4, 4), (5, 9), (16, 1), (1, 17), (28, 28)] {
                check(Conv { batch: 2, in_channels, height, width, out_channels, kernel, padding: kernel / 2 });
            }
        }
    }
}

#[test]
fn an_empty_batch_gives_an_empty_output() {
    check(square(0, 2, 3, 5));
}

/// Compares with the plain composition; both are sums in f32 of at most 16 * 9 * 33 terms.
fn assert_same(name: &str, conv: &UpsampledConv, actual: &[f32], expected: &[f32]) {
    let scale = expected.iter().fold(1.0f32, |a, b| a.max(b.abs()));
    for (index, (a, e)) in actual.iter().zip(expected).enumerate() {
        assert!((a - e).abs() <= 1e-5 * scale, "{name} of {conv:?} at {index}: {a} {e}");
    }
}

#[test]
fn a_convolution_of_an_upsampled_image_is_upsampling_and_convolution() {
    let channels = [(1, 1), (1, 3), (3, 1), (5, 1), (4, 2), (33, 1), (2, 5), (16, 9), (32, 32)];
    let sizes = [(1, 1), (1, 9), (9, 1), (2, 2), (3, 5), (7, 7), (6, 4), (14, 14), (5, 19)];
    for (height, width) in sizes {
        for (in_channels, out_channels) in channels {
            for batch in [0, 1, 3, 19] {
                let conv = UpsampledConv { batch, in_channels, height, width, out_channels };
                let large = Conv {
                    batch,
                    in_channels,
                    height: 2 * height,
                    width: 2 * width,
                    out_channels,
                    kernel: 3,
                    padding: 1,
                };
                let (planes, plane) = (batch * in_channels, height * width);
                let mut lcg = Lcg(8);
                let (x, weight) = (lcg.floats(planes * plane), lcg.floats(out_channels * in_channels * 9));
                let (bias, grad) = (lcg.floats(out_channels), lcg.floats(4 * batch * out_channels * plane));

                let mut up = vec![f32::NAN; 4 * x.len()];
                upsample2(planes, height, width, &x, &mut up);
                let [mut expected, mut out] = [(); 2].map(|()| vec![f32::NAN; grad.len()]);
                large.forward(&up, &weight, &bias, &mut expected);
                conv.forward(&x, &weight, &bias, &mut out);
                assert_same("forward", &conv, &out, &expected);

                let [mut expected, mut dx] = [(); 2].map(|()| vec![f32::NAN; x.len()]);
                let mut dup = vec![f32::NAN; up.len()];
                large.backward_input(&grad, &weight, &mut dup);
                upsample2_backward(planes, height, width, &dup, &mut expected);
                conv.backward_input(&grad, &weight, &mut dx);
                assert_same("backward_input", &conv, &dx, &expected);

                // Gradients of weights are added to the values there.
                let [mut expected, mut dweight] = [(); 2].map(|()| vec![0.5; weight.len()]);
                let [mut expected_dbias, mut dbias] = [(); 2].map(|()| vec![0.5; bias.len()]);
                large.backward_weight(&up, &grad, &mut expected, &mut expected_dbias);
                conv.backward_weight(&x, &grad, &mut dweight, &mut dbias);
                assert_same("dweight", &conv, &dweight, &expected);
                assert_same("dbias", &conv, &dbias, &expected_dbias);
            }
        }
    }
}

#[test]
fn windows_are_plain_loops() {
    for (large, small, kernel, stride, padding) in [
        ([3, 9, 8], [5, 5, 4], [3, 3], [2, 2], [1, 1]),
        ([2, 7, 7], [4, 2, 2], [4, 4], [3, 3], [0, 0]),
        ([1, 6, 5], [2, 7, 6], [2, 2], [1, 1], [1, 1]),
        ([4, 1, 2], [3, 1, 3], [5, 5], [1, 1], [2, 2]),
        ([3, 1, 9], [4, 1, 5], [1, 5], [1, 2], [0, 2]),
        // More than are laid out together.
        ([16, 64, 64], [2, 32, 32], [3, 3], [2, 2], [1, 1]),
    ] {
        let windows = Windows { large, small, kernel, stride, padding };
        let (images, [c, h, w], [o, rows, columns]) = (3, large, small);
        let mut lcg = Lcg(5);
        let x = lcg.floats(images * c * h * w);
        let y = lcg.floats(images * o * rows * columns);
        let weight = lcg.floats(o * c * kernel[0] * kernel[1]);
        let bias = lcg.floats(o.max(c));
        let mut shrunk: Vec<f64> = (0..y.len()).map(|index| f64::from(bias[index % o])).collect();
        let mut enlarged: Vec<f64> = (0..x.len()).map(|index| f64::from(bias[index % c])).collect();
        let mut dweight = vec![0.; weight.len()];
        for image in 0..images {
            for (row, column, place) in (0..rows * columns * kernel[0] * kernel[1]).map(|i| {
                let (pixel, place) = (i / (kernel[0] * kernel[1]), i % (kernel[0] * kernel[1]));
                (pixel / columns, pixel % columns, place)
            }) {
                let (sy, sx) = (row * stride[0] + place / kernel[1], column * stride[1] + place % kernel[1]);
                if sy < padding[0] || sx < padding[1] || sy >= h + padding[0] || sx >= w + padding[1] {
                    continue;
                }
                let at = (image * h + sy - padding[0]) * w + sx - padding[1];
                let to = (image * rows + row) * columns + column;
                for channel in 0..c {
                    for out in 0..o {
                        let factor = (out * c + channel) * kernel[0] * kernel[1] + place;
                        shrunk[to * o + out] += f64::from(x[at * c + channel]) * f64::from(weight[factor]);
                        enlarged[at * c + channel] += f64::from(y[to * o + out]) * f64::from(weight[factor]);
                        dweight[factor] += f64::from(x[at * c + channel]) * f64::from(y[to * o + out]);
                    }
                }
            }
        }
        let close = |name: &str, found: &[f32], expected: &[f64]| {
            let scale = expected.iter().fold(1f64, |a, b| a.max(b.abs()));
            for (found, expected) in found.iter().zip(expected) {
                assert!(
                    (f64::from(*found) - expected).abs() <= 1e-5 * scale,
                    "{name} of {windows:?}: {found} {expected}"
                );
            }
        };
        let mut packed = vec![0.; windows.packed_len()];
        windows.pack(&weight, &mut packed);
        let mut out = vec![7.; y.len()];
        windows.shrink(&x, &packed, Some(&bias[..o]), &mut out);
        close("shrink", &out, &shrunk);
        let mut out = vec![7.; x.len()];
        windows.enlarge(&y, &packed, Some(&bias[..c]), &mut out);
        close("enlarge", &out, &enlarged);
        let (mut sums, mut out) = (vec![0.; weight.len()], vec![7.; weight.len()]);
        windows.weight_gradient(&x, &y, &mut sums);
        windows.fold_gradient(&sums, &mut out);
        close("gradient", &out, &dweight);
    }
}

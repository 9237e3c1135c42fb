//! The kernels with channels last against those with channels first.

use super::*;
use crate::conv::{Conv, UpsampledConv};
use crate::gemm::transpose;
use crate::lcg::Lcg;
use crate::pooling::{max_pool2, max_pool2_backward};

/// Images `[batch, channels, pixels]` as `[batch, pixels, channels]`.
fn last(images: &[f32], channels: usize, batch: usize) -> Vec<f32> {
    let mut transposed = vec![0.; images.len()];
    let length = (images.len() / batch).max(1);
    for (from, to) in images.chunks(length).zip(transposed.chunks_mut(length)) {
        transpose(from, length / channels, 0, to);
    }
    transposed
}

fn assert_close(name: &str, actual: &[f32], expected: &[f32]) {
    let scale = expected.iter().fold(1.0f32, |a, b| a.max(b.abs()));
    assert_eq!(actual.len(), expected.len());
    for (index, (a, e)) in actual.iter().zip(expected).enumerate() {
        assert!((a - e).abs() <= 1e-5 * scale, "{name} at {index}: {a} {e}");
    }
}

const SIZES: [[usize; 2]; 8] = [[1, 1], [1, 9], [9, 1], [2, 2], [3, 5], [7, 7], [6, 4], [14, 14]];

/// The output and the gradients of a convolution with the channels first.
struct Expected {
    out: Vec<f32>,
    dx: Vec<f32>,
    dweight: Vec<f32>,
    dbias: Vec<f32>,
}

/// Input, weight, bias and gradient with the channels first, and what comes of them.
fn first(
    upsampled: bool,
    batch: usize,
    [height, width]: [usize; 2],
    [from, to]: [usize; 2],
) -> ([Vec<f32>; 4], Expected) {
    let pixels = batch * height * width;
    let mut lcg = Lcg(9);
    let (x, weight, bias) = (lcg.floats(pixels * from), lcg.floats(from * to * 9), lcg.floats(to));
    let grad = lcg.floats(pixels * to * if upsampled { 4 } else { 1 });
    // Gradients of weights are added to the values there.
    let (mut out, mut dx) = (vec![0.; grad.len()], vec![0.; x.len()]);
    let (mut dweight, mut dbias) = (vec![0.; weight.len()], vec![0.5; to]);
    if upsampled {
        let conv = UpsampledConv { batch, in_channels: from, height, width, out_channels: to };
        conv.forward(&x, &weight, &bias, &mut out);
        conv.backward_input(&grad, &weight, &mut dx);
        conv.backward_weight(&x, &grad, &mut dweight, &mut dbias);
    } else {
        let conv = Conv { batch, in_channels: from, height, width, out_channels: to, kernel: 3, padding: 1 };
        conv.forward(&x, &weight, &bias, &mut out);
        conv.backward_input(&grad, &weight, &mut dx);
        conv.backward_weight(&x, &grad, &mut dweight, &mut dbias);
    }
    ([x, weight, bias, grad], Expected { out, dx, dweight, dbias })
}

#[test]
fn winograd_convolutions_are_plain_convolutions() {
    for size @ [height, width] in SIZES {
        for [from, to] in [[16, 16], [32, 16], [16, 48], [32, 32]] {
            for (batch, upsampled) in [(1, true), (3, true), (1, false), (3, false)] {
                let ([x, weight, bias, grad], expected) = first(upsampled, batch, size, [from, to]);
                let conv = WinogradConv { upsampled, height, width, in_channels: from, out_channels: to };
                let mut transformed = vec![f32::NAN; conv.transformed_len()];
                conv.transform_weight(&weight, &mut transformed);
                let (x, grad) = (last(&x, from, batch), last(&grad, to, batch));
                let mut out = vec![f32::NAN; grad.len()];
                conv.forward(&x, &transformed, &bias, &mut out);
                assert_close("out", &out, &last(&expected.out, to, batch));

                let (mut sums, mut dbias, mut dx) =
                    (vec![0.; conv.gradient_len()], vec![0.5; to], vec![f32::NAN; x.len()]);
                conv.backward(&x, &transformed, &grad, [&mut sums, &mut dbias], Some(&mut dx));
                let mut dweight = vec![f32::NAN; weight.len()];
                conv.fold_gradient(&sums, &mut dweight);
                assert_close("dx", &dx, &last(&expected.dx, from, batch));
                assert_close("dweight", &dweight, &expected.dweight);
                assert_close("dbias", &dbias, &expected.dbias);
                // A second part of the rows adds to the sums.
                conv.backward(&x, &transformed, &grad, [&mut sums, &mut dbias], None);
                let mut twice = dweight.clone();
                conv.fold_gradient(&sums, &mut twice);
                assert_close("twice", &twice, &dweight.iter().map(|x| 2. * x).collect::<Vec<_>>());
            }
        }
    }
}

#[test]
fn convolutions_from_one_channel_are_plain_convolutions() {
    for size @ [height, width] in SIZES {
        for (batch, to) in [(1, 16), (3, 32)] {
            let ([x, weight, bias, grad], expected) = first(false, batch, size, [1, to]);
            let conv = FromSingleChannel { height, width, out_channels: to };
            let (mut transposed, grad) = (vec![0.; weight.len()], last(&grad, to, batch));
            transpose(&weight, 9, 0, &mut transposed);
            let mut out = vec![f32::NAN; grad.len()];
            conv.forward(&x, &transposed, &bias, &mut out);
            assert_close("out", &out, &last(&expected.out, to, batch));
            let (mut sums, mut dbias, mut dweight) = (vec![0.; 9 * to], vec![0.5; to], vec![f32::NAN; 9 * to]);
            conv.backward(&x, &grad, &mut sums, &mut dbias);
            conv.fold_gradient(&sums, &mut dweight);
            let mut dx = vec![f32::NAN; x.len()];
            conv.backward_input(&weight, &grad, &mut dx);
            assert_close("dx", &dx, &expected.dx);
            assert_close("dweight", &dweight, &expected.dweight);
            assert_close("dbias", &dbias, &expected.dbias);
        }
    }
}

#[test]
fn convolutions_to_one_channel_are_plain_convolutions() {
    for size @ [height, width] in SIZES {
        for (batch, from) in [(1, 16), (3, 32)] {
            let ([x, weight, bias, grad], expected) = first(true, batch, size, [from, 1]);
            let (conv, x) = (UpsampledToSingleChannel { height, width, in_channels: from }, last(&x, from, batch));
            let mut transformed = vec![f32::NAN; conv.transformed_len()];
            conv.transform_weight(&weight, &mut transformed);
            let mut out = vec![f32::NAN; grad.len()];
            conv.forward(&x, &transformed, bias[0], &mut out);
            assert_close("out", &out, &expected.out);
            let (mut sums, mut dbias, mut dx) = (vec![0.; conv.gradient_len()], vec![0.5], vec![f32::NAN; x.len()]);
            conv.backward(&x, &transformed, &grad, [&mut sums, &mut dbias], Some(&mut dx));
            let mut dweight = vec![f32::NAN; weight.len()];
            conv.fold_gradient(&sums, &mut dweight);
            assert_close("dx", &dx, &last(&expected.dx, from, batch));
            assert_close("dweight", &dweight, &expected.dweight);
            assert_close("dbias", &dbias, &expected.dbias);
        }
    }
}

#[test]
fn pooling_with_channels_last_is_pooling_with_channels_first() {
    for [height, width] in SIZES {
        for (batch, channels) in [(1, 16), (3, 48)] {
            // Few different values, so that windows hold equal ones.
            let x: Vec<f32> =
                Lcg(5).floats(batch * channels * height * width).iter().map(|x| (x * 3.).round()).collect();
            let grad = Lcg(6).floats(batch * channels * height.div_ceil(2) * width.div_ceil(2));
            let (mut out, mut dx) = (vec![0.; grad.len()], vec![0.; x.len()]);
            max_pool2(batch * channels, height, width, &x, &mut out);
            max_pool2_backward(batch * channels, height, width, &x, &out, &grad, &mut dx);

            let (x, grad) = (last(&x, channels, batch), last(&grad, channels, batch));
            let (mut own, mut own_dx) = (vec![f32::NAN; grad.len()], vec![f32::NAN; x.len()]);
            max_pool2_channels_last([height, width, channels], &x, &mut own);
            max_pool2_channels_last_backward([height, width, channels], &x, [&own, &grad], &mut own_dx);
            assert_eq!((own, own_dx), (last(&out, channels, batch), last(&dx, channels, batch)));
        }
    }
}

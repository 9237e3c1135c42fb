//! Criterion benchmarks of the kernels of training, on one thread, at the sizes of MNIST's presets: a block of 64 rows, 16
//! images.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kernels::{Conv, Epilogue, Lhs, adam_step, bce_with_gradient, gemm, scale_bytes};

const ROWS: usize = 64;

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i * 7919 % 2003) as f32 / 1001.5 - 1.).collect()
}

/// Throughput is in multiplications, each with an addition.
fn products(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gemm");
    for (name, [inputs, units]) in [("784-32", [784, 32]), ("32-784", [32, 784]), ("784-128", [784, 128])] {
        let (x, weight, grad) = (numbers(ROWS * inputs), numbers(inputs * units), numbers(ROWS * units));
        let bias = numbers(units);
        group.throughput(Throughput::Elements((ROWS * inputs * units) as u64));
        let mut out = vec![0.; ROWS * units];
        group.bench_function(format!("{name} forward"), |bencher| {
            bencher.iter(|| gemm(Lhs::Rows(&x), &weight, [ROWS, inputs, units], Epilogue::Relu(&bias), &mut out))
        });
        let mut dweight = vec![0.; units * inputs];
        group.bench_function(format!("{name} gradient of the weight"), |bencher| {
            bencher.iter(|| gemm(Lhs::Columns(&grad, units), &x, [units, ROWS, inputs], Epilogue::Add, &mut dweight))
        });
    }
    group.finish();
}

/// Throughput is in values.
fn values(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("values");
    let count = ROWS * 784;
    let (logits, target, mut out) = (numbers(count), numbers(count), vec![0.; count]);
    group.throughput(Throughput::Elements(count as u64));
    group.bench_function("cross-entropy and gradient", |bencher| {
        bencher.iter(|| black_box(bce_with_gradient(&logits, &target, 1e-5, &mut out)))
    });
    let bytes: Vec<u8> = (0..count).map(|i| i as u8).collect();
    group.bench_function("bytes to floats", |bencher| bencher.iter(|| scale_bytes(&bytes, 255., &mut out)));
    let (gradient, mut mean, mut variance) = (numbers(count), numbers(count), vec![1.; count]);
    let settings = [0.9, 0.1, 0.999, 0.001, 0., 1., 0.001, 1., 1e-8];
    group.bench_function("adam", |bencher| {
        bencher.iter(|| adam_step(&mut out, &gradient, &mut mean, &mut variance, settings))
    });
    group.finish();
}

/// Throughput is in multiplications, each with an addition.
fn convolutions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("convolution");
    for (name, [from, to, size]) in
        [("1-16 at 28", [1, 16, 28]), ("16-8 at 14", [16, 8, 14]), ("32-32 at 14", [32, 32, 14])]
    {
        let conv =
            Conv { batch: 16, in_channels: from, height: size, width: size, out_channels: to, kernel: 3, padding: 1 };
        let pixels = 16 * size * size;
        let (x, weight, bias) = (numbers(from * pixels), numbers(from * to * 9), numbers(to));
        let mut out = vec![0.; to * pixels];
        group.throughput(Throughput::Elements((pixels * from * to * 9) as u64));
        group.bench_function(format!("{name} forward"), |bencher| {
            bencher.iter(|| conv.forward(&x, &weight, &bias, &mut out))
        });
        let (grad, mut dweight, mut dbias) = (numbers(to * pixels), vec![0.; weight.len()], vec![0.; to]);
        group.bench_function(format!("{name} gradient of the weight"), |bencher| {
            bencher.iter(|| conv.backward_weight(&x, &grad, &mut dweight, &mut dbias))
        });
    }
    group.finish();
}

criterion_group!(benches, products, values, convolutions);
criterion_main!(benches);

//! Matrix products against plain loops in `f64`.

use super::*;

fn numbers(count: usize, seed: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.5 - 1.).collect()
}

#[test]
fn products_of_all_shapes_are_those_of_plain_loops() {
    // Whole tiles, left-over rows and columns, and both.
    for sizes @ [m, k, n] in [
        [1, 1, 1],
        [8, 16, 48],
        [16, 100, 32],
        [5, 7, 9],
        [13, 33, 100],
        [64, 20, 784],
        [9, 5, 17],
        [3, 0, 20],
        [5, 600, 40],
    ] {
        let (a, b, bias, before) = (numbers(m * k, 1), numbers(k * n, 2), numbers(n, 3), numbers(m * n, 4));
        let mut transposed = vec![0.; m * k];
        transpose(&a, k.max(1), 0, &mut transposed);
        for lhs in [Lhs::Rows(&a), Lhs::Columns(&transposed, m)] {
            for epilogue in [Epilogue::Add, Epilogue::Set, Epilogue::Bias(&bias), Epilogue::Relu(&bias)] {
                let mut out = before.clone();
                gemm(lhs, &b, sizes, epilogue, &mut out);
                let all: Vec<usize> = (0..k).collect();
                let mut same = before.clone();
                gemm_of_terms(&all, lhs, &b, sizes, epilogue, &mut same);
                assert_eq!(out, same, "{sizes:?}");
                for (index, found) in out.into_iter().enumerate() {
                    let (i, j) = (index / n, index % n);
                    let term = |p| f64::from(a[i * k + p]) * f64::from(b[p * n + j]);
                    let sum: f64 = (0..k).map(term).sum();
                    let expected = match epilogue {
                        Epilogue::Add => sum + f64::from(before[index]),
                        Epilogue::Set => sum,
                        Epilogue::Bias(bias) => sum + f64::from(bias[j]),
                        Epilogue::Relu(bias) => (sum + f64::from(bias[j])).max(0.),
                    };
                    // Terms below 1, whose sums are below 60 and rounded by 6e-8 of that each.
                    assert!(
                        (f64::from(found) - expected).abs() < 1e-7 * (100 + k) as f64,
                        "{sizes:?} at {index}: {found} {expected}"
                    );
                }
            }
        }
    }
}

#[test]
fn terms_that_are_left_out_count_as_zero() {
    let [m, k, n] = [9, 700, 50];
    let terms: Vec<usize> = (0..k).filter(|p| p % 3 != 1).collect();
    let (a, b, bias) = (numbers(m * k, 1), numbers(k * n, 2), numbers(n, 3));
    let kept = |p: usize, value: &f32| if p % 3 == 1 { 0. } else { *value };
    let zeroed: Vec<f32> = a.iter().enumerate().map(|(i, value)| kept(i % k, value)).collect();
    let (mut found, mut expected) = (vec![0.; m * n], vec![0.; m * n]);
    gemm_of_terms(&terms, Lhs::Rows(&a), &b, [m, k, n], Epilogue::Relu(&bias), &mut found);
    gemm(Lhs::Rows(&zeroed), &b, [m, k, n], Epilogue::Relu(&bias), &mut expected);
    for (a, b) in found.iter().zip(expected) {
        // 700 terms below 1, added in another grouping.
        assert!((a - b).abs() < 1e-4, "{a}, not {b}");
    }
    let mut transposed = vec![0.; m * k];
    transpose(&a, k, 0, &mut transposed);
    let mut same = vec![0.; m * n];
    gemm_of_terms(&terms, Lhs::Columns(&transposed, m), &b, [m, k, n], Epilogue::Relu(&bias), &mut same);
    assert_eq!(found, same);
    gemm_of_terms(&[], Lhs::Rows(&a), &b, [m, k, n], Epilogue::Bias(&bias), &mut same);
    assert!(same.chunks(n).all(|row| row == bias));
}

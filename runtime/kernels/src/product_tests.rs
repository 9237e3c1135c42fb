use super::*;

fn numbers(count: usize, seed: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.5 - 1.).collect()
}

#[test]
fn products_of_all_shapes_are_those_of_plain_loops() {
    // Whole tiles, rows and columns that are left over, and both.
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
        let mut turned = vec![0.; m * k];
        transpose(&a, k.max(1), 0, &mut turned);
        for left in [Left::Rows(&a), Left::Columns(&turned, m)] {
            for store in [Store::Add, Store::Set, Store::Bias(&bias), Store::Relu(&bias)] {
                let mut out = before.clone();
                product(left, &b, sizes, store, &mut out);
                let all: Vec<usize> = (0..k).collect();
                let mut same = before.clone();
                product_of_terms(&all, left, &b, sizes, store, &mut same);
                assert_eq!(out, same, "{sizes:?}");
                for (index, found) in out.into_iter().enumerate() {
                    let (i, j) = (index / n, index % n);
                    let term = |p| f64::from(a[i * k + p]) * f64::from(b[p * n + j]);
                    let sum: f64 = (0..k).map(term).sum();
                    let expected = match store {
                        Store::Add => sum + f64::from(before[index]),
                        Store::Set => sum,
                        Store::Bias(bias) => sum + f64::from(bias[j]),
                        Store::Relu(bias) => (sum + f64::from(bias[j])).max(0.),
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
    product_of_terms(&terms, Left::Rows(&a), &b, [m, k, n], Store::Relu(&bias), &mut found);
    product(Left::Rows(&zeroed), &b, [m, k, n], Store::Relu(&bias), &mut expected);
    for (a, b) in found.iter().zip(expected) {
        // 700 terms below 1, added in another grouping.
        assert!((a - b).abs() < 1e-4, "{a}, not {b}");
    }
    let mut turned = vec![0.; m * k];
    transpose(&a, k, 0, &mut turned);
    let mut same = vec![0.; m * n];
    product_of_terms(&terms, Left::Columns(&turned, m), &b, [m, k, n], Store::Relu(&bias), &mut same);
    assert_eq!(found, same);
    product_of_terms(&[], Left::Rows(&a), &b, [m, k, n], Store::Bias(&bias), &mut same);
    assert!(same.chunks(n).all(|row| row == bias));
}

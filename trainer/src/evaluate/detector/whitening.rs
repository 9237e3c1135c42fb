//! The matrix that makes errors alike in size and independent of each other.

/// What is added to the diagonal of a covariance, in parts of its mean: few rows leave it singular.
const SHRINKAGE: f64 = 0.1;

/// `W` `[width, width]` such that `|e W|^2` is the squared Mahalanobis length of `e`, by the covariance of `errors` `[n, width]` around
/// zero mean errors of their own. Nothing where all errors are zero.
pub(super) fn whitening(errors: &[f32], width: usize) -> Option<Vec<f32>> {
    let rows = errors.len() / width;
    let mut mean = vec![0f64; width];
    for row in errors.chunks_exact(width) {
        mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value) / rows as f64);
    }
    let mut covariance = vec![0f64; width * width];
    let mut centred = vec![0f64; width];
    for row in errors.chunks_exact(width) {
        centred.iter_mut().zip(row).zip(&mean).for_each(|((to, value), mean)| *to = f64::from(*value) - mean);
        for (i, &left) in centred.iter().enumerate() {
            let sums = &mut covariance[i * width..][..i + 1];
            sums.iter_mut().zip(&centred).for_each(|(sum, right)| *sum += left * right / rows as f64);
        }
    }
    let trace: f64 = (0..width).map(|i| covariance[i * (width + 1)]).sum();
    if !(trace.is_finite() && trace > 0.) {
        return None;
    }
    (0..width).for_each(|i| covariance[i * (width + 1)] += SHRINKAGE * trace / width as f64);
    cholesky(&mut covariance, width);
    Some(inverse_transposed(&covariance, width))
}

/// The lower triangle of a positive definite matrix becomes `L`, with `L L^T` the matrix.
fn cholesky(matrix: &mut [f64], width: usize) {
    for i in 0..width {
        for j in 0..=i {
            let (before, row) = matrix.split_at_mut(i * width);
            let dot = |left: &[f64], right: &[f64]| left.iter().zip(right).map(|(a, b)| a * b).sum::<f64>();
            if i == j {
                row[i] = (row[i] - dot(&row[..i], &row[..i])).sqrt();
            } else {
                let known = &before[j * width..][..j + 1];
                row[j] = (row[j] - dot(&row[..j], &known[..j])) / known[j];
            }
        }
    }
}

/// The inverse of the lower triangle `L`, transposed.
fn inverse_transposed(lower: &[f64], width: usize) -> Vec<f32> {
    // Row `i` of the result is column `i` of the inverse, from its own place on.
    let mut inverse = vec![0f64; width * width];
    for column in 0..width {
        for i in column..width {
            let solved = &inverse[column * width..][column..i];
            let known: f64 = lower[i * width..][column..i].iter().zip(solved).map(|(a, b)| a * b).sum();
            let unit = if i == column { 1. } else { 0. };
            inverse[column * width + i] = (unit - known) / lower[i * (width + 1)];
        }
    }
    inverse.into_iter().map(|value| value as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_become_alike_and_independent() {
        // Two independent errors, the second one ten times as large and mixed with the first.
        let mut state = 1u64;
        let mut random = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
        };
        let errors: Vec<f32> = (0..4000)
            .flat_map(|_| {
                let [a, b] = [random(), random()];
                [a + b, b, 10. * a]
            })
            .collect();
        let matrix = whitening(&errors, 3).unwrap();
        let lengths = errors
            .chunks(3)
            .map(|row| (0..3).map(|j| (0..3).map(|i| row[i] * matrix[i * 3 + j]).sum::<f32>().powi(2)).sum::<f32>());
        // Two independent directions, shrunk; the large one counts no more than the small one.
        let mean = lengths.sum::<f32>() / 4000.;
        assert!((0.7..2.).contains(&mean), "{mean}");
        let of = |row: [f32; 3]| {
            (0..3).map(|j| (0..3).map(|i| row[i] * matrix[i * 3 + j]).sum::<f32>().powi(2)).sum::<f32>()
        };
        // What breaks the relation between the first and the third error is more unusual than what keeps it.
        assert!(of([0.5, 0., -5.]) > of([0.5, 0., 5.]));
        assert_eq!(whitening(&[0.; 6], 3), None);
    }
}

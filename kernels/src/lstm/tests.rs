//! The recurrence against plain loops in `f64`, and against finite differences of those.

use std::array::from_fn;

use rayon::prelude::*;

use super::*;

const SIZES: [(usize, usize, usize); 9] =
    [(1, 1, 1), (1, 5, 3), (2, 1, 16), (3, 4, 17), (8, 7, 15), (9, 6, 33), (13, 3, 48), (32, 10, 64), (150, 2, 5)];

/// Numbers between -0.5 and 0.5 times `scale`.
fn noise(count: usize, scale: f32, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_769) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    };
    (0..count).map(|_| (next() as f32 / u32::MAX as f32 - 0.5) * scale).collect()
}

struct Case {
    lstm: Lstm,
    projected: Vec<f32>,
    weight: Vec<f32>,
    grad: Vec<f32>,
}

impl Case {
    fn new((batch, steps, units): (usize, usize, usize)) -> Self {
        let lstm = Lstm { batch, steps, units };
        let weight = noise(4 * units * units, 2.0 / (units as f32).sqrt(), 2);
        Self { lstm, projected: noise(4 * lstm.states(), 4.0, 1), weight, grad: noise(lstm.states(), 1.0, 3) }
    }

    fn run(&self) -> [Vec<f32>; 3] {
        let mut states = vec![f32::NAN; self.grad.len()];
        self.lstm.forward(&self.projected, &self.weight, &mut states);
        let mut dprojected = vec![f32::NAN; self.projected.len()];
        let mut dweight = vec![f32::NAN; self.weight.len()];
        let Self { lstm, projected, weight, grad } = self;
        lstm.backward(projected, weight, &states, grad, &mut dprojected, &mut dweight);
        [states, dprojected, dweight]
    }
}

fn to_f64(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

/// The states, and for each step and unit the four gates and the cell, by the formulas.
fn plain_forward(lstm: &Lstm, projected: &[f64], weight: &[f64]) -> (Vec<f64>, Vec<[f64; 5]>) {
    let Lstm { batch, steps, units } = *lstm;
    let (mut states, mut record) = (vec![0.0; lstm.states()], vec![[0.0; 5]; lstm.states()]);
    for row in 0..batch {
        for at in row * steps..(row + 1) * steps {
            for unit in 0..units {
                let mut sums: [f64; 4] = from_fn(|gate| projected[(at * 4 + gate) * units + unit]);
                let mut cell = 0.0;
                if at > row * steps {
                    for (gate, sum) in sums.iter_mut().enumerate() {
                        let weights = &weight[(gate * units + unit) * units..][..units];
                        let before = &states[(at - 1) * units..][..units];
                        *sum += weights.iter().zip(before).map(|(a, b)| a * b).sum::<f64>();
                    }
                    cell = record[(at - 1) * units + unit][4];
                }
                let [i, f, o] = [sums[0], sums[1], sums[3]].map(|sum| 1.0 / (1.0 + (-sum).exp()));
                let g = sums[2].tanh();
                cell = f * cell + i * g;
                record[at * units + unit] = [i, f, g, o, cell];
                states[at * units + unit] = o * cell.tanh();
            }
        }
    }
    (states, record)
}

fn plain_backward(lstm: &Lstm, projected: &[f64], weight: &[f64], grad: &[f64]) -> [Vec<f64>; 2] {
    let Lstm { batch, steps, units } = *lstm;
    let (states, record) = plain_forward(lstm, projected, weight);
    let (mut dprojected, mut dweight) = (vec![0.0; projected.len()], vec![0.0; weight.len()]);
    for row in 0..batch {
        let (mut dstate, mut dcell) = (vec![0.0; units], vec![0.0; units]);
        for at in (row * steps..(row + 1) * steps).rev() {
            let first = at == row * steps;
            for unit in 0..units {
                let [i, f, g, o, cell] = record[at * units + unit];
                let before = if first { 0.0 } else { record[(at - 1) * units + unit][4] };
                let (dh, tanh) = (dstate[unit] + grad[at * units + unit], cell.tanh());
                let dc = dcell[unit] + dh * o * (1.0 - tanh * tanh);
                dcell[unit] = dc * f;
                let own = [
                    dc * g * i * (1.0 - i),
                    dc * before * f * (1.0 - f),
                    dc * i * (1.0 - g * g),
                    dh * tanh * o * (1.0 - o),
                ];
                for (gate, own) in own.into_iter().enumerate() {
                    dprojected[(at * 4 + gate) * units + unit] = own;
                }
            }
            dstate.fill(0.0);
            for (j, own) in dprojected[at * 4 * units..][..4 * units].iter().enumerate() {
                for unit in 0..units {
                    dstate[unit] += own * weight[j * units + unit];
                    if !first {
                        dweight[j * units + unit] += own * states[(at - 1) * units + unit];
                    }
                }
            }
        }
    }
    [dprojected, dweight]
}

/// Largest difference, relative to the largest value.
fn difference(values: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(values.len(), expected.len());
    let largest = expected.iter().fold(1e-3, |largest: f64, value| largest.max(value.abs()));
    values.iter().zip(expected).fold(0.0, |worst: f64, (&value, expected)| {
        assert!(value.is_finite());
        worst.max((f64::from(value) - expected).abs() / largest)
    })
}

#[test]
fn agrees_with_the_formulas() {
    for size in SIZES {
        let case = Case::new(size);
        let [states, dprojected, dweight] = case.run();
        let (projected, weight) = (to_f64(&case.projected), to_f64(&case.weight));
        let [gates, weights] = plain_backward(&case.lstm, &projected, &weight, &to_f64(&case.grad));
        let expected = plain_forward(&case.lstm, &projected, &weight).0;
        for (values, expected) in [(states, expected), (dprojected, gates), (dweight, weights)] {
            let worst = difference(&values, &expected);
            println!("{size:?} {worst:e}");
            assert!(worst < 3e-6, "{size:?}: off by {worst}");
        }
    }
}

#[test]
fn gradients_agree_with_finite_differences() {
    for size in [(1, 5, 3), (3, 4, 17)] {
        let case = Case::new(size);
        let [_, dprojected, dweight] = case.run();
        let inputs = [to_f64(&case.projected), to_f64(&case.weight)];
        for (which, gradient) in [dprojected, dweight].iter().enumerate() {
            for at in (0..gradient.len()).step_by(7) {
                let [above, below] = [1e-5, -1e-5].map(|step| {
                    let mut inputs = inputs.clone();
                    inputs[which][at] += step;
                    let (states, _) = plain_forward(&case.lstm, &inputs[0], &inputs[1]);
                    states.iter().zip(&case.grad).map(|(state, grad)| state * f64::from(*grad)).sum::<f64>()
                });
                let slope = (above - below) / 2e-5;
                let found = f64::from(gradient[at]);
                assert!((found - slope).abs() < 2e-6, "{size:?} input {which} at {at}: {found}, not {slope}");
            }
        }
    }
}

#[test]
fn thread_count_changes_nothing() {
    let bits = |values: [Vec<f32>; 3]| values.map(|values| values.into_iter().map(f32::to_bits).collect::<Vec<_>>());
    for size in [(9, 6, 33), (32, 10, 64), (150, 2, 5), (300, 3, 20)] {
        let case = Case::new(size);
        let expected = bits(case.run());
        for threads in [1, 2, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            for _ in 0..3 {
                assert_eq!(bits(pool.install(|| case.run())), expected, "{size:?} on {threads} threads");
            }
        }
    }
}

#[test]
fn calls_within_a_pool_do_not_disturb_each_other() {
    let case = Case::new((150, 4, 20));
    let expected = case.run();
    assert!((0..16).into_par_iter().all(|_| case.run() == expected));
}

#[test]
fn a_packed_weight_gives_the_same_bits() {
    for size in SIZES {
        let case = Case::new(size);
        let mut states = vec![f32::NAN; case.grad.len()];
        PackedLstm::new([size.1, size.2], &case.weight).forward(&case.projected, &mut states);
        assert_eq!(states, case.run()[0], "{size:?}");
    }
}

#[test]
fn empty_sizes_give_empty_or_zero_results() {
    for size in [(0, 3, 4), (3, 0, 4), (3, 4, 0)] {
        let [states, dprojected, dweight] = Case::new(size).run();
        assert!(states.is_empty() && dprojected.is_empty() && dweight.iter().all(|&value| value == 0.0));
    }
}

#[test]
#[should_panic(expected = "states of")]
fn a_wrong_length_panics() {
    let lstm = Lstm { batch: 1, steps: 2, units: 3 };
    lstm.forward(&[0.0; 24], &[0.0; 36], &mut [0.0; 5]);
}

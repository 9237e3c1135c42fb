use candle_core::Device;

use super::*;

/// Steps each optimiser over fixed gradients and compares with `expected`, the published formula on plain f64s.
fn follows(config: &OptimizerConfig, mut expected: impl FnMut(f64, f64, i32) -> f64) {
    // Large, tiny, zero and sign-changing gradients.
    let gradients = [0.3, -1.7, 0., 1e-6, 25., -0.4, -0.4, 0.01];
    let mut theta = 0.8;
    let var = Var::new(theta, &Device::Cpu).unwrap();
    let mut optimizer = Optimizer::new(config, vec![("w".into(), var.clone())]).unwrap();
    for (t, gradient) in gradients.into_iter().enumerate() {
        theta = expected(theta, gradient, t as i32 + 1);
        // A factor in a tensor: candle drops the gradient of a product with the plain number 0.
        let factor = Tensor::new(gradient, &Device::Cpu).unwrap();
        optimizer.step(&(var.as_tensor() * factor).unwrap().backward().unwrap()).unwrap();
        let found = var.to_scalar::<f64>().unwrap();
        // Both are f64 and differ only in the order of a dozen operations.
        assert!((found - theta).abs() < 1e-12, "step {}: expected {theta}, found {found}", t + 1);
    }
}

#[test]
fn updates_in_place_are_the_formulas() {
    for name in OptimizerConfig::NAMES {
        let mut config = OptimizerConfig::named(name).unwrap().with_learning_rate(0.01);
        if let OptimizerConfig::Adam { weight_decay, .. } | OptimizerConfig::Adamw { weight_decay, .. } = &mut config {
            *weight_decay = 0.1;
        }
        let run = |dtype: DType| {
            let start = Tensor::arange(-20f32, 20., &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
            let var = Var::from_tensor(&(start / 10.).unwrap()).unwrap();
            let mut optimizer = Optimizer::new(&config, vec![("w".into(), var.clone())]).unwrap();
            for _ in 0..5 {
                let loss = (var.sqr().unwrap() + var.as_tensor()).unwrap().sum_all().unwrap();
                optimizer.step(&loss.backward().unwrap()).unwrap();
            }
            var.to_dtype(DType::F64).unwrap().to_vec1::<f64>().unwrap()
        };
        // f32 in place against f64 composed: five steps of a few roundings of 6e-8 each, on values up to 2.
        for (a, b) in run(DType::F32).into_iter().zip(run(DType::F64)) {
            assert!((a - b).abs() < 2e-6, "{name}: {a}, not {b}");
        }
    }
}

#[test]
fn state_keeps_no_graph_alive() {
    for name in OptimizerConfig::NAMES {
        for dtype in [DType::F32, DType::F64] {
            let ones = Tensor::ones(3, dtype, &Device::Cpu).unwrap();
            let (a, b) = (Var::from_tensor(&ones).unwrap(), Var::from_tensor(&ones).unwrap());
            let parameters = vec![("a".into(), a.clone()), ("b".into(), b.clone())];
            let mut optimizer = Optimizer::new(&OptimizerConfig::named(name).unwrap(), parameters).unwrap();
            // The gradient of each depends on the other, so it has a graph of its own.
            let loss = (a.as_tensor() * b.as_tensor()).unwrap().sum_all().unwrap();
            optimizer.step(&loss.backward().unwrap()).unwrap();
            let slots = optimizer.parameters.iter().flat_map(|parameter| &parameter.slots);
            assert!(slots.into_iter().all(|slot| !slot.track_op()), "{name}");
        }
    }
}

#[test]
fn a_parameter_under_two_names_is_moved_twice_and_another_shape_is_refused() {
    let var = Var::new(&[1f32, 2.], &Device::Cpu).unwrap();
    let sgd = OptimizerConfig::Sgd { learning_rate: 0.25, momentum: 0., weight_decay: 0. };
    let mut optimizer = Optimizer::new(&sgd, vec![("a".into(), var.clone()), ("b".into(), var.clone())]).unwrap();
    let gradients = var.sum_all().unwrap().backward().unwrap();
    optimizer.step(&gradients).unwrap();
    assert_eq!(var.to_vec1::<f32>().unwrap(), [0.5, 1.5]);
    let mut gradients = gradients;
    gradients.insert(&var, Tensor::zeros((1, 2), DType::F32, &Device::Cpu).unwrap());
    let error = optimizer.step(&gradients).unwrap_err().to_string();
    assert!(error.contains("expected a gradient [2] of `a`, found [1, 2]"), "{error}");
}

#[test]
fn steps_by_values_are_steps_by_tensors() {
    for (name, most) in OptimizerConfig::NAMES.into_iter().flat_map(|name| [(name, f64::INFINITY), (name, 0.5)]) {
        let start = Tensor::arange(-2f32, 3., &Device::Cpu).unwrap();
        let run = |by_values: bool| {
            let vars = [Var::from_tensor(&start).unwrap(), Var::from_tensor(&(&start * 2.).unwrap()).unwrap()];
            let named = vars.iter().zip(["a", "b"]).map(|(var, name)| (name.to_owned(), var.clone()));
            let mut optimizer = Optimizer::new(&OptimizerConfig::named(name).unwrap(), named.collect()).unwrap();
            for _ in 0..3 {
                if by_values {
                    let all = vars.iter().flat_map(|var| var.to_vec1::<f32>().unwrap());
                    optimizer.step_values(&mut all.map(|value| 2. * value).collect::<Vec<_>>(), most).unwrap();
                } else {
                    let squares = vars.each_ref().map(|var| var.sqr().unwrap().sum_all().unwrap());
                    let gradients = (&squares[0] + &squares[1]).unwrap().backward().unwrap();
                    optimizer.step_clipped(&gradients, most).unwrap();
                }
            }
            vars.map(|var| var.to_vec1::<f32>().unwrap()).concat()
        };
        for (a, b) in run(true).into_iter().zip(run(false)) {
            // Clipped by norms that were summed in another order.
            assert!((a - b).abs() < 1e-6, "{name}, {most}: {a}, not {b}");
        }
    }
}

#[test]
fn clipping_keeps_the_direction_of_all_gradients_together() {
    let (a, b) = (Var::new(0f64, &Device::Cpu).unwrap(), Var::new(0f64, &Device::Cpu).unwrap());
    let sgd = OptimizerConfig::Sgd { learning_rate: 1., momentum: 0., weight_decay: 0. };
    let mut optimizer = Optimizer::new(&sgd, vec![("a".into(), a.clone()), ("b".into(), b.clone())]).unwrap();
    let gradients = ((a.as_tensor() * 3.).unwrap() + (b.as_tensor() * 4.).unwrap()).unwrap().backward().unwrap();
    let at = |optimizer: &mut Optimizer, most| {
        a.set(&a.zeros_like().unwrap()).unwrap();
        b.set(&b.zeros_like().unwrap()).unwrap();
        optimizer.step_clipped(&gradients, most).unwrap();
        [a.to_scalar::<f64>().unwrap(), b.to_scalar::<f64>().unwrap()]
    };
    assert_eq!(at(&mut optimizer, 10.), [-3., -4.]);
    let [a, b] = at(&mut optimizer, 1.);
    assert!((a + 0.6).abs() < 1e-12 && (b + 0.8).abs() < 1e-12);
}

#[test]
fn adadelta_follows_algorithm_1_of_zeiler_2012() {
    let (lr, rho, eps) = (0.7, 0.95, 1e-7);
    let config = OptimizerConfig::Adadelta { learning_rate: lr, rho, epsilon: eps, weight_decay: 0. };
    let (mut g2, mut x2) = (0., 0.);
    follows(&config, |theta, g, _| {
        g2 = rho * g2 + (1. - rho) * g * g;
        let dx = -f64::sqrt(x2 + eps) / f64::sqrt(g2 + eps) * g;
        x2 = rho * x2 + (1. - rho) * dx * dx;
        theta + lr * dx
    });
}

#[test]
fn adam_follows_algorithm_1_of_kingma_and_ba_2015() {
    let (lr, b1, b2, eps) = (1e-3, 0.9, 0.999, 1e-8);
    let config = OptimizerConfig::Adam { learning_rate: lr, beta1: b1, beta2: b2, epsilon: eps, weight_decay: 0. };
    let (mut m, mut v) = (0., 0.);
    follows(&config, |theta, g, t| {
        m = b1 * m + (1. - b1) * g;
        v = b2 * v + (1. - b2) * g * g;
        let (m_hat, v_hat) = (m / (1. - b1.powi(t)), v / (1. - b2.powi(t)));
        theta - lr * m_hat / (f64::sqrt(v_hat) + eps)
    });
}

#[test]
fn adam_moves_by_the_learning_rate_at_first() {
    // (1 - b1) g / (1 - b1) over sqrt of (1 - b2) g^2 / (1 - b2): the sign of the gradient.
    let var = Var::new(1f64, &Device::Cpu).unwrap();
    let config = OptimizerConfig::default().with_learning_rate(0.125);
    let mut optimizer = Optimizer::new(&config, vec![("w".into(), var.clone())]).unwrap();
    optimizer.step(&(var.as_tensor() * 3.).unwrap().backward().unwrap()).unwrap();
    assert!((var.to_scalar::<f64>().unwrap() - 0.875).abs() < 1e-8);
}

#[test]
fn adamw_follows_algorithm_2_of_loshchilov_and_hutter_2019() {
    let (lr, b1, b2, eps, decay) = (1e-2, 0.9, 0.999, 1e-8, 0.1);
    let config = OptimizerConfig::Adamw { learning_rate: lr, beta1: b1, beta2: b2, epsilon: eps, weight_decay: decay };
    let (mut m, mut v) = (0., 0.);
    follows(&config, |theta, g, t| {
        m = b1 * m + (1. - b1) * g;
        v = b2 * v + (1. - b2) * g * g;
        let (m_hat, v_hat) = (m / (1. - b1.powi(t)), v / (1. - b2.powi(t)));
        // The published schedule multiplier is the learning rate: decay is decoupled from the gradient, not from it.
        theta - lr * (m_hat / (f64::sqrt(v_hat) + eps) + decay * theta)
    });
}

#[test]
fn adam_with_weight_decay_adds_it_to_the_gradient() {
    let (lr, b1, b2, eps, decay) = (1e-2, 0.9, 0.999, 1e-8, 0.1);
    let config = OptimizerConfig::Adam { learning_rate: lr, beta1: b1, beta2: b2, epsilon: eps, weight_decay: decay };
    let (mut m, mut v) = (0., 0.);
    follows(&config, |theta, g, t| {
        let g = g + decay * theta;
        m = b1 * m + (1. - b1) * g;
        v = b2 * v + (1. - b2) * g * g;
        let (m_hat, v_hat) = (m / (1. - b1.powi(t)), v / (1. - b2.powi(t)));
        theta - lr * m_hat / (f64::sqrt(v_hat) + eps)
    });
}

#[test]
fn sgd_follows_polyaks_momentum() {
    let (lr, mu) = (0.01, 0.9);
    let config = OptimizerConfig::Sgd { learning_rate: lr, momentum: mu, weight_decay: 0. };
    let mut v = 0.;
    follows(&config, |theta, g, _| {
        v = mu * v + g;
        theta - lr * v
    });
}

#[test]
fn rmsprop_follows_hintons_lecture_6e() {
    let (lr, rho, eps) = (1e-3, 0.9, 1e-7);
    let config = OptimizerConfig::Rmsprop { learning_rate: lr, rho, epsilon: eps, weight_decay: 0. };
    let mut g2 = 0.;
    follows(&config, |theta, g, _| {
        g2 = rho * g2 + (1. - rho) * g * g;
        theta - lr * g / (f64::sqrt(g2) + eps)
    });
}

#[test]
fn saved_state_continues_every_optimizer_exactly() {
    for name in OptimizerConfig::NAMES {
        let config = OptimizerConfig::named(name).unwrap();
        let start = |value: f32| {
            let var = Var::new(&[value, -value], &Device::Cpu).unwrap();
            let optimizer = Optimizer::new(&config, vec![("w".into(), var.clone())]).unwrap();
            (var, optimizer)
        };
        let advance = |var: &Var, optimizer: &mut Optimizer| {
            for _ in 0..3 {
                optimizer.step(&var.powf(3.).unwrap().sum_all().unwrap().backward().unwrap()).unwrap();
            }
        };
        let (var, mut optimizer) = start(0.7);
        advance(&var, &mut optimizer);
        let (resumed_var, mut resumed) = start(0.);
        resumed_var.set(var.as_tensor()).unwrap();
        let state = optimizer.state().unwrap().into_iter().collect();
        resumed.load_state(&state, optimizer.steps()).unwrap();
        advance(&var, &mut optimizer);
        advance(&resumed_var, &mut resumed);
        assert_eq!(var.to_vec1::<f32>().unwrap(), resumed_var.to_vec1::<f32>().unwrap(), "{name}");
    }
}

#[test]
fn foreign_state_is_refused() {
    let var = Var::new(1f32, &Device::Cpu).unwrap();
    let mut optimizer = Optimizer::new(&OptimizerConfig::default(), vec![("w".into(), var)]).unwrap();
    let error = optimizer.load_state(&HashMap::new(), 1).unwrap_err().to_string();
    assert!(error.contains("expected saved state `mean.w`"), "{error}");
}

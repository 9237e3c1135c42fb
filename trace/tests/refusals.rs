//! What cannot be exported is refused by name, and what is exported keeps its names.

use std::collections::HashMap;

use candle_core::{D, DType, Device, Result, Tensor};
use candle_nn::{Linear, Module};
use trace::{Error, Input};

fn rows() -> [Input; 1] {
    [Input::f32("x", ("batch", "length"))]
}

fn message<T>(result: trace::Result<T>) -> String {
    result.err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn two_layers_are_two_gemms_with_their_names() {
    let weight = |seed: f32, dims: (usize, usize)| {
        let numbers: Vec<f32> = (0..dims.0 * dims.1).map(|i| (i as f32 * seed).sin()).collect();
        Tensor::from_vec(numbers, dims, &Device::Cpu).unwrap()
    };
    let bias = Tensor::new(&[0.5f32, -0.5, 1.], &Device::Cpu).unwrap();
    let weights: HashMap<String, Tensor> =
        [("hidden.weight", weight(0.7, (3, 4))), ("hidden.bias", bias), ("head.weight", weight(0.3, (2, 3)))]
            .into_iter()
            .map(|(name, tensor)| (name.to_owned(), tensor))
            .collect();
    let hidden = Linear::new(weights["hidden.weight"].clone(), Some(weights["hidden.bias"].clone()));
    let head = Linear::new(weights["head.weight"].clone(), None);
    let model = |x: &[Tensor]| head.forward(&hidden.forward(&x[0])?.relu()?);
    let exported = trace::export(model, [Input::f32("x", ("batch", 4))]).named(&weights).build().unwrap();
    assert_eq!(exported.model.operators(), ["Gemm", "Relu", "Gemm"]);
    assert_eq!(exported.model.initializers(), ["hidden.weight", "hidden.bias", "head.weight"]);
    assert_eq!(exported.model.output_shape(), ["batch", "2"]);
    assert!(exported.proof.difference.unwrap() < 1e-6);
}

#[test]
fn softmax_and_mean_by_their_parts_are_one_operator_each() {
    let softmax = |x: &[Tensor]| candle_nn::ops::softmax(&x[0], 0);
    let exported = trace::export(softmax, rows()).build().unwrap();
    assert_eq!(exported.model.operators(), ["Softmax"]);
    // Divided by a length that is not known.
    let mean = |x: &[Tensor]| x[0].mean(D::Minus1);
    let exported = trace::export(mean, rows()).build().unwrap();
    assert_eq!(exported.model.operators(), ["ReduceMean"]);
}

#[test]
fn a_model_that_changes_with_the_size_is_refused() {
    let model = |x: &[Tensor]| if x[0].dim(1)? > 12 { x[0].exp() } else { x[0].sin() };
    let text = message(trace::export(model, rows()).build());
    assert_eq!(
        text,
        "the model's structure depends on the size of its inputs: sin at one size, exp at another, for [[2, 7], [3, 11], [5, 13]]"
    );
}

#[test]
fn a_table_needs_to_know_how_long_it_may_be() {
    let model = |x: &[Tensor]| {
        let length = x[0].dim(1)?;
        let squares: Vec<f32> = (0..length).map(|i| (i * i) as f32).collect();
        x[0].broadcast_add(&Tensor::new(squares, &Device::Cpu)?)
    };
    let text = message(trace::export(model, rows()).build());
    assert!(text.contains("[[7], [11], [13]]") && text.contains("`longest`"), "{text}");
    let exported = trace::export(model, rows()).longest("length", 20).build().unwrap();
    assert!(exported.model.operators().contains(&"Slice"));
    // Its first numbers are those of a range.
    let model = |x: &[Tensor]| {
        let zigzag: Vec<f32> = (0..x[0].dim(1)?).map(|i| [0., 1., 0.][i % 3]).collect();
        x[0].broadcast_add(&Tensor::new(zigzag, &Device::Cpu)?)
    };
    assert!(message(trace::export(model, rows()).build()).contains("`longest`"));
    assert!(trace::export(model, rows()).longest("length", 20).build().is_ok());
}

#[test]
fn ranges_masks_and_lengths_are_computed_for_any_length() {
    let model = |x: &[Tensor]| {
        let length = x[0].dim(1)?;
        let places = Tensor::arange(0u32, length as u32, &Device::Cpu)?.to_dtype(DType::F32)?;
        let mask: Vec<f32> =
            (0..length).flat_map(|i| (0..length).map(move |j| if j > i { f32::NEG_INFINITY } else { 0. })).collect();
        let mask = Tensor::from_vec(mask, (length, length), &Device::Cpu)?;
        let scaled = (x[0].broadcast_add(&places)? / length as f64)?;
        scaled.unsqueeze(1)?.broadcast_add(&mask)?.exp()
    };
    let exported = trace::export(model, rows()).build().unwrap();
    assert_eq!(exported.model.output_shape(), ["batch", "length", "length"]);
    assert!(exported.model.operators().contains(&"Range"));
}

#[test]
fn padding_is_one_operator() {
    for same in [true, false] {
        let model = |x: &[Tensor]| match same {
            true => x[0].pad_with_same(1, 1, 2),
            false => x[0].pad_with_zeros(1, 0, 2),
        };
        let exported = trace::export(model, rows()).build().unwrap();
        assert_eq!(exported.model.operators(), ["Pad"]);
    }
}

#[test]
fn what_is_repeated_by_a_size_is_repeated_in_the_graph() {
    let weight = Tensor::new(&[[1f32, 2.], [3., 4.]], &Device::Cpu).unwrap();
    let model = |x: &[Tensor]| {
        let (batch, length) = x[0].dims2()?;
        let rows = weight.repeat((batch, length))?.reshape((batch, 2, length, 2))?;
        rows.broadcast_mul(&x[0].reshape((batch, 1, length, 1))?)
    };
    let exported = trace::export(model, rows()).build().unwrap();
    assert_eq!(exported.model.output_shape(), ["batch", "2", "length", "2"]);
}

#[test]
fn numbers_that_rust_reads_are_found_out() {
    let model = |x: &[Tensor]| {
        let first = x[0].flatten_all()?.get(0)?.to_scalar::<f32>()?;
        &x[0] * f64::from(first)
    };
    let text = message(trace::export(model, rows()).build());
    assert!(text.starts_with("a number is ["), "{text}");
    // The same number in all runs of tracing is found out by the proof.
    let calls = std::cell::Cell::new(0);
    let model = |x: &[Tensor]| {
        calls.set(calls.get() + 1);
        &x[0] * if calls.get() > 3 { 2. } else { 1. }
    };
    assert!(matches!(trace::export(model, rows()).build(), Err(Error::Different { .. })));
}

#[test]
fn operators_that_are_not_written_are_named() {
    let model = |x: &[Tensor]| -> Result<Tensor> { x[0].arg_sort_last_dim(true)?.to_dtype(DType::F32) };
    let text = message(trace::export(model, rows()).build());
    assert_eq!(text, "cannot write `argsort`: the operator is not candle_nn's, so it is not known what it computes");
}

#[test]
fn rows_that_candle_computes_wrongly_in_a_batch_are_compared_one_by_one() {
    // candle's pull request 3758.
    let weight: Vec<f32> = (0..12).map(|i| (i as f32).cos()).collect();
    let layer = Linear::new(Tensor::from_vec(weight, (3, 4), &Device::Cpu).unwrap(), None);
    let model = |x: &[Tensor]| layer.forward(&x[0].transpose(1, 2)?);
    let exported = trace::export(model, [Input::f32("x", ("batch", 4, "length"))]).build().unwrap();
    assert!(exported.proof.samples.iter().any(|sample| sample.rows_differ));
}

#[test]
fn what_is_written_in_place_is_not_taken_for_a_constant() {
    let kept = Tensor::zeros((2, 4), DType::F32, &Device::Cpu).unwrap();
    let model = |x: &[Tensor]| {
        kept.slice_set(&x[0], 0, 0)?;
        kept.relu()
    };
    let found = message(trace::export(model, [Input::f32("x", (2, 4))]).build());
    assert!(found.contains("`output` depends on no input"), "{found}");
    // A part of the output follows from the input, and another part from what was written.
    let model = |x: &[Tensor]| {
        kept.slice_set(&x[0], 0, 0)?;
        kept.relu()? + &x[0]
    };
    let found = message(trace::export(model, [Input::f32("x", (2, 4))]).build());
    assert!(found.contains("differs from candle"), "{found}");
}

#[test]
fn a_window_that_ends_beyond_the_traced_sizes_is_found_out() {
    let model = |x: &[Tensor]| {
        let length = x[0].dim(1)?;
        let within = |i: usize| if i % length + 16 < i / length { f32::NEG_INFINITY } else { 0. };
        let mask: Vec<f32> = (0..length * length).map(within).collect();
        let mask = Tensor::from_vec(mask, (length, length), &Device::Cpu)?;
        let scores = x[0].unsqueeze(2)?.broadcast_mul(&x[0].unsqueeze(1)?)?.broadcast_add(&mask)?;
        candle_nn::ops::softmax(&scores, D::Minus1)
    };
    let found = message(trace::export(model, rows()).build());
    assert!(found.contains("differs from candle") && found.contains("length 52"), "{found}");
}

#[test]
fn lowest_numbers_do_not_hide_a_difference_and_whole_numbers_are_equal() {
    let huge = Tensor::new(&[[f32::MIN], [0.]], &Device::Cpu).unwrap();
    // 0.5 at a length of at most 5, and nothing beyond.
    let half = |x: &Tensor| if x.dim(1).unwrap() > 5 { 0. } else { 0.5 };
    let model = |x: &[Tensor]| x[0].affine(1., half(&x[0]))?.broadcast_add(&huge);
    let found = message(trace::export(model, [Input::f32("x", (2, "length"))]).build());
    assert!(found.contains("differs from candle"), "{found}");
    let model = |x: &[Tensor]| (x[0].to_dtype(DType::F32)? + half(&x[0]) * 2.)?.to_dtype(DType::U32);
    let found = message(trace::export(model, [Input::indices("x", (2, "length"), 60000)]).build());
    assert!(found.contains("differs from candle"), "{found}");
    let model = |x: &[Tensor]| x[0].affine(0., 0.);
    let found = message(trace::export(model, rows()).build());
    assert!(found.contains("proves nothing"), "{found}");
}

#[test]
fn places_casts_and_sums_by_indices_are_candles() {
    let picks = Tensor::new(&[1u32, 0, 1], &Device::Cpu).unwrap();
    let model = |x: &[Tensor]| {
        let first = x[0].narrow(1, 0, 1)?.argmax_keepdim(1)?.to_dtype(DType::F32)?;
        let bytes = (&x[0] * 300.)?.to_dtype(DType::U8)?.to_dtype(DType::F32)?;
        let added = x[0].zeros_like()?.index_add(&picks, &x[0], 1)?;
        bytes.broadcast_add(&first)? + added
    };
    let exported = trace::export(model, [Input::f32("x", ("batch", 3))]).build().unwrap();
    assert!(exported.model.operators().contains(&"ScatterElements"));
}

//! Which preparations of a table's rows are read as layers, and what those compute.

use onnx::{DataType, NodeProto, TensorProto};

use super::tests::{ANY, floats, int, model, network, node, numbers};

/// What a graph of these nodes makes of rows of `width` values.
fn run<const N: usize>(
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
    width: usize,
    rows: &[f32],
) -> Result<[f32; N], String> {
    let mut y = [0.; N];
    let network = network(&model(nodes, constants, &["y"]), &[width], ANY)?;
    network.run(rows, [0], [&mut y]);
    Ok(y)
}

fn plain(operator: &str, inputs: &[&str], output: &str) -> NodeProto {
    node(operator, inputs, output, vec![])
}

fn cast(input: &str, output: &str) -> NodeProto {
    node("Cast", &[input], output, vec![int("to", i32::from(DataType::Float).into())])
}

#[test]
fn missing_values_are_filled_in_and_flagged() {
    let nodes = vec![
        plain("Equal", &["x", "x"], "known"),
        plain("Not", &["known"], "missing"),
        plain("Where", &["missing", "fill", "x"], "filled"),
        cast("missing", "flags"),
        node("Concat", &["filled", "flags"], "y", vec![int("axis", 1)]),
    ];
    let y = run(nodes, vec![floats("fill", &[2], &[7., 8.])], 2, &[1., f32::NAN, f32::NAN, 4.]);
    assert_eq!(y, Ok([1., 8., 0., 1., 7., 4., 1., 0.]));
}

#[test]
fn categories_become_features_and_come_back() {
    let nodes = vec![
        node("Gather", &["x", "columns"], "wide", vec![int("axis", 1)]),
        plain("Equal", &["wide", "places"], "found"),
        cast("found", "ones"),
        plain("Equal", &["kinds", "zero"], "numbers"),
        plain("Not", &["numbers"], "words"),
        plain("Where", &["words", "ones", "wide"], "y"),
    ];
    let constants = || {
        vec![
            numbers("columns", &[0, 1, 1, 1]),
            floats("places", &[4], &[-1., 0., 1., 2.]),
            floats("kinds", &[4], &[0., 1., 1., 1.]),
            floats("zero", &[], &[0.]),
        ]
    };
    let y = run(nodes, constants(), 2, &[0.5, 1., 2.5, 0.]);
    assert_eq!(y, Ok([0.5, 0., 1., 0., 2.5, 1., 0., 0.]));

    let nodes = vec![
        plain("Slice", &["x", "one", "end", "one"], "likely"),
        node("ArgMax", &["likely"], "place", vec![int("axis", 1), int("keepdims", 0)]),
        cast("place", "number"),
        plain("Unsqueeze", &["number", "one"], "column"),
        plain("Slice", &["x", "start", "one", "one"], "first"),
        node("Concat", &["column", "first"], "y", vec![int("axis", -1)]),
    ];
    let constants = vec![numbers("start", &[0]), numbers("one", &[1]), numbers("end", &[4])];
    let y = run(nodes, constants, 4, &[9., 0.25, 0.5, 0.5, 8., 3., 2., 1.]);
    assert_eq!(y, Ok([1., 9., 0., 8.]));
}

#[test]
fn far_values_are_clipped() {
    let nodes = |low: &str| vec![plain("Clip", &["x", low, "high"], "y")];
    let constants = || vec![floats("low", &[], &[-1.]), floats("high", &[], &[2.]), floats("above", &[], &[3.])];
    assert_eq!(run(nodes("low"), constants(), 2, &[-5., 0.5, 7., 2.]), Ok([-1., 0.5, 2., 2.]));
    assert!(run::<2>(nodes("above"), constants(), 2, &[0.; 2]).is_err());
}

#[test]
fn times_become_sines() {
    let nodes = vec![node("Mod", &["x", "day"], "hour", vec![int("fmod", 1)]), plain("Sin", &["hour"], "y")];
    let y = run(nodes, vec![floats("day", &[2], &[24., 7.])], 2, &[25., 8.]);
    assert_eq!(y, Ok([1f32.sin(), 1f32.sin()]));
}

#[test]
fn what_is_not_about_columns_is_left_to_others() {
    let refused =
        |nodes: Vec<NodeProto>, constants: Vec<TensorProto>| run::<2>(nodes, constants, 2, &[0.; 2]).unwrap_err();
    // Whole numbers divide another way, and a truth is no number.
    let error = refused(vec![plain("Mod", &["x", "c"], "y")], vec![floats("c", &[2], &[1., 2.])]);
    assert!(error.contains("`fmod`"), "{error}");
    let truth = || plain("Equal", &["x", "c"], "truth");
    let c = || vec![floats("c", &[2], &[1., 2.]), numbers("places", &[2])];
    assert!(run::<2>(vec![truth(), plain("Add", &["truth", "c"], "y")], c(), 2, &[0.; 2]).is_err());
    assert!(run::<2>(vec![truth(), plain("Where", &["x", "c", "c"], "y")], c(), 2, &[0.; 2]).is_err());
    assert!(run::<2>(vec![plain("Equal", &["x", "c"], "y")], c(), 2, &[0.; 2]).is_err());
    // A place that is none.
    assert!(run::<1>(vec![node("Gather", &["x", "places"], "y", vec![int("axis", 1)])], c(), 2, &[0.; 2]).is_err());
    // The batch is no column.
    assert!(run::<2>(vec![node("Concat", &["x", "x"], "y", vec![int("axis", 0)])], c(), 2, &[0.; 2]).is_err());
}

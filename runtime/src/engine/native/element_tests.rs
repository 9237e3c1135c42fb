//! Which preparations of rows are read as layers, and what those compute.

use onnx::{DataType, NodeProto, TensorProto};

use super::tests::{ANY, floats, int, ints, model, network, node};
use super::{Network, read};
use crate::engine::request::Request;
use crate::engine::signature::Signature;
use crate::limits::Limits;

/// What a graph of these nodes computes of rows of bytes.
fn of_bytes(nodes: Vec<NodeProto>, constants: Vec<TensorProto>, row_shape: &[usize]) -> Result<Network, String> {
    let model = model(nodes, constants, &["y"]);
    let input = &Signature { name: "x".into(), row_shape: row_shape.into(), is_bytes: true };
    read(&Request { model: &model, input, layout: ANY, wanted: &[(0, "y".into())], limits: &Limits::default() })
        .map(|(network, _)| network)
}

fn cast(input: &str, output: &str) -> NodeProto {
    node("Cast", &[input], output, vec![int("to", i32::from(DataType::Float).into())])
}

#[test]
fn bytes_with_channels_last_become_planes() {
    let nodes = vec![
        cast("x", "numbers"),
        node("Div", &["numbers", "white"], "scaled", vec![]),
        node("Transpose", &["scaled"], "y", vec![ints("perm", &[0, 3, 1, 2])]),
    ];
    let network = of_bytes(nodes, vec![floats("white", &[], &[4.])], &[1, 3, 2]).unwrap();
    let mut planes = [0.; 12];
    network.run(&[0., 1., 2., 3., 4., 5., 8., 9., 10., 11., 12., 13.], [0], [&mut planes]);
    assert_eq!(planes, [0., 0.5, 1., 0.25, 0.75, 1.25, 2., 2.5, 3., 2.25, 2.75, 3.25]);
}

#[test]
fn bytes_are_no_numbers_before_their_cast() {
    // Among bytes, a division gives whole numbers.
    let divided = |x: &str, y: &str| node("Div", &[x, "c"], y, vec![]);
    let constant = || vec![floats("c", &[], &[2.])];
    let error = of_bytes(vec![divided("x", "half"), cast("half", "y")], constant(), &[2]).err().unwrap();
    assert!(error.contains("`Div`") || error.contains("Div"), "{error}");
    assert!(of_bytes(vec![cast("x", "number"), divided("number", "y")], constant(), &[2]).is_ok());
    let elsewhere = node("Cast", &["x"], "number", vec![int("to", i32::from(DataType::Int64).into())]);
    assert!(of_bytes(vec![elsewhere, divided("number", "y")], constant(), &[2]).is_err());
    // And numbers need none.
    assert!(network(&model(vec![cast("x", "y")], vec![], &["y"]), &[2], ANY).is_err());
}

#[test]
fn constants_count_for_all_values_or_for_the_last_dimensions() {
    let run = |operator: &str, inputs: [&str; 2], dims: &[i64], constant: &[f32]| {
        let model = model(vec![node(operator, &inputs, "y", vec![])], vec![floats("c", dims, constant)], &["y"]);
        let mut y = [0.; 8];
        network(&model, &[2, 2], ANY).map(|network| {
            network.run(&[1., 2., 3., 4., 5., 6., 7., 8.], [0], [&mut y]);
            y
        })
    };
    assert_eq!(run("Sub", ["x", "c"], &[2], &[1., 2.]), Ok([0., 0., 2., 2., 4., 4., 6., 6.]));
    assert_eq!(run("Div", ["x", "c"], &[1, 1, 2], &[1., 2.]), Ok([1., 1., 3., 2., 5., 3., 7., 4.]));
    assert_eq!(run("Add", ["c", "x"], &[2, 2], &[0., 1., 0., 2.]), Ok([1., 3., 3., 6., 5., 7., 7., 10.]));
    assert_eq!(run("Mul", ["x", "c"], &[1], &[2.]), Ok([2., 4., 6., 8., 10., 12., 14., 16.]));
    // Another order, other dimensions.
    assert!(run("Sub", ["c", "x"], &[2], &[1., 2.]).is_err());
    assert!(run("Mul", ["x", "c"], &[2, 1], &[1., 2.]).is_err());
    assert!(run("Mul", ["x", "c"], &[3], &[1., 2., 3.]).is_err());
    assert!(run("Mul", ["x", "c"], &[1, 1, 1, 2], &[1., 2.]).is_err());
    assert!(run("Mul", ["x", "c"], &[2, 2, 2], &[1.; 8]).is_err());
}

use onnx::{AttributeProto, AttributeType, DataType, ModelProto, OperatorSetIdProto, TensorProto};

use super::*;
use crate::engine::signature::Signature;

fn numbers(name: &str, values: &[i64]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: vec![values.len() as i64],
        data_type: DataType::Int64.into(),
        int64_data: values.into(),
        ..Default::default()
    }
}

fn floats(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: dims.into(),
        data_type: DataType::Float.into(),
        float_data: values.into(),
        ..Default::default()
    }
}

fn zeros(name: &str, dims: &[i64]) -> TensorProto {
    floats(name, dims, &vec![0.; dims.iter().product::<i64>() as usize])
}

fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto { name: name.into(), ints: ints.into(), r#type: AttributeType::Ints.into(), ..Default::default() }
}

fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.into(), i: Some(i), r#type: AttributeType::Int.into(), ..Default::default() }
}

fn node(operator: &str, inputs: &[&str], output: &str, attribute: Vec<AttributeProto>) -> NodeProto {
    NodeProto {
        op_type: operator.into(),
        name: output.into(),
        input: inputs.iter().map(ToString::to_string).collect(),
        output: vec![output.into()],
        attribute,
        ..Default::default()
    }
}

/// What a graph asks for rows of this shape.
fn asked(row: &[usize], node: Vec<NodeProto>, initializer: Vec<TensorProto>) -> Result<(usize, Demand), String> {
    let graph = GraphProto { node, initializer, ..Default::default() };
    let opset_import = vec![OperatorSetIdProto { version: 17, ..Default::default() }];
    let model = ModelProto { graph: Some(graph), opset_import, ..Default::default() };
    let input = Signature { name: "x".into(), row_shape: row.into(), is_bytes: false };
    let layout = Layout { before: 0, batch: Batch::Any };
    let limits = Limits::default();
    let request = Request { model: &model, input: &input, layout, wanted: &[], limits: &limits };
    let rows = rows_at_once(&request, layout, 32)?;
    let one = input_dims(layout, 1, row);
    Ok((rows, demand(model.graph.as_ref().unwrap(), &request, &one)?))
}

#[test]
fn what_asks_for_too_much_is_refused() {
    let large = 1 << 27;
    let relus = |count: usize, first: &str| -> Vec<NodeProto> {
        let name = |index: usize| if index == 0 { first.to_owned() } else { format!("relu{index}") };
        (0..count).map(|index| node("Relu", &[&name(index)], &name(index + 1), vec![])).collect()
    };
    let convs = |count: usize| -> Vec<NodeProto> {
        let name = |index: usize| if index == 0 { "x".to_owned() } else { format!("conv{index}") };
        (0..count)
            .map(|index| node("Conv", &[&name(index), "w"], &name(index + 1), vec![ints("pads", &[1; 4])]))
            .collect()
    };
    let gemms = |count: usize| -> Vec<NodeProto> {
        let name = |index: usize| if index == 0 { "x".to_owned() } else { format!("gemm{index}") };
        (0..count).map(|index| node("Gemm", &[&name(index), "w"], &name(index + 1), vec![])).collect()
    };
    let squares = || -> Vec<NodeProto> {
        let name = |index: usize| format!("s{index}");
        let mut nodes = vec![node("Shape", &["x"], "shape", vec![]), node("Gather", &["shape", "i"], "s0", vec![])];
        nodes.extend((0..20).map(|index| node("Mul", &[&name(index), &name(index)], &name(index + 1), vec![])));
        nodes
    };
    type Case<'a> = (&'a [usize], Vec<NodeProto>, Vec<TensorProto>, &'a str);
    let cases: Vec<Case> = vec![
        (
            &[4],
            vec![node("Range", &["a", "b", "c"], "y", vec![])],
            vec![numbers("a", &[0]), numbers("b", &[large]), numbers("c", &[1])],
            "node `y` (Range): expected at most 16777216 values of a row up to here, found 134217732",
        ),
        (
            &[4],
            vec![node("Range", &["a", "b", "c"], "y", vec![])],
            vec![floats("a", &[], &[0.]), floats("b", &[], &[1.]), floats("c", &[], &[1e-30])],
            "node `y` (Range): the shape",
        ),
        (
            &[4],
            vec![node("ConstantOfShape", &["a"], "y", vec![])],
            vec![numbers("a", &[1 << 13, 1 << 13])],
            "found 67108868",
        ),
        (&[1], vec![node("Expand", &["x", "a"], "y", vec![])], vec![numbers("a", &[1, large])], "found 134217729"),
        (&[4], vec![node("Tile", &["x", "a"], "y", vec![])], vec![numbers("a", &[1, large])], "found 536870916"),
        (&[4], vec![node("Pad", &["x", "a"], "y", vec![])], vec![numbers("a", &[0, large, 0, 0])], "found 134217736"),
        (
            &[4],
            vec![node("OneHot", &["x", "a", "b"], "y", vec![])],
            vec![numbers("a", &[large]), zeros("b", &[2])],
            "found",
        ),
        (
            &[1, 8, 8],
            vec![node("Resize", &["x", "", "a"], "y", vec![])],
            vec![floats("a", &[4], &[1., 1., 4096., 4096.])],
            "found 1073741888",
        ),
        (
            &[4],
            vec![node("GRU", &["a", "w", "r"], "y", vec![])],
            vec![zeros("a", &[500, 1, 4]), zeros("w", &[1, 6, 4]), zeros("r", &[1, 6, 2])],
            "multiplications for a row up to here",
        ),
        // With 64-bit floats the difference would be 0.
        (
            &[1],
            vec![node("Sub", &["a", "b"], "c", vec![]), node("Expand", &["x", "c"], "y", vec![])],
            vec![numbers("a", &[(1 << 62) + 511]), numbers("b", &[1 << 62])],
            "node `y` (Expand): the shape",
        ),
        (
            &[4],
            vec![node("PRelu", &["x", "a"], "y", vec![])],
            vec![zeros("a", &[1000, 4])],
            "node `y` (PRelu): the shape",
        ),
        (
            &[4],
            vec![node("Gemm", &["x", "w", "a"], "y", vec![])],
            vec![zeros("w", &[4, 4]), zeros("a", &[1000, 4])],
            "node `y` (Gemm): the shape",
        ),
        // The lengths are computed, and each tensor is small for its own.
        (
            &[1],
            vec![
                node("Mul", &["a", "a"], "b", vec![]),
                node("Mul", &["b", "b"], "c", vec![]),
                node("ConstantOfShape", &["c"], "y", vec![]),
            ],
            vec![numbers("a", &[100])],
            "node `y` (ConstantOfShape): expected at most 16777216 values of a row up to here, found 100000003",
        ),
        (&[1 << 20], relus(20, "x"), vec![], "node `relu16` (Relu): expected at most 16777216 values"),
        (&[64, 128, 128], convs(8), vec![zeros("w", &[64, 64, 3, 3])], "multiplications for a row up to here"),
        (
            &[4],
            gemms(1001),
            vec![zeros("w", &[4, 4])],
            "node `gemm1001` (Gemm): expected at most 1000 layers, found 1001",
        ),
        (
            &[1, 8, 8],
            vec![node("MaxPool", &["x"], "y", vec![ints("kernel_shape", &[1 << 20; 2]), ints("pads", &[1 << 20; 4])])],
            vec![],
            "expected at most 16777216 values of a row",
        ),
        (
            &[1, 8, 8],
            vec![node("Conv", &["x", "w"], "y", vec![int("group", 0)])],
            vec![zeros("w", &[1, 1, 3, 3])],
            "do not fit",
        ),
        (
            &[1, 8, 8],
            vec![node("Conv", &["x", "w"], "y", vec![ints("strides", &[0, 1])])],
            vec![zeros("w", &[1, 1, 3, 3])],
            "do not",
        ),
        (&[4], vec![node("Transpose", &["x"], "y", vec![ints("perm", &[0, 0])])], vec![], "its inputs do not fit"),
        (&[4], vec![node("Reshape", &["x", "a"], "y", vec![])], vec![numbers("a", &[1 << 62, 1 << 62])], "do not fit"),
        (&[8], vec![node("Gather", &["x", "a"], "y", vec![int("axis", 1)])], vec![numbers("a", &[8])], "do not fit"),
        (&[4], vec![node("NonZero", &["x"], "y", vec![])], vec![], "cannot be said before it runs, so it is refused"),
        (&[4], squares(), vec![numbers("i", &[0])], "node `s13` (Mul): expected at most 12 computations with a length"),
        // A square of the batch: its rows ask for more the more there are.
        (
            &[4096],
            vec![
                node("Transpose", &["x"], "t", vec![]),
                node("Unsqueeze", &["x", "one"], "u", vec![]),
                node("Expand", &["u", "many"], "e", vec![]),
                node("MatMul", &["x", "t"], "y", vec![]),
                node("Tile", &["y", "tiles"], "z", vec![]),
            ],
            vec![numbers("one", &[1]), numbers("many", &[1, 1, 4096]), numbers("tiles", &[200, 400])],
            "node `z` (Tile): expected at most",
        ),
    ];
    for (row, nodes, constants, expected) in cases {
        let error = asked(row, nodes, constants).map(|(rows, _)| rows).expect_err(expected);
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn what_networks_ask_for_is_granted_and_counted() {
    let small = asked(&[4], vec![node("Gemm", &["x", "w"], "y", vec![])], vec![zeros("w", &[4, 3])]).unwrap();
    assert_eq!(small, (32, Demand { values: 4 + 3, scratch: 0, work: 12 + 12, layers: 1 }));
    let conv = vec![node("Conv", &["x", "w"], "y", vec![ints("pads", &[1; 4]), ints("strides", &[2; 2])])];
    let (rows, conv) = asked(&[3, 32, 32], conv, vec![zeros("w", &[8, 3, 3, 3])]).unwrap();
    assert_eq!((rows, conv.values, conv.work), (32, 3 * 32 * 32 + 8 * 16 * 16, 8 * 16 * 16 * 27));
    // Long rows are computed few at a time.
    let (rows, _) = asked(&[1 << 22], vec![node("Relu", &["x"], "y", vec![])], vec![]).unwrap();
    assert_eq!(rows, 2);
}

#[test]
fn shapes_that_a_graph_computes_are_followed() {
    // As PyTorch writes `x.view(x.shape[0], -1)`.
    let nodes = vec![
        node("Shape", &["x"], "shape", vec![]),
        node("Gather", &["shape", "zero"], "first", vec![]),
        node("Unsqueeze", &["first", "zeros"], "batch", vec![]),
        node("Concat", &["batch", "rest"], "wanted", vec![int("axis", 0)]),
        node("Reshape", &["x", "wanted"], "flat", vec![]),
        node("Gemm", &["flat", "w"], "y", vec![]),
    ];
    let mut zero = numbers("zero", &[0]);
    zero.dims.clear();
    let constants = vec![zero, numbers("zeros", &[0]), numbers("rest", &[-1]), zeros("w", &[12, 5])];
    let (rows, found) = asked(&[3, 4], nodes, constants).unwrap();
    assert_eq!((rows, found.layers, found.values), (32, 1, 12 + 3 + 1 + 1 + 2 + 12 + 5));
}

//! Which graphs are read as networks, and what those compute.

use onnx::{
    AttributeProto, DataType, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, ValueInfoProto,
};

use super::{Network, read};
use crate::engine::request::Request;
use crate::engine::signature::{Batch, Layout, Signature};
use crate::limits::Limits;

pub(super) const ANY: Layout = Layout { before: 0, batch: Batch::Any };

/// The network that computes the graph's outputs of rows of `x`.
pub(super) fn network(model: &ModelProto, row_shape: &[usize], layout: Layout) -> Result<Network, String> {
    let outputs = &model.graph.as_ref().unwrap().output;
    let wanted: Vec<_> = outputs.iter().map(|output| output.name.clone()).enumerate().collect();
    let input = &Signature { name: "x".into(), row_shape: row_shape.into(), is_bytes: false };
    read(&Request { model, input, layout, wanted: &wanted, limits: &Limits::default() }).map(|(network, _)| network)
}

pub(super) fn node(op_type: &str, inputs: &[&str], output: &str, attributes: Vec<AttributeProto>) -> NodeProto {
    NodeProto {
        op_type: op_type.into(),
        input: inputs.iter().map(ToString::to_string).collect(),
        output: vec![output.into()],
        attribute: attributes,
        ..Default::default()
    }
}

pub(super) fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.into(), i: Some(i), r#type: 2, ..Default::default() }
}

pub(super) fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto { name: name.into(), ints: ints.into(), r#type: 7, ..Default::default() }
}

pub(super) fn text(name: &str, s: &str) -> AttributeProto {
    AttributeProto { name: name.into(), s: Some(s.into()), r#type: 3, ..Default::default() }
}

pub(super) fn floats(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    TensorProto {
        name: name.into(),
        dims: dims.into(),
        data_type: DataType::Float.into(),
        raw_data,
        ..Default::default()
    }
}

pub(super) fn numbers(name: &str, values: &[i64]) -> TensorProto {
    let (dims, int64_data) = (vec![values.len() as i64], values.to_vec());
    TensorProto { name: name.into(), dims, data_type: DataType::Int64.into(), int64_data, ..Default::default() }
}

pub(super) fn model(nodes: Vec<NodeProto>, initializer: Vec<TensorProto>, outputs: &[&str]) -> ModelProto {
    let output = outputs.iter().map(|name| ValueInfoProto { name: name.to_string(), ..Default::default() }).collect();
    ModelProto {
        opset_import: vec![OperatorSetIdProto { version: 17, ..Default::default() }],
        graph: Some(GraphProto { node: nodes, initializer, output, ..Default::default() }),
        ..Default::default()
    }
}

/// `x -> max(2 a - b + 1, 0)` of rows `[a, b]`.
fn linear() -> ModelProto {
    let nodes =
        vec![node("Gemm", &["x", "w", "b"], "sum", vec![int("transB", 1)]), node("Relu", &["sum"], "y", vec![])];
    model(nodes, vec![floats("w", &[1, 2], &[2., -1.]), floats("b", &[1], &[1.])], &["y"])
}

fn found(model: &ModelProto) -> Result<Network, String> {
    network(model, &[2], ANY)
}

fn changed(change: impl FnOnce(&mut ModelProto, &mut GraphProto)) -> Result<Network, String> {
    let mut model = linear();
    let mut graph = model.graph.take().unwrap();
    change(&mut model, &mut graph);
    model.graph = Some(graph);
    found(&model)
}

#[test]
fn a_linear_layer_and_its_activation_are_found() {
    let mut out = [0.; 3];
    found(&linear()).unwrap().run(&[1., 0., 0., 2., 0.5, 0.5], [0], [&mut out]);
    assert_eq!(out, [3., 0., 1.5]);

    let transposed = changed(|_, graph| {
        graph.node[0].attribute.clear();
        graph.initializer[0].dims = vec![2, 1];
    });
    transposed.unwrap().run(&[1., 0., 0., 2., 0.5, 0.5], [0], [&mut out]);
    assert_eq!(out, [3., 0., 1.5]);
}

#[test]
fn what_other_exporters_write_is_read_too() {
    let run = |network: Result<Network, String>| {
        let mut out = [0.; 3];
        network.unwrap().run(&[1., 0., 0., 2., 0.5, 0.5], [0], [&mut out]);
        out
    };
    let plain = run(found(&linear()));
    let constants = changed(|_, graph| {
        for tensor in graph.initializer.drain(..) {
            let value =
                AttributeProto { name: "value".into(), t: Some(tensor.clone()), r#type: 4, ..Default::default() };
            graph.node.insert(0, node("Constant", &[], &tensor.name, vec![value]));
        }
    });
    assert_eq!(run(constants), plain);
    let renamed = changed(|_, graph| {
        graph.node[0].input[0] = "same".into();
        graph.node.insert(0, node("Identity", &["x"], "same", vec![]));
    });
    assert_eq!(run(renamed), plain);
    let with_more = changed(|_, graph| graph.node.push(node("Mish", &["x"], "unread", vec![])));
    assert_eq!(run(with_more), plain);
    let unbiased = changed(|_, graph| graph.node[0].input.truncate(2));
    assert_eq!(run(unbiased), [2., 0., 0.5]);
}

#[test]
fn a_shape_with_a_fixed_batch_is_read_where_the_batch_is_fixed() {
    let fixed = |rows| Layout { before: 0, batch: Batch::Fixed(rows) };
    for (shape, layout, taken) in [
        (&[-1, 2][..], ANY, true),
        (&[0, 2], ANY, true),
        (&[0, -1], ANY, true),
        (&[0, 1, -1, 2], ANY, true),
        (&[1, 2], ANY, false),
        (&[1, 2], fixed(1), true),
        (&[4, -1], fixed(4), true),
        (&[4, 2], fixed(1), false),
        (&[-1, -1], fixed(1), false),
        (&[0, -1, -1], ANY, false),
        (&[0, -1, 3], ANY, false),
    ] {
        let nodes = vec![node("Gemm", &["x", "w"], "sum", vec![]), node("Reshape", &["sum", "shape"], "y", vec![])];
        let model = model(nodes, vec![floats("w", &[2, 2], &[0.; 4]), numbers("shape", shape)], &["y"]);
        assert_eq!(network(&model, &[2], layout).is_ok(), taken, "{shape:?}, {layout:?}");
    }
}

#[test]
fn what_could_mean_something_else_is_left_to_tract() {
    assert!(changed(|_, _| ()).is_ok());
    assert!(changed(|model, _| model.opset_import[0].version = 30).is_err());
    assert!(changed(|_, graph| graph.node[0].domain = "mine".into()).is_err());
    assert!(changed(|_, graph| graph.node[0].attribute.push(int("unknown", 1))).is_err());
    assert!(changed(|_, graph| graph.node[0].attribute.push(int("transA", 1))).is_err());
    assert!(changed(|_, graph| graph.node[0].attribute[0].i = Some(2)).is_err(), "neither turned nor not");
    assert!(changed(|_, graph| graph.node[0].attribute[0].r#type = 1).is_err(), "a float");
    assert!(changed(|_, graph| graph.initializer[1].raw_data.push(0)).is_err());
    assert!(changed(|_, graph| graph.node[1].op_type = "Mish".into()).is_err());
    assert!(changed(|_, graph| graph.node[1].output[0] = "sum".into()).is_err());
    assert!(changed(|_, graph| graph.initializer[0].dims = vec![2, 1]).is_err());
    assert!(changed(|_, graph| graph.initializer[0].dims = vec![-1, -2]).is_err());
    assert!(changed(|_, graph| graph.initializer[1].raw_data.truncate(3)).is_err());
    assert!(changed(|_, graph| graph.node.truncate(1)).is_err());
    let read_twice = changed(|_, graph| graph.output.push(ValueInfoProto { name: "sum".into(), ..Default::default() }));
    assert!(read_twice.is_err(), "ReLU must not overwrite an output");
}

#[test]
fn a_refusal_names_the_node_and_what_there_are_kernels_for() {
    let refusal = |change: fn(&mut ModelProto, &mut GraphProto)| changed(change).err().unwrap();
    assert_eq!(refusal(|_, graph| graph.node[1].op_type = "Mish".into()), "node `y` (Mish): no kernel for it");
    assert_eq!(
        refusal(|_, graph| {
            graph.node[0].name = "encoder.0".into();
            graph.node[0].attribute.push(int("transA", 1));
        }),
        "node `encoder.0` (Gemm): no kernel for it, only for products of rows and constant weights plus a constant bias"
    );
    assert_eq!(
        refusal(|_, graph| {
            graph.node[1] = graph.node[0].clone();
            graph.output[0].name = "sum".into();
        }),
        "node `sum` (Gemm): its output `sum` has the name of another value"
    );
    assert_eq!(
        refusal(|_, graph| graph.node.truncate(1)),
        "output `y`: expected values of a layer that no other reads"
    );
    assert_eq!(
        refusal(|model, _| model.opset_import[0].version = 30),
        "there are kernels for opsets 13 to 21, found 30"
    );
}

#[test]
fn a_name_that_stands_for_two_values_is_left_to_tract() {
    for (name, taken) in [("sum", false), ("y", false), ("w", false), ("unread", true)] {
        let network = changed(|_, graph| graph.initializer.push(floats(name, &[1], &[0.])));
        assert_eq!(network.is_ok(), taken, "{name}");
    }
}

#[test]
fn two_outputs_share_their_layers_and_one_is_enough() {
    let layer = |input, output| node("Gemm", &[input, "w", "b"], output, vec![int("transB", 1)]);
    let nodes = vec![layer("x", "hidden"), layer("hidden", "y"), layer("hidden", "z")];
    let model = model(nodes, vec![floats("w", &[1, 1], &[2.]), floats("b", &[1], &[1.])], &["y", "z"]);
    let network = network(&model, &[1], ANY).unwrap();
    let (mut y, mut z) = ([0.; 2], [0.; 2]);
    network.run(&[0., 1.], [0, 1], [&mut y, &mut z]);
    assert_eq!((y, z), ([3., 7.], [3., 7.]));
    z = [0.; 2];
    network.run(&[0., 1.], [1], [&mut z]);
    assert_eq!(z, [3., 7.]);
}

#[test]
fn images_are_convolved_pooled_enlarged_and_cut() {
    let nodes = vec![
        node("Reshape", &["x", "image"], "a", vec![]),
        node("Conv", &["a", "w", "b"], "c", vec![ints("kernel_shape", &[1, 1])]),
        node("Pad", &["c", "down"], "d", vec![text("mode", "edge")]),
        node("Pad", &["d", "right"], "e", vec![text("mode", "edge")]),
        node("MaxPool", &["e"], "f", vec![ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])]),
        node(
            "Resize",
            &["f", "", "scales"],
            "g",
            vec![text("coordinate_transformation_mode", "asymmetric"), text("nearest_mode", "floor")],
        ),
        node("Slice", &["g", "start", "end", "axis"], "h", vec![]),
        node("Flatten", &["h"], "y", vec![]),
    ];
    let constants = vec![
        numbers("image", &[-1, 1, 3, 3]),
        floats("w", &[1, 1, 1, 1], &[10.]),
        floats("b", &[1], &[1.]),
        numbers("down", &[0, 0, 0, 0, 0, 0, 1, 0]),
        numbers("right", &[0, 0, 0, 0, 0, 0, 0, 1]),
        floats("scales", &[4], &[1., 1., 2., 2.]),
        numbers("start", &[0]),
        numbers("end", &[3]),
        numbers("axis", &[2]),
    ];
    let model = model(nodes, constants, &["y"]);
    let network = network(&model, &[9], ANY).unwrap();
    let mut out = [0.; 12];
    network.run(&[1., 2., 3., 4., 5., 6., 7., 8., 9.], [0], [&mut out]);
    assert_eq!(out, [51., 51., 61., 61., 51., 51., 61., 61., 81., 81., 91., 91.]);
}

#[test]
fn a_convolution_that_needs_too_much_memory_is_left_to_tract() {
    for (window, width, taken) in [(3, 100, true), (31, 100, true), (101, 1000, false), (31, 100_000, false)] {
        let pad = (window / 2) as i64;
        let convolution = node("Conv", &["a", "w", "b"], "c", vec![ints("pads", &[pad; 4])]);
        let nodes =
            vec![node("Reshape", &["x", "image"], "a", vec![]), convolution, node("Flatten", &["c"], "y", vec![])];
        let constants = vec![
            numbers("image", &[-1, 4, 1, width as i64]),
            floats("w", &[1, 4, window as i64, window as i64], &vec![0.; 4 * window * window]),
            floats("b", &[1], &[0.]),
        ];
        let model = model(nodes, constants, &["y"]);
        let network = network(&model, &[4 * width], ANY);
        assert_eq!(network.is_ok(), taken, "{window} x {window} on 1 x {width}");
    }
}

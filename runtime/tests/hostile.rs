//! Small graphs that ask for much memory or time are refused at once.
#![cfg(feature = "tract")]
#![allow(clippy::unwrap_used)]

mod support;

use std::time::{Duration, Instant};

use onnx::{
    AttributeProto, AttributeType, DataType, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    ValueInfoProto,
};
use runtime::{Encoder, Limits};
use support::Folder;

fn node(op_type: &str, inputs: &[&str], output: &str, attribute: Vec<AttributeProto>) -> NodeProto {
    NodeProto {
        op_type: op_type.into(),
        input: inputs.iter().map(ToString::to_string).collect(),
        output: vec![output.into()],
        attribute,
        ..Default::default()
    }
}

fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.into(), i: Some(value), r#type: AttributeType::Int.into(), ..Default::default() }
}

fn numbers(name: &str, dims: &[i64], values: &[i64]) -> TensorProto {
    let (dims, int64_data) = (dims.to_vec(), values.to_vec());
    TensorProto { name: name.into(), dims, data_type: DataType::Int64.into(), int64_data, ..Default::default() }
}

fn floats(name: &str, values: &[f32]) -> TensorProto {
    let (dims, float_data) = (vec![values.len() as i64], values.to_vec());
    TensorProto { name: name.into(), dims, data_type: DataType::Float.into(), float_data, ..Default::default() }
}

/// The file of a graph from `x`, `[batch, 8]`, to `y`.
fn file(node: Vec<NodeProto>, initializer: Vec<TensorProto>) -> Vec<u8> {
    let [input, output] = ["x", "y"].map(|name| vec![ValueInfoProto::f32(name, &["batch", "8"])]);
    let model = ModelProto {
        ir_version: 8,
        opset_import: vec![OperatorSetIdProto { version: 17, ..Default::default() }],
        graph: Some(GraphProto { name: "graph".into(), node, initializer, input, output, ..Default::default() }),
        ..Default::default()
    };
    model.to_bytes()
}

/// The file of a graph that takes some GiB.
fn resize() -> Vec<u8> {
    let nodes = vec![
        node("Reshape", &["x", "shape"], "image", vec![]),
        node("Resize", &["image", "", "scales"], "large", vec![]),
        node("ReduceMax", &["large"], "sum", vec![int("keepdims", 0)]),
        node("Add", &["x", "sum"], "y", vec![]),
    ];
    file(nodes, vec![numbers("shape", &[4], &[-1, 1, 1, 8]), floats("scales", &[1., 1., 1., 16_777_216.])])
}

/// Why a graph is refused; quickly.
fn refusal(bytes: &[u8]) -> String {
    let start = Instant::now();
    let error = Encoder::from_bytes(bytes).err().unwrap().to_string();
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}: {error}", start.elapsed());
    assert!(!error.contains('\n'), "{error}");
    error
}

#[test]
fn a_chain_that_doubles_its_values_is_refused() {
    let names: Vec<String> = (0..27).map(|index| format!("v{index}")).collect();
    let mut nodes = vec![node("Relu", &["x"], "v0", vec![])];
    for pair in names.windows(2) {
        nodes.push(node("Concat", &[&pair[0], &pair[0]], &pair[1], vec![int("axis", 1)]));
    }
    nodes.push(node("Relu", &["v26"], "y", vec![]));
    let error = refusal(&file(nodes, vec![]));
    assert!(error.contains("(Concat): expected at most 16777216 values of a row up to here, found "), "{error}");
}

#[test]
fn a_range_and_a_resize_by_large_constants_are_refused() {
    let scalar = |name: &str, value| numbers(name, &[], &[value]);
    let range = vec![
        node("Range", &["start", "end", "step"], "range", vec![]),
        node("Cast", &["range"], "floats", vec![int("to", 1)]),
        node("ReduceSum", &["floats"], "sum", vec![int("keepdims", 0)]),
        node("Add", &["x", "sum"], "y", vec![]),
    ];
    let error = refusal(&file(range, vec![scalar("start", 0), scalar("end", 1 << 27), scalar("step", 1)]));
    assert!(error.contains("node `range` (Range): expected at most 16777216 values"), "{error}");

    let error = refusal(&resize());
    assert!(error.contains("node `large` (Resize): expected at most 16777216 values"), "{error}");
}

#[test]
fn a_hundred_thousand_nodes_are_refused() {
    let names: Vec<String> = (0..100_000).map(|index| format!("v{index}")).collect();
    let mut nodes = vec![node("Softplus", &["x"], "v0", vec![])];
    nodes.extend(names.windows(2).map(|pair| node("Softplus", &[&pair[0]], &pair[1], vec![])));
    nodes.push(node("Softplus", &["v99999"], "y", vec![]));
    let error = refusal(&file(nodes, vec![]));
    assert!(error.contains("expected at most 10000 nodes, found 100001"), "{error}");
}

#[test]
fn a_limit_can_be_raised_by_its_name() {
    let relus = file(vec![node("Softplus", &["x"], "a", vec![]), node("Softplus", &["a"], "y", vec![])], vec![]);
    let mut limits = Limits::default();
    limits.nodes = 1;
    let error = Encoder::from_bytes_within(&relus, &limits).err().unwrap().to_string();
    assert_eq!(error, "encoder: expected at most 1 nodes, found 2; the limit `nodes` can be raised");
    // tract takes a quarter as many.
    limits.nodes = 8;
    assert!(Encoder::from_bytes_within(&relus, &limits).is_ok());
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_of_its_own_ends_for_what_it_asks_and_not_the_program() {
    let folder = Folder::new();
    let bytes = resize();
    let manifest = serde_json::json!({
        "format_version": 1,
        "input": {"name": "x", "row_shape": [8]},
        "latent": {"name": "y", "row_shape": [8]},
        "reconstruction": {"name": "y", "row_shape": [8]},
        "files": {"encoder.onnx": {"bytes": bytes.len(), "sha256": bundle::sha256(&bytes)}},
    });
    std::fs::create_dir(folder.path("bomb")).unwrap();
    folder.write("bomb/encoder.onnx", bytes);
    folder.write("bomb/model.json", manifest.to_string());
    folder.write("rows.csv", "1,2,3,4,5,6,7,8\n");
    let error = folder.fail(&["encode", "bomb", "rows.csv", "--isolated"]);
    assert!(error.contains("node `large` (Resize): expected at most 16777216 values"), "{error}");
    let error = folder.fail(&["encode", "bomb", "rows.csv", "--limit", "operators=any", "--limit", "memory=128MiB"]);
    let expected =
        "error: ended by signal 6, for more than 128 MiB of memory or a fault; --limit memory=256MiB allows more";
    assert_eq!(error, expected);
    // What is usual runs there as elsewhere.
    folder.write("pixels.csv", support::pixels(3));
    let (plain, _) = folder.succeed(&["encode", "run/onnx", "pixels.csv"]);
    assert_eq!(folder.succeed(&["encode", "run/onnx", "pixels.csv", "--isolated"]).0, plain);
}

//! Graphs that are not what they claim.

use onnx::{GraphProto, NodeProto, OperatorSetIdProto, ValueInfoProto};

use super::*;

/// Rows of two values to their softplus, which the file claims to have `width` values.
fn softplus(width: i64) -> Result<Graph> {
    let rows = |name, width: i64| ValueInfoProto::f32(name, &["batch", &width.to_string()]);
    let node = NodeProto {
        input: vec!["x".into()],
        output: vec!["y".into()],
        name: "act".into(),
        op_type: "Softplus".into(),
        ..Default::default()
    };
    let (input, output) = (rows("x", 2), rows("y", width));
    let model = ModelProto {
        ir_version: 8,
        opset_import: vec![OperatorSetIdProto { version: 17, ..Default::default() }],
        graph: Some(GraphProto { node: vec![node], input: vec![input], output: vec![output], ..Default::default() }),
        ..Default::default()
    };
    let file = GraphFile { name: "encoder", bytes: &model.to_bytes(), limits: &Limits::default() };
    Graph::read(file, &Tensors::default())
}

#[cfg(feature = "tract")]
#[test]
fn the_width_that_a_file_claims_for_its_output_is_not_law() {
    let view = MatrixView::from(&[0.; 4][..]);
    for width in [2, 3, 1 << 46, i64::MAX] {
        let [two] = softplus(width).unwrap().run(view, [0]).unwrap();
        assert_eq!(two.as_slice(), [2f32.ln(); 4], "{width}");
    }
}

#[cfg(feature = "tract")]
#[test]
fn an_output_that_there_is_no_memory_for_is_an_error() {
    let wide = Signature { name: "y".into(), row_shape: vec![1 << 46], is_bytes: false };
    let error = softplus(2).unwrap().zeros(2, &wide).unwrap_err();
    let expected = "encoder: there is no memory for 2 rows of `y`, [batch, 70368744177664]";
    assert_eq!(error.to_string(), expected);
}

#[cfg(not(feature = "tract"))]
#[test]
fn without_tract_the_node_that_has_no_kernel_is_named() {
    let error = softplus(2).err().unwrap();
    assert_eq!(error.to_string(), "encoder: node `act` (Softplus): no kernel for it; build with the feature `tract`");
}

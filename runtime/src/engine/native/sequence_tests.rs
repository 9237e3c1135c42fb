//! Which graphs on sequences are read as networks, and what those compute.

use onnx::{AttributeProto, ModelProto, NodeProto, TensorProto};

use super::tests::{ANY, floats, int, ints, model, network, node, numbers, text};
use crate::engine::signature::{Batch, Layout};

const STEPS: usize = 3;
const INPUTS: usize = 2;
const UNITS: usize = 5;

/// Numbers between -0.5 and 0.5.
fn noise(count: usize, seed: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 37 + seed * 101) % 64) as f32 / 63. - 0.5).collect()
}

fn weights() -> [TensorProto; 3] {
    let gates = 4 * UNITS as i64;
    [
        floats("w", &[1, gates, INPUTS as i64], &noise(4 * UNITS * INPUTS, 1)),
        floats("r", &[1, gates, UNITS as i64], &noise(4 * UNITS * UNITS, 2)),
        floats("b", &[1, 2 * gates], &noise(8 * UNITS, 3)),
    ]
}

/// The states after each step, by the formulas of the operator: gates in the order input, output, forget, cell.
fn states(x: &[f32]) -> Vec<f32> {
    let (w, r, b) = (noise(4 * UNITS * INPUTS, 1), noise(4 * UNITS * UNITS, 2), noise(8 * UNITS, 3));
    let (mut state, mut cell, mut all) = (vec![0f64; UNITS], vec![0f64; UNITS], vec![]);
    for step in x.chunks_exact(INPUTS) {
        let sum = |row: usize| {
            let input: f64 = (0..INPUTS).map(|i| f64::from(w[row * INPUTS + i]) * f64::from(step[i])).sum();
            let before: f64 = (0..UNITS).map(|i| f64::from(r[row * UNITS + i]) * state[i]).sum();
            input + before + f64::from(b[row]) + f64::from(b[4 * UNITS + row])
        };
        let sigmoid = |x: f64| 1. / (1. + (-x).exp());
        let next: Vec<(f64, f64)> = (0..UNITS)
            .map(|unit| {
                let [input, output, forget] = [0, 1, 2].map(|gate| sigmoid(sum(gate * UNITS + unit)));
                let cell = forget * cell[unit] + input * sum(3 * UNITS + unit).tanh();
                (output * cell.tanh(), cell)
            })
            .collect();
        (state, cell) = next.into_iter().unzip();
        all.extend(state.iter().map(|&value| value as f32));
    }
    all
}

fn transpose(from: &str, to: &str, perm: &[i64]) -> NodeProto {
    node("Transpose", &[from], to, vec![ints("perm", perm)])
}

/// The first state as PyTorch and the exporter write it.
fn first_state() -> Vec<NodeProto> {
    vec![
        node("Shape", &["x"], "shape", vec![]),
        node("Slice", &["shape", "zero", "one"], "batch", vec![]),
        node("Concat", &["one", "batch", "units"], "size", vec![int("axis", 0)]),
        node("Expand", &["nothing", "size"], "state", vec![]),
    ]
}

fn lstm(outputs: &[&str], attributes: Vec<AttributeProto>) -> NodeProto {
    let inputs = ["steps", "w", "r", "b", "", "state", "state"];
    let output = outputs.iter().map(ToString::to_string).collect();
    NodeProto { output, ..node("LSTM", &inputs, "", [vec![int("hidden_size", UNITS as i64)], attributes].concat()) }
}

/// `x` `[batch, steps, inputs]` through an LSTM, and on by `nodes`.
fn recurrent(lstm: NodeProto, nodes: Vec<NodeProto>) -> ModelProto {
    let mut all = first_state();
    all.extend([transpose("x", "steps", &[1, 0, 2]), lstm]);
    all.extend(nodes);
    let mut constants = weights().to_vec();
    constants.extend([
        numbers("zero", &[0]),
        numbers("one", &[1]),
        numbers("minus", &[-1]),
        numbers("all", &[i64::MAX]),
        TensorProto { dims: vec![], ..numbers("last", &[-1]) },
        numbers("units", &[UNITS as i64]),
        floats("nothing", &[1], &[0.]),
    ]);
    model(all, constants, &["y"])
}

fn read(model: &ModelProto) -> Result<super::Network, String> {
    network(model, &[STEPS, INPUTS], ANY)
}

fn check(model: &ModelProto, expected: impl Fn(&[f32]) -> Vec<f32>) {
    let network = read(model).unwrap();
    for rows in [1, 2, 9] {
        let x = noise(rows * STEPS * INPUTS, 4);
        let expected: Vec<f32> = x.chunks_exact(STEPS * INPUTS).flat_map(|row| expected(&states(row))).collect();
        let mut found = vec![f32::NAN; expected.len()];
        network.run(&x, [0], [&mut found]);
        let worst = found.iter().zip(&expected).fold(0f32, |worst, (a, b)| worst.max((a - b).abs()));
        assert!(worst < 1e-6, "{rows} rows: off by {worst}");
    }
}

/// The states with the batch first again.
fn all_states(to: &str) -> Vec<NodeProto> {
    vec![node("Squeeze", &["states", "one"], "squeezed", vec![]), transpose("squeezed", to, &[1, 0, 2])]
}

#[test]
fn an_lstm_gives_all_states_or_the_last() {
    let last = |states: &[f32]| states[(STEPS - 1) * UNITS..].to_vec();
    check(&recurrent(lstm(&["states"], vec![]), all_states("y")), <[f32]>::to_vec);
    let sliced = [
        all_states("sequence"),
        vec![
            node("Slice", &["sequence", "minus", "all", "one"], "kept", vec![]),
            node("Squeeze", &["kept", "one"], "y", vec![]),
        ],
    ];
    check(&recurrent(lstm(&["states"], vec![]), sliced.concat()), last);
    let picked = [all_states("sequence"), vec![node("Gather", &["sequence", "last"], "y", vec![int("axis", 1)])]];
    check(&recurrent(lstm(&["states", "", ""], vec![]), picked.concat()), last);
    let own_output = vec![node("Squeeze", &["h", "zero"], "y", vec![])];
    check(&recurrent(lstm(&["unread", "h", "c"], vec![]), own_output), last);
}

#[test]
fn an_lstm_that_means_something_else_is_left_to_tract() {
    let refused = |change: fn(&mut ModelProto)| {
        let mut model = recurrent(lstm(&["states"], vec![]), all_states("y"));
        change(&mut model);
        read(&model).is_err()
    };
    fn nodes(model: &mut ModelProto) -> &mut Vec<NodeProto> {
        &mut model.graph.as_mut().unwrap().node
    }
    fn the_lstm(model: &mut ModelProto) -> &mut NodeProto {
        nodes(model).iter_mut().find(|node| node.op_type == "LSTM").unwrap()
    }
    fn constant<'a>(model: &'a mut ModelProto, name: &str) -> &'a mut TensorProto {
        model.graph.as_mut().unwrap().initializer.iter_mut().find(|tensor| tensor.name == name).unwrap()
    }
    assert!(!refused(|_| ()));
    assert!(!refused(|model| the_lstm(model).attribute.push(text("direction", "forward"))));
    assert!(!refused(|model| the_lstm(model).input.truncate(4)), "without a first state it is zero");
    assert!(refused(|model| the_lstm(model).attribute.push(text("direction", "reverse"))));
    assert!(refused(|model| the_lstm(model).attribute.push(int("input_forget", 1))));
    assert!(refused(|model| the_lstm(model).attribute.push(int("layout", 1))));
    assert!(refused(|model| the_lstm(model).attribute.push(int("clip", 1))));
    assert!(refused(|model| the_lstm(model).input[4] = "one".into()), "lengths of the sequences");
    assert!(refused(|model| the_lstm(model).input.push("b".into())), "peepholes");
    assert!(refused(|model| the_lstm(model).input[0] = "x".into()), "batch first");
    assert!(refused(|model| *constant(model, "nothing") = floats("nothing", &[1], &[1.])), "a state of ones");
    assert!(refused(|model| constant(model, "b").dims = vec![8, UNITS as i64]));
    assert!(refused(|model| constant(model, "r").dims = vec![2, 2 * UNITS as i64, UNITS as i64]), "both directions");
    assert!(refused(|model| {
        the_lstm(model).output = vec!["states".into(), "h".into()];
        nodes(model).push(node("Identity", &["h"], "z", vec![]));
        model.graph.as_mut().unwrap().output.push(onnx::ValueInfoProto { name: "z".into(), ..Default::default() });
    }));
    assert!(refused(|model| nodes(model).last_mut().unwrap().attribute[0].ints = vec![0, 1, 2]), "steps first");
    assert!(refused(|model| nodes(model).last_mut().unwrap().attribute[0].ints = vec![1, 0]));
}

#[test]
fn a_row_is_repeated_and_multiplied_at_every_step() {
    let nodes = vec![
        node("Unsqueeze", &["x", "one"], "row", vec![]),
        node("Mul", &["row", "ones"], "sequence", vec![]),
        node("MatMul", &["sequence", "w"], "sum", vec![]),
        node("Add", &["b", "sum"], "y", vec![]),
    ];
    let constants = vec![
        numbers("one", &[1]),
        floats("ones", &[1, 2, 1], &[1., 1.]),
        floats("w", &[2, 3], &[1., 2., 3., 10., 20., 30.]),
        floats("b", &[3], &[0.5, 0., 0.]),
    ];
    let run = |nodes, constants| {
        let mut y = [0.; 6];
        network(&model(nodes, constants, &["y"]), &[2], ANY).map(|network| {
            network.run(&[1., 2.], [0], [&mut y]);
            y
        })
    };
    assert_eq!(run(nodes.clone(), constants.clone()), Ok([21.5, 42., 63., 21.5, 42., 63.]));
    let refused = |change: fn(&mut Vec<NodeProto>, &mut Vec<TensorProto>)| {
        let (mut nodes, mut constants) = (nodes.clone(), constants.clone());
        change(&mut nodes, &mut constants);
        run(nodes, constants).is_err()
    };
    assert!(!refused(|_, constants| constants[3].dims = vec![1, 1, 3]));
    assert!(refused(|_, constants| constants[3].dims = vec![3, 1]), "a bias for each step");
    assert!(refused(|_, constants| constants[3].dims = vec![1, 1, 1, 3]), "one more dimension");
    assert!(refused(|_, constants| constants[1] = floats("ones", &[1, 2, 1], &[1., 2.])));
    // What is no bias of the product is added by itself.
    let (mut twice, mut behind) = (nodes.clone(), nodes.clone());
    twice[3].output[0] = "first".into();
    twice.push(node("Add", &["first", "b"], "y", vec![]));
    assert_eq!(run(twice, constants.clone()), Ok([22., 42., 63., 22., 42., 63.]));
    behind[3] = node("Relu", &["sum"], "positive", vec![]);
    behind.push(node("Add", &["positive", "b"], "y", vec![]));
    assert_eq!(run(behind, constants.clone()), Ok([21.5, 42., 63., 21.5, 42., 63.]));
}

#[test]
fn steps_are_picked_only_where_axis_one_is_the_first_of_a_row() {
    let nodes =
        vec![node("Slice", &["x", "from", "to", "axis"], "kept", vec![]), node("MatMul", &["kept", "w"], "y", vec![])];
    let constants =
        vec![numbers("from", &[-2]), numbers("to", &[9]), numbers("axis", &[1]), floats("w", &[1, 1], &[10.])];
    let model = model(nodes, constants, &["y"]);
    let mut y = [0.; 4];
    network(&model, &[3, 1], ANY).unwrap().run(&[1., 2., 3., 4., 5., 6.], [0], [&mut y]);
    assert_eq!(y, [20., 30., 50., 60.]);
    for layout in [Layout { before: 1, batch: Batch::Any }, Layout { before: 0, batch: Batch::Single }] {
        assert!(network(&model, &[3, 1], layout).is_err(), "{layout:?}");
    }
}

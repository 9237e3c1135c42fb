//! What the exporter promises besides correct numbers: errors that name the layer, names, memory, time.

use candle_core::{Device, Tensor};
use candle_nn::{Conv2d, Linear, Module};
use exporter::{Model, ToOnnx};

use crate::case::weight;

fn error_of(layer: &impl ToOnnx, dims: impl exporter::IntoDims) -> String {
    let traced = Model::build("test", 17, |graph| {
        let x = graph.input("x", dims)?;
        let y = graph.apply("body", layer, x)?;
        graph.output("y", y)
    });
    traced.unwrap_err().to_string()
}

#[test]
fn a_shape_that_does_not_fit_names_layer_expected_and_found() {
    let conv = Conv2d::new(weight(&[6, 4, 3, 3], 1.), None, Default::default());
    let error = error_of(&conv, ("batch", 3, 8, 8));
    assert_eq!(error, r#"layer `body`: Conv expected 4 input channels, found 3 in ["batch", "3", "8", "8"]"#);
    let error = error_of(&conv, ("batch", 4, 2, 8));
    assert_eq!(error, "layer `body`: Conv expected at least 3 elements along axis 2, found 2");
    for (stride, dilation, groups) in [(0, 1, 1), (1, 0, 1), (1, 1, 0)] {
        let config = candle_nn::Conv2dConfig { stride, dilation, groups, ..Default::default() };
        let conv = Conv2d::new(weight(&[6, 4, 3, 3], 1.), None, config);
        assert!(error_of(&conv, ("batch", 4, 8, 8)).contains("from 1, found 0"));
    }
    let empty = Conv2d::new(
        Tensor::zeros((6, 4, 0, 3), candle_core::DType::F32, &Device::Cpu).unwrap(),
        None,
        Default::default(),
    );
    assert!(error_of(&empty, ("batch", 4, 8, 8)).contains("a weight of some elements"));
    let linear = Linear::new(weight(&[6, 4], 1.), None);
    assert_eq!(
        error_of(&linear, ("batch", 5)),
        r#"layer `body`: Linear expected 4 input features, found ["batch", "5"]"#
    );
    let nested = (Linear::new(weight(&[6, 4], 1.), None), Linear::new(weight(&[6, 5], 1.), None));
    assert_eq!(
        error_of(&nested, ("batch", 4)),
        r#"layer `body.1`: Linear expected 5 input features, found ["batch", "6"]"#
    );
}

#[test]
fn the_usual_mistakes_are_told_with_what_to_do() {
    let linear = Linear::new(weight(&[3, 64], 1.), None);
    let error = error_of(&linear, ("batch", 4, 4, 4));
    let expected = r#"layer `body`: Linear expected 64 input features, found ["batch", "4", "4", "4"]; `flatten_from(x, 1)` makes 64 of it"#;
    assert_eq!(error, expected);
    let conv = Conv2d::new(weight(&[6, 3, 3, 3], 1.), None, Default::default());
    let error = error_of(&conv, ("batch", 28, 28, 3));
    assert!(
        error.ends_with("its channels seem to stand last: `permute(x, &[0, 3, 1, 2])` puts them second"),
        "{error}"
    );
    let words = candle_nn::Embedding::new(weight(&[50, 8], 1.), 8);
    let error = error_of(&words, ("batch", "length"));
    assert!(error.starts_with("layer `body`: Embedding expected indices in I64, found F32 of"), "{error}");
    assert!(error.contains("`input_of(ElementType::I64, ..)`"), "{error}");
    let error = Model::trace(&linear).build().unwrap_err().to_string();
    assert!(error.contains("`.input("), "{error}");
    let double = Linear::new(weight(&[3, 4], 1.).to_dtype(candle_core::DType::F64).unwrap(), None);
    let error = error_of(&double, ("batch", 4));
    assert!(error.contains("F64 in `body.weight`; `to_dtype(DType::F32)` converts it"), "{error}");
}

#[test]
fn what_no_output_needs_is_left_out_and_inner_shapes_are_written() {
    let model = Model::build("test", 17, |graph| {
        let x = graph.input("x", ("batch", 4))?;
        let unused = graph.initializer("unused", &weight(&[4], 1.))?;
        graph.mul(x, unused)?;
        let y = graph.relu(x)?;
        let z = graph.unsqueeze(y, 2)?;
        graph.output("z", z)
    })
    .unwrap();
    assert_eq!((model.operators(), model.initializers()), (vec!["Relu", "Unsqueeze"], vec!["/axes"]));
    let read = onnx::ModelProto::from_bytes(&model.to_bytes()).unwrap().graph.unwrap();
    assert_eq!(read.value_info.len(), 1, "{:?}", read.value_info);
    assert_eq!(read.value_info[0].name, "Relu_output");
}

#[test]
fn operators_refuse_what_onnx_would_refuse_later() {
    let refused = |build: fn(&mut exporter::GraphBuilder, exporter::Value) -> exporter::Result<exporter::Value>| {
        let built = Model::build("test", 17, |graph| {
            let x = graph.input("x", ("batch", 6))?;
            let y = build(graph, x)?;
            graph.output("y", y)
        });
        built.unwrap_err().to_string()
    };
    assert!(refused(|g, x| g.reshape(x, (x.dim(0), 7))).contains("Reshape expected as many elements as"));
    assert!(refused(|g, x| g.reshape(x, (5, 6))).contains("Reshape expected"));
    assert!(refused(|g, x| g.narrow(x, 1, usize::MAX, 2)).contains("at most"));
    assert!(refused(|g, x| g.reshape(x, (x.dim(0), 6, 0))).contains("lengths from 1"));
    assert!(refused(|g, x| g.narrow(x, 1, 4, 3)).contains("Slice expected at most 6 elements along axis 1"));
    assert!(
        refused(|g, x| g.sum(x, 2))
            .contains(r#"ReduceSum expected 3 dimensions for this axis, found ["batch", "6"], which has 2"#)
    );
    assert!(refused(|g, x| g.max_pool2d(x, 2)).contains("MaxPool expected [batch, channels, height, width]"));
    assert!(refused(|g, x| g.squeeze(x, 1)).contains("Squeeze expected length 1 along axis 1"));
    assert!(refused(|g, x| g.permute(x, &[0, 0])).contains("Transpose expected a permutation"));
    assert!(refused(|g, x| g.gather(x, x, 1)).contains("GatherElements expected I64, found F32"));
    assert!(refused(|g, x| g.where_cond(x, x, x)).contains("Where expected Bool, found F32"));
    assert!(refused(|g, x| g.cat(&[], 1).and(Ok(x))).contains("Concat expected one value or more"));
    let broadcast = refused(|g, x| {
        let other = g.constant(&Tensor::zeros(5, candle_core::DType::F32, &Device::Cpu)?)?;
        g.add(x, other)
    });
    assert_eq!(broadcast, r#"Add expected a shape that broadcasts with ["batch", "6"], found ["5"]"#);
}

#[test]
fn symbols_pass_through_and_what_is_unknown_is_said_so() {
    let model = Model::build("test", 17, |graph| {
        let x = graph.input("x", ("batch", 4, "length"))?;
        let conv = candle_nn::Conv1d::new(
            weight(&[6, 4, 3], 1.),
            None,
            candle_nn::Conv1dConfig { padding: 1, ..Default::default() },
        );
        let same = graph.apply("same", &conv, x)?;
        assert_eq!(graph.describe(same), ["batch", "6", "length"]);
        let conv = candle_nn::Conv1d::new(weight(&[6, 6, 3], 1.), None, Default::default());
        let shorter = graph.apply("shorter", &conv, same)?;
        assert_eq!(graph.describe(shorter), ["batch", "6", "length - 2"]);
        graph.output("y", shorter)
    });
    let x = weight(&[2, 4, 9], 1.);
    let (shape, _) = crate::case::run_tract(&model.unwrap().to_bytes(), &[x]).unwrap();
    assert_eq!(shape, [2, 6, 7]);
}

#[test]
fn lengths_made_alike_of_a_symbol_are_equal() {
    let conv = |kernel: usize, stride, padding| {
        let config = candle_nn::Conv2dConfig { stride, padding, ..Default::default() };
        Conv2d::new(weight(&[4, 4, kernel, kernel], 0.5), None, config)
    };
    let (body, skip) = (conv(3, 2, 1), conv(1, 2, 0));
    let model = Model::build("residual", 17, |graph| {
        let x = graph.input("x", ("batch", 4, "height", "width"))?;
        let y = graph.apply("body", &body, x)?;
        let z = graph.apply("skip", &skip, x)?;
        let sum = graph.add(y, z)?;
        // Padding and cutting the same amount gives the first shape again.
        let padded = graph.pad_with_zeros(sum, 2, 1, 1)?;
        let padded = graph.pad_with_zeros(padded, 3, 1, 1)?;
        let back = graph.apply("back", &conv(3, 1, 0), padded)?;
        let y = graph.add(back, sum)?;
        graph.output("y", y)
    });
    let bytes = model.unwrap().to_bytes();
    for (height, width) in [(9, 6), (8, 8)] {
        let x = weight(&[2, 4, height, width], 1.);
        let sum = (body.forward(&x).unwrap() + skip.forward(&x).unwrap()).unwrap();
        let back = conv(3, 1, 1).forward(&sum).unwrap();
        let expected = (back + sum).unwrap();
        let (shape, found) = crate::case::run_tract(&bytes, &[x]).unwrap();
        assert_eq!(shape, expected.dims());
        assert!(crate::case::relative_difference(&found, &crate::case::values(&expected)) < crate::case::TOLERANCE);
    }
}

#[test]
fn a_value_of_another_graph_is_refused() {
    let mut other = None;
    Model::build("first", 17, |graph| {
        let x = graph.input("x", ("batch", 4))?;
        other = Some(x);
        graph.output("y", x)
    })
    .unwrap();
    let error = Model::build("second", 17, |graph| {
        graph.input("x", ("batch", 4))?;
        let y = graph.relu(other.unwrap())?;
        graph.output("y", y)
    });
    assert!(error.unwrap_err().to_string().contains("a value of another graph"));
}

#[test]
fn element_types_are_held_to() {
    let integers = |build: fn(&mut exporter::GraphBuilder, exporter::Value) -> exporter::Result<exporter::Value>| {
        let built = Model::build("test", 17, |graph| {
            let x = graph.input_of(exporter::ElementType::I64, "x", ("batch", 4))?;
            let y = build(graph, x)?;
            graph.output("y", y)
        });
        built.unwrap_err().to_string()
    };
    assert!(
        integers(|g, x| g.apply("l", &Linear::new(weight(&[6, 4], 1.), None), x)).contains("expected F32, found I64")
    );
    assert!(integers(|g, x| g.softmax(x, 1)).contains("expected F32"));
    assert!(integers(|g, x| g.mean(x, 1)).contains("expected F32"));
    let bools = integers(|g, x| {
        let same = g.eq(x, x)?;
        g.add(same, same)
    });
    assert!(bools.contains("expected F32 or I64, found Bool"), "{bools}");
    let conv = Conv2d::new(weight(&[6, 4, 3, 3], 1.), Some(weight(&[5], 1.)), Default::default());
    assert!(error_of(&conv, ("batch", 4, 8, 8)).contains("a bias of 6"));
    let swiglu = candle_nn::Activation::Swiglu;
    assert!(error_of(&swiglu, ("batch", 5)).contains("an even number of features"));
}

#[test]
fn several_inputs_and_outputs_keep_their_names() {
    let model = Model::build("pair", 17, |graph| {
        let a = graph.input("a", ("batch", 3))?;
        let b = graph.input("b", ("batch", 3))?;
        let sum = graph.add(a, b)?;
        let product = graph.mul(sum, b)?;
        graph.output("sum", sum)?;
        graph.output("product", product)?;
        graph.output("again", sum)
    })
    .unwrap();
    assert_eq!(model.operators(), ["Add", "Mul", "Identity"]);
    let inputs = [weight(&[2, 3], 1.), weight(&[2, 3], 2.)];
    let found = crate::case::run_tract_all(&model.to_bytes(), &inputs).unwrap();
    let sum = (&inputs[0] + &inputs[1]).unwrap();
    let product = (&sum * &inputs[1]).unwrap();
    let expected = [&sum, &product, &sum].map(|tensor| (vec![2, 3], crate::case::values(tensor)));
    assert_eq!(found, expected);
    let error = Model::build("pair", 17, |graph| {
        let a = graph.input("a", ("batch", 3))?;
        graph.output("a", a)
    });
    assert!(error.unwrap_err().to_string().contains("the name `a` is used twice"));
}

#[test]
fn a_model_of_two_gibibytes_is_refused() {
    // 131,072 rows that are all the same one: 2 GiB to write, 16 KiB in memory.
    let row = Tensor::zeros((1, 4096), candle_core::DType::F32, &Device::Cpu).unwrap();
    let large = row.expand((131_072, 4096)).unwrap();
    let built = Model::build("large", 17, |graph| {
        let x = graph.input("x", ("batch", 4096))?;
        let weight = graph.initializer("weight", &large)?;
        let y = graph.gemm(exporter::Gemm { x, weight, bias: None })?;
        graph.output("y", y)
    });
    let error = built.unwrap_err().to_string();
    assert!(error.contains("expected less than 2 GiB, found 2147"), "{error}");
}

#[test]
fn files_are_the_same_from_memory_and_to_disk_for_views_too() {
    // A transposed view is not contiguous.
    let view = weight(&[4, 6], 1.).t().unwrap();
    let linear = Linear::new(view, None);
    let model = Model::trace(&linear).input("x", ("batch", 4)).build().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("view.onnx");
    model.save(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert!(bytes == model.to_bytes() && bytes.len() == model.len());
    let x = weight(&[3, 4], 1.);
    let (_, found) = crate::case::run_tract(&bytes, std::slice::from_ref(&x)).unwrap();
    let expected = crate::case::values(&linear.forward(&x).unwrap());
    assert!(crate::case::relative_difference(&found, &expected) < crate::case::TOLERANCE);
}

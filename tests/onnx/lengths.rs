//! Lengths that are known only when the model runs: one graph for every batch, length, height and width.

use candle_core::{D, DType, Device, Tensor};
use candle_nn::{Module, VarBuilder};
use exporter::{Dim, GraphBuilder, Model, Value};
use tract_onnx::prelude::{DatumExt, Framework, InferenceModelExt, IntoRunnable, Tensor as TractTensor, tvec};

use crate::case::{Case, Input, TOLERANCE, case, layer, relative_difference, run_tract, values, weight};
use crate::layers::variables;

const SEQUENCE: Input = Input::Symbolic(&[6, 8], 0);

/// Builds a graph once, and compares it with candle at inputs of each of these shapes.
fn at_every_size(
    dims: &[&str],
    sizes: &[&[usize]],
    build: impl Fn(&mut GraphBuilder, Value) -> exporter::Result<Value>,
    forward: impl Fn(&Tensor) -> candle_core::Result<Tensor>,
) {
    compare((dims, sizes), |bytes, x| run_tract(bytes, std::slice::from_ref(x)), build, forward);
}

/// The same, with a way to run tract.
fn compare(
    (dims, sizes): (&[&str], &[&[usize]]),
    run: impl Fn(&[u8], &Tensor) -> tract_onnx::prelude::TractResult<(Vec<usize>, Vec<f32>)>,
    build: impl Fn(&mut GraphBuilder, Value) -> exporter::Result<Value>,
    forward: impl Fn(&Tensor) -> candle_core::Result<Tensor>,
) {
    for opset in [13, 17, 21] {
        let model = Model::build("any", opset, |graph| {
            let number = |dim: &&str| dim.parse::<usize>().map_or_else(|_| (*dim).into(), Into::into);
            let x = graph.input("x", dims.iter().map(number).collect::<Vec<exporter::DimSpec>>())?;
            let y = build(graph, x)?;
            graph.output("y", y)
        })
        .unwrap();
        let bytes = model.to_bytes();
        exporter::check(&bytes).unwrap();
        for size in sizes {
            let x = weight(size, 2.);
            let expected = forward(&x).unwrap();
            let (shape, found) = run(&bytes, &x).unwrap_or_else(|error| panic!("opset {opset}, {size:?}: {error:#}"));
            assert_eq!(shape, expected.dims(), "opset {opset}, {size:?}");
            assert!(relative_difference(&found, &values(&expected)) <= TOLERANCE, "opset {opset}, {size:?}");
        }
    }
}

fn two() -> Dim {
    2.into()
}

#[test]
fn rows_are_joined_and_parted_again() {
    let matrix = weight(&[8, 5], 0.5);
    let build = |graph: &mut GraphBuilder, x: Value| {
        let rows = graph.product(&[x.dim(0), x.dim(1)])?;
        let flat = graph.reshape(x, (rows, 8))?;
        let weight = graph.initializer("weight", &matrix)?;
        let y = graph.matmul(flat, weight)?;
        graph.reshape(y, (x.dim(0), x.dim(1), 5))
    };
    let forward = |x: &Tensor| {
        let (batch, length, width) = x.dims3()?;
        x.reshape((batch * length, width))?.matmul(&matrix)?.reshape((batch, length, 5))
    };
    at_every_size(&["batch", "length", "8"], &[&[1, 1, 8], &[4, 7, 8], &[2, 33, 8]], build, forward);
    case("operator/reshape to rows and back", SEQUENCE, build, forward).check();
}

#[test]
fn heads_of_attention_hide_what_follows_at_any_length() {
    let build = |graph: &mut GraphBuilder, x: Value| {
        let heads = graph.reshape(x, (x.dim(0), x.dim(1), 2, 4))?;
        let heads = graph.transpose(heads, 1, 2)?;
        let turned = graph.transpose(heads, 2, 3)?;
        let scores = graph.matmul(heads, turned)?;
        let mask = graph.causal_mask(x.dim(1))?;
        let scores = graph.add(scores, mask)?;
        let weights = graph.softmax(scores, D::Minus1)?;
        let y = graph.matmul(weights, heads)?;
        let y = graph.transpose(y, 1, 2)?;
        graph.flatten_from(y, 2)
    };
    let forward = |x: &Tensor| {
        let (batch, length, _) = x.dims3()?;
        let heads = x.reshape((batch, length, 2, 4))?.transpose(1, 2)?.contiguous()?;
        let scores = heads.matmul(&heads.t()?)?;
        let mask: Vec<f32> =
            (0..length * length).map(|i| if i % length > i / length { f32::NEG_INFINITY } else { 0. }).collect();
        let mask = Tensor::from_vec(mask, (length, length), &Device::Cpu)?;
        let weights = candle_nn::ops::softmax(&scores.broadcast_add(&mask)?, D::Minus1)?;
        weights.matmul(&heads)?.transpose(1, 2)?.flatten_from(2)
    };
    at_every_size(&["batch", "length", "8"], &[&[1, 1, 8], &[3, 7, 8]], build, forward);
    case("operator/causal_mask", SEQUENCE, build, forward).check();
}

#[test]
fn places_are_made_in_the_graph() {
    let table = weight(&[40, 8], 1.);
    let build = |graph: &mut GraphBuilder, x: Value| {
        let table = graph.initializer("places", &table)?;
        let first = graph.narrow(table, 0, 0, x.dim(1))?;
        let places = graph.arange(x.dim(1))?;
        let picked = graph.index_select(table, places, 0)?;
        let sum = graph.add(first, picked)?;
        graph.add(x, sum)
    };
    let forward = |x: &Tensor| x.broadcast_add(&(table.narrow(0, 0, x.dim(1)?)? * 2.)?);
    at_every_size(&["batch", "length", "8"], &[&[1, 1, 8], &[3, 40, 8]], build, forward);
    case("operator/narrow and arange by a length", SEQUENCE, build, forward).check();
}

#[test]
fn a_token_is_put_before_every_sequence() {
    let token = weight(&[1, 1, 8], 1.);
    let build = |graph: &mut GraphBuilder, x: Value| {
        let token = graph.initializer("token", &token)?;
        let token = graph.expand(token, (x.dim(0), 1, 8))?;
        let y = graph.cat(&[token, x], 1)?;
        let longer = graph.plus(x.dim(1), 1)?;
        assert_eq!(y.dim(1), longer);
        // A length is a number too: the mean over it.
        let sum = graph.sum_keepdim(y, 1)?;
        let length = graph.length(longer)?;
        let length = graph.cast(length, exporter::ElementType::F32)?;
        let mean = graph.div(sum, length)?;
        graph.sub(y, mean)
    };
    let forward = |x: &Tensor| {
        let y = Tensor::cat(&[&token.expand((x.dim(0)?, 1, 8))?, x], 1)?;
        y.broadcast_sub(&y.mean_keepdim(1)?)
    };
    at_every_size(&["batch", "length", "8"], &[&[1, 1, 8], &[3, 9, 8]], build, forward);
    case("operator/expand and a length as a number", SEQUENCE, build, forward).check();
}

#[test]
fn what_is_cut_may_begin_at_a_length() {
    let build = |graph: &mut GraphBuilder, x: Value| {
        let last = graph.plus(x.dim(1), -1)?;
        let error = graph.narrow(x, 1, last, 2).unwrap_err().to_string();
        assert_eq!(error, "Slice expected at most length elements along axis 1, found 2 from length - 1");
        let longer = graph.plus(x.dim(1), 1)?;
        let error = graph.narrow(x, 1, 1, longer).unwrap_err().to_string();
        assert_eq!(error, "Slice expected at most length elements along axis 1, found length + 1 from 1");
        let doubled = graph.product(&[x.dim(1), two()])?;
        assert!(graph.narrow(x, 1, 0, doubled).is_err());
        let last = graph.narrow(x, 1, last, 1)?;
        let pair = graph.stack(&[last, last], D::Minus1)?;
        let first = graph.narrow(x, 1, 0, 1)?;
        let first = graph.unsqueeze(first, D::Minus1)?;
        graph.sub(pair, first)
    };
    let forward = |x: &Tensor| {
        let last = x.narrow(1, x.dim(1)? - 1, 1)?;
        let first = x.narrow(1, 0, 1)?.unsqueeze(D::Minus1)?;
        Tensor::stack(&[&last, &last], D::Minus1)?.broadcast_sub(&first)
    };
    at_every_size(&["batch", "length", "8"], &[&[1, 1, 8], &[3, 9, 8]], build, forward);
    case("operator/narrow from a length, stack and unsqueeze behind", SEQUENCE, build, forward).check();
}

#[test]
fn a_length_is_at_least_what_is_stated() {
    Model::build("bounds", 17, |graph| {
        let x = graph.input("x", ("batch", "length", 8))?;
        graph.at_least(x.dim(1), 4)?;
        graph.at_least(x.dim(2), 8)?;
        let error = graph.at_least(x.dim(2), 9).unwrap_err().to_string();
        assert_eq!(error, "Shape expected at least 9, found 8");
        graph.output("y", x)
    })
    .unwrap();
    let trace = Model::trace(&candle_nn::Activation::Relu).input("x", ("batch", "length"));
    let error = trace.at_least("lenght", 2).build().unwrap_err().to_string();
    assert_eq!(error, r#"Shape expected one of the lengths ["batch", "length"], found "lenght""#);
}

#[test]
fn a_length_that_is_even_is_halved() {
    let build = |graph: &mut GraphBuilder, x: Value| {
        let error = graph.quotient(x.dim(1), 2).unwrap_err().to_string();
        assert!(error.contains("`multiple_of`") && error.ends_with("found length"), "{error}");
        graph.multiple_of(x.dim(1), 2)?;
        let half = graph.quotient(x.dim(1), 2)?;
        let pairs = graph.reshape(x, (x.dim(0), half, 16))?;
        assert_eq!(graph.describe(pairs), ["batch", "length / 2", "16"]);
        let y = graph.relu(pairs)?;
        graph.reshape(y, (x.dim(0), half, 2, 8))
    };
    let forward = |x: &Tensor| x.relu()?.reshape((x.dim(0)?, x.dim(1)? / 2, 2, 8));
    let sizes: &[&[usize]] = &[&[1, 2, 8], &[3, 10, 8]];
    compare((&["batch", "length", "8"], sizes), run_tract_at, build, forward);
    let reason = "it cannot know that a length is a multiple of a number; with fixed shapes it runs it";
    Case { not_in_tract: Some(reason), ..case("operator/quotient of an even length", SEQUENCE, build, forward) }
        .check();
}

/// tract, told the shape of its input before it prepares the graph.
fn run_tract_at(bytes: &[u8], x: &Tensor) -> tract_onnx::prelude::TractResult<(Vec<usize>, Vec<f32>)> {
    let model = tract_onnx::onnx().model_for_read(&mut &bytes[..])?;
    let plan = model.with_input_fact(0, f32::fact(x.dims()).into())?.into_optimized()?.into_runnable()?;
    let outputs = plan.run(tvec!(TractTensor::from_shape(x.dims(), &values(x))?.into()))?;
    let output = outputs[0].cast_to::<f32>()?;
    Ok((output.shape().to_vec(), output.try_as_plain_ram()?.as_slice::<f32>()?.to_vec()))
}

#[test]
fn lengths_that_are_known_to_be_equal_are_told() {
    let build = |graph: &mut GraphBuilder| {
        let a = graph.input("a", ("batch", "length", 8))?;
        let b = graph.input("b", ("batch", "places", 8))?;
        assert!(graph.add(a, b).is_err());
        let told = graph.with_equal_dims(b, (a.dim(0), a.dim(1), 8))?;
        let y = graph.add(a, told)?;
        assert_eq!(graph.describe(y), ["batch", "length", "8"]);
        for wrong in [vec![a.dim(0), a.dim(1), Dim::Fixed(4)], vec![a.dim(0), a.dim(1)]] {
            let error = graph.with_equal_dims(b, wrong.into_iter().map(Into::into).collect::<Vec<_>>()).unwrap_err();
            let expected = r#"Shape expected lengths that ["batch", "places", "8"] may have, found ["batch", "length""#;
            assert!(error.to_string().starts_with(expected), "{error}");
        }
        graph.output("y", y)
    };
    assert_eq!(Model::build("equal", 17, build).unwrap().operators(), ["Add"]);
}

#[test]
fn images_of_any_size_are_enlarged() {
    let build = |graph: &mut GraphBuilder, x: Value| {
        let (height, width) = (graph.product(&[x.dim(2), two()])?, graph.product(&[x.dim(3), two()])?);
        let enlarged = graph.upsample_nearest2d(x, height, width)?;
        let shuffled = graph.pixel_shuffle(x, 2)?;
        graph.add(enlarged, shuffled)
    };
    let forward = |x: &Tensor| {
        let (_, _, height, width) = x.dims4()?;
        x.upsample_nearest2d(2 * height, 2 * width)?.broadcast_add(&candle_nn::ops::pixel_shuffle(x, 2)?)
    };
    at_every_size(&["batch", "4", "height", "width"], &[&[1, 4, 3, 5], &[2, 4, 8, 1]], build, forward);
    case("operator/pixel_shuffle and upsample_nearest2d", Input::Symbolic(&[4, 3, 5], 1), build, forward).check();
}

#[test]
fn sequences_are_enlarged_and_turned_at_any_length() {
    let angles = weight(&[40, 4], 3.);
    let build = |graph: &mut GraphBuilder, x: Value| {
        let [cos, sin] = [angles.cos()?, angles.sin()?];
        let (cos, sin) = (graph.initializer("cos", &cos)?, graph.initializer("sin", &sin)?);
        let (cos, sin) = (graph.narrow(cos, 0, 0, x.dim(1))?, graph.narrow(sin, 0, 0, x.dim(1))?);
        let y = graph.unsqueeze(x, 1)?;
        let y = graph.rope(y, cos, sin)?;
        let y = graph.squeeze(y, 1)?;
        let y = graph.transpose(y, 1, 2)?;
        let size = graph.product(&[x.dim(1), two()])?;
        graph.upsample_nearest1d(y, size)
    };
    let forward = |x: &Tensor| {
        let (batch, length, _) = x.dims3()?;
        let [cos, sin] = [angles.cos()?, angles.sin()?].map(|table| table.narrow(0, 0, length));
        let y = candle_nn::rotary_emb::rope(&x.reshape((batch, 1, length, 8))?, &cos?, &sin?)?;
        y.squeeze(1)?.t()?.contiguous()?.upsample_nearest1d(2 * length)
    };
    at_every_size(&["batch", "length", "8"], &[&[1, 1, 8], &[3, 9, 8]], build, forward);
    case("operator/rope and upsample_nearest1d", SEQUENCE, build, forward).check();
}

#[test]
fn rotary_embeddings_of_pairs_and_with_heads_last() {
    let angles = weight(&[40, 4], 3.);
    let build = |graph: &mut GraphBuilder, x: Value| {
        let (cos, sin) = (graph.initializer("cos", &angles.cos()?)?, graph.initializer("sin", &angles.sin()?)?);
        let heads = graph.unsqueeze(x, 1)?;
        let pairs = graph.rope_i(heads, cos, sin)?;
        let heads = graph.transpose(heads, 1, 2)?;
        let heads = graph.rope_thd(heads, cos, sin)?;
        let heads = graph.transpose(heads, 1, 2)?;
        graph.cat(&[pairs, heads], 1)
    };
    let forward = |x: &Tensor| {
        let heads = x.unsqueeze(1)?;
        let pairs = candle_nn::rotary_emb::rope_i(&heads, &angles.cos()?, &angles.sin()?)?;
        let heads = heads.transpose(1, 2)?.contiguous()?;
        let heads = candle_nn::rotary_emb::rope_thd(&heads, &angles.cos()?, &angles.sin()?)?;
        Tensor::cat(&[pairs, heads.transpose(1, 2)?], 1)
    };
    at_every_size(&["batch", "length", "8"], &[&[1, 1, 8], &[3, 9, 8]], build, forward);
    case("operator/rope_i and rope_thd", SEQUENCE, build, forward).check();
}

#[test]
fn sequences_of_any_length_are_cut_rolled_and_joined() {
    let build = |graph: &mut GraphBuilder, x: Value| {
        let half = graph.quotient(x.dim(1), 2)?;
        let parts = graph.chunk(x, 2, 1)?;
        assert_eq!(graph.describe(parts[1]), ["batch", "length / 2", "8"]);
        let end = graph.narrow(x, 1, half, half)?;
        let swapped = graph.cat(&[end, parts[0]], 1)?;
        assert_eq!(swapped.dim(1), x.dim(1));
        let rolled = graph.roll(x, 1, 1)?;
        let back = graph.roll(rolled, -2, 1)?;
        let y = graph.sub(swapped, back)?;
        let both = graph.cat(&[y, parts[1]], 1)?;
        assert_eq!(graph.describe(both)[1], "3 * (length / 2)");
        assert_eq!(both.dim(1), graph.total(&[half, x.dim(1)])?);
        Ok(both)
    };
    let stated = |graph: &mut GraphBuilder, x: Value| {
        assert!(graph.chunk(x, 2, 1).is_err());
        graph.multiple_of(x.dim(1), 2)?;
        build(graph, x)
    };
    let forward = |x: &Tensor| {
        let parts = x.chunk(2, 1)?;
        let swapped = Tensor::cat(&[&parts[1], &parts[0]], 1)?;
        Tensor::cat(&[(swapped - x.roll(1, 1)?.roll(-2, 1)?)?, parts[1].clone()], 1)
    };
    compare((&["batch", "length", "8"], &[&[1, 2, 8], &[3, 10, 8]]), run_tract_at, stated, forward);
    let reason = "it cannot know that a length is a multiple of a number; with fixed shapes it runs it";
    let sequence = case("operator/chunk, roll and cat of any length", SEQUENCE, stated, forward);
    Case { not_in_tract: Some(reason), ..sequence }.check();
}

#[test]
fn images_of_any_size_are_enlarged_smoothly() {
    let build = |graph: &mut GraphBuilder, x: Value| {
        let (height, width) = (graph.product(&[x.dim(2), two()])?, graph.product(&[x.dim(3), 3.into()])?);
        graph.upsample_bilinear2d(x, height, width)
    };
    let forward = |x: &Tensor| {
        let (_, _, height, width) = x.dims4()?;
        x.upsample_bilinear2d(2 * height, 3 * width, false)
    };
    at_every_size(&["batch", "4", "height", "width"], &[&[1, 4, 3, 5], &[2, 4, 8, 2]], build, forward);
    case("operator/upsample_bilinear2d of any size", Input::Symbolic(&[4, 3, 5], 1), build, forward).check();
}

#[test]
fn windows_of_windows_fit_what_is_enlarged_again() {
    let kernel = weight(&[4, 4, 4, 4], 0.3);
    let up = candle_nn::ConvTranspose2d::new(
        kernel.clone(),
        None,
        candle_nn::ConvTranspose2dConfig { padding: 1, stride: 2, ..Default::default() },
    );
    let build = |graph: &mut GraphBuilder, x: Value| {
        // Twice halved before it is known to divide, as in a U-Net.
        let half = graph.avg_pool2d(x, 2)?;
        let quarter = graph.avg_pool2d(half, 2)?;
        graph.multiple_of(x.dim(2), 4)?;
        graph.multiple_of(x.dim(3), 4)?;
        let y = graph.apply("up", &up, quarter)?;
        let y = graph.add(y, half)?;
        let y = graph.apply("again", &up, y)?;
        graph.add(y, x)
    };
    let forward = |x: &Tensor| {
        let half = x.avg_pool2d(2)?;
        let y = (up.forward(&half.avg_pool2d(2)?)? + half)?;
        up.forward(&y)? + x
    };
    compare((&["batch", "4", "height", "width"], &[&[1, 4, 4, 8], &[2, 4, 12, 4]]), run_tract_at, build, forward);
}

#[test]
fn group_norm_takes_any_height_and_width() {
    let map = variables(&[("weight", &[6]), ("bias", &[6])]);
    let vb = VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu);
    let norm = candle_nn::group_norm(3, 6, 1e-5, vb.clone()).unwrap();
    let exported = exporter::GroupNorm::new(3, 6, 1e-5, vb.clone()).unwrap();
    let build = |graph: &mut GraphBuilder, x: Value| graph.apply("norm", &exported, x);
    at_every_size(&["batch", "6", "height", "width"], &[&[1, 6, 2, 3], &[2, 6, 5, 4]], build, |x: &Tensor| {
        norm.forward(x)
    });
    layer("layer/GroupNorm of any height", Input::Symbolic(&[6, 4, 3], 1), &exported, |x| norm.forward(x)).check();
    for groups in [0, 4] {
        let error = exporter::GroupNorm::new(groups, 6, 1e-5, vb.pp("block.norm")).unwrap_err().to_string();
        assert!(error.starts_with("layer `block.norm`: GroupNormalization expected groups of 6 channels"), "{error}");
    }
}

#[test]
fn a_dimension_of_another_graph_is_refused() {
    let mut other = None;
    Model::build("first", 17, |graph| {
        let x = graph.input("x", ("batch", "length"))?;
        other = Some(x.dim(1));
        graph.output("y", x)
    })
    .unwrap();
    // A value of it is refused too, whatever its dimensions.
    Model::build("second", 17, |graph| {
        let x = graph.input("x", ("batch", 4))?;
        let foreign = Model::build("third", 17, |other| {
            let y = other.input("y", ("a", "b", "c"))?;
            let error = graph.add(x, y).unwrap_err().to_string();
            assert!(error.contains("another graph"), "{error}");
            other.output("z", y)
        });
        foreign.and(graph.output("y", x))
    })
    .unwrap();
    let error = Model::build("second", 17, |graph| {
        let x = graph.input("x", ("batch", 4))?;
        graph.reshape(x, (x.dim(0), other.unwrap(), 4)).map(drop)
    })
    .unwrap_err()
    .to_string();
    assert!(error.contains("a dimension of another graph"), "{error}");
}

#[test]
fn a_graph_of_20000_nodes_is_built_in_a_second() {
    let start = std::time::Instant::now();
    let model = Model::build("deep", 17, |graph| {
        let mut x = graph.input("x", ("batch", 4))?;
        for _ in 0..20_000 {
            x = graph.relu(x)?;
        }
        graph.output("y", x)
    })
    .unwrap();
    assert_eq!(model.operators().len(), 20_000);
    assert!(start.elapsed().as_secs_f64() < 1., "{:?}", start.elapsed());
}

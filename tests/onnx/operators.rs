//! Every operator of `GraphBuilder`.

use candle_core::{D, DType, Device, Tensor};
use exporter::{ElementType, GraphBuilder, Pool, Value};

use crate::case::{Case, Input, TOLERANCE, case, weight};

const ROW: Input = Input::Any(&[3, 4]);
const IMAGE: Input = Input::Any(&[2, 6, 8]);

macro_rules! unary {
    ($($test:ident: $input:expr, $operator:ident, $forward:expr;)+) => {
        $(
            #[test]
            fn $test() {
                case(concat!("operator/", stringify!($operator)), $input, |g, x| g.$operator(x), $forward).check();
            }
        )+
    };
}

unary! {
    relu: ROW, relu, |x| x.relu();
    sigmoid: ROW, sigmoid, candle_nn::ops::sigmoid;
    tanh: ROW, tanh, |x| x.tanh();
    exp: ROW, exp, |x| x.exp();
    log: Input::Positive(&[3, 4]), log, |x| x.log();
    sqrt: Input::Positive(&[3, 4]), sqrt, |x| x.sqrt();
    abs: ROW, abs, |x| x.abs();
    neg: ROW, neg, |x| x.neg();
    recip: Input::Positive(&[3, 4]), recip, |x| x.recip();
    erf: ROW, erf, |x| x.erf();
    sin: ROW, sin, |x| x.sin();
    cos: ROW, cos, |x| x.cos();
    floor: ROW, floor, |x| x.floor();
    sign: ROW, sign, |x| x.sign();
    round: ROW, round, |x| x.round();
    ceil: ROW, ceil, |x| x.ceil();
    softplus: ROW, softplus, |x| (x.exp()? + 1.)?.log();
    sqr: ROW, sqr, |x| x.sqr();
    silu: ROW, silu, |x| x.silu();
    gelu: ROW, gelu, |x| x.gelu();
    gelu_erf: ROW, gelu_erf, |x| x.gelu_erf();
    mish: ROW, mish, candle_nn::ops::mish;
    hard_sigmoid: ROW, hard_sigmoid, candle_nn::ops::hard_sigmoid;
}

/// A case with two inputs of the given dimensions after the batch.
fn binary<'a>(
    name: &'a str,
    inputs: [Input<'a>; 2],
    build: impl Fn(&mut GraphBuilder, Value, Value) -> exporter::Result<Value> + 'a,
    forward: impl Fn(&Tensor, &Tensor) -> candle_core::Result<Tensor> + 'a,
) -> Case<'a> {
    Case {
        name,
        inputs: inputs.to_vec(),
        build: Box::new(move |graph, x| build(graph, x[0], x[1])),
        forward: Box::new(move |x| forward(&x[0], &x[1])),
        tolerance: TOLERANCE,
        not_in_tract: None,
    }
}

#[test]
fn arithmetic_broadcasts() {
    let inputs = [Input::Any(&[3, 4]), Input::Positive(&[1, 4])];
    binary("operator/add", inputs, |g, a, b| g.add(a, b), |a, b| a.broadcast_add(b)).check();
    binary("operator/sub", inputs, |g, a, b| g.sub(a, b), |a, b| a.broadcast_sub(b)).check();
    binary("operator/mul", inputs, |g, a, b| g.mul(a, b), |a, b| a.broadcast_mul(b)).check();
    binary("operator/div", inputs, |g, a, b| g.div(a, b), |a, b| a.broadcast_div(b)).check();
    binary("operator/maximum", inputs, |g, a, b| g.maximum(a, b), |a, b| a.broadcast_maximum(b)).check();
    binary("operator/minimum", inputs, |g, a, b| g.minimum(a, b), |a, b| a.broadcast_minimum(b)).check();
    let inputs = [Input::Positive(&[3, 4]), Input::Any(&[1, 4])];
    binary("operator/pow", inputs, |g, a, b| g.pow(a, b), |a, b| a.broadcast_pow(b)).check();
}

#[test]
fn comparisons_broadcast() {
    macro_rules! comparison {
        ($name:literal, $operator:ident, $candle:ident) => {
            binary(
                concat!("operator/", $name),
                // Indices below 3 are often equal.
                [Input::Index(&[3, 4], 3), Input::Index(&[1, 4], 3)],
                |g, a, b| {
                    let (a, b) = (g.cast(a, ElementType::F32)?, g.cast(b, ElementType::F32)?);
                    let holds = g.$operator(a, b)?;
                    g.cast(holds, ElementType::F32)
                },
                |a, b| a.$candle(b),
            )
            .check();
        };
    }
    comparison!("eq", eq, broadcast_eq);
    comparison!("ne", ne, broadcast_ne);
    comparison!("gt", gt, broadcast_gt);
    comparison!("ge", ge, broadcast_ge);
    comparison!("lt", lt, broadcast_lt);
    comparison!("le", le, broadcast_le);
}

#[test]
fn where_cond() {
    let build = |g: &mut GraphBuilder, a: Value, b: Value| {
        let condition = g.gt(a, b)?;
        let doubled = g.affine(a, 2., 0.)?;
        g.where_cond(condition, doubled, b)
    };
    let forward = |a: &Tensor, b: &Tensor| a.gt(b)?.where_cond(&(a * 2.)?, b);
    binary("operator/where_cond", [ROW, ROW], build, forward).check();
}

#[test]
fn affine_and_clamp() {
    case("operator/affine", ROW, |g, x| g.affine(x, 3., -0.5), |x| x.affine(3., -0.5)).check();
    case("operator/clamp", ROW, |g, x| g.clamp(x, -0.5, 1.), |x| x.clamp(-0.5f32, 1f32)).check();
    case("operator/elu", ROW, |g, x| g.elu(x, 0.7), |x| x.elu(0.7)).check();
    let leaky = |x: &Tensor| candle_nn::ops::leaky_relu(x, 0.1);
    case("operator/leaky_relu", ROW, |g, x| g.leaky_relu(x, 0.1), leaky).check();
}

#[test]
fn prelu() {
    let slope = weight(&[4], 0.5);
    let build = |g: &mut GraphBuilder, x: Value| {
        let slope = g.constant(&slope)?;
        g.prelu(x, slope)
    };
    let forward = |x: &Tensor| x.relu()? - x.neg()?.relu()?.broadcast_mul(&slope)?;
    case("operator/prelu", ROW, build, forward).check();
}

#[test]
fn cast() {
    let build = |g: &mut GraphBuilder, x: Value| {
        let whole = g.cast(x, ElementType::I64)?;
        g.cast(whole, ElementType::F32)
    };
    let forward = |x: &Tensor| x.to_dtype(candle_core::DType::I64)?.to_dtype(candle_core::DType::F32);
    case("operator/cast", ROW, build, forward).check();
}

#[test]
fn products() {
    let inputs = [Input::Any(&[2, 3, 4]), Input::Any(&[2, 4, 5])];
    binary("operator/matmul", inputs, |g, a, b| g.matmul(a, b), |a, b| a.matmul(b)).check();
    let (matrix, bias) = (weight(&[6, 4], 1.), weight(&[6], 1.));
    let build = |g: &mut GraphBuilder, x: Value| {
        let (weight, bias) = (g.constant(&matrix)?, g.constant(&bias)?);
        g.gemm(exporter::Gemm { x, weight, bias: Some(bias) })
    };
    let forward = |x: &Tensor| x.matmul(&matrix.t()?)?.broadcast_add(&bias);
    case("operator/gemm", Input::Any(&[4]), build, forward).check();
}

#[test]
fn reductions() {
    case("operator/sum", ROW, |g, x| g.sum(x, 1), |x| x.sum(1)).check();
    case("operator/mean", ROW, |g, x| g.mean(x, D::Minus1), |x| x.mean(D::Minus1)).check();
    case("operator/max", ROW, |g, x| g.max(x, 1), |x| x.max(1)).check();
    case("operator/min", ROW, |g, x| g.min(x, 2), |x| x.min(2)).check();
    case("operator/sum_keepdim", ROW, |g, x| g.sum_keepdim(x, 1), |x| x.sum_keepdim(1)).check();
    case("operator/mean_keepdim", ROW, |g, x| g.mean_keepdim(x, 1), |x| x.mean_keepdim(1)).check();
    case("operator/max_keepdim", ROW, |g, x| g.max_keepdim(x, 1), |x| x.max_keepdim(1)).check();
    case("operator/min_keepdim", ROW, |g, x| g.min_keepdim(x, 1), |x| x.min_keepdim(1)).check();
    let softmax = |x: &Tensor| candle_nn::ops::softmax(x, D::Minus1);
    case("operator/softmax", ROW, |g, x| g.softmax(x, D::Minus1), softmax).check();
    let log_softmax = |x: &Tensor| candle_nn::ops::log_softmax(x, 1);
    case("operator/log_softmax", ROW, |g, x| g.log_softmax(x, 1), log_softmax).check();
    let build = |g: &mut GraphBuilder, x: Value| {
        let index = g.argmax(x, 2)?;
        g.cast(index, ElementType::F32)
    };
    case("operator/argmax", ROW, build, |x| x.argmax(2)).check();
}

#[test]
fn shapes() {
    case("operator/reshape", ROW, |g, x| g.reshape(x, (x.dim(0), 2, 6)), |x| x.reshape(((), 2, 6))).check();
    case("operator/flatten_from", IMAGE, |g, x| g.flatten_from(x, 1), |x| x.flatten_from(1)).check();
    case("operator/transpose", ROW, |g, x| g.transpose(x, 1, D::Minus1), |x| x.transpose(1, 2)).check();
    case("operator/permute", IMAGE, |g, x| g.permute(x, &[0, 2, 3, 1]), |x| x.permute((0, 2, 3, 1))).check();
    case("operator/unsqueeze", ROW, |g, x| g.unsqueeze(x, 1), |x| x.unsqueeze(1)).check();
    case("operator/squeeze", Input::Any(&[1, 4]), |g, x| g.squeeze(x, 1), |x| x.squeeze(1)).check();
    case("operator/narrow", ROW, |g, x| g.narrow(x, 2, 1, 2), |x| x.narrow(2, 1, 2)).check();
    case("operator/last", ROW, |g, x| g.last(x, 1), |x| x.narrow(1, 2, 1)?.squeeze(1)).check();
    let padded = |x: &Tensor| x.pad_with_zeros(2, 1, 2);
    case("operator/pad_with_zeros", ROW, |g, x| g.pad_with_zeros(x, 2, 1, 2), padded).check();
    let padded = |x: &Tensor| x.pad_with_same(1, 2, 1);
    case("operator/pad_with_same", ROW, |g, x| g.pad_with_same(x, 1, 2, 1), padded).check();
    let sequence = Input::Symbolic(&[3, 4], 0);
    case("operator/last of any length", sequence, |g, x| g.last(x, 1), |x| x.narrow(1, 2, 1)?.squeeze(1)).check();
    let padded = |x: &Tensor| x.pad_with_zeros(1, 1, 2);
    case("operator/pad_with_zeros at any length", sequence, |g, x| g.pad_with_zeros(x, 1, 1, 2), padded).check();
    let doubled = |x: &Tensor| Tensor::cat(&[x, x], 1);
    case("operator/cat at any length", sequence, |g, x| g.cat(&[x, x], 1), doubled).check();
    let split = |g: &mut GraphBuilder, x: Value| g.reshape(x, (x.dim(0), x.dim(1), 2, 2));
    case("operator/reshape at any length", sequence, split, |x| x.reshape(((), 3, 2, 2))).check();
    let inputs = [Input::Any(&[3, 4]), Input::Any(&[2, 4])];
    binary("operator/cat", inputs, |g, a, b| g.cat(&[a, b], 1), |a, b| Tensor::cat(&[a, b], 1)).check();
}

#[test]
fn indices() {
    let table = weight(&[7, 3], 1.);
    let build = |g: &mut GraphBuilder, x: Value| {
        let table = g.constant(&table)?;
        g.index_select(table, x, 0)
    };
    let forward = |x: &Tensor| table.index_select(x, 0);
    case("operator/index_select", Input::Index(&[], 7), build, forward).check();
    let inputs = [ROW, Input::Index(&[3, 2], 4)];
    binary("operator/gather", inputs, |g, x, i| g.gather(x, i, 2), |x, i| x.gather(i, 2)).check();
    let whole = |g: &mut GraphBuilder, i: Value| {
        let y = g.affine(i, 3., -2.)?;
        let y = g.clamp(y, 0., 12.)?;
        let (sum, largest) = (g.sum_keepdim(y, 1)?, g.max_keepdim(y, 1)?);
        let y = g.mul(y, sum)?;
        let y = g.sub(y, largest)?;
        g.cast(y, ElementType::F32)
    };
    let forward = |i: &Tensor| {
        let y = i.affine(3., -2.)?.clamp(0i64, 12i64)?;
        let (sum, largest) = (y.sum_keepdim(1)?, y.max_keepdim(1)?);
        y.broadcast_mul(&sum)?.broadcast_sub(&largest)?.to_dtype(DType::F32)
    };
    let half = |x: &Tensor| x.to_dtype(DType::F32)?.exp();
    case("operator/exp of F16", Input::Half(&[3, 4]), |g, x| g.exp(x), half).check();
    case("operator/arithmetic of whole numbers", Input::Index(&[5], 7), whole, forward).check();
    let inputs = [ROW, Input::Index(&[3, 2], 1)];
    let half = |x: &Tensor| x.narrow(2, 0, 2)?.contiguous();
    let build = |g: &mut GraphBuilder, x, i| {
        let source = g.narrow(x, 2, 0, 2)?;
        let apart = g.constant(&Tensor::new(&[0i64, 2], &Device::Cpu)?)?;
        let places = g.add(i, apart)?;
        g.scatter(x, places, source, 2)
    };
    let forward = |x: &Tensor, i: &Tensor| {
        let places = i.broadcast_add(&Tensor::new(&[0i64, 2], &Device::Cpu)?)?;
        x.scatter(&places, &half(x)?, 2)
    };
    binary("operator/scatter", inputs, build, forward).check();
    let inputs = [ROW, Input::Index(&[3, 2], 4)];
    let build = |g: &mut GraphBuilder, x, i| {
        let source = g.narrow(x, 2, 0, 2)?;
        g.scatter_add(x, i, source, 2)
    };
    binary("operator/scatter_add", inputs, build, |x, i| x.scatter_add(i, &half(x)?, 2)).check();
    let places = Tensor::new(&[1u32, 0, 1], &Device::Cpu).unwrap();
    let build = |g: &mut GraphBuilder, x: Value| {
        let places = g.constant(&places)?;
        g.index_add(x, places, x, 1)
    };
    case("operator/index_add", ROW, build, |x| x.index_add(&places, x, 1)).check();
}

#[test]
fn pooling_and_resizing() {
    case("operator/max_pool2d", IMAGE, |g, x| g.max_pool2d(x, 2), |x| x.max_pool2d(2)).check();
    case("operator/avg_pool2d", IMAGE, |g, x| g.avg_pool2d(x, 2), |x| x.avg_pool2d(2)).check();
    let pool = Pool { kernel: (3, 2), stride: (2, 1) };
    let pooled = |x: &Tensor| x.max_pool2d_with_stride((3, 2), (2, 1));
    case("operator/max_pool2d with stride", IMAGE, |g, x| g.max_pool2d(x, pool), pooled).check();
    let pooled = |x: &Tensor| x.avg_pool2d_with_stride((3, 2), (2, 1));
    case("operator/avg_pool2d with stride", IMAGE, |g, x| g.avg_pool2d(x, pool), pooled).check();
    let up = |x: &Tensor| x.upsample_nearest2d(12, 16);
    case("operator/upsample_nearest2d", IMAGE, |g, x| g.upsample_nearest2d(x, 12, 16), up).check();
    // 6 x 49 = 294: a factor at which candle's rounding is its own.
    for (height, width) in [(7, 5), (3, 3), (20, 9), (1, 1), (294, 8)] {
        let name = format!("operator/upsample_nearest2d to {height} x {width}");
        let resized = |x: &Tensor| x.upsample_nearest2d(height, width);
        case(&name, IMAGE, |g, x| g.upsample_nearest2d(x, height, width), resized).check();
        let name = format!("operator/upsample_bilinear2d to {height} x {width}");
        let resized = |x: &Tensor| x.upsample_bilinear2d(height, width, false);
        case(&name, IMAGE, |g, x| g.upsample_bilinear2d(x, height, width), resized).check();
    }
    let up = |x: &Tensor| x.upsample_bilinear2d(12, 16, false);
    case("operator/upsample_bilinear2d", IMAGE, |g, x| g.upsample_bilinear2d(x, 12, 16), up).check();
}

#[test]
fn indices_of_candles_own_type_and_bytes_are_constants_too() {
    let picks = Tensor::new(&[2u32, 0, 2], &Device::Cpu).unwrap();
    let build = |g: &mut GraphBuilder, x: Value| {
        let picks = g.constant(&picks)?;
        g.index_select(x, picks, 1)
    };
    case("operator/constant of U32", ROW, build, |x| x.index_select(&picks, 1)).check();
    let bytes = Tensor::new(&[0u8, 255, 7, 1], &Device::Cpu).unwrap();
    let build = |g: &mut GraphBuilder, x: Value| {
        let bytes = g.constant(&bytes)?;
        let numbers = g.cast(bytes, ElementType::F32)?;
        g.add(x, numbers)
    };
    let forward = |x: &Tensor| x.broadcast_add(&bytes.to_dtype(candle_core::DType::F32)?);
    case("operator/constant of U8", ROW, build, forward).check();
}

#[test]
fn constants_broadcast() {
    let shift = Tensor::new(&[1f32, -2., 0.5, 4.], &Device::Cpu).unwrap();
    let build = |g: &mut GraphBuilder, x: Value| {
        let shift = g.constant(&shift)?;
        g.add(x, shift)
    };
    case("operator/constant", ROW, build, |x| x.broadcast_add(&shift)).check();
}

#[test]
fn power() {
    case("operator/powf", Input::Positive(&[3, 4]), |g, x| g.powf(x, 1.5), |x| x.powf(1.5)).check();
}

#[test]
fn parts_in_another_order() {
    let build = |g: &mut GraphBuilder, x: Value| {
        let parts = g.chunk(x, 3, 2)?;
        assert_eq!(parts.iter().map(|part| part.dim(2)).collect::<Vec<_>>(), [3, 3, 2].map(exporter::Dim::Fixed));
        let first = g.roll(parts[0], -1, 2)?;
        let second = g.roll(parts[1], 7, 1)?;
        g.stack(&[first, second], 1)
    };
    let forward = |x: &Tensor| {
        let parts = x.chunk(3, 2)?;
        Tensor::stack(&[parts[0].roll(-1, 2)?, parts[1].roll(7, 1)?], 1)
    };
    case("operator/chunk, roll and stack", Input::Any(&[3, 8]), build, forward).check();
}

#[test]
fn the_place_of_the_smallest() {
    let build = |g: &mut GraphBuilder, x: Value| {
        let places = g.argmin(x, 2)?;
        g.cast(places, ElementType::F32)
    };
    case("operator/argmin", ROW, build, |x| x.argmin(2)?.to_dtype(candle_core::DType::F32)).check();
}

#[test]
fn the_sum_of_all() {
    case("operator/sum_all", Input::Any(&[3, 4]), |g, x| g.sum_all(x), |x| x.sum_all()).check();
}

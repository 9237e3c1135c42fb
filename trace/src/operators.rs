//! candle's operators: what they are called, what they take, and which of their settings belong to the structure.

use candle_core::Tensor;
use candle_core::op::{CmpOp, Op};

/// The name of an operator and those of its settings that must not depend on the size of the inputs.
pub(crate) fn describe(op: &Op) -> String {
    match op {
        Op::Binary(_, _, kind) => format!("{kind:?}").to_lowercase(),
        Op::Unary(_, kind) => format!("{kind:?}").to_lowercase(),
        Op::Cmp(_, _, kind) => comparison(*kind).into(),
        Op::Reduce(_, kind, dims) => format!("{kind:?} of {} dimensions", dims.len()).to_lowercase(),
        Op::Matmul(..) => "matmul".into(),
        Op::Gather(_, _, axis) => format!("gather along {axis}"),
        Op::Scatter(..) => "scatter".into(),
        Op::ScatterAdd(..) => "scatter_add".into(),
        Op::IndexSelect(_, _, axis) => format!("index_select along {axis}"),
        Op::IndexAdd(..) => "index_add".into(),
        Op::WhereCond(..) => "where_cond".into(),
        Op::Conv1D { padding, stride, dilation, .. } => format!("conv1d {padding} {stride} {dilation}"),
        Op::ConvTranspose1D { padding, output_padding, stride, dilation, .. } => {
            format!("conv_transpose1d {padding} {output_padding} {stride} {dilation}")
        }
        Op::Conv2D { padding, stride, dilation, .. } => format!("conv2d {padding} {stride} {dilation}"),
        Op::ConvTranspose2D { padding, output_padding, stride, dilation, .. } => {
            format!("conv_transpose2d {padding} {output_padding} {stride} {dilation}")
        }
        Op::AvgPool2D { .. } => "avg_pool2d".into(),
        Op::MaxPool2D { .. } => "max_pool2d".into(),
        Op::UpsampleNearest1D { .. } => "upsample_nearest1d".into(),
        Op::UpsampleNearest2D { .. } => "upsample_nearest2d".into(),
        Op::UpsampleBilinear2D { align_corners, .. } => format!("upsample_bilinear2d {align_corners}"),
        Op::Cat(_, axis) => format!("cat along {axis}"),
        Op::Affine { .. } => "affine".into(),
        Op::ToDType(_) => "to_dtype".into(),
        Op::Copy(_) => "copy".into(),
        Op::Broadcast(_) => "broadcast_as".into(),
        Op::Narrow(_, axis, _, _) => format!("narrow along {axis}"),
        Op::SliceScatter0(..) => "slice_scatter".into(),
        Op::Reshape(_) => "reshape".into(),
        Op::ToDevice(_) => "to_device".into(),
        Op::Transpose(_, a, b) => format!("transpose {a} {b}"),
        Op::Permute(_, order) => format!("permute {order:?}"),
        Op::Elu(_, alpha) => format!("elu {alpha}"),
        Op::Powf(_, exponent) => format!("powf {exponent}"),
        Op::CustomOp1(_, op) => op.name().into(),
        Op::CustomOp2(_, _, op) => op.name().into(),
        Op::CustomOp3(_, _, _, op) => op.name().into(),
        Op::NoBackward(name, _, attributes) => format!("{name} {attributes:?}"),
    }
}

pub(crate) fn comparison(kind: CmpOp) -> &'static str {
    match kind {
        CmpOp::Eq => "eq",
        CmpOp::Ne => "ne",
        CmpOp::Le => "le",
        CmpOp::Ge => "ge",
        CmpOp::Lt => "lt",
        CmpOp::Gt => "gt",
    }
}

/// What an operator only copies.
pub(crate) fn copied(op: &Op) -> Option<&Tensor> {
    match op {
        Op::Copy(of) | Op::ToDevice(of) => Some(of),
        Op::NoBackward("detach", args, _) => args.first(),
        _ => None,
    }
}

/// Whether an operator only looks at the same numbers in another way.
pub(crate) fn is_view(op: &Op) -> bool {
    matches!(op, Op::Transpose(..) | Op::Permute(..) | Op::Reshape(_) | Op::Narrow(..)) || copied(op).is_some()
}

/// The tensors that an operator was given, in order. One that is joined with itself, which candle's `repeat` does as often as a size says, is there
/// once.
pub(crate) fn arguments(op: &Op) -> Vec<&Tensor> {
    match op {
        Op::Scatter(a, b, c, _)
        | Op::ScatterAdd(a, b, c, _)
        | Op::IndexAdd(a, b, c, _)
        | Op::WhereCond(a, b, c)
        | Op::CustomOp3(a, b, c, _) => vec![a, b, c],
        Op::Binary(a, b, _)
        | Op::Cmp(a, b, _)
        | Op::Matmul(a, b)
        | Op::Gather(a, b, _)
        | Op::IndexSelect(a, b, _)
        | Op::SliceScatter0(a, b, _)
        | Op::CustomOp2(a, b, _)
        | Op::Conv1D { arg: a, kernel: b, .. }
        | Op::ConvTranspose1D { arg: a, kernel: b, .. }
        | Op::Conv2D { arg: a, kernel: b, .. }
        | Op::ConvTranspose2D { arg: a, kernel: b, .. } => vec![a, b],
        Op::Unary(a, _)
        | Op::Reduce(a, _, _)
        | Op::AvgPool2D { arg: a, .. }
        | Op::MaxPool2D { arg: a, .. }
        | Op::UpsampleNearest1D { arg: a, .. }
        | Op::UpsampleNearest2D { arg: a, .. }
        | Op::UpsampleBilinear2D { arg: a, .. }
        | Op::Affine { arg: a, .. }
        | Op::ToDType(a)
        | Op::Copy(a)
        | Op::Broadcast(a)
        | Op::Narrow(a, _, _, _)
        | Op::Reshape(a)
        | Op::ToDevice(a)
        | Op::Transpose(a, _, _)
        | Op::Permute(a, _)
        | Op::Elu(a, _)
        | Op::Powf(a, _)
        | Op::CustomOp1(a, _) => vec![a],
        Op::Cat(args, _) if args.iter().all(|arg| arg.id() == args[0].id()) => vec![&args[0]],
        Op::Cat(args, _) | Op::NoBackward(_, args, _) => args.iter().collect(),
    }
}

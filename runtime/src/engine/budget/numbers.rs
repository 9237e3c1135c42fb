//! Numbers that follow from constants and shapes alone: graphs compute the shapes of other tensors from them.

use super::node::{MAX_NUMBERS, Node, Value, axis, product};
use super::parts::part;
use super::shapes::broadcast;

/// The elements' types of the specification that are whole numbers.
const WHOLE: [i64; 8] = [2, 3, 4, 5, 6, 7, 12, 13];

/// The numbers of a node's first output of these dimensions, and whether they are whole; nothing where they depend on the input, are
/// many, or are of no use for a shape.
pub(super) fn numbers(node: &Node, dims: &[usize]) -> Option<(Vec<f64>, bool)> {
    if product(dims) > MAX_NUMBERS {
        return None;
    }
    let is_whole = node.input(0).is_some_and(|value| value.is_whole);
    let plain = |numbers: Vec<f64>| Some((numbers, is_whole));
    let each = |compute: fn(f64) -> f64| plain(node.numbers(0)?.iter().map(|&number| compute(number)).collect());
    match node.operator() {
        "Constant" => constant(node),
        "Shape" => {
            let from = node.dims(0)?;
            let (start, end) = part(node, from.len());
            Some((from.get(start..end)?.iter().map(|&dim| dim as f64).collect(), true))
        }
        "Size" => Some((vec![node.input(0)?.len() as f64], true)),
        "Identity" | "Squeeze" | "Unsqueeze" | "Reshape" | "Flatten" | "Ceil" | "Floor" | "Round" | "Neg" | "Abs"
        | "Sqrt" => each(match node.operator() {
            "Ceil" => f64::ceil,
            "Floor" => f64::floor,
            "Round" => f64::round_ties_even,
            "Neg" => |number| -number,
            "Abs" => f64::abs,
            "Sqrt" => f64::sqrt,
            _ => |number| number,
        }),
        "Not" => each(|truth| f64::from(u8::from(truth == 0.))),
        "Cast" => {
            let is_whole = WHOLE.contains(&node.int("to", 0));
            let cast = |&number: &f64| if is_whole { number.trunc() } else { number };
            Some((node.numbers(0)?.iter().map(cast).collect(), is_whole))
        }
        "Gather" => {
            let [len] = *node.dims(0)? else { return None };
            let from = node.numbers(0)?;
            let picked = node.numbers(1)?.iter().map(|&place| Some(from[axis(place, len)?]));
            plain(picked.collect::<Option<_>>()?)
        }
        "Concat" => {
            if dims.len() != 1 {
                return None;
            }
            let parts = (0..node.inputs.len()).map(|index| node.numbers(index)).collect::<Option<Vec<_>>>()?;
            plain(parts.concat())
        }
        "Slice" => {
            let ([_], from) = (node.dims(0)?, node.numbers(0)?) else { return None };
            let (start, step) = (*node.list("starts", 1)?.first()?, node.numbers(4).map_or(1., |steps| steps[0]));
            let len = from.len() as f64;
            let start =
                (if start < 0. { start + len } else { start }).clamp(0., if step < 0. { len - 1. } else { len });
            let picked = (0..product(dims)).map(|place| from.get((start + place as f64 * step) as usize).copied());
            plain(picked.collect::<Option<_>>()?)
        }
        "ConstantOfShape" => {
            let value = node.tensor("value").and_then(Value::of);
            let number = value.as_ref().map_or(Some(0.), |value| value.numbers.as_ref()?.first().copied())?;
            Some((vec![number; product(dims)], value.is_some_and(|value| value.is_whole)))
        }
        "Range" => {
            let (start, step) = (node.numbers(0)?.first()?, node.numbers(2)?.first()?);
            plain((0..product(dims)).map(|place| start + place as f64 * step).collect())
        }
        "Expand" => plain(stretched(node.input(0)?, dims)?),
        "Where" => {
            let [truth, yes, no] = [0, 1, 2].map(|index| stretched(node.input(index)?, dims));
            let chosen = truth?.into_iter().zip(yes?.into_iter().zip(no?));
            let chosen = chosen.map(|(truth, (yes, no))| if truth == 0. { no } else { yes });
            Some((chosen.collect(), node.input(1)?.is_whole))
        }
        "ReduceProd" | "ReduceSum" | "ReduceMax" | "ReduceMin" if product(dims) == 1 => {
            let numbers = node.numbers(0)?.iter().copied();
            plain(vec![match node.operator() {
                "ReduceProd" => numbers.product(),
                "ReduceSum" => numbers.sum(),
                "ReduceMax" => numbers.fold(f64::NEG_INFINITY, f64::max),
                _ => numbers.fold(f64::INFINITY, f64::min),
            }])
        }
        _ => of_two(node, dims, is_whole),
    }
}

/// What operators of two numbers give.
fn of_two(node: &Node, dims: &[usize], is_whole: bool) -> Option<(Vec<f64>, bool)> {
    let truth = |holds: bool| f64::from(u8::from(holds));
    let compute: &dyn Fn(f64, f64) -> f64 = match node.operator() {
        "Add" => &|a, b| a + b,
        "Sub" => &|a, b| a - b,
        "Mul" => &|a, b| a * b,
        "Div" if is_whole => &|a, b| (a / b).trunc(),
        "Div" => &|a, b| a / b,
        "Mod" if is_whole => &f64::rem_euclid,
        "Pow" => &f64::powf,
        "Max" => &f64::max,
        "Min" => &f64::min,
        "Equal" => &|a, b| truth(a == b),
        "Less" => &|a, b| truth(a < b),
        "Greater" => &|a, b| truth(a > b),
        _ => return None,
    };
    if node.inputs.len() != 2 {
        return None;
    }
    let (a, b) = (stretched(node.input(0)?, dims)?, stretched(node.input(1)?, dims)?);
    let found: Vec<f64> = a.into_iter().zip(b).map(|(a, b)| compute(a, b)).collect();
    found.iter().all(|number| number.is_finite()).then_some((found, is_whole))
}

/// The numbers of a tensor, repeated to this shape.
fn stretched(value: &Value, dims: &[usize]) -> Option<Vec<f64>> {
    let numbers = value.numbers.as_ref()?;
    match numbers.len() {
        1 => Some(vec![numbers[0]; product(dims)]),
        len if len == product(dims) && broadcast(&value.dims, dims)? == dims => Some(numbers.clone()),
        _ => None,
    }
}

fn constant(node: &Node) -> Option<(Vec<f64>, bool)> {
    let [attribute] = &node.proto.attribute[..] else { return None };
    match attribute.name.as_str() {
        "value" => {
            let value = Value::of(attribute.t.as_ref()?)?;
            Some((value.numbers?, value.is_whole))
        }
        "value_int" => Some((vec![attribute.i? as f64], true)),
        "value_float" => Some((vec![attribute.f?.into()], false)),
        "value_ints" => Some((attribute.ints.iter().map(|&int| int as f64).collect(), true)),
        _ => None,
    }
}

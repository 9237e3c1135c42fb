//! Numbers that follow from constants and shapes alone: graphs compute the shapes of other tensors from them.

use super::node::{MAX_NUMBERS, Node, Value, axis, product};
use super::parts::part;
use super::shapes::broadcast;

/// The types of elements, by their numbers in the specification, that are followed through a cast: 32-bit floats, and whole numbers of 32 and
/// 64 bits.
const FLOAT: i64 = 1;
const WHOLE: [i64; 2] = [6, 7];
/// The largest whole number that is computed with: it fits into every type, and no length is larger.
const MAX_WHOLE: f64 = i32::MAX as f64;

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
        "Sqrt" if is_whole => None,
        "Identity" | "Squeeze" | "Unsqueeze" | "Reshape" | "Flatten" | "Ceil" | "Floor" | "Round" | "Neg" | "Abs"
        | "Sqrt" => each(match node.operator() {
            "Ceil" => f64::ceil,
            "Floor" => f64::floor,
            "Round" => f64::round_ties_even,
            "Neg" => |number| -number,
            "Abs" => f64::abs,
            "Sqrt" => |number| f64::from(number.sqrt() as f32),
            _ => |number| number,
        }),
        "Not" => each(|truth| f64::from(u8::from(truth == 0.))),
        "Cast" => {
            let to = node.int("to", 0);
            let numbers = node.numbers(0)?.iter();
            if to == FLOAT {
                return Some((numbers.map(|&number| f64::from(number as f32)).collect(), false));
            }
            let whole: Vec<f64> = numbers.map(|number| number.trunc()).collect();
            (WHOLE.contains(&to) && are_exact(&whole, true)).then_some((whole, true))
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
        "Range" if is_whole => {
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
        "ReduceProd" | "ReduceSum" | "ReduceMax" | "ReduceMin" if product(dims) == 1 && is_whole => {
            let numbers = node.numbers(0)?.iter().copied();
            let found = vec![match node.operator() {
                "ReduceProd" => numbers.product(),
                "ReduceSum" => numbers.sum(),
                "ReduceMax" => numbers.fold(f64::NEG_INFINITY, f64::max),
                _ => numbers.fold(f64::INFINITY, f64::min),
            }];
            if are_exact(node.numbers(0)?, true) && are_exact(&found, true) { plain(found) } else { None }
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
        "Pow" if is_whole => &f64::powf,
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
    // The sign of a remainder is that of one or the other.
    let signs = node.operator() == "Mod" && a.iter().chain(&b).any(|&number| number < 0.);
    if !are_exact(&a, is_whole) || !are_exact(&b, is_whole) || signs {
        return None;
    }
    // Of two 32-bit floats, this is what computing with 32 bits gives.
    let rounded = |number: f64| if is_whole { number } else { f64::from(number as f32) };
    let found: Vec<f64> = a.into_iter().zip(b).map(|(a, b)| rounded(compute(a, b))).collect();
    are_exact(&found, is_whole).then_some((found, is_whole))
}

/// Whether a runtime that computes with the numbers' own type has the same ones.
fn are_exact(numbers: &[f64], are_whole: bool) -> bool {
    numbers.iter().all(|number| number.is_finite() && (!are_whole || number.abs() <= MAX_WHOLE))
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

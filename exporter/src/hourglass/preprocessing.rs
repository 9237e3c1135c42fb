//! A table's schema as nodes: the encoder takes raw rows, and the decoder gives them.

use std::f32::consts::TAU;

use bundle::{ColumnKind, Feature, Schema};
use candle_core::{Device, Tensor};

use crate::attribute::int;
use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::value::{ElementType, Value};

/// The place that stands for a missing category: that of none.
const NO_PLACE: f32 = -1.;

/// Raw rows, `[batch, raw_len]`, as the network takes them, `[batch, input_len]`: [`Schema::prepare`] as nodes.
pub(super) fn prepare(schema: &Schema, graph: &mut GraphBuilder, raw: Value) -> Result<Value> {
    let features = schema.features();
    let columns: Vec<usize> = features.iter().map(|feature| column(*feature)).collect();
    let mut x = select(graph, raw, &columns, schema.raw_len())?;
    let (mut flags, mut missing) = (None, None);
    if schema.columns().iter().any(|column| column.may_be_missing()) {
        let fill = each(graph, features, |feature| match feature {
            Feature::Number { missing, .. } => missing.unwrap_or(f32::NAN),
            _ => NO_PLACE,
        })?;
        // Of all numbers, only one that is missing differs from itself.
        let is_missing = graph.ne(x, x)?;
        flags = Some(graph.cast(is_missing, ElementType::F32)?);
        x = graph.where_cond(is_missing, fill, x)?;
        missing = Some(is_missing);
    }
    let [mean, scale] = [
        each(graph, features, |feature| if let Feature::Number { mean, .. } = feature { mean } else { 0. })?,
        each(graph, features, |feature| if let Feature::Number { scale, .. } = feature { scale } else { 1. })?,
    ];
    let centred = graph.sub(x, mean)?;
    let mut input = graph.div(centred, scale)?;
    if let Some(most) = clip(features) {
        input = graph.clamp(input, -most, most)?;
    }
    if features.iter().any(|feature| matches!(feature, Feature::Category { .. })) {
        let places = each(graph, features, |feature| match feature {
            Feature::Category { place, .. } => place as f32,
            _ => NO_PLACE,
        })?;
        let found = graph.eq(x, places)?;
        let found = graph.cast(found, ElementType::F32)?;
        let is_category = mask(graph, features, |feature| matches!(feature, Feature::Category { .. }))?;
        input = graph.where_cond(is_category, found, input)?;
    }
    if features.iter().any(|feature| matches!(feature, Feature::Cycle { .. })) {
        let is_cycle = mask(graph, features, |feature| matches!(feature, Feature::Cycle { .. }))?;
        let cycles = cycles(features, graph, x, missing)?;
        input = graph.where_cond(is_cycle, cycles, input)?;
    }
    if let Some(flags) = flags
        && features.iter().any(|feature| matches!(feature, Feature::Missing { .. }))
    {
        let is_flag = mask(graph, features, |feature| matches!(feature, Feature::Missing { .. }))?;
        input = graph.where_cond(is_flag, flags, input)?;
    }
    Ok(input)
}

/// How far from 0 numbers count at most. All columns have the same limit, and what else there is lies within -1.0..=1.0.
fn clip(features: &[Feature]) -> Option<f32> {
    let limit = |feature: &Feature| if let Feature::Number { clip, .. } = feature { *clip } else { None };
    features.iter().find_map(limit)
}

/// The sines of [`Feature::Cycle`]; what stands at the other features means nothing.
fn cycles(features: &[Feature], graph: &mut GraphBuilder, x: Value, missing: Option<Value>) -> Result<Value> {
    let period_of = |feature| if let Feature::Cycle { period, .. } = feature { period } else { 1. };
    let [period, turn, shift] = [
        each(graph, features, period_of)?,
        each(graph, features, |feature| TAU / period_of(feature))?,
        each(graph, features, |feature| if let Feature::Cycle { shift, .. } = feature { shift } else { 0. })?,
    ];
    // The remainder of a division of floats is exact, so that a late date loses nothing of its place in a day.
    let place = graph.node("Mod", &[x, period], vec![int("fmod", 1)], x.shape)?;
    let angles = graph.mul(place, turn)?;
    let angles = graph.add(angles, shift)?;
    let sines = graph.sin(angles)?;
    let Some(missing) = missing else { return Ok(sines) };
    let zero = graph.scalar(0.)?;
    graph.where_cond(missing, zero, sines)
}

/// What the network gives, `[batch, input_len]`, as raw rows, `[batch, raw_len]`: [`Schema::restore`] as nodes.
pub(super) fn restore(schema: &Schema, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
    let features = schema.features();
    let is_number = |feature: &Feature| matches!(feature, Feature::Number { .. });
    let numbers: Vec<usize> = (0..features.len()).filter(|&place| is_number(&features[place])).collect();
    // In the order in which the parts are put together.
    let mut columns: Vec<usize> = numbers.iter().map(|&place| column(features[place])).collect();
    let mut parts = Vec::new();
    if !numbers.is_empty() {
        let of = |take: fn(Feature) -> f32| numbers.iter().map(|&place| take(features[place])).collect::<Vec<f32>>();
        let scale = of(|feature| if let Feature::Number { scale, .. } = feature { scale } else { 1. });
        let mean = of(|feature| if let Feature::Number { mean, .. } = feature { mean } else { 0. });
        let [scale, mean] = [constant(graph, scale)?, constant(graph, mean)?];
        let values = select(graph, x, &numbers, features.len())?;
        let scaled = graph.mul(values, scale)?;
        parts.push(graph.add(scaled, mean)?);
    }
    for (index, described) in schema.columns().iter().enumerate() {
        let ColumnKind::Category { values } = &described.kind else { continue };
        let is_first = |feature: &Feature| *feature == Feature::Category { column: index, place: 0 };
        let start = features.iter().position(is_first).expect("a column of categories has features");
        let likely = graph.narrow(x, 1, start, values.len() + 1)?;
        let place = graph.argmax(likely, 1)?;
        let place = graph.cast(place, ElementType::F32)?;
        parts.push(graph.unsqueeze(place, 1)?);
        columns.push(index);
    }
    let raw = if let [only] = parts[..] { only } else { graph.cat(&parts, 1)? };
    let order: Vec<usize> =
        (0..schema.raw_len()).filter_map(|index| columns.iter().position(|column| *column == index)).collect();
    select(graph, raw, &order, schema.raw_len())
}

fn column(feature: Feature) -> usize {
    match feature {
        Feature::Number { column, .. }
        | Feature::Category { column, .. }
        | Feature::Cycle { column, .. }
        | Feature::Missing { column } => column,
        _ => unreachable!("there are no other features"),
    }
}

/// The values of `x` `[batch, width]` at these places, unless they are all of them in order.
fn select(graph: &mut GraphBuilder, x: Value, places: &[usize], width: usize) -> Result<Value> {
    if places.iter().copied().eq(0..width) {
        return Ok(x);
    }
    let places: Vec<i64> = places.iter().map(|&place| place as i64).collect();
    let places = graph.constant(&Tensor::new(&places[..], &Device::Cpu)?)?;
    graph.index_select(x, places, 1)
}

/// A constant `[input_len]` with a value for each feature.
fn each(graph: &mut GraphBuilder, features: &[Feature], value: impl Fn(Feature) -> f32) -> Result<Value> {
    constant(graph, features.iter().map(|feature| value(*feature)).collect())
}

fn constant(graph: &mut GraphBuilder, values: Vec<f32>) -> Result<Value> {
    graph.constant(&Tensor::new(&values[..], &Device::Cpu)?)
}

/// A constant `[input_len]` that is true for the chosen features.
pub(super) fn mask(graph: &mut GraphBuilder, features: &[Feature], chosen: impl Fn(&Feature) -> bool) -> Result<Value> {
    let ones = each(graph, features, |feature| f32::from(u8::from(chosen(&feature))))?;
    let zero = graph.scalar(0.)?;
    graph.ne(ones, zero)
}

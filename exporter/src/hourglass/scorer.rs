//! The scorer as a graph: rows to score, p-value, alarm and reasons.

use std::collections::HashMap;

use bundle::{
    ALPHA, Array, Centre, DETECTOR, Detector, FEATURE_ERROR, Feature, INPUT, IS_ANOMALY, KnownRows, NEIGHBOURS,
    Numbers, P_VALUE, RECONSTRUCTION, SCORE, Schema, ScorerEntry,
};
use candle_core::{Device, Tensor};
use trainer::Autoencoder;

use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::graph::to_onnx::ToOnnx;
use crate::hourglass::preprocessing;
use crate::hourglass::raw_rows::RawRows;
use crate::value::{ElementType, Value};

/// The rate of false alarms where the caller gives none.
const DEFAULT_ALPHA: f32 = 0.01;

/// A network and the detector that was fitted to it.
pub(super) struct Scorer<'a> {
    pub(super) model: &'a Autoencoder,
    pub(super) form: &'a RawRows,
    pub(super) detector: &'a Detector,
}

/// A detector of pictures that come as bytes, channels last: the run has it in the order in which the network takes them.
pub(super) fn as_given(detector: Detector, form: &RawRows) -> Detector {
    let RawRows::Bytes { image: [channels, height, width], .. } = form else { return detector };
    let plane = height * width;
    let place = |index: usize| index % channels * plane + index / channels;
    let order = |values: &[f32]| (0..values.len()).map(|index| values[place(index)]).collect::<Vec<f32>>();
    let bytes = |known: &KnownRows| {
        let rows = known.bytes().chunks_exact(known.width());
        rows.flat_map(|row| (0..row.len()).map(|index| row[place(index)]).collect::<Vec<u8>>()).collect()
    };
    let reordered = |known: KnownRows| KnownRows::from_parts(bytes(&known), order(known.low()), order(known.step()));
    let centre = |centre: Centre| Centre::from_parts(order(centre.middle()), order(centre.scale()));
    Detector {
        spread: order(&detector.spread),
        known: detector.known.and_then(reordered),
        centre: detector.centre.and_then(centre),
        whitening: None,
        ..detector
    }
}

/// What `model.json` says about the scorer.
pub(super) fn describe(detector: &Detector) -> ScorerEntry {
    let kind = match (&detector.known, detector.weights[0] > 0.) {
        _ if detector.centre.is_some() => "contaminated",
        (None, _) => "reconstruction",
        (Some(_), false) => "neighbours",
        (Some(_), true) => "both",
    };
    ScorerEntry { detector: kind.into(), calibration_rows: detector.calibration.rows() }
}

impl Scorer<'_> {
    /// Builds the whole graph.
    pub(super) fn build(&self, graph: &mut GraphBuilder) -> Result<()> {
        let raw = graph.input_of(self.form.element_type(), INPUT, self.form)?;
        let alpha = graph.input_with_default(ALPHA, DEFAULT_ALPHA)?;
        let parts = Parts::new(graph, self.detector)?;

        let prepared = self.form.prepare(graph, raw)?;
        let latent = self.model.encoder().to_onnx(graph, prepared)?;
        let output = self.model.decoder().to_onnx(graph, latent)?;
        let reconstruction = self.form.restore(graph, output)?;
        let [row, errors] = self.errors(graph, [raw, prepared, reconstruction])?;

        let residual = parts.residual(graph, errors)?;
        let mut score = parts.weighed(graph, residual, 0)?;
        if let Some(known) = parts.known(graph)? {
            let distance = distance(graph, row, known, self.detector)?;
            let distance = parts.weighed(graph, distance, 1)?;
            score = graph.add(score, distance)?;
        }
        if let Some(distance) = parts.centre_distance(graph, row)? {
            let distance = parts.weighed(graph, distance, 2)?;
            score = graph.add(score, distance)?;
        }
        if let RawRows::Table(schema) = self.form
            && schema.columns().iter().any(|column| column.may_be_missing())
        {
            score = unless_all_missing(graph, raw, score)?;
        }
        let p_value = parts.p_value(graph, score)?;
        let is_usual = graph.gt(p_value, alpha)?;
        let is_anomaly = graph.not(is_usual)?;
        let feature_errors = self.feature_errors(graph, errors, &parts)?;

        let batch = raw.dim(0);
        for (name, column) in [(SCORE, score), (P_VALUE, p_value), (IS_ANOMALY, is_anomaly)] {
            let values = graph.reshape(column, (batch,))?;
            graph.output(name, values)?;
        }
        let feature_errors =
            graph.reshape(feature_errors, raw.dims().iter().map(|&dim| dim.into()).collect::<Vec<_>>())?;
        graph.output(FEATURE_ERROR, feature_errors)?;
        graph.output(RECONSTRUCTION, reconstruction)
    }

    /// The row as the network takes it, and the errors of its reconstruction, both `[batch, features]`: [`bundle::RowForm::errors`] as
    /// nodes.
    fn errors(&self, graph: &mut GraphBuilder, [raw, prepared, reconstruction]: [Value; 3]) -> Result<[Value; 2]> {
        match self.form {
            RawRows::Prepared(_) => Ok([raw, graph.sub(reconstruction, raw)?]),
            RawRows::Bytes { image, max_value } => {
                let floats = graph.cast(raw, ElementType::F32)?;
                let dims = (raw.dim(0), image.iter().product::<usize>());
                let white = graph.scalar(f32::from(*max_value))?;
                let mut flat = |rows: Value| {
                    let rows = graph.reshape(rows, dims)?;
                    graph.div(rows, white)
                };
                let (row, restored) = (flat(floats)?, flat(reconstruction)?);
                Ok([row, graph.sub(restored, row)?])
            }
            RawRows::Table(schema) => {
                let again = preprocessing::prepare(schema, graph, reconstruction)?;
                let errors = graph.sub(again, prepared)?;
                let is_cycle = |feature: &Feature| matches!(feature, Feature::Cycle { .. });
                let errors = without(graph, schema, errors, is_cycle)?;
                Ok([prepared, without_missing(graph, schema, raw, errors)?])
            }
        }
    }

    /// How many standard deviations each value of a row is off, `[batch, columns]`.
    fn feature_errors(&self, graph: &mut GraphBuilder, errors: Value, parts: &Parts) -> Result<Value> {
        let sizes = match self.form {
            RawRows::Table(schema) if schema.input_len() != schema.raw_len() => {
                let width = schema.raw_len();
                let belongs = schema.features().iter().flat_map(|feature| {
                    let column = feature.column();
                    (0..width).map(move |index| f32::from(u8::from(index == column)))
                });
                let belongs = Tensor::from_iter(belongs, &Device::Cpu)?.reshape((schema.input_len(), width))?;
                let belongs = graph.constant(&belongs)?;
                let squares = graph.sqr(errors)?;
                let sums = graph.matmul(squares, belongs)?;
                graph.sqrt(sums)?
            }
            _ => graph.abs(errors)?,
        };
        graph.div(sizes, parts.spread)
    }
}

/// Nothing in place of the errors of these features.
fn without(
    graph: &mut GraphBuilder,
    schema: &Schema,
    errors: Value,
    left_out: impl Fn(&Feature) -> bool,
) -> Result<Value> {
    if !schema.features().iter().any(&left_out) {
        return Ok(errors);
    }
    let kept: Vec<f32> = schema.features().iter().map(|feature| f32::from(u8::from(!left_out(feature)))).collect();
    let kept = graph.constant(&Tensor::new(&kept[..], &Device::Cpu)?)?;
    graph.mul(errors, kept)
}

/// Nothing in place of the errors of values that are missing, where they may be.
fn without_missing(graph: &mut GraphBuilder, schema: &Schema, raw: Value, errors: Value) -> Result<Value> {
    let may_be_missing = |feature: &Feature| schema.columns()[feature.column()].may_be_missing();
    if !schema.features().iter().any(may_be_missing) {
        return Ok(errors);
    }
    let allowed = preprocessing::mask(graph, schema.features(), may_be_missing)?;
    let columns: Vec<i64> = schema.features().iter().map(|feature| feature.column() as i64).collect();
    let columns = graph.constant(&Tensor::new(&columns[..], &Device::Cpu)?)?;
    let values = graph.index_select(raw, columns, 1)?;
    let zero = graph.scalar(0.)?;
    let values = graph.where_cond(allowed, values, zero)?;
    let is_missing = graph.ne(values, values)?;
    graph.where_cond(is_missing, zero, errors)
}

/// The detector's arrays as initializers.
struct Parts {
    arrays: HashMap<&'static str, Value>,
    spread: Value,
}

impl Parts {
    fn new(graph: &mut GraphBuilder, detector: &Detector) -> Result<Self> {
        let mut arrays = HashMap::new();
        for (name, Array { shape, numbers }) in detector.to_arrays() {
            let tensor = match numbers {
                Numbers::Floats(values) => Tensor::from_vec(values, shape, &Device::Cpu)?,
                Numbers::Bytes(bytes) => Tensor::from_vec(bytes, shape, &Device::Cpu)?,
            };
            arrays.insert(name, graph.initializer(name, &tensor)?);
        }
        let spread = arrays[DETECTOR.spread];
        Ok(Self { arrays, spread })
    }

    /// The root of the mean square of the whitened errors, `[batch, 1]`.
    fn residual(&self, graph: &mut GraphBuilder, errors: Value) -> Result<Value> {
        let whitened = match self.arrays.get(DETECTOR.whitening) {
            Some(&matrix) => graph.matmul(errors, matrix)?,
            None => errors,
        };
        let squares = graph.sqr(whitened)?;
        let mean = graph.mean_keepdim(squares, 1)?;
        graph.sqrt(mean)
    }

    /// A part of the score times its weight.
    fn weighed(&self, graph: &mut GraphBuilder, part: Value, index: usize) -> Result<Value> {
        let weight = graph.narrow(self.arrays[DETECTOR.weights], 0, index, 1)?;
        graph.mul(part, weight)
    }

    /// The known rows as the network takes rows, `[rows, features]`.
    fn known(&self, graph: &mut GraphBuilder) -> Result<Option<Value>> {
        let Some(&bytes) = self.arrays.get(DETECTOR.known) else { return Ok(None) };
        let floats = graph.cast(bytes, ElementType::F32)?;
        let scaled = graph.mul(floats, self.arrays[DETECTOR.known_step])?;
        graph.add(scaled, self.arrays[DETECTOR.known_low]).map(Some)
    }

    /// [`Centre::distance`] as nodes, `[batch, 1]`.
    fn centre_distance(&self, graph: &mut GraphBuilder, row: Value) -> Result<Option<Value>> {
        let Some(&middle) = self.arrays.get(DETECTOR.middle) else { return Ok(None) };
        let centred = graph.sub(row, middle)?;
        let scaled = graph.div(centred, self.arrays[DETECTOR.scale])?;
        let most = Centre::MAX_DISTANCE;
        let clamped = graph.clamp(scaled, -most, most)?;
        let squares = graph.sqr(clamped)?;
        let mean = graph.mean_keepdim(squares, 1)?;
        graph.sqrt(mean).map(Some)
    }

    /// (1 + the rows whose bound is at least the score) / (1 + all rows), `[batch, 1]`: [`bundle::Calibration::p_value`] as nodes.
    fn p_value(&self, graph: &mut GraphBuilder, score: Value) -> Result<Value> {
        let (bounds, counts) = (self.arrays[DETECTOR.bounds], self.arrays[DETECTOR.counts]);
        let counts_for = graph.ge(bounds, score)?;
        let counts_for = graph.cast(counts_for, ElementType::F32)?;
        let column = graph.unsqueeze(counts, 1)?;
        let above = graph.matmul(counts_for, column)?;
        let all = graph.sum_keepdim(counts, 0)?;
        let one = graph.scalar(1.)?;
        let (above, all) = (graph.add(above, one)?, graph.add(all, one)?);
        let p_value = graph.div(above, all)?;
        let is_none = graph.ne(score, score)?;
        graph.where_cond(is_none, score, p_value)
    }
}

/// The mean distance to the nearest known rows, `[batch, 1]`. They are found by `|k|^2 - 2 x k`, which loses digits where a row lies close
/// to one, and their distances are measured on their own.
fn distance(graph: &mut GraphBuilder, row: Value, known: Value, detector: &Detector) -> Result<Value> {
    let count = NEIGHBOURS.min(detector.known.as_ref().map_or(0, KnownRows::len));
    let squares = graph.sqr(known)?;
    let norms = graph.sum(squares, 1)?;
    let minus_two = graph.scalar(-2.)?;
    let columns = graph.transpose(known, 0, 1)?;
    let columns = graph.mul(columns, minus_two)?;
    let products = graph.matmul(row, columns)?;
    let order = graph.add(products, norms)?;
    let nearest = graph.smallest(order, count)?;
    let nearest = graph.index_select(known, nearest, 0)?;
    let row = graph.unsqueeze(row, 1)?;
    let differences = graph.sub(row, nearest)?;
    let squares = graph.sqr(differences)?;
    let sums = graph.sum(squares, 2)?;
    let distances = graph.sqrt(sums)?;
    graph.mean_keepdim(distances, 1)
}

/// The score, `[batch, 1]`; of a row of which nothing is known, not a number.
fn unless_all_missing(graph: &mut GraphBuilder, raw: Value, score: Value) -> Result<Value> {
    let is_known = graph.eq(raw, raw)?;
    let known = graph.cast(is_known, ElementType::F32)?;
    let known = graph.sum_keepdim(known, 1)?;
    let zero = graph.scalar(0.)?;
    let is_none = graph.eq(known, zero)?;
    let none = graph.scalar(f32::NAN)?;
    graph.where_cond(is_none, none, score)
}

//! Arithmetic, comparisons, reductions and types.

use candle_core::DType;
use candle_core::op::{BinaryOp, CmpOp, Op, ReduceOp, UnaryOp};
use exporter::{ElementType, Value};

use crate::error::{Error, Result};
use crate::lengths::close;
use crate::lower::{Lowering, computed_in};
use crate::recording::Id;

/// The largest f32 that is a u32.
const LARGEST_U32: f32 = 4_294_967_040.;

impl Lowering<'_> {
    pub(super) fn binary(&mut self, id: Id, args: &[Id], kind: BinaryOp) -> Result<Value> {
        let element_type = computed_in(self.recording.dtype(id))?;
        let a = self.as_type(self.values[&args[0]], element_type)?;
        let b = self.as_type(self.values[&args[1]], element_type)?;
        let graph = &mut self.graph;
        Ok(match kind {
            BinaryOp::Add => graph.add(a, b),
            BinaryOp::Mul => graph.mul(a, b),
            BinaryOp::Sub => graph.sub(a, b),
            BinaryOp::Div => graph.div(a, b),
            BinaryOp::Maximum => graph.maximum(a, b),
            BinaryOp::Minimum => graph.minimum(a, b),
        }?)
    }

    pub(super) fn unary(&mut self, x: Id, kind: UnaryOp) -> Result<Value> {
        let x = self.float(x)?;
        let graph = &mut self.graph;
        Ok(match kind {
            UnaryOp::Exp => graph.exp(x),
            UnaryOp::Log => graph.log(x),
            UnaryOp::Sin => graph.sin(x),
            UnaryOp::Cos => graph.cos(x),
            UnaryOp::Abs => graph.abs(x),
            UnaryOp::Neg => graph.neg(x),
            UnaryOp::Recip => graph.recip(x),
            UnaryOp::Sqr => graph.sqr(x),
            UnaryOp::Sqrt => graph.sqrt(x),
            UnaryOp::Gelu => graph.gelu(x),
            UnaryOp::GeluErf => graph.gelu_erf(x),
            UnaryOp::Erf => graph.erf(x),
            UnaryOp::Relu => graph.relu(x),
            UnaryOp::Silu => graph.silu(x),
            UnaryOp::Tanh => graph.tanh(x),
            UnaryOp::Floor => graph.floor(x),
            UnaryOp::Ceil => graph.ceil(x),
            UnaryOp::Round => graph.round(x),
            UnaryOp::Sign => graph.sign(x),
        }?)
    }

    pub(super) fn comparison(&mut self, args: &[Id], kind: CmpOp) -> Result<Value> {
        let element_type = computed_in(self.recording.dtype(args[0]))?;
        let a = self.as_type(self.values[&args[0]], element_type)?;
        let b = self.as_type(self.values[&args[1]], element_type)?;
        let graph = &mut self.graph;
        Ok(match kind {
            CmpOp::Eq => graph.eq(a, b),
            CmpOp::Ne => graph.ne(a, b),
            CmpOp::Le => graph.le(a, b),
            CmpOp::Ge => graph.ge(a, b),
            CmpOp::Lt => graph.lt(a, b),
            CmpOp::Gt => graph.gt(a, b),
        }?)
    }

    pub(super) fn where_cond(&mut self, args: &[Id]) -> Result<Value> {
        let condition = self.as_type(self.values[&args[0]], ElementType::Bool)?;
        let element_type = computed_in(self.recording.dtype(args[1]))?;
        let a = self.as_type(self.values[&args[1]], element_type)?;
        let b = self.as_type(self.values[&args[2]], element_type)?;
        Ok(self.graph.where_cond(condition, a, b)?)
    }

    /// Keeps the reduced dimensions, as candle does before it reshapes.
    pub(super) fn reduce(&mut self, id: Id, x: Id, kind: ReduceOp) -> Result<Value> {
        let axes = self.recording.reduced_axes(id, x);
        let whole = computed_in(self.recording.dtype(x))? == ElementType::I64;
        let mut value = self.float(x)?;
        if matches!(kind, ReduceOp::ArgMin | ReduceOp::ArgMax) {
            // Where none is seen to be reduced, it was one of length 1: each place along any such axis is the first.
            let single =
                || (0..self.recording.rank(x)).find(|&axis| self.recording.length(x, axis).iter().all(|&l| l == 1));
            let Some(axis) = axes.first().copied().or_else(single) else {
                let reason = "the dimension that is searched is not seen".into();
                return Err(Error::Unsupported { operator: format!("{kind:?}").to_lowercase(), reason });
            };
            let place = match kind {
                ReduceOp::ArgMax => self.graph.argmax(value, axis)?,
                _ => self.graph.argmin(value, axis)?,
            };
            return Ok(self.graph.unsqueeze(place, axis)?);
        }
        for axis in axes {
            value = match kind {
                ReduceOp::Sum => self.graph.sum_keepdim(value, axis)?,
                ReduceOp::Max => self.graph.max_keepdim(value, axis)?,
                _ => self.graph.min_keepdim(value, axis)?,
            };
        }
        if whole { Ok(self.graph.cast(value, ElementType::I64)?) } else { Ok(value) }
    }

    pub(super) fn mean(&mut self, id: Id, (x, axes): (Id, &[usize])) -> Result<Value> {
        let mut value = self.float(x)?;
        let keeps = self.recording.rank(id) == self.recording.rank(x);
        for &axis in axes.iter().rev() {
            value = if keeps { self.graph.mean_keepdim(value, axis)? } else { self.graph.mean(value, axis)? };
        }
        Ok(value)
    }

    /// `x mul + add`, whose numbers may depend on the lengths.
    pub(super) fn affine(&mut self, id: Id, x: Id) -> Result<Value> {
        let settings: Vec<(f64, f64)> = self
            .recording
            .ops(id)
            .filter_map(|op| match op {
                Op::Affine { mul, add, .. } => Some((*mul, *add)),
                _ => None,
            })
            .collect();
        let (muls, adds): (Vec<f64>, Vec<f64>) = settings.into_iter().unzip();
        let same = |numbers: &[f64]| numbers.iter().all(|number| *number == numbers[0]);
        if computed_in(self.recording.dtype(id))? == ElementType::I64 {
            // candle computes these in f64 and rounds to whole numbers, which f32 can do up to 2^24.
            let value = self.float(x)?;
            let value = self.scaled(value, &muls, &adds)?;
            return Ok(self.graph.cast(value, ElementType::I64)?);
        }
        let value = self.float(x)?;
        if same(&muls) && same(&adds) {
            return Ok(self.graph.affine(value, muls[0] as f32, adds[0] as f32)?);
        }
        self.scaled(value, &muls, &adds)
    }

    fn scaled(&mut self, value: Value, muls: &[f64], adds: &[f64]) -> Result<Value> {
        let mul = self.number(muls)?;
        let add = self.number(adds)?;
        let value = if muls.iter().all(|&mul| mul == 1.) { value } else { self.graph.mul(value, mul)? };
        if adds.iter().all(|&add| add == 0.) { Ok(value) } else { Ok(self.graph.add(value, add)?) }
    }

    /// One f32 number that has these values in the runs: the same in all, or a multiple or a fraction of a length.
    pub(super) fn number(&mut self, numbers: &[f64]) -> Result<Value> {
        if numbers.iter().all(|&number| close(number, numbers[0])) {
            return Ok(self.graph.scalar(numbers[0] as f32)?);
        }
        if let Some((factor, dim)) = self.lengths.proportional(numbers) {
            let length = self.graph.length(dim)?;
            let length = self.graph.cast(length, ElementType::F32)?;
            return Ok(self.graph.affine(length, factor as f32, 0.)?);
        }
        let inverse: Vec<f64> = numbers.iter().map(|number| 1. / number).collect();
        if let Some((factor, dim)) = self.lengths.proportional(&inverse) {
            let length = self.graph.length(dim)?;
            let length = self.graph.cast(length, ElementType::F32)?;
            let scaled = self.graph.affine(length, factor as f32, 0.)?;
            return Ok(self.graph.recip(scaled)?);
        }
        Err(Error::Size(format!(
            "a number is {numbers:?} in the runs, and it is not seen how it follows from the sizes"
        )))
    }

    pub(super) fn dtype(&mut self, id: Id, x: Id) -> Result<Value> {
        let value = self.values[&x];
        match (computed_in(self.recording.dtype(id))?, value.element_type()) {
            // A byte that is a comparison stays one.
            (ElementType::I64, ElementType::Bool | ElementType::U8) if self.recording.dtype(id) == DType::U8 => {
                Ok(value)
            }
            (to, from) => {
                // candle takes the nearest number that there is; ONNX leaves it open.
                let value = match self.recording.dtype(id) {
                    DType::U8 if from == ElementType::F32 => self.graph.clamp(value, 0., 255.)?,
                    DType::U32 if from == ElementType::F32 => self.graph.clamp(value, 0., LARGEST_U32)?,
                    _ => value,
                };
                self.as_type(value, to)
            }
        }
    }
}

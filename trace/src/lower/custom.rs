//! candle_nn's fused operators, by name.

use candle_core::D;
use exporter::{Dim, Value};

use crate::error::{Error, Result};
use crate::lower::{Lowering, specs};
use crate::recording::Id;

impl Lowering<'_> {
    pub(super) fn custom(&mut self, name: &str, args: &[Id], attributes: &[(&'static str, f64)]) -> Result<Value> {
        let epsilon = attributes.iter().find(|(name, _)| *name == "eps").map(|&(_, value)| value as f32);
        match (name, args, epsilon) {
            ("sigmoid", [x], _) => {
                let x = self.float(*x)?;
                Ok(self.graph.sigmoid(x)?)
            }
            ("softmax-last-dim", [x], _) => {
                let x = self.float(*x)?;
                Ok(self.graph.softmax(x, D::Minus1)?)
            }
            ("layer-norm", &[x, weight, bias], Some(epsilon)) => {
                let x = self.float(x)?;
                let mean = self.graph.mean_keepdim(x, D::Minus1)?;
                let x = self.graph.sub(x, mean)?;
                let x = self.normal(x, epsilon)?;
                let x = self.graph.mul(x, self.values[&weight])?;
                Ok(self.graph.add(x, self.values[&bias])?)
            }
            ("rms-norm", &[x, weight], Some(epsilon)) => {
                let x = self.float(x)?;
                let x = self.normal(x, epsilon)?;
                Ok(self.graph.mul(x, self.values[&weight])?)
            }
            ("rotary-emb", &[x, cos, sin], _) => {
                // Two operators have this name: with heads before places, and with places before heads.
                let heads_last = attributes.iter().any(|(name, _)| *name == "thd");
                let places = if heads_last { 1 } else { 2 };
                let cos = self.turns(cos, (x, places))?;
                let sin = self.turns(sin, (x, places))?;
                let x = self.float(x)?;
                let half = self.half(x)?;
                let (a, b) = (self.graph.narrow(x, 3, 0, half)?, self.graph.narrow(x, 3, half, half)?);
                let turned = self.turn([a, b], [cos, sin])?;
                Ok(self.graph.cat(&turned, 3)?)
            }
            ("rotary-emb-int", &[x, cos, sin], _) => {
                let (cos, sin) = (self.turns(cos, (x, 2))?, self.turns(sin, (x, 2))?);
                let x = self.float(x)?;
                let half = self.half(x)?;
                let mut pairs = x.dims().to_vec();
                pairs.truncate(3);
                pairs.extend([Dim::Fixed(half), Dim::Fixed(2)]);
                let split = self.graph.reshape(x, specs(&pairs))?;
                let mut parts = vec![];
                for part in 0..2 {
                    let one = self.graph.narrow(split, 4, part, 1)?;
                    parts.push(self.graph.squeeze(one, 4)?);
                }
                let turned = self.turn([parts[0], parts[1]], [cos, sin])?;
                let joined = self.graph.stack(&turned, 4)?;
                Ok(self.graph.reshape(joined, specs(x.dims()))?)
            }
            _ => {
                let reason = "the operator is not candle_nn's, so it is not known what it computes".into();
                Err(Error::Unsupported { operator: name.into(), reason })
            }
        }
    }

    fn normal(&mut self, x: Value, epsilon: f32) -> Result<Value> {
        let square = self.graph.sqr(x)?;
        let mean = self.graph.mean_keepdim(square, D::Minus1)?;
        let mean = self.graph.affine(mean, 1., epsilon)?;
        let root = self.graph.sqrt(mean)?;
        Ok(self.graph.div(x, root)?)
    }

    /// Cosines or sines as they broadcast with `x`, which has its places along this axis and the heads along the other one of 1 and 2.
    fn turns(&mut self, table: Id, (x, places): (Id, usize)) -> Result<Value> {
        let axis = self.recording.rank(table) - 2;
        let (longer, needed) = (self.recording.length(table, axis), self.recording.length(x, places));
        let mut table = self.float(table)?;
        // A table may be longer than what is turned.
        if longer != needed {
            let length = self.lengths.dim(self.graph, &needed)?;
            table = self.graph.narrow(table, axis, 0, length)?;
        }
        if places == 1 {
            table = self.graph.unsqueeze(table, table.rank() - 1)?;
        } else if table.rank() == 3 {
            table = self.graph.unsqueeze(table, 1)?;
        }
        Ok(table)
    }

    fn turn(&mut self, [a, b]: [Value; 2], [cos, sin]: [Value; 2]) -> Result<[Value; 2]> {
        let (ac, bs) = (self.graph.mul(a, cos)?, self.graph.mul(b, sin)?);
        let (as_, bc) = (self.graph.mul(a, sin)?, self.graph.mul(b, cos)?);
        Ok([self.graph.sub(ac, bs)?, self.graph.add(as_, bc)?])
    }

    fn half(&self, x: Value) -> Result<usize> {
        match x.dims() {
            [.., Dim::Fixed(width)] if x.rank() == 4 => Ok(width / 2),
            _ => Err(Error::Size("rotary embeddings expected [batch, heads, places, width]".into())),
        }
    }
}

//! LSTM and GRU as ONNX's own operators. The weights of candle's LSTM and GRU are private, so these read the same weights by name.

use candle_core::Tensor;
use candle_nn::VarBuilder;
use candle_nn::rnn::{Direction, GRUConfig, LSTMConfig};

use crate::attribute::int;
use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::graph::to_onnx::ToOnnx;
use crate::shape::Dim;
use crate::value::{ElementType, Value};

/// An LSTM that can be exported. Its initializers hold the checkpoint's weights with the gates in ONNX's order, and both
/// biases as one, `bias_l0`: `[batch, length, in] -> [batch, length, hidden]`, the state `h` after each step.
///
/// ```
/// use candle_core::{DType, Device};
/// use candle_nn::{VarBuilder, VarMap};
/// # fn main() -> exporter::Result<()> {
/// let variables = VarMap::new();
/// let vb = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
/// let trained = candle_nn::lstm(8, 16, Default::default(), vb.pp("lstm"))?; // runs in candle
/// let exported = exporter::Lstm::new(8, 16, Default::default(), vb.pp("lstm"))?; // the same weights, for ONNX
/// let model = exporter::Model::trace(&exported).input("x", ("batch", "length", 8)).build()?;
/// assert_eq!(model.output_shape(), ["batch", "length", "16"]);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Lstm(Recurrent);

/// A GRU that can be exported: `[batch, length, in] -> [batch, length, hidden]`, the state `h` after each step.
///
/// ```
/// use candle_core::{DType, Device};
/// use candle_nn::{VarBuilder, VarMap};
/// # fn main() -> exporter::Result<()> {
/// let variables = VarMap::new();
/// let vb = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
/// let trained = candle_nn::gru(8, 16, Default::default(), vb.pp("gru"))?; // runs in candle
/// let exported = exporter::Gru::new(8, 16, Default::default(), vb.pp("gru"))?; // the same weights, for ONNX
/// let model = exporter::Model::trace(&exported).input("x", ("batch", "length", 8)).build()?;
/// assert_eq!(model.output_shape(), ["batch", "length", "16"]);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Gru(Recurrent);

impl Lstm {
    /// The LSTM that `candle_nn::lstm` makes from the same arguments. As there, the direction is part of the weights' names
    /// alone: steps are taken in the order of the rows.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Candle`] when `vb` has no such weights.
    pub fn new(in_dim: usize, hidden_dim: usize, config: LSTMConfig, vb: VarBuilder) -> Result<Self> {
        let direction = match config.direction {
            Direction::Forward => "",
            Direction::Backward => "_reverse",
        };
        let suffix = format!("l{}{direction}", config.layer_idx);
        // candle's rows are input, forget, cell and output gate; ONNX's input, output, forget and cell.
        let has_bias = [config.b_ih_init.is_some(), config.b_hh_init.is_some()];
        Ok(Self(Recurrent::new([in_dim, hidden_dim], Stored { suffix, gates: &[0, 3, 1, 2], has_bias }, &vb)?))
    }
}

impl Gru {
    /// The GRU that `candle_nn::gru` makes of the same arguments.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Candle`] when `vb` has no such weights.
    pub fn new(in_dim: usize, hidden_dim: usize, config: GRUConfig, vb: VarBuilder) -> Result<Self> {
        // candle's rows are reset, update and new gate; ONNX's update, reset and hidden.
        let has_bias = [config.b_ih_init.is_some(), config.b_hh_init.is_some()];
        let stored = Stored { suffix: "l0".into(), gates: &[1, 0, 2], has_bias };
        Ok(Self(Recurrent::new([in_dim, hidden_dim], stored, &vb)?))
    }
}

impl ToOnnx for Lstm {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        self.0.to_onnx("LSTM", &[], graph, x)
    }
}

impl ToOnnx for Gru {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        // candle resets after the product with the state, as PyTorch does.
        self.0.to_onnx("GRU", &[("linear_before_reset", 1)], graph, x)
    }
}

/// How candle stores the weights.
struct Stored {
    /// Behind the weights' names: `l0`.
    suffix: String,
    /// For each of ONNX's gates, the place of its rows.
    gates: &'static [usize],
    /// Whether there are biases for the input and for the state.
    has_bias: [bool; 2],
}

/// Weights in ONNX's order of gates: `[1, gates * hidden, in]`, `[1, gates * hidden, hidden]`, `[1, 2 gates * hidden]`.
#[derive(Clone, Debug)]
struct Recurrent {
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias: Tensor,
    suffix: String,
    in_dim: usize,
    hidden_dim: usize,
}

impl Recurrent {
    fn new([in_dim, hidden_dim]: [usize; 2], stored: Stored, vb: &VarBuilder) -> Result<Self> {
        let Stored { suffix, gates, has_bias: [bias_ih, bias_hh] } = stored;
        let rows = gates.len() * hidden_dim;
        let ordered = |tensor: Tensor| -> Result<Tensor> {
            let parts: candle_core::Result<Vec<Tensor>> =
                gates.iter().map(|gate| tensor.narrow(0, gate * hidden_dim, hidden_dim)).collect();
            Ok(Tensor::cat(&parts?, 0)?)
        };
        let bias = |kind: &str, present: bool| {
            if present {
                ordered(vb.get(rows, &format!("bias_{kind}_{suffix}"))?)
            } else {
                Ok(Tensor::zeros(rows, vb.dtype(), vb.device())?)
            }
        };
        Ok(Self {
            weight_ih: ordered(vb.get((rows, in_dim), &format!("weight_ih_{suffix}"))?)?.unsqueeze(0)?,
            weight_hh: ordered(vb.get((rows, hidden_dim), &format!("weight_hh_{suffix}"))?)?.unsqueeze(0)?,
            bias: Tensor::cat(&[bias("ih", bias_ih)?, bias("hh", bias_hh)?], 0)?.unsqueeze(0)?,
            suffix,
            in_dim,
            hidden_dim,
        })
    }

    fn to_onnx(
        &self,
        operator: &'static str,
        settings: &[(&str, i64)],
        graph: &mut GraphBuilder,
        x: Value,
    ) -> Result<Value> {
        graph.expect_floats(operator, &[x])?;
        if x.rank() != 3 || x.dim(2) != Dim::Fixed(self.in_dim) {
            let expected = format!("[batch, length, {}]", self.in_dim);
            return Err(graph.mismatch(operator, expected, format!("{:?}", graph.describe(x))));
        }
        let weight_ih = graph.initializer(&format!("weight_ih_{}", self.suffix), &self.weight_ih)?;
        let weight_hh = graph.initializer(&format!("weight_hh_{}", self.suffix), &self.weight_hh)?;
        let bias = graph.initializer(&format!("bias_{}", self.suffix), &self.bias)?;
        // ONNX has the steps first, and a dimension for directions: [length, 1, batch, hidden].
        let steps_first = graph.transpose(x, 0, 1)?;
        // ONNX assumes these zeros, but tract needs them while the batch is symbolic.
        let state = zero_state(graph, x, self.hidden_dim)?;
        let states = if operator == "LSTM" { vec![state, state] } else { vec![state] };
        let mut attributes = vec![int("hidden_size", self.hidden_dim as i64)];
        attributes.extend(settings.iter().map(|(name, value)| int(name, *value)));
        let dims = [x.dim(1), Dim::Fixed(1), x.dim(0), Dim::Fixed(self.hidden_dim)];
        let shape = graph.shape(operator, &dims)?;
        // The input that is left out holds the lengths of the sequences, which are all whole.
        let inputs: Vec<Option<Value>> = [Some(steps_first), Some(weight_ih), Some(weight_hh), Some(bias), None]
            .into_iter()
            .chain(states.into_iter().map(Some))
            .collect();
        let states = graph.typed_node(operator, &inputs, attributes, (x.element_type(), shape))?;
        let states = graph.squeeze(states, 1)?;
        graph.transpose(states, 0, 1)
    }
}

/// Zeros of shape `[1, batch, hidden]`, whose batch is `x`'s and may be known only when the model runs.
fn zero_state(graph: &mut GraphBuilder, x: Value, hidden_dim: usize) -> Result<Value> {
    let dims = [Dim::Fixed(1), x.dim(0), Dim::Fixed(hidden_dim)];
    let shape = graph.shape("Expand", &dims)?;
    let lengths = graph.shape("Shape", &[Dim::Fixed(x.rank())])?;
    let lengths = graph.typed_node("Shape", &[Some(x)], vec![], (ElementType::I64, lengths))?;
    let batch = graph.narrow(lengths, 0, 0, 1)?;
    let mut parts = Vec::new();
    for dim in dims {
        parts.push(match dim {
            Dim::Fixed(size) => graph.integers("length", &[size as i64])?,
            Dim::Symbol(_) => batch,
        });
    }
    let target = graph.cat(&parts, 0)?;
    let zero = graph.scalar(0.)?;
    graph.node("Expand", &[zero, target], vec![], shape)
}

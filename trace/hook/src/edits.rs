//! What the hook changes in candle: each edit is a short anchor, which its file must have exactly once, and what takes its place.
//!
//! docs/tracing.md says why each is there.

/// The one version that the anchors were read from.
pub const VERSION: &str = "0.11.1";

/// One change of one file.
pub struct Edit {
    /// The file, from the package's folder.
    pub file: &'static str,
    /// The text that is replaced.
    pub anchor: &'static str,
    /// The text that takes its place.
    pub text: &'static str,
}

/// The packages that are copied, and their edits in order.
pub const PACKAGES: [(&str, &[Edit]); 2] = [("candle-core", CORE), ("candle-nn", NN)];

const CORE: &[Edit] = &[
    // The switch.
    Edit {
        file: "src/op.rs",
        anchor: "impl BackpropOp {\n",
        text: r#"thread_local! {
    static RECORDING: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Runs `f` with recording on: on this thread, every tensor made from others keeps its `Op`, whether a variable is among them or not.
pub fn record<T>(f: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            RECORDING.set(self.0)
        }
    }
    let _restore = Restore(RECORDING.replace(true));
    f()
}

pub(crate) fn recording() -> bool {
    RECORDING.get()
}

impl BackpropOp {
    /// An op that nothing is propagated through: kept only while recording.
    pub(crate) fn noted(args: &[&Tensor], f: impl Fn(Vec<Tensor>) -> Op) -> Self {
        if recording() {
            Self::new(args, f)
        } else {
            Self::none()
        }
    }

"#,
    },
    Edit {
        file: "src/tensor.rs",
        anchor: "        self.is_variable || self.op.is_some()\n",
        text: "        self.is_variable || self.op.is_some() || crate::op::recording()\n",
    },
    // What was recorded can be read.
    Edit {
        file: "src/tensor.rs",
        anchor: "    pub(crate) fn op(&self) -> &Option<Op> {\n",
        text: "    /// The op that made this tensor, when it was recorded.\n    pub fn op(&self) -> &Option<Op> {\n",
    },
    // A comparison keeps both operands.
    Edit { file: "src/op.rs", anchor: "    Cmp(Tensor, CmpOp),\n", text: "    Cmp(Tensor, Tensor, CmpOp),\n" },
    Edit {
        file: "src/tensor.rs",
        anchor: "BackpropOp::new1(self, |a| Op::Cmp(a, op))",
        text: "BackpropOp::new2(self, &rhs, |a, b| Op::Cmp(a, b, op))",
    },
    Edit {
        file: "src/backprop.rs",
        anchor: "                    | Op::Cmp(node, _)\n",
        text: "                    | Op::Cmp(node, _, _)\n",
    },
    Edit { file: "src/backprop.rs", anchor: "| Op::Cmp(_, _) => {}", text: "| Op::Cmp(_, _, _) => {}" },
    // Argmax and detach are noted.
    Edit {
        file: "src/tensor.rs",
        anchor: "            ReduceOp::ArgMin | ReduceOp::ArgMax => BackpropOp::none(),\n",
        text: "            ReduceOp::ArgMin | ReduceOp::ArgMax => {\n                BackpropOp::noted(&[self], |a| Op::Reduce(a[0].clone(), op, dims.to_vec()))\n            }\n",
    },
    Edit {
        file: "src/tensor.rs",
        anchor: "                op: BackpropOp::none(),\n",
        text: "                op: BackpropOp::noted(&[self], |args| Op::NoBackward(\"detach\", args, vec![])),\n",
    },
    // Custom ops without a backward are noted by name, and an op may say its settings.
    Edit {
        file: "src/op.rs",
        anchor: "    ToDType(Tensor),\n",
        text: "    /// An op without a backward, such as a fused kernel: its name, its arguments and its settings.\n    NoBackward(&'static str, Vec<Tensor>, Vec<(&'static str, f64)>),\n    ToDType(Tensor),\n",
    },
    Edit {
        file: "src/backprop.rs",
        anchor: "                    Op::Reduce(_, ReduceOp::ArgMin | ReduceOp::ArgMax, _) => nodes,\n",
        text: "                    Op::Reduce(_, ReduceOp::ArgMin | ReduceOp::ArgMax, _) => nodes,\n                    Op::NoBackward(..) => nodes,\n",
    },
    Edit {
        file: "src/backprop.rs",
        anchor: "                    | Op::Unary(_, UnaryOp::Round)\n",
        text: "                    | Op::NoBackward(..)\n                    | Op::Unary(_, UnaryOp::Round)\n",
    },
    Edit { file: "src/custom_op.rs", anchor: "pub trait CustomOp1 {\n", text: ATTRIBUTES_1 },
    Edit { file: "src/custom_op.rs", anchor: "pub trait CustomOp2 {\n", text: ATTRIBUTES_2 },
    Edit { file: "src/custom_op.rs", anchor: "pub trait CustomOp3 {\n", text: ATTRIBUTES_3 },
    Edit {
        file: "src/custom_op.rs",
        anchor: "        let (storage, shape) = self.storage().apply_op1(self.layout(), c)?;\n        Ok(from_storage(storage, shape, BackpropOp::none(), false))\n",
        text: "        let (storage, shape) = self.storage().apply_op1(self.layout(), c)?;\n        let note = |args| Op::NoBackward(c.name(), args, c.attributes());\n        Ok(from_storage(storage, shape, BackpropOp::noted(&[self], note), false))\n",
    },
    Edit {
        file: "src/custom_op.rs",
        anchor: ".apply_op2(self.layout(), &rhs.storage(), rhs.layout(), c)?;\n        Ok(from_storage(storage, shape, BackpropOp::none(), false))\n",
        text: ".apply_op2(self.layout(), &rhs.storage(), rhs.layout(), c)?;\n        let note = |args| Op::NoBackward(c.name(), args, c.attributes());\n        Ok(from_storage(storage, shape, BackpropOp::noted(&[self, rhs], note), false))\n",
    },
    Edit {
        file: "src/custom_op.rs",
        anchor: "            c,\n        )?;\n        Ok(from_storage(storage, shape, BackpropOp::none(), false))\n",
        text: "            c,\n        )?;\n        let note = |args| Op::NoBackward(c.name(), args, c.attributes());\n        Ok(from_storage(storage, shape, BackpropOp::noted(&[self, t2, t3], note), false))\n",
    },
];

macro_rules! attributes {
    ($of:literal) => {
        concat!(
            "pub trait ",
            $of,
            " {\n    /// The settings of this op by name, for those that read recorded graphs.\n    fn attributes(&self) -> Vec<(&'static str, f64)> {\n        vec![]\n    }\n\n"
        )
    };
}

const ATTRIBUTES_1: &str = attributes!("CustomOp1");
const ATTRIBUTES_2: &str = attributes!("CustomOp2");
const ATTRIBUTES_3: &str = attributes!("CustomOp3");

/// The two fused kernels with a setting say it, and of two rotary embeddings that have one name, the one with the heads last.
const NN: &[Edit] = &[
    Edit { file: "src/ops.rs", anchor: "impl candle::CustomOp2 for RmsNorm {\n", text: RMS_NORM },
    Edit { file: "src/ops.rs", anchor: "impl candle::CustomOp3 for LayerNorm {\n", text: LAYER_NORM },
    Edit { file: "src/rotary_emb.rs", anchor: "impl candle::CustomOp3 for RotaryEmbThd {\n", text: ROTARY_THD },
];

macro_rules! epsilon {
    ($of:literal) => {
        concat!(
            "impl candle::",
            $of,
            " {\n    fn attributes(&self) -> Vec<(&'static str, f64)> {\n        vec![(\"eps\", self.eps.into())]\n    }\n\n"
        )
    };
}

const RMS_NORM: &str = epsilon!("CustomOp2 for RmsNorm");
const LAYER_NORM: &str = epsilon!("CustomOp3 for LayerNorm");
const ROTARY_THD: &str = "impl candle::CustomOp3 for RotaryEmbThd {\n    fn attributes(&self) -> Vec<(&'static str, f64)> {\n        vec![(\"thd\", 1.)]\n    }\n\n";

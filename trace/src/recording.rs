//! The graph that candle recorded, of all runs at once: one node stands for the same operator in each.

use std::collections::HashMap;

use candle_core::op::Op;
use candle_core::{DType, Tensor, TensorId};

use crate::error::{Error, Result};
use crate::names::Names;
use crate::operators;

/// A node's number.
pub(crate) type Id = usize;

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The input of this number.
    Input(usize),
    /// The same tensor in every run: a weight, by name if it has one.
    Weight(Option<String>),
    /// Made inside the model from nothing: a mask, a range of places.
    Constant,
    /// Computed from other nodes.
    Computed,
}

/// One operator's result in each run.
pub(crate) struct Node {
    pub(crate) runs: Vec<Tensor>,
    pub(crate) args: Vec<Id>,
    pub(crate) source: Source,
    /// Whether it depends on no input and on no weight that has a name.
    pub(crate) fixed: bool,
}

/// All nodes, each behind those that it needs.
pub(crate) struct Recording {
    pub(crate) nodes: Vec<Node>,
    pub(crate) outputs: Vec<Id>,
}

impl Recording {
    /// Lays the runs over each other. `inputs` and `outputs` are by run.
    pub(crate) fn new(inputs: &[Vec<Tensor>], outputs: &[Vec<Tensor>], names: &Names) -> Result<Self> {
        let mut recording = Self { nodes: vec![], outputs: vec![] };
        let mut known: HashMap<Vec<TensorId>, Id> = HashMap::new();
        for (number, _) in inputs[0].iter().enumerate() {
            let runs: Vec<Tensor> = inputs.iter().map(|inputs| inputs[number].clone()).collect();
            known.insert(ids(&runs), recording.nodes.len());
            recording.nodes.push(Node { runs, args: vec![], source: Source::Input(number), fixed: false });
        }
        let starts: Vec<Vec<Tensor>> =
            (0..outputs[0].len()).map(|at| outputs.iter().map(|outputs| outputs[at].clone()).collect()).collect();
        for start in starts {
            let start = settled(start, names);
            // A tensor is met twice: first its arguments are asked for, then it is made of them.
            let mut stack = vec![(start.clone(), false)];
            while let Some((runs, met)) = stack.pop() {
                if known.contains_key(&ids(&runs)) {
                    continue;
                }
                let args = Self::arguments(&runs, names)?;
                if met || args.is_empty() {
                    let args: Vec<Id> = args.iter().map(|arg| known[&ids(arg)]).collect();
                    let node = recording.node(runs, args, names);
                    known.insert(ids(&node.runs), recording.nodes.len());
                    recording.nodes.push(node);
                } else {
                    stack.push((runs, true));
                    stack.extend(args.into_iter().rev().map(|arg| (arg, false)));
                }
            }
            recording.outputs.push(known[&ids(&start)]);
        }
        Ok(recording)
    }

    /// The arguments of the operator that made these tensors, by run; none for leaves.
    fn arguments(runs: &[Tensor], names: &Names) -> Result<Vec<Vec<Tensor>>> {
        if is_weight(runs, names) {
            return Ok(vec![]);
        }
        let ops: Vec<Option<&Op>> = runs.iter().map(|tensor| tensor.op().as_ref()).collect();
        let described = |op: &Option<&Op>| op.map_or("a constant".into(), operators::describe);
        if let Some(other) = ops.iter().find(|other| described(other) != described(&ops[0])) {
            let shapes: Vec<&[usize]> = runs.iter().map(|tensor| tensor.dims()).collect();
            let reason = format!("{} at one size, {} at another, for {shapes:?}", described(&ops[0]), described(other));
            return Err(Error::Structure(reason));
        }
        let args: Vec<Vec<&Tensor>> = ops.iter().map(|op| op.map_or(vec![], operators::arguments)).collect();
        let count = args[0].len();
        if args.iter().any(|args| args.len() != count) {
            return Err(Error::Structure(format!(
                "{} has more arguments at one size than at another",
                described(&ops[0])
            )));
        }
        let each = |at: usize| settled(args.iter().map(|args| args[at].clone()).collect(), names);
        Ok((0..count).map(each).collect())
    }

    fn node(&self, runs: Vec<Tensor>, args: Vec<Id>, names: &Names) -> Node {
        let source = if is_weight(&runs, names) {
            Source::Weight(names.of(&runs[0]))
        } else if args.is_empty() {
            Source::Constant
        } else {
            Source::Computed
        };
        let fixed = match &source {
            Source::Weight(name) => name.is_none(),
            Source::Constant => true,
            _ => args.iter().all(|&arg| self.nodes[arg].fixed),
        };
        Node { runs, args, source, fixed }
    }

    pub(crate) fn op(&self, id: Id) -> Option<&Op> {
        match self.nodes[id].source {
            Source::Computed => self.nodes[id].runs[0].op().as_ref(),
            _ => None,
        }
    }

    /// The operator in each run.
    pub(crate) fn ops(&self, id: Id) -> impl Iterator<Item = &Op> {
        self.nodes[id].runs.iter().filter_map(|tensor| tensor.op().as_ref())
    }

    pub(crate) fn arg(&self, id: Id, at: usize) -> Id {
        self.nodes[id].args[at]
    }

    pub(crate) fn tensor(&self, id: Id) -> &Tensor {
        &self.nodes[id].runs[0]
    }

    pub(crate) fn dtype(&self, id: Id) -> DType {
        self.tensor(id).dtype()
    }

    pub(crate) fn rank(&self, id: Id) -> usize {
        self.tensor(id).rank()
    }

    /// The shape in each run.
    pub(crate) fn shapes(&self, id: Id) -> Vec<Vec<usize>> {
        self.nodes[id].runs.iter().map(|tensor| tensor.dims().to_vec()).collect()
    }

    /// The length along an axis in each run.
    pub(crate) fn length(&self, id: Id, axis: usize) -> Vec<usize> {
        self.nodes[id].runs.iter().map(|tensor| tensor.dims()[axis]).collect()
    }

    /// Whether a node follows from any input.
    pub(crate) fn depends_on_inputs(&self, id: Id) -> bool {
        let (mut seen, mut open) = (vec![false; self.nodes.len()], vec![id]);
        while let Some(id) = open.pop() {
            if matches!(self.nodes[id].source, Source::Input(_)) {
                return true;
            }
            if !std::mem::replace(&mut seen[id], true) {
                open.extend(&self.nodes[id].args);
            }
        }
        false
    }

    pub(crate) fn is_leaf(&self, id: Id) -> bool {
        matches!(self.nodes[id].source, Source::Weight(_))
    }

    /// The axes along which a reduction that keeps its dimensions has reduced; an axis may have a length of 1 in some run.
    pub(crate) fn reduced_axes(&self, id: Id, x: Id) -> Vec<usize> {
        let (from, to) = (self.shapes(x), self.shapes(id));
        let differs = |axis: &usize| from.iter().zip(&to).any(|(from, to)| from[*axis] != to[*axis]);
        (0..from[0].len()).filter(differs).collect()
    }

    /// The node behind those that only broadcast.
    pub(crate) fn unbroadcast(&self, mut id: Id) -> Id {
        while let Some(Op::Broadcast(_)) = self.op(id) {
            id = self.arg(id, 0);
        }
        id
    }
}

/// The same tensor in every run: a weight, unless it is a view of one, which was made when the model was loaded.
fn is_weight(runs: &[Tensor], names: &Names) -> bool {
    let same = runs.iter().all(|tensor| tensor.id() == runs[0].id());
    same && (names.has(&runs[0]) || !runs[0].op().as_ref().is_some_and(operators::is_view))
}

fn ids(runs: &[Tensor]) -> Vec<TensorId> {
    runs.iter().map(Tensor::id).collect()
}

/// The tensors behind those that are only copies.
fn settled(mut runs: Vec<Tensor>, names: &Names) -> Vec<Tensor> {
    for tensor in &mut runs {
        while let Some(of) = tensor.op().as_ref().and_then(operators::copied)
            && !names.has(tensor)
        {
            *tensor = of.clone();
        }
    }
    runs
}

//! What a file would take to decode, read off its bytes before anything is decoded.

use crate::error::{Error, Result};

/// The most messages inside each other. A graph of ours has ten.
const MAX_DEPTH: usize = 64;
/// Bytes that a text takes beside its letters.
const TEXT: usize = 24;

/// What a file holds, counted without decoding it: a few bytes of a file can become many in memory.
///
/// ```
/// let file = onnx::ModelProto { graph: Some(Default::default()), ..Default::default() }.to_bytes();
/// assert_eq!(onnx::Outline::of(&file)?.nodes, 0);
/// assert!(onnx::Outline::of(b"not a model").is_err());
/// # Ok::<(), onnx::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// Nodes, those of graphs inside of nodes and of functions too.
    pub nodes: usize,
    /// Bytes of the elements of all tensors in memory.
    pub weights: usize,
    /// Bytes that everything else takes in memory, by and large: names, shapes, settings, metadata.
    pub rest: usize,
}

impl Outline {
    /// Reads the bytes of a file. It takes no memory, and time for each message but not for the elements of tensors.
    ///
    /// # Errors
    ///
    /// [`Error::Decode`] where the bytes are no messages, or lie too deep inside each other.
    pub fn of(bytes: &[u8]) -> Result<Self> {
        let mut outline = Self::default();
        outline.message(Kind::Model, bytes, MAX_DEPTH).map_err(|reason| Error::Decode { reason: reason.into() })?;
        Ok(outline)
    }

    fn message(&mut self, kind: Kind, mut bytes: &[u8], depth: usize) -> Result<(), &'static str> {
        let depth = depth.checked_sub(1).ok_or("messages lie too deep inside each other")?;
        self.nodes += usize::from(kind == Kind::Node);
        self.rest = self.rest.saturating_add(kind.size());
        while !bytes.is_empty() {
            let key = varint(&mut bytes)?;
            let content = match key & 7 {
                0 => {
                    varint(&mut bytes)?;
                    self.count(kind, key >> 3, 8);
                    continue;
                }
                1 => take(&mut bytes, 8)?,
                2 => {
                    let len = varint(&mut bytes)?;
                    take(&mut bytes, usize::try_from(len).map_err(|_| CUT)?)?
                }
                5 => take(&mut bytes, 4)?,
                _ => return Err("it holds a field of unknown type"),
            };
            match kind.field(key >> 3) {
                Field::Message(inner) if key & 7 == 2 => self.message(inner, content, depth)?,
                // Each number takes one byte of the file at least, and eight in memory, twice while the list grows.
                Field::Numbers => self.count(kind, key >> 3, content.len().saturating_mul(16)),
                Field::Floats => self.count(kind, key >> 3, content.len().saturating_mul(2)),
                _ => self.count(kind, key >> 3, TEXT + content.len()),
            }
        }
        Ok(())
    }

    /// Counts the content of a field.
    fn count(&mut self, kind: Kind, field: u64, bytes: usize) {
        let holds_elements = kind == Kind::Tensor && [4, 5, 7, 9, 10, 11].contains(&field);
        let sum = if holds_elements { &mut self.weights } else { &mut self.rest };
        *sum = sum.saturating_add(bytes);
    }
}

/// The messages of the specification, as far as other messages lie inside.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    SparseTensor,
    Value,
    Type,
    /// The element's type of a sequence or an optional value, or the key's and the value's of a map.
    Elements,
    TensorType,
    Shape,
    Function,
    Training,
    /// One without further messages.
    Plain,
}

/// What a field holds.
enum Field {
    Message(Kind),
    /// Whole numbers of any length, one after the other.
    Numbers,
    /// Numbers of four or eight bytes.
    Floats,
    /// Text, bytes, a single number, or a field that is not known.
    Other,
}

impl Kind {
    /// Bytes that a message takes in memory without its content, the larger of what our reader and tract's take.
    fn size(self) -> usize {
        match self {
            Self::Model | Self::Attribute => 1024,
            Self::Graph | Self::Tensor | Self::SparseTensor | Self::Function | Self::Training => 512,
            Self::Node | Self::Value | Self::Type | Self::Elements => 256,
            Self::TensorType | Self::Shape | Self::Plain => 96,
        }
    }

    /// What the field with this number holds, by the specification's `onnx.proto3`.
    fn field(self, number: u64) -> Field {
        use Field::{Floats, Message, Numbers, Other};
        match (self, number) {
            (Self::Model, 7) | (Self::Attribute, 6 | 11) | (Self::Training, 1 | 2) => Message(Self::Graph),
            (Self::Model, 20) => Message(Self::Training),
            (Self::Model, 25) => Message(Self::Function),
            (Self::Graph, 1) | (Self::Function, 7) => Message(Self::Node),
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) | (Self::SparseTensor, 1 | 2) => Message(Self::Tensor),
            (Self::Graph, 11..=13) | (Self::Function, 12) => Message(Self::Value),
            (Self::Graph, 15) | (Self::Attribute, 22 | 23) => Message(Self::SparseTensor),
            (Self::Node, 5) | (Self::Function, 11) => Message(Self::Attribute),
            (Self::Value, 2) | (Self::Attribute, 14 | 15) | (Self::Elements, 1 | 2) => Message(Self::Type),
            (Self::Type, 1 | 8) => Message(Self::TensorType),
            (Self::Type, 4 | 5 | 9) => Message(Self::Elements),
            (Self::TensorType, 2) => Message(Self::Shape),
            (Self::Model, 8 | 14 | 26)
            | (Self::Graph, 14 | 16)
            | (Self::Node, 9 | 10)
            | (Self::Tensor, 13 | 16)
            | (Self::Value, 4)
            | (Self::Function, 9 | 14)
            | (Self::Training, 3 | 4)
            | (Self::Shape, 1) => Message(Self::Plain),
            (Self::Tensor, 1 | 5 | 7 | 11) | (Self::Attribute, 8) | (Self::SparseTensor, 3) => Numbers,
            (Self::Tensor, 4 | 10) | (Self::Attribute, 7) => Floats,
            _ => Other,
        }
    }
}

const CUT: &str = "it ends in the middle of a field";

fn take<'a>(bytes: &mut &'a [u8], len: usize) -> Result<&'a [u8], &'static str> {
    let (content, rest) = bytes.split_at_checked(len).ok_or(CUT)?;
    *bytes = rest;
    Ok(content)
}

/// A number of up to ten bytes, seven bits in each.
fn varint(bytes: &mut &[u8]) -> Result<u64, &'static str> {
    let mut number = 0;
    for place in 0..10 {
        let byte = take(bytes, 1)?[0];
        number |= u64::from(byte & 0x7f) << (7 * place);
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err("it holds a number of more than ten bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto};

    fn outline(graph: GraphProto) -> Outline {
        Outline::of(&ModelProto { graph: Some(graph), ..Default::default() }.to_bytes()).unwrap()
    }

    /// A node with a branch that has this node.
    fn around(node: NodeProto) -> NodeProto {
        let g = Some(GraphProto { node: vec![node], ..Default::default() });
        NodeProto { attribute: vec![AttributeProto { g, ..Default::default() }], ..Default::default() }
    }

    #[test]
    fn what_is_small_in_a_file_and_large_in_memory_is_counted_as_it_is_in_memory() {
        let empty = outline(GraphProto { node: vec![NodeProto::default(); 1000], ..Default::default() });
        assert_eq!(empty.nodes, 1000);
        assert!(empty.rest > 1000 * size_of::<NodeProto>());
        let numbers = TensorProto { int64_data: vec![1; 1000], ..Default::default() };
        assert_eq!(outline(GraphProto { initializer: vec![numbers], ..Default::default() }).weights, 16_000);
        let raw = TensorProto { raw_data: vec![1; 1000], ..Default::default() };
        assert_eq!(outline(GraphProto { initializer: vec![raw], ..Default::default() }).weights, 1024);
        let names = NodeProto { output: vec![String::new(); 1000], ..Default::default() };
        assert!(outline(GraphProto { node: vec![names], ..Default::default() }).rest > 24_000);
        let inner = outline(GraphProto { node: vec![around(around(NodeProto::default()))], ..Default::default() });
        assert_eq!(inner.nodes, 3);
    }

    #[test]
    fn no_message_takes_more_than_is_counted() {
        assert!(size_of::<AttributeProto>() <= Kind::Attribute.size());
        assert!(size_of::<GraphProto>() <= Kind::Graph.size());
        assert!(size_of::<TensorProto>() <= Kind::Tensor.size());
        assert!(size_of::<NodeProto>() <= Kind::Node.size());
        assert!(size_of::<crate::ValueInfoProto>() <= Kind::Value.size());
        assert!(size_of::<crate::DimensionProto>() <= Kind::Plain.size());
    }

    #[test]
    fn what_is_cut_endless_or_too_deep_is_refused() {
        let deep = (0..30).fold(NodeProto::default(), |node, _| around(node));
        let deep =
            ModelProto { graph: Some(GraphProto { node: vec![deep], ..Default::default() }), ..Default::default() };
        for (bytes, expected) in [
            (&[0x3a, 0x80][..], "the middle of a field"),
            (&[0x3a, 0x09, 0x00], "the middle of a field"),
            (&[0xff; 12], "more than ten bytes"),
            (&[0x0b], "unknown type"),
            (&deep.to_bytes(), "too deep"),
        ] {
            let error = Outline::of(bytes).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}

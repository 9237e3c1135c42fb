"""Files and graphs that are wrong in their form: what a parser and a checker meet."""

import gzip
import zlib

from cases import EITHER, HARMLESS, REFUSED, dense, encoder_case
from wire import FLOAT, FLOAT16, INT64, STRING, field, graph, model, node, number, tensor, value, varint, weight

ESCAPES = "\x1b[2J\x1b]0;owned\x07\r\x9b31m\x7f"
MILLION = 1_000_000


def slow(**parts):
    """A dense layer that no built-in kernel computes."""
    nodes = [node("MatMul", "input weight", "product"), node("Neg", "product", "latent")]
    return dense(nodes, **parts)


def chain(operator, count, constants=(), *more_inputs):
    """This many nodes between the input and the dense layer, each of which takes what the last one gives."""
    names = ["input", *(f"t{index}" for index in range(count))]
    nodes = [node(operator, [taken, *more_inputs], [given]) for taken, given in zip(names, names[1:])]
    layer = node("MatMul", [names[-1], "weight"], "latent")
    return dense([*nodes, layer], [weight("weight", 8, 2), *constants])


def weighted(*dims, data=b"", kind=FLOAT, more=b""):
    """A dense layer whose weight is this, whatever it is."""
    return dense(constants=[tensor("weight", dims, data, kind, more)])


def elsewhere(path, name="weight"):
    """A tensor whose elements lie in another file."""
    return tensor(name, [8, 2], b"", FLOAT, field(13, field(1, "location") + field(2, path)) + field(14, 1))


def named(name):
    """A dense layer whose values are called like this."""
    return dense([node("MatMul", [name, "weight"], [name + "2"])], inputs=[value(name, ["batch", 8])],
                 outputs=[value(name + "2", ["batch", 2])])


def nested_branches(depth):
    """A branch in a branch in a branch."""
    branch, given = graph([node("Identity", "input", "b")]), [value("b", ["batch", 8])]
    for _ in range(depth):
        branch = graph([node("If", "yes", "b", then_branch=branch)], outputs=given)
    deepest = node("If", "yes", "b", then_branch=branch, else_branch=graph([node("Identity", "input", "b")]))
    return dense([deepest, node("MatMul", "b weight", "latent")], [number("yes", 1), weight("weight", 8, 2)])


def nested_types(depth):
    """An input that is a sequence of sequences of sequences."""
    kind = b""
    for _ in range(depth):
        kind = field(4, field(1, kind))
    return dense(inputs=[field(1, "input") + field(2, kind)])


def function(calls):
    """A model with a function F of its own, which calls this one."""
    local = field(1, "F") + field(4, "x") + field(5, "y") + field(7, node(calls, "x", "y", "own")) + field(10, "own")
    nodes = [node("F", "input", "f", "own"), node("MatMul", "f weight", "latent")]
    return dense(nodes, opsets=[("", 17), ("own", 1)], file_end=field(25, local))


def many(number, content=b"", count=MILLION):
    """One field of the graph, over and over."""
    return slow(more=field(number, content) * count)


def packed(count):
    """Whole numbers of a byte each, which become eight bytes each."""
    ones = field(7, b"\x01" * count)
    return slow(constants=[weight("weight", 8, 2), tensor("ones", [count], b"", INT64, ones)])


def operator(name, domain=""):
    return dense([node(name, "input", "t", domain), node("MatMul", "t weight", "latent")])


def form(name, build, outcome=REFUSED):
    return encoder_case("graph-" + name, build, outcome)


FILES = [
    form("of-zero-bytes", lambda: b""),
    form("of-one-byte", lambda: b"\x08"),
    form("of-a-megabyte-of-zeros", lambda: bytes(MILLION)),
    form("of-a-megabyte-of-ff", lambda: b"\xff" * MILLION),
    form("that-is-text", lambda: b"not a graph\n" * 1000),
    form("that-is-a-png", lambda: b"\x89PNG\r\n\x1a\n" + bytes(1000)),
    form("that-is-gzipped", lambda: gzip.compress(dense())),
    form("that-is-zlib", lambda: zlib.compress(dense())),
    form("that-is-cut-after-10-bytes", lambda: dense()[:10]),
    form("that-is-cut-in-the-middle", lambda: dense()[:len(dense()) // 2]),
    form("that-is-cut-by-one-byte", lambda: dense()[:-1]),
    form("twice-in-one-file", lambda: dense() * 2),
    form("with-zeros-behind-it", lambda: dense() + bytes(8)),
    form("with-a-field-number-of-zero", lambda: dense() + b"\x02\x00"),
    form("with-wire-type-7", lambda: dense() + b"\x7f"),
    form("with-a-length-of-2-to-the-63", lambda: dense() + b"\x3a" + varint(2**63)),
    form("with-a-length-of-4-gib", lambda: dense() + b"\x3a" + varint(2**32)),
    form("with-a-number-of-20-bytes", lambda: b"\x08" + b"\xff" * 20 + dense()),
    form("with-a-group-that-never-ends", lambda: dense() + b"\x83\x06" * 100),
    form("with-groups-a-million-deep", lambda: dense() + b"\x83\x06" * MILLION + b"\x84\x06" * MILLION),
    form("with-an-end-of-no-group", lambda: dense() + b"\x84\x06"),
    form("without-a-graph", lambda: field(1, 8) + field(8, field(2, 17))),
    form("that-is-empty", lambda: model(b"")),
    form("of-ir-version-0", lambda: dense(version=0)),
    form("of-ir-version-minus-1", lambda: dense(version=-1)),
    form("of-ir-version-2-to-the-62", lambda: dense(version=2**62)),
    form("of-opset-99", lambda: dense(opsets=[("", 99)])),
    form("of-opset-minus-1", lambda: dense(opsets=[("", -1)])),
    form("of-opset-0", lambda: dense(opsets=[("", 0)])),
    form("of-opset-2-to-the-62", lambda: dense(opsets=[("", 2**62)])),
    form("of-no-opset", lambda: dense(opsets=[])),
    form("of-two-opsets", lambda: dense(opsets=[("", 13), ("", 21)])),
    form("of-a-million-opsets", lambda: dense(opsets=[("", 17)], file_end=field(8, b"") * MILLION)),
    form("with-a-million-entries-of-metadata",
         lambda: dense(file_end=b"".join(field(14, field(1, str(key))) for key in range(MILLION))), EITHER),
    form("with-a-million-empty-entries-of-metadata", lambda: dense(file_end=field(14, b"") * MILLION), EITHER),
]

SIZES = [
    form("of-a-megabyte-of-empty-nodes", lambda: many(1, count=MILLION // 2)),
    form("of-8-megabytes-of-empty-nodes", lambda: many(1, count=4 * MILLION)),
    form("of-a-million-empty-initializers", lambda: many(5)),
    form("of-a-million-empty-inputs", lambda: many(11)),
    form("of-a-million-empty-outputs", lambda: many(12)),
    form("of-a-million-named-outputs",
         lambda: slow(more=b"".join(field(12, field(1, f"o{index}")) for index in range(MILLION)))),
    form("of-a-million-empty-value-infos", lambda: many(13), EITHER),
    form("of-a-million-sparse-initializers", lambda: many(15)),
    form("of-a-million-annotations", lambda: many(14), EITHER),
    form("of-100000-identity-nodes", lambda: chain("Identity", 100_000), EITHER),
    form("of-9000-identity-nodes", lambda: chain("Identity", 9_000), EITHER),
    form("of-9000-relu-nodes", lambda: chain("Relu", 9_000), EITHER),
    form("of-9000-additions", lambda: chain("Add", 9_000, [number("one", 1.0)], "one"), EITHER),
    form("of-9000-dead-nodes",
         lambda: slow(also=[node("Relu", "input", f"dead{index}") for index in range(9_000)]), EITHER),
    form("of-9000-constant-nodes",
         lambda: slow(also=[node("Constant", [], f"c{i}", value=number("c", i)) for i in range(9_000)]), EITHER),
    form("with-a-node-of-a-million-inputs", lambda: dense(
        [node("Concat", ["input"] * MILLION, "t", axis=1), node("MatMul", "t weight", "latent")])),
    form("with-a-node-of-a-million-empty-inputs", lambda: slow(also=[node("Sum", [""] * MILLION, "t")]), EITHER),
    form("with-a-node-of-a-million-outputs", lambda: slow(also=[node("Split", "input", [""] * MILLION)]), EITHER),
    form("with-a-node-of-a-million-attributes",
         lambda: slow(also=[node("Relu", "input", "t", more=field(5, b"") * MILLION)]), EITHER),
    form("with-an-attribute-of-a-million-graphs",
         lambda: slow(also=[node("Relu", "input", "t", more=field(5, field(11, b"") * MILLION))]), EITHER),
    form("with-an-attribute-of-a-million-tensors",
         lambda: slow(also=[node("Relu", "input", "t", more=field(5, field(10, b"") * MILLION))]), EITHER),
    form("with-an-attribute-of-a-million-numbers",
         lambda: slow(also=[node("Relu", "input", "t", axes=[1] * MILLION)]), EITHER),
    form("with-a-million-packed-numbers", lambda: packed(MILLION), EITHER),
    form("with-20-million-packed-numbers", lambda: packed(20 * MILLION), EITHER),
    form("with-an-input-of-a-million-dimensions", lambda: dense(inputs=[value("input", [1] * MILLION)])),
    form("with-an-input-of-a-million-unknown-dimensions", lambda: dense(inputs=[value("input", ["x"] * MILLION)])),
    form("with-a-weight-of-a-million-dimensions", lambda: weighted(*[1] * MILLION, data=bytes(4))),
    form("with-branches-10000-deep", lambda: nested_branches(10_000)),
    form("with-branches-40-deep", lambda: nested_branches(40)),
    form("with-types-10000-deep", lambda: nested_types(10_000)),
    form("with-unknown-messages-10000-deep", lambda: dense(file_end=nested_types(10_000)), EITHER),
]

NAMES = [
    form("with-an-operator-called-by-escape-codes", lambda: operator(ESCAPES)),
    form("with-a-domain-of-escape-codes", lambda: operator("Relu", ESCAPES)),
    form("with-an-operator-of-2-megabytes", lambda: operator("x" * 2 * MILLION)),
    form("with-a-domain-of-2-megabytes", lambda: operator("Relu", "x" * 2 * MILLION)),
    form("with-values-called-by-escape-codes", lambda: named(ESCAPES), EITHER),
    form("with-values-of-2-megabytes-of-name", lambda: named("x" * 2 * MILLION), EITHER),
    form("with-a-missing-value-called-by-escape-codes", lambda: dense([node("Relu", [ESCAPES], "latent")])),
    form("with-a-missing-value-of-2-megabytes", lambda: dense([node("Relu", ["x" * 2 * MILLION], "latent")])),
    form("with-a-missing-output-called-by-escape-codes", lambda: dense(outputs=[value(ESCAPES, ["batch", 2])])),
    form("with-inputs-called-by-escape-codes",
         lambda: dense(inputs=[value(ESCAPES, ["batch", 8]), value("input", ["batch", 8])])),
    form("with-a-dimension-called-by-escape-codes", lambda: dense(inputs=[value("input", [ESCAPES, ESCAPES, 3])])),
    form("with-a-dimension-of-2-megabytes", lambda: dense(inputs=[value("input", ["x" * 2 * MILLION, "y", 3])])),
    form("with-an-attribute-called-by-escape-codes",
         lambda: dense([node("Flatten", "input", "t", **{ESCAPES: 1}), node("MatMul", "t weight", "latent")]), EITHER),
    form("with-names-that-are-not-utf-8", lambda: dense([node("MatMul", [b"\xff\xfe", b"weight"], [b"latent"])])),
    form("with-nul-bytes-in-names", lambda: named("a\0b"), EITHER),
    form("without-any-names", lambda: dense([node("MatMul", ["", ""], [""])], [weight("", 8, 2)],
                                            [value("", ["batch", 8])], [value("", ["batch", 2])])),
    form("with-a-graph-called-by-escape-codes", lambda: dense(name=ESCAPES), HARMLESS),
    form("with-a-graph-of-2-megabytes-of-name", lambda: dense(name="x" * 2 * MILLION), EITHER),
    form("with-an-operator-without-name", lambda: operator("")),
    form("with-an-operator-of-another-domain", lambda: operator("FusedMatMul", "com.microsoft")),
    form("with-an-operator-of-machine-learning", lambda: operator("TreeEnsembleRegressor", "ai.onnx.ml")),
    form("with-a-function", lambda: function("Relu")),
    form("with-a-function-that-calls-itself", lambda: function("F")),
]

WIRING = [
    form("without-nodes", lambda: dense([])),
    form("without-inputs", lambda: dense(inputs=[])),
    form("without-outputs", lambda: dense(outputs=[])),
    form("with-two-inputs", lambda: dense(inputs=[value("input", ["batch", 8]), value("other", ["batch", 8])])),
    form("with-the-same-input-twice", lambda: dense(inputs=[value("input", ["batch", 8])] * 2)),
    form("with-the-same-output-twice", lambda: dense(outputs=[value("latent", ["batch", 2])] * 2), EITHER),
    form("whose-output-is-its-input", lambda: dense([], outputs=[value("input", ["batch", 8])]), EITHER),
    form("whose-output-is-a-weight", lambda: dense([], outputs=[value("weight", [8, 2])])),
    form("whose-input-is-a-weight", lambda: dense(inputs=[value("weight", [8, 2])])),
    form("with-a-node-that-reads-itself", lambda: dense([node("Add", "input latent", "latent")])),
    form("with-nodes-in-a-circle", lambda: dense([node("Add", "input b", "a"), node("Relu", "a", "b")])),
    form("with-nodes-in-the-wrong-order",
         lambda: dense([node("MatMul", "t weight", "latent"), node("Relu", "input", "t")])),
    form("with-a-value-that-is-computed-twice", lambda: dense([node("MatMul", "input weight", "latent")] * 2)),
    form("with-a-node-that-replaces-the-input", lambda: slow(also=[node("Relu", "input", "input")])),
    form("with-a-node-without-outputs", lambda: slow(also=[node("Relu", "input", [])]), EITHER),
    form("with-a-node-without-inputs", lambda: dense([node("MatMul", [], "latent")])),
    form("with-an-input-that-is-no-tensor", lambda: nested_types(1)),
    form("with-an-input-without-type", lambda: dense(inputs=[field(1, "input")])),
    form("with-an-input-of-texts", lambda: dense(inputs=[value("input", ["batch", 8], STRING)])),
    form("with-an-input-of-type-9999", lambda: dense(inputs=[value("input", ["batch", 8], 9999)])),
    form("with-an-input-of-2-to-the-60-columns", lambda: dense(inputs=[value("input", ["batch", 2**60])])),
    form("with-an-input-whose-length-wraps", lambda: dense(inputs=[value("input", ["batch", 2**32, 2**32 + 8])])),
    form("with-a-batch-of-2-to-the-40", lambda: slow(inputs=[value("input", [2**40, 8])]), EITHER),
    form("with-a-batch-of-2-to-the-27", lambda: slow(inputs=[value("input", [2**27, 8])]), EITHER),
    form("with-a-batch-of-2-to-the-40-in-a-reshape",
         lambda: dense([node("Reshape", "input shape", "t"), node("MatMul", "t weight", "latent")],
                       [weight("weight", 8, 2), number("shape", [2**40, 8])], [value("input", [2**40, 8])]), EITHER),
    form("with-an-input-of-minus-1-columns", lambda: dense(inputs=[value("input", ["batch", -1])]), EITHER),
    form("with-an-input-of-no-columns", lambda: dense(inputs=[value("input", ["batch", 0])]), EITHER),
    form("with-an-output-that-claims-2-to-the-60-columns",
         lambda: dense(outputs=[value("latent", ["batch", 2**60])]), EITHER),
]

WEIGHTS = [
    form("with-a-weight-that-is-too-short", lambda: weighted(8, 2, data=bytes(60))),
    form("with-a-weight-that-is-too-long", lambda: weighted(8, 2, data=bytes(68))),
    form("with-a-weight-without-elements", lambda: weighted(8, 2)),
    form("with-a-weight-that-claims-2-to-the-40-rows", lambda: weighted(2**40, 2)),
    form("with-a-weight-whose-length-wraps-to-64", lambda: weighted(2**62, 4, 16, data=bytes(64))),
    form("with-a-weight-whose-length-wraps-to-0", lambda: weighted(2**32, 2**32)),
    form("with-a-weight-of-negative-dimensions", lambda: weighted(-8, -2, data=bytes(64))),
    form("with-a-weight-of-i64-min-rows", lambda: weighted(-2**63, 2, data=bytes(64))),
    form("with-a-weight-of-0-by-2-to-the-62", lambda: weighted(0, 2**62)),
    form("with-a-weight-of-type-99", lambda: weighted(8, 2, data=bytes(64), kind=99)),
    form("with-a-weight-of-texts", lambda: weighted(8, 2, data=bytes(64), kind=STRING)),
    form("with-a-weight-of-whole-numbers", lambda: weighted(8, 2, data=bytes(128), kind=INT64)),
    form("with-a-weight-of-16-bit-floats", lambda: weighted(8, 2, data=bytes(32), kind=FLOAT16), EITHER),
    form("with-a-weight-in-two-fields", lambda: weighted(8, 2, data=bytes(64), more=field(4, bytes(64))), EITHER),
    form("with-a-weight-twice", lambda: dense(constants=[weight("weight", 8, 2)] * 2)),
    form("with-a-weight-called-input", lambda: dense(constants=[weight("weight", 8, 2), weight("input", 8, 2)])),
    form("with-weights-that-are-nan",
         lambda: dense(constants=[weight("weight", 8, 2, value=float("nan"))])),
    form("with-weights-that-are-infinite",
         lambda: dense(constants=[weight("weight", 8, 2, value=float("inf"))])),
    form("with-weights-that-overflow", lambda: dense(constants=[weight("weight", 8, 2, value=3e38)]), EITHER),
    form("with-a-dead-weight-of-32-megabytes",
         lambda: slow(constants=[weight("weight", 8, 2), weight("dead", 8 * MILLION)]), EITHER),
    form("with-a-dead-weight-that-claims-2-to-the-40",
         lambda: slow(constants=[weight("weight", 8, 2), tensor("dead", [2**40])]), EITHER),
    form("with-its-weight-in-etc-passwd", lambda: dense(constants=[elsewhere("/etc/passwd")])),
    form("with-its-weight-in-the-folder-above", lambda: dense(constants=[elsewhere("../rows.csv")])),
    form("with-its-weight-in-dev-zero", lambda: dense(constants=[elsewhere("/dev/zero")])),
    form("with-its-weight-in-model-json", lambda: dense(constants=[elsewhere("model.json")])),
    form("with-a-weight-that-is-elsewhere-without-saying-where", lambda: weighted(8, 2, more=field(14, 1))),
    form("with-a-dead-weight-elsewhere",
         lambda: dense(constants=[weight("weight", 8, 2), elsewhere("/etc/passwd", "dead")])),
    form("with-a-constant-node-elsewhere",
         lambda: slow(also=[node("Constant", [], "c", value=elsewhere("/etc/passwd"))])),
    form("with-a-weight-elsewhere-in-a-branch", lambda: dense(
        [node("If", "yes", "w", then_branch=graph([], [elsewhere("/etc/passwd", "w")], [], [value("w", [8, 2])])),
         node("MatMul", "input w", "latent")], [number("yes", 1)])),
    form("with-a-sparse-weight", lambda: dense(constants=[], more=field(15, field(1, weight("weight", 2))))),
    form("with-a-sparse-constant-node",
         lambda: slow(also=[node("Constant", [], "c", more=field(5, field(1, "sparse_value") + field(22, b"")))]),
         EITHER),
]

CASES = FILES + SIZES + NAMES + WIRING + WEIGHTS

"""Graphs whose operators ask for too much of constants: a runtime computes them while it prepares the graph."""

from cases import EITHER, REFUSED, dense, encoder_case
from wire import BOOL, FLOAT, INT64, LEAST, MOST, graph, node, number, numbers, tensor, value, weight

MANY = 2**28
YES = tensor("yes", [], b"\x01", BOOL)


def added(*nodes, **constants):
    """An encoder that adds the number `most`, which the nodes give, to a dense layer."""
    ends = [node("MatMul", "input weight", "product"), node("Add", "product most", "latent")]
    return dense([*nodes, *ends], [weight("weight", 8, 2), *numbers(constants)])


def counted(*nodes, **constants):
    """An encoder that adds the largest value of `bomb`, which the nodes give, to a dense layer."""
    largest = [node("Cast", "bomb", "floats", to=FLOAT), node("ReduceMax", "floats", "most", keepdims=0)]
    return added(*nodes, *largest, **constants)


def of(name, build, outcome=REFUSED):
    return encoder_case("graph-with-" + name, build, outcome)


def constant(name, operator, inputs, outcome=REFUSED, settings=None, **constants):
    """A node that reads constants only."""
    return of(name, lambda: counted(node(operator, inputs, "bomb", **settings or {}), **constants), outcome)


def doubling(times):
    """A constant that is joined to itself."""
    return counted(*[node("Concat", [f"t{i}"] * 2, [f"t{i + 1}"], axis=0) for i in range(times)],
                   node("Identity", f"t{times}", "bomb"), t0=[1.0])


def shape_of(**asked):
    """ConstantOfShape of a shape that other constants give."""
    return counted(node("Mul", "a b", "shape"), node("ConstantOfShape", "shape", "bomb"), **asked)


def whole(operator, *values):
    """Whole numbers that are computed while the graph is prepared."""
    inputs = [f"v{index}" for index in range(len(values))]
    return lambda: counted(node(operator, inputs, "bomb"), **dict(zip(inputs, values)))


def gathered(times):
    """Each time, every index becomes a thousand."""
    nodes = []
    for index in range(times):
        nodes += [node("Gather", [f"u{index}", "many"], [f"t{index}"], axis=0),
                  node("Unsqueeze", [f"t{index}", "axis"], [f"u{index + 1}"])]
    return counted(*nodes, node("Identity", f"u{times}", "bomb"), u0=[1.0], many=[0] * 1024, axis=[0])


def looped(times, *body):
    """A loop over these nodes, which make `y` of `x`."""
    taken = [value("i", [], INT64), value("go", [], BOOL), value("x", [])]
    inner = graph([node("Identity", "go", "on"), *body], [], taken, [value("on", [], BOOL), value("y", [])])
    return counted(node("Loop", "times yes start", "bomb", body=inner), times=times, start=[1.0], yes=YES)


def branched(*nodes, **constants):
    """A branch with these nodes, which is the one that is taken."""
    taken = graph([*nodes], numbers(constants), [], [value("b", [])])
    other = graph([node("Constant", [], "c", value=number("c", 1.0))], [], [], [value("c", [])])
    return counted(node("If", "yes", "bomb", then_branch=taken, else_branch=other), yes=YES)


def scanned(steps):
    """A loop over the rows of a long constant."""
    body = graph([node("Add", "s x", "t"), node("Identity", "t", "y")], [], [value("s", [1]), value("x", [1])],
                 [value("t", [1]), value("y", [1])])
    scan = node("Scan", "start xs", "last bomb", body=body, num_scan_inputs=1)
    return counted(node("Expand", "start shape", "xs"), scan, start=[0.0], shape=[steps, 1])


def outer(operator):
    """Two vectors of which each value meets each other."""
    column, line = weight("column", 16384, 1), weight("line", 1, 16384)
    return counted(node(operator, "column line", "bomb"), column=column, line=line)


ONE_IMAGE = {"image": weight("image", 1, 1, 8, 8)}

CONSTANTS = [
    constant("a-range-of-2-to-the-28", "Range", "zero end one", zero=0, end=MANY, one=1),
    constant("a-range-of-2-to-the-62", "Range", "zero end one", zero=0, end=2**62, one=1),
    constant("a-range-down-to-i64-min", "Range", "end zero step", end=MOST, zero=LEAST, step=-1),
    constant("a-range-of-steps-of-0", "Range", "zero end step", zero=0, end=8, step=0),
    constant("a-range-of-tiny-steps", "Range", "zero end step", zero=0.0, end=1.0, step=1e-30),
    constant("a-range-of-steps-of-nan", "Range", "zero end step", zero=0.0, end=1.0, step=float("nan")),
    of("a-range-to-a-product", lambda: counted(node("Mul", "a a", "end"), node("Range", "zero end one", "bomb"),
                                                    a=2**14, zero=0, one=1)),
    of("a-range-to-a-sum-of-a-range",
       lambda: counted(node("Range", "zero a one", "r"), node("ReduceSum", "r", "end", keepdims=0),
                       node("Range", "zero end one", "bomb"), a=2**15, zero=0, one=1)),
    constant("a-constant-of-shape-2-to-the-28", "ConstantOfShape", "shape", shape=[2**14, 2**14]),
    constant("a-constant-of-a-shape-that-wraps", "ConstantOfShape", "shape", shape=[2**32, 2**32, 16]),
    constant("a-constant-of-a-negative-shape", "ConstantOfShape", "shape", shape=[-1, -8]),
    of("a-constant-of-a-million-dimensions",
       lambda: counted(node("ConstantOfShape", "shape", "bomb"), shape=[1] * 1_000_000)),
    of("a-constant-of-a-computed-shape", lambda: shape_of(a=[2**14, 1], b=[1, 2**14])),
    of("a-constant-of-a-shape-that-overflows", lambda: shape_of(a=[MOST, 2], b=[MOST, MOST])),
    constant("an-expansion-to-2-to-the-28", "Expand", "one shape", one=[1.0], shape=[MANY]),
    constant("a-tiling-of-2-to-the-28", "Tile", "one times", one=[1.0], times=[MANY]),
    constant("a-tiling-of-minus-1", "Tile", "one times", one=[1.0], times=[-1]),
    constant("a-padding-of-2-to-the-28", "Pad", "one pads", one=[1.0], pads=[2**27, 2**27]),
    constant("a-padding-of-i64-min", "Pad", "one pads", one=[1.0], pads=[LEAST, LEAST]),
    constant("a-padding-below-nothing", "Pad", "one pads", one=[1.0], pads=[-8, -8]),
    constant("a-reflection-of-more-than-there-is", "Pad", "one pads", EITHER, one=[1.0], pads=[1000, 1000],
             settings={"mode": "reflect"}),
    constant("a-one-hot-of-2-to-the-28", "OneHot", "index depth values", index=[1], depth=MANY,
             values=[0.0, 1.0]),
    constant("a-one-hot-of-minus-1", "OneHot", "index depth values", EITHER, index=[1], depth=-1,
             values=[0.0, 1.0]),
    of("a-tiling-of-a-tiling", lambda: counted(node("Tile", "one times", "t"), node("Tile", "t times", "bomb"),
                                                    one=[1.0], times=[2**14])),
    of("26-doublings", lambda: doubling(26)),
    of("62-doublings", lambda: doubling(62)),
    of("gathers-of-gathers", lambda: gathered(3)),
    of("the-places-of-2-to-the-24-values",
       lambda: counted(node("ConstantOfShape", "shape", "ones", value=number("v", [1.0])),
                       node("NonZero", "ones", "bomb"),
                       shape=[16, 2**20])),
    of("sums-of-sums", lambda: counted(node("Expand", "one shape", "t"), node("CumSum", "t axis", "bomb"),
                                            one=[1.0], shape=[2**27], axis=0)),
    of("a-product-of-a-column-and-a-line", lambda: outer("MatMul")),
    of("a-broadcast-of-a-column-and-a-line", lambda: outer("Mul")),
    constant("an-einsum-of-2-to-the-28", "Einsum", "v v v v", settings={"equation": "i,j,k,l->ijkl"},
             v=weight("v", 128)),
    constant("a-resize-to-2-to-the-27", "Resize", "image - scales", **ONE_IMAGE,
             scales=[1.0, 1.0, 1024.0, 2048.0]),
    constant("a-resize-to-sizes-of-2-to-the-28", "Resize", "image - - sizes", **ONE_IMAGE,
             sizes=[1, 1, 2**14, 2**14]),
    constant("a-resize-by-1e30", "Resize", "image - scales", **ONE_IMAGE, scales=[1.0, 1.0, 1e30, 1e30]),
    constant("a-resize-by-nan", "Resize", "image - scales", EITHER, **ONE_IMAGE, scales=[1.0, 1.0, float("nan"), 1.0]),
    constant("a-resize-by-minus-2", "Resize", "image - scales", EITHER, **ONE_IMAGE, scales=[1.0, 1.0, -2.0, -2.0]),
    constant("an-upsampling-to-2-to-the-27", "Upsample", "image scales", **ONE_IMAGE,
             scales=[1.0, 1.0, 1024.0, 2048.0]),
    constant("a-window-of-2-to-the-28", "HannWindow", "size", size=MANY),
    of("random-values-of-shape-2-to-the-28",
       lambda: counted(node("RandomNormal", [], "bomb", shape=[2**14, 2**14]))),
    of("an-endless-loop", lambda: looped(2**62, node("Add", "x x", "y"))),
    of("a-loop-that-doubles-40-times", lambda: looped(40, node("Concat", "x x", "y", axis=0))),
    of("a-bomb-in-a-branch", lambda: branched(node("Range", "zero end one", "b"), zero=0, end=MANY, one=1)),
    of("a-scan-of-2-to-the-26-steps", lambda: scanned(2**26)),
    of("a-dead-range-of-2-to-the-28",
       lambda: dense(also=[node("Range", "zero end one", "dead")],
                     constants=[weight("weight", 8, 2), *numbers(dict(zero=0, end=MANY, one=1))]), EITHER),
]

WHOLE_NUMBERS = [
    of("a-division-by-zero", whole("Div", [1, 2], [0, 0])),
    of("a-remainder-of-zero", whole("Mod", [1, 2], [0, 0])),
    of("i64-min-divided-by-minus-1", whole("Div", [LEAST], [-1]), EITHER),
    of("the-remainder-of-i64-min-by-minus-1", whole("Mod", [LEAST], [-1]), EITHER),
    of("a-product-that-overflows", whole("Mul", [MOST], [MOST]), EITHER),
    of("a-sum-that-overflows", whole("Add", [MOST], [MOST]), EITHER),
    of("a-difference-that-overflows", whole("Sub", [LEAST], [MOST]), EITHER),
    of("a-negation-that-overflows", whole("Neg", [LEAST]), EITHER),
    of("an-absolute-value-that-overflows", whole("Abs", [LEAST]), EITHER),
    of("a-power-that-overflows", whole("Pow", [3], [MOST]), EITHER),
    constant("a-shift-of-200-bits", "BitShift", "a b", EITHER, {"direction": "LEFT"}, a=[1], b=[200]),
    of("a-product-of-all-that-overflows", whole("ReduceProd", [MOST] * 9), EITHER),
]

CASES = CONSTANTS + WHOLE_NUMBERS

"""Graphs whose layers ask for too much, or for what cannot be, of the rows that they are given."""

from cases import EITHER, REFUSED, dense, encoder_case, made
from operators import added, counted
from wire import FLOAT, INT64, LEAST, MOST, node, number, numbers, value, weight

IMAGE, WIDE = (1, 8, 8), (64, 64, 64)
FILTER = {"w": weight("w", 1, 1, 3, 3)}


def by_row(*nodes, row=IMAGE, batch="batch", **constants):
    """An encoder that takes the largest value for each row of `bomb`, which the nodes make of `input`."""
    ends = [node("Flatten", "bomb", "flat", axis=1), node("ReduceMax", "flat", "latent", axes=[1])]
    return dense([*nodes, *ends], numbers(constants), [value("input", [batch, *row])], [value("latent", [batch, 1])])


def of(name, build, outcome=REFUSED, row=IMAGE):
    return encoder_case("graph-with-" + name, build, outcome, row, (1,))


def layer(name, operator, inputs="input", outcome=REFUSED, row=IMAGE, constants=None, outputs="bomb", **settings):
    """A single node that reads the rows; a constant may be a function that makes it."""
    def build():
        given = {key: made(content) for key, content in (constants or {}).items()}
        return by_row(node(operator, inputs, outputs, **settings), row=row, **given)

    return of(name, build, outcome, row)


def conv(name, outcome=REFUSED, operator="Conv", constants=FILTER, **settings):
    return layer(name, operator, "input w", outcome, constants=constants, **settings)


def pool(name, outcome=REFUSED, operator="MaxPool", **settings):
    return layer(name, operator, "input", outcome, **settings)


def filled(name, operator, filling, outcome=REFUSED, row=(8,), **settings):
    """A node that reads the rows and a list of numbers."""
    constants = {"list": lambda: number("list", list(filling))}
    return layer(name, operator, "input list", outcome, row, constants, **settings)


def sliced(name, outcome=REFUSED, start=0, end=8, axis=1, step=1):
    bounds = {"start": [start], "end": [end], "axis": [axis], "step": [step]}
    return layer(name, "Slice", "input start end axis step", outcome, (8,), bounds)


def repeated(times, operator, inputs="", row=IMAGE, constants=None, **settings):
    """The same node over and over, on what the last one gave and on the same constants."""
    names = ["input", *(f"t{index}" for index in range(1, times)), "bomb"]
    nodes = [node(operator, [taken, *inputs.split()], [given], **settings) for taken, given in zip(names, names[1:])]
    return by_row(*nodes, row=row, **constants or {})


def doubled(times, axis):
    """Rows that are joined to themselves."""
    names = ["input", *(f"t{index}" for index in range(1, times)), "bomb"]
    nodes = [node("Concat", [taken] * 2, [given], axis=axis) for taken, given in zip(names, names[1:])]
    return by_row(*nodes, row=(8,))


def recurrent(operator, gates, hidden, steps, **settings):
    """A layer over many steps, each of which is the row again."""
    settings = {"hidden_size": hidden} | settings
    nodes = [node("Unsqueeze", "input first", "step"), node("Expand", "step shape", "steps"),
             node(operator, "steps W R", "- last", **settings), node("Transpose", "last", "bomb", perm=[1, 0, 2])]
    return by_row(*nodes, row=(8,), batch=1, first=[0], shape=[steps, 1, 8], W=weight("W", 1, gates * hidden, 8),
                  R=weight("R", 1, gates * hidden, hidden))


def of_batch(*nodes, **constants):
    """An encoder that adds the `bomb`, a whole number that the nodes compute of the batch `s0`, to a dense layer."""
    shape = [node("Shape", "input", "shape"), node("Gather", "shape zero", "s0", axis=0)]
    return added(*shape, *nodes, node("Cast", "bomb", "most", to=FLOAT), zero=0, **constants)


def powers_of_batch(times, operator):
    """A number that is computed of the batch, and of what was computed of it."""
    nodes = []
    for index in range(times):
        last, other = f"s{index}", f"s{index}" if operator == "Sub" else "seven"
        nodes += [node("Mul", [last, last], [f"m{index}"]), node("Add", [f"m{index}", "seven"], [f"a{index}"]),
                  node(operator, [f"a{index}", other], [f"s{index + 1}"])]
    return of_batch(*nodes, node("Identity", f"s{times}", "bomb"), seven=7)


def as_long_as_a_value():
    """How many values there are is in the rows."""
    nodes = [node("ReduceMax", "input", "largest", keepdims=0), node("Mul", "largest factor", "large"),
             node("Cast", "large", "end", to=INT64), node("Range", "zero end one", "bomb")]
    return counted(*nodes, factor=2.0**29, zero=0, one=1)


WORK = [
    of("8000-layers-that-share-a-weight",
       lambda: repeated(8000, "MatMul", "w", (256,), {"w": weight("w", 256, 256)}), EITHER, (256,)),
    of("8000-gemms-that-share-a-weight",
       lambda: repeated(8000, "Gemm", "w b", (256,), {"w": weight("w", 256, 256), "b": weight("b", 256)}),
       EITHER, (256,)),
    of("1000-convolutions-that-share-a-weight",
       lambda: repeated(1000, "Conv", "w", WIDE, {"w": weight("w", 64, 64, 3, 3)}, pads=[1] * 4), REFUSED, WIDE),
    of("1000-dilated-convolutions-that-share-a-weight",
       lambda: repeated(1000, "Conv", "w", WIDE, {"w": weight("w", 64, 64, 5, 5)}, pads=[4] * 4, dilations=[2, 2]),
       REFUSED, WIDE),
    of("9-convolutions-of-the-whole-image",
       lambda: repeated(9, "Conv", "w", (1, 255, 255), {"w": weight("w", 1, 1, 255, 255)}, pads=[127] * 4), REFUSED,
       (1, 255, 255)),
    of("1000-transposed-convolutions",
       lambda: repeated(1000, "ConvTranspose", "w", WIDE, {"w": weight("w", 64, 64, 3, 3)}, pads=[1] * 4),
       REFUSED, WIDE),
    of("9-pools-of-255-by-255",
       lambda: repeated(9, "MaxPool", "", (1, 255, 255), kernel_shape=[255, 255], pads=[127] * 4),
       REFUSED, (1, 255, 255)),
    of("1000-softmaxes", lambda: repeated(1000, "Softmax", "", WIDE), EITHER, WIDE),
    of("1000-transpositions", lambda: repeated(1000, "Transpose", "", WIDE, perm=[0, 2, 3, 1]), EITHER, WIDE),
    of("24-doublings-of-the-rows", lambda: doubled(24, 1), row=(8,)),
    of("40-doublings-of-the-rows", lambda: doubled(40, 1), row=(8,)),
    of("40-doublings-of-the-batch", lambda: doubled(40, 0), row=(8,)),
    of("an-lstm-of-a-million-steps", lambda: recurrent("LSTM", 4, 64, 1_000_000), row=(8,)),
    of("a-gru-of-a-million-steps", lambda: recurrent("GRU", 3, 64, 1_000_000), row=(8,)),
    of("an-lstm-that-claims-2-to-the-40-units", lambda: recurrent("LSTM", 4, 4, 3, hidden_size=2**40), EITHER, (8,)),
    of("an-lstm-that-claims-minus-4-units", lambda: recurrent("LSTM", 4, 4, 3, hidden_size=-4), EITHER, (8,)),
    of("an-lstm-of-no-units", lambda: recurrent("LSTM", 4, 0, 3), row=(8,)),
    of("an-lstm-that-goes-sideways", lambda: recurrent("LSTM", 4, 4, 3, direction="sideways"), EITHER, (8,)),
    of("an-lstm-that-goes-both-ways-with-one-weight",
       lambda: recurrent("LSTM", 4, 4, 3, direction="bidirectional"), EITHER, (8,)),
    of("a-range-as-long-as-a-value-says", as_long_as_a_value, row=(8,)),
    of("a-batch-squared-40-times", lambda: powers_of_batch(40, "Sub"), EITHER, (8,)),
    of("a-batch-divided-20-times", lambda: powers_of_batch(20, "Div"), EITHER, (8,)),
    of("20-remainders-of-the-batch", lambda: powers_of_batch(20, "Mod"), EITHER, (8,)),
    of("a-constant-of-a-shape-of-the-batch",
       lambda: of_batch(node("Mul", "s0 factor", "n"), node("ConstantOfShape", "n", "large"),
                        node("ReduceMax", "large", "bomb", keepdims=0), factor=[2**27]), row=(8,)),
]

WINDOWS = [
    conv("a-stride-of-0", strides=[0, 0]),
    conv("a-stride-of-2-to-the-63", EITHER, strides=[MOST, MOST]),
    conv("a-stride-of-minus-1", strides=[-1, -1]),
    conv("a-dilation-of-0", EITHER, dilations=[0, 0]),
    conv("a-dilation-of-2-to-the-63", dilations=[MOST, MOST]),
    conv("pads-of-2-to-the-40", pads=[2**40] * 4),
    conv("pads-of-2-to-the-13", pads=[2**13] * 4),
    conv("pads-of-2-to-the-63", pads=[MOST] * 4),
    conv("pads-of-minus-8", pads=[-8] * 4),
    conv("pads-for-one-side", pads=[1]),
    conv("a-group-of-0", group=0),
    conv("a-group-of-minus-1", group=-1),
    conv("a-group-of-2-to-the-62", group=2**62),
    conv("a-group-of-3-of-one-channel", group=3),
    conv("a-kernel-of-another-size-than-its-weight", EITHER, kernel_shape=[5, 5]),
    conv("a-kernel-of-no-size", constants={"w": weight("w", 1, 1, 0, 0)}),
    conv("a-kernel-that-is-larger-than-the-image", constants={"w": weight("w", 1, 1, 9, 9)}),
    conv("a-kernel-of-one-dimension", constants={"w": weight("w", 3)}),
    conv("an-unknown-padding", auto_pad="EVERYWHERE"),
    conv("a-transposed-stride-of-2-to-the-20", operator="ConvTranspose", strides=[2**20] * 2),
    conv("a-transposed-stride-of-2-to-the-63", operator="ConvTranspose", strides=[MOST] * 2),
    conv("a-transposed-stride-of-0", EITHER, operator="ConvTranspose", strides=[0, 0]),
    conv("a-transposed-dilation-of-2-to-the-31", operator="ConvTranspose", dilations=[2**31] * 2),
    conv("a-transposed-output-padding-of-2-to-the-40", operator="ConvTranspose", output_padding=[2**40] * 2),
    conv("a-transposed-output-shape-of-2-to-the-30", operator="ConvTranspose", output_shape=[2**15] * 2),
    conv("transposed-pads-of-2-to-the-40", operator="ConvTranspose", pads=[2**40] * 4),
    pool("a-pool-of-2-to-the-31", kernel_shape=[2**31] * 2),
    pool("a-pool-of-0", kernel_shape=[0, 0]),
    pool("a-pool-of-minus-2", kernel_shape=[-2, -2]),
    pool("a-pool-of-no-dimensions", kernel_shape=[]),
    pool("a-pool-without-size"),
    pool("a-pool-of-strides-of-0", kernel_shape=[2, 2], strides=[0, 0]),
    pool("a-pool-of-strides-of-2-to-the-63", EITHER, kernel_shape=[2, 2], strides=[MOST, MOST]),
    pool("a-pool-of-pads-of-2-to-the-40", kernel_shape=[2, 2], pads=[2**40] * 4),
    pool("a-mean-of-pads-of-2-to-the-13", operator="AveragePool", kernel_shape=[2, 2], pads=[2**13] * 4),
    pool("a-mean-of-padding-only", EITHER, operator="AveragePool", kernel_shape=[2, 2], pads=[8] * 4, strides=[8, 8]),
    pool("a-pool-that-rounds-up-out-of-the-image", EITHER, kernel_shape=[3, 3], strides=[9, 9], ceil_mode=1),
    pool("blocks-of-2-to-the-31", operator="DepthToSpace", blocksize=2**31),
    pool("blocks-of-0", operator="DepthToSpace", blocksize=0),
    pool("blocks-of-0-the-other-way", operator="SpaceToDepth", blocksize=0),
    pool("a-local-norm-of-2-to-the-40", EITHER, operator="LRN", size=2**40),
    pool("a-local-norm-of-0", EITHER, operator="LRN", size=0),
    layer("a-batch-norm-of-too-many-channels", "BatchNormalization", "input s s s s", constants={"s": weight("s", 9)}),
    layer("a-resize-of-the-rows", "Resize", "input - s", constants={"s": number("s", [1.0, 1.0, 1024.0, 2048.0])}),
    layer("a-resize-of-the-batch", "Resize", "input - s", constants={"s": number("s", [1e9, 1.0, 1.0, 1.0])}),
]

SHAPES = [
    filled("a-reshape-whose-product-wraps", "Reshape", [2**32, 2**32]),
    filled("a-reshape-to-2-to-the-62-times-0", "Reshape", [0, 2**62, 0]),
    filled("a-reshape-with-two-unknowns", "Reshape", [-1, -1]),
    filled("a-reshape-to-minus-9", "Reshape", [-9, 8]),
    filled("a-reshape-to-no-dimensions", "Reshape", []),
    filled("a-reshape-to-100000-dimensions", "Reshape", [-1] + [1] * 100_000),
    filled("a-reshape-to-1000-dimensions", "Reshape", [-1, *[1] * 1000, 8], EITHER),
    filled("an-expansion-of-the-rows", "Expand", [2**24, 1, 8]),
    filled("a-tiling-of-the-rows", "Tile", [1, 2**26]),
    filled("a-tiling-of-the-batch", "Tile", [2**26, 1]),
    filled("a-padding-of-the-rows", "Pad", [0, 0, 0, 2**27]),
    filled("a-padding-of-the-batch", "Pad", [0, 0, 2**27, 0]),
    filled("a-gather-of-i64-min", "Gather", [LEAST], axis=1),
    filled("a-gather-beyond-the-row", "Gather", [8], axis=1),
    filled("a-gather-along-axis-99", "Gather", [0], axis=99),
    filled("a-split-into-negative-parts", "Split", [-8, 16], axis=1),
    filled("a-split-into-more-than-there-is", "Split", [2**62, 2**62], axis=1),
    filled("a-million-unsqueezed-axes", "Unsqueeze", range(2, 1_000_002)),
    filled("an-unsqueezed-axis-of-i64-min", "Unsqueeze", [LEAST]),
    filled("an-unsqueezed-axis-of-2-to-the-62", "Unsqueeze", [2**62]),
    filled("a-squeezed-axis-of-99", "Squeeze", [99]),
    filled("a-squeezed-axis-that-is-not-1", "Squeeze", [1]),
    filled("a-sum-along-axis-99", "ReduceSum", [99]),
    filled("the-2-to-the-40-largest-values", "TopK", [2**40], outputs="bomb places"),
    filled("the-minus-1-largest-values", "TopK", [-1], outputs="bomb places"),
    sliced("a-slice-from-i64-min", EITHER, LEAST, MOST),
    sliced("a-slice-in-steps-of-0", step=0),
    sliced("a-slice-in-steps-of-i64-min", EITHER, MOST, LEAST, step=LEAST),
    sliced("a-slice-along-axis-i64-min", EITHER, axis=LEAST),
    sliced("a-slice-of-nothing", EITHER, 5, 5),
    layer("a-transposition-to-axis-99", "Transpose", row=(8,), perm=[0, 99]),
    layer("a-transposition-to-axis-minus-1", "Transpose", row=(8,), perm=[0, -1]),
    layer("a-transposition-of-the-same-axis-twice", "Transpose", row=(8,), perm=[0, 0]),
    layer("a-transposition-of-too-few-axes", "Transpose", row=(8,), perm=[0]),
    layer("a-transposition-of-the-batch", "Transpose", row=(8,), perm=[1, 0]),
    layer("a-flattening-at-axis-2-to-the-62", "Flatten", row=(8,), axis=2**62),
    layer("a-softmax-along-axis-i64-min", "Softmax", "input", EITHER, (8,), axis=LEAST),
    layer("a-concatenation-along-axis-99", "Concat", "input input", row=(8,), axis=99),
    layer("an-argmax-along-axis-99", "ArgMax", row=(8,), axis=99),
    layer("a-cast-to-type-99", "Cast", row=(8,), to=99),
    layer("a-cast-to-texts", "Cast", row=(8,), to=8),
    layer("a-split-without-axis", "Split", row=(8,), axis=2**40),
    layer("a-split-into-2-to-the-40", "Split", "input", EITHER, (8,), num_outputs=2**40),
    layer("an-einsum-of-nothing", "Einsum", row=(8,), equation="->->"),
    layer("an-einsum-of-other-letters", "Einsum", row=(8,), equation="\x1b[2J,é->z"),
    layer("an-einsum-of-100000-letters", "Einsum", row=(8,), equation="a" * 100_000),
    layer("an-einsum-without-equation", "Einsum", row=(8,)),
    layer("a-product-of-rows-that-do-not-fit", "MatMul", "input w", row=(8,), constants={"w": weight("w", 9, 2)}),
    layer("a-gemm-of-a-weight-of-3-dimensions", "Gemm", "input w", row=(8,), constants={"w": weight("w", 8, 2, 2)}),
    layer("a-gemm-of-alpha-nan", "Gemm", "input w", EITHER, (8,), {"w": weight("w", 8, 2)}, alpha=float("nan")),
    layer("a-gemm-of-alpha-as-text", "Gemm", "input w", EITHER, (8,), {"w": weight("w", 8, 2)}, alpha="1"),
    layer("a-product-with-a-column-of-2-to-the-23", "Mul", "input w", row=(8,),
          constants={"w": lambda: weight("w", 2**23, 1, 1)}),
    layer("a-slope-that-stretches-the-rows", "PRelu", "input s", row=(8,),
          constants={"s": lambda: weight("s", 100_000, 8)}),
    layer("a-gemm-whose-bias-stretches-the-batch", "Gemm", "input w c", row=(8,),
          constants={"w": weight("w", 8, 2), "c": lambda: weight("c", 20_000, 1)}),
    layer("dropout-of-nan", "Dropout", "input r", EITHER, (8,), {"r": number("r", float("nan"))}),
]

CASES = WORK + WINDOWS + SHAPES

"""What a case is, and the bundle that most of them are."""

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wire import graph, model, node, value, weight

REFUSED = "refused"
HARMLESS = "harmless"
EITHER = "either"  # a program may do one or the other, as long as nothing is harmed


@dataclass(frozen=True)
class Case:
    """An input, the command that is given it, and what should come of it."""

    name: str
    command: str  # run in the folder of the case
    make: Callable[[Path], object]  # writes the input into that folder
    outcome: str = REFUSED


def dense(nodes=None, constants=None, inputs=None, outputs=None, name="graph", also=(), more=b"", **file):
    """A graph that is a dense layer, whose parts can be replaced one by one; the nodes `also` come before it."""
    nodes = [node("MatMul", "input weight", "latent")] if nodes is None else nodes
    constants = [weight("weight", 8, 2, value=0.5)] if constants is None else constants
    inputs = [value("input", ["batch", 8])] if inputs is None else inputs
    outputs = [value("latent", ["batch", 2])] if outputs is None else outputs
    return model(graph([*also, *nodes], constants, inputs, outputs, name, more), **file)


def manifest(row_shape=(8,), latent_shape=(2,), **entries):
    """The content of model.json, but for the files."""
    known = {"format_version": 1, "producer": "hourglass 0.1.0"}
    tensors = {"input": row_shape, "latent": latent_shape, "reconstruction": row_shape}
    known |= {name: {"name": name, "row_shape": list(shape)} for name, shape in tensors.items()}
    return known | entries


def made(content):
    """The content, or what a function makes when it is needed: what is large must not weigh on the cases before it."""
    return content() if callable(content) else content


def hashed(files):
    return {name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in files.items()}


def write_bundle(folder, graphs, row_shape=(8,), latent_shape=(2,), change=bytes, rows=2, **entries):
    """A bundle with these graphs by name, and rows.csv beside it; `change` has the last word on model.json."""
    bundle = folder / "bundle"
    bundle.mkdir()
    for name, content in graphs.items():
        (bundle / name).write_bytes(content)
    entries = {name: made(content) for name, content in entries.items()}
    text = json.dumps({"files": hashed(graphs)} | manifest(row_shape, latent_shape, **entries))
    (bundle / "model.json").write_bytes(change(text.encode()))
    line = ",".join(["0.5"] * math.prod(row_shape)) + "\n"
    (folder / "rows.csv").write_text(line * rows)
    return bundle


def encoder_case(name, build, outcome=REFUSED, row=(8,), latent=(2,)):
    """A bundle whose encoder is what `build` gives."""
    def make(folder):
        write_bundle(folder, {"encoder.onnx": build()}, row, latent)

    return Case(name, "runtime encode bundle rows.csv", make, outcome)

"""Makes the bundles in this folder: graphs as other exporters write them, with what onnxruntime computes of them.

    pip install numpy torch onnx onnxscript onnxruntime
    python make.py

Each folder has encoder.onnx, decoder.onnx, a model.json with the least that a bundle needs, and golden.npz.
"""

import hashlib
import io
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

HERE = Path(__file__).parent
RNG = np.random.default_rng(0)
torch.manual_seed(0)
WEIGHTS = {name: RNG.standard_normal(shape).astype("f4") * 0.2 for name, shape in [("E", (64, 8)), ("D", (8, 64))]}
BIASES = {"E": RNG.standard_normal(8).astype("f4"), "D": RNG.standard_normal(64).astype("f4")}


def torch_graph(module, example, names, **options):
    """By PyTorch's older exporter, or with dynamo=True by its newer one."""
    module.eval()
    options = {"dynamo": False, "input_names": names[:1], "output_names": names[1:], **options}
    if options["dynamo"]:
        return torch.onnx.export(module, (example,), **options).model_proto
    file = io.BytesIO()
    torch.onnx.export(module, (example,), file, **options)
    return onnx.load_from_string(file.getvalue())


def graph(nodes, source, target, constants, opset=17):
    """By hand; source and target are a name and its dimensions."""
    info = [helper.make_tensor_value_info(name, TensorProto.FLOAT, dims) for name, dims in (source, target)]
    constants = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    made = helper.make_graph([helper.make_node(*node[:3], **(node[3:] or [{}])[0]) for node in nodes], "graph",
                             info[:1], info[1:], constants)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def products(input_dims, latent_dims, opset=17):
    """MatMul and Add, as Keras's converter writes a dense layer."""
    def half(layer, source, target, activation):
        nodes = [("MatMul", [source[0], "w"], ["product"]), ("Add", ["product", "b"], ["sum"]),
                 (activation, ["sum"], [target[0]])]
        return graph(nodes, source, target, {"w": WEIGHTS[layer], "b": BIASES[layer]}, opset)

    return (half("E", ("input", input_dims), ("latent", latent_dims), "Relu"),
            half("D", ("latent", latent_dims or ["batch", 8]), ("reconstruction", input_dims), "Sigmoid"))


def run(session, rows, output, batch):
    """What onnxruntime gives for the rows, `batch` of them at a time; the last one is repeated to fill the last batch."""
    source = session.get_inputs()[0]
    results = []
    for start in range(0, len(rows), batch):
        part = rows[start:start + batch]
        full = np.concatenate([part, part[-1:].repeat(batch - len(part), 0)])
        known = all(isinstance(dim, int) for dim in source.shape[1:])
        dims = [dim if isinstance(dim, int) else batch for dim in source.shape] if known or source.shape[:1] == [1] else None
        if dims is None or np.prod(dims) != full.size:
            dims = [batch, *rows.shape[1:]]
        found = session.run([output], {source.name: full.reshape(dims)})[0]
        results.append(found.reshape(batch, -1)[:len(part)])
    return np.concatenate(results)


def bundle(name, encoder, decoder, rows, batch=None, names=("input", "latent", "reconstruction"), latent_shape=None, **more):
    batch = batch or len(rows)
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    files = {}
    for file, model in [("encoder.onnx", encoder), ("decoder.onnx", decoder)]:
        # PyTorch leaves the places of its sources there.
        for part in [model.graph, *model.graph.node, *model.graph.input, *model.graph.output, *model.graph.value_info,
                     *model.graph.initializer]:
            part.ClearField("doc_string")
            part.ClearField("metadata_props")
        data = model.SerializeToString()
        (folder / file).write_bytes(data)
        files[file] = {"sha256": hashlib.sha256(data).hexdigest()}
    sessions = [ort.InferenceSession(str(folder / file), providers=["CPUExecutionProvider"]) for file in files]
    latent = run(sessions[0], rows, names[1], batch)
    latent_shape = latent_shape or [latent.shape[1]]
    shaped = latent.reshape(len(rows), *latent_shape)
    reconstruction = run(sessions[1], shaped, names[2], batch)
    np.savez(folder / "golden.npz", input=rows, latent=shaped, reconstruction=reconstruction.reshape(rows.shape))
    row_shape = list(rows.shape[1:])
    manifest = {"format_version": 1, "producer": "tests/bundles/foreign/make.py",
                "input": {"name": names[0], "row_shape": row_shape, "range": [0, 1]},
                "latent": {"name": names[1], "row_shape": latent_shape},
                "reconstruction": {"name": names[2], "row_shape": row_shape}, "files": files, **more}
    (folder / "model.json").write_text(json.dumps(manifest, indent=1) + "\n")


class ConvEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.norm, self.b = nn.Conv2d(1, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 8, 3, 2, 1)
        self.last = nn.Linear(32, 8)

    def forward(self, x):
        x = nn.functional.leaky_relu(self.b(torch.relu(self.norm(self.a(x)))))
        return self.last(x.view(x.size(0), -1))


class ConvDecoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(8, 32)
        self.a, self.b = nn.ConvTranspose2d(8, 4, 4, 2, 1), nn.ConvTranspose2d(4, 1, 4, 2, 1)

    def forward(self, z):
        return torch.sigmoid(self.b(torch.relu(self.a(self.first(z).view(-1, 8, 2, 2)))))


class LstmEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(8, 6, batch_first=True)

    def forward(self, x):
        return self.lstm(x)[1][0]  # [layers, batch, units]


class LstmDecoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.last = nn.LSTM(6, 6, batch_first=True), nn.Linear(6, 8)

    def forward(self, z):
        return self.last(self.lstm(z[0].unsqueeze(1).repeat(1, 8, 1))[0])


class VariationalEncoder(nn.Module):
    """Gives a sample first, and then its distribution."""

    def __init__(self):
        super().__init__()
        self.first, self.mean, self.log_variance = nn.Linear(64, 16), nn.Linear(16, 8), nn.Linear(16, 8)

    def forward(self, x):
        x = torch.relu(self.first(x))
        mean, log_variance = self.mean(x), self.log_variance(x)
        return mean + torch.randn_like(mean) * torch.exp(log_variance / 2), mean, log_variance


def main():
    rows = RNG.random((5, 64), dtype=np.float32)
    images, series = rows.reshape(5, 1, 8, 8), rows.reshape(5, 8, 8)
    dense = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 8))
    back = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 64), nn.Sigmoid())
    names = ("input", "latent", "reconstruction")

    def pair(encoder, decoder, x, z, names=names, options=({}, {})):
        return (torch_graph(encoder, x, names[:2], **options[0]), torch_graph(decoder, z, names[1:], **options[1]))

    free = lambda *names: {"dynamic_axes": {name: {0: "batch_size"} for name in names}}
    batch = torch.export.Dim("batch")
    newer = {"dynamo": True, "verbose": False}
    x, z = torch.rand(2, 64), torch.rand(2, 8)

    bundle("torch-dense", *pair(dense, back, x, z, options=(free(*names[:2]), free(*names[1:]))), rows)
    bundle("torch-dense-batch-of-2", *pair(dense, back, x, z), rows, batch=2)
    bundle("torch-dynamo-batch-of-1", *pair(dense, back, x[:1], z[:1], options=(newer, newer)), rows, batch=1)
    dynamic = {**newer, "dynamic_shapes": ({0: batch},)}
    bundle("torch-dynamo-dense", *pair(dense, back, x, z, options=(dynamic, dynamic)), rows)
    conv, up, image = ConvEncoder(), ConvDecoder(), torch.rand(2, 1, 8, 8)
    xzy = ("x", "z", "y")
    bundle("torch-conv-batch-of-1", *pair(conv, up, image[:1], z[:1], xzy), images, batch=1, names=xzy)
    open_sizes = ({"dynamic_axes": {"x": {0: "n", 2: "h", 3: "w"}, "z": [0, 1]}}, {"dynamic_axes": {"z": [0], "y": [0, 1, 2, 3]}})
    bundle("torch-conv-open-sizes", *pair(conv, up, image, z, xzy, open_sizes), images, names=xzy)
    bundle("torch-lstm-batch-of-1", *pair(LstmEncoder(), LstmDecoder(), torch.rand(1, 8, 8), torch.rand(1, 1, 6), xzy),
           series, batch=1, names=xzy, latent_shape=[6])
    sampled = torch_graph(VariationalEncoder(), x, ["input", "z", "mu", "logvar"], **free("input", "z", "mu", "logvar"))
    bundle("torch-variational", sampled, torch_graph(back, z, names[1:], **free(*names[1:])), rows,
           names=("input", "mu", "reconstruction"), log_variance={"name": "logvar", "row_shape": [8]})

    for name, input_dims, latent_dims, size in [
        ("batch-minus-1", [-1, 64], [-1, 8], None),
        ("batch-with-hyphen", ["batch-size", 64], ["batch-size", 8], None),
        ("batch-of-4", [4, 64], [4, 8], 4),
        ("batch-behind-1", [1, "batch", 64], [1, "batch", 8], None),
        ("no-batch", [64], [8], 1),
        ("open-widths", ["batch", "features"], ["batch", "width"], None),
        ("output-without-shape", ["batch", 64], None, None),
    ]:
        bundle(name, *products(input_dims, latent_dims), rows, batch=size)
    bundle("opset-9", *products(["batch", 64], ["batch", 8], 9), rows)

    encoder = graph([("Gemm", ["input", "w", "b"], ["h"]), ("Reshape", ["h", "shape"], ["latent"])],
                    ("input", ["n", 64]), ("latent", ["n", 8, 1, 1]),
                    {"w": WEIGHTS["E"], "b": BIASES["E"], "shape": np.array([-1, 8, 1, 1])})
    decoder = graph([("Flatten", ["latent"], ["flat"]), ("Gemm", ["flat", "w", "b"], ["h"]),
                     ("Reshape", ["h", "shape"], ["reconstruction"])],
                    ("latent", ["n", 8, 1, 1]), ("reconstruction", ["n", 1, 8, 8]),
                    {"w": WEIGHTS["D"], "b": BIASES["D"], "shape": np.array([0, 1, 8, 8])})
    bundle("latent-8x1x1", encoder, decoder, rows, latent_shape=[8, 1, 1])
    encoder = graph([("Reshape", ["input", "shape"], ["row"]), ("Gemm", ["row", "w", "b"], ["latent"])],
                    ("input", ["n", 64]), ("latent", ["n", 8]),
                    {"w": WEIGHTS["E"], "b": BIASES["E"], "shape": np.array([1, 64])})
    bundle("works-for-one-row", encoder, products(["n", 64], ["n", 8])[1], rows, batch=1)


if __name__ == "__main__":
    main()

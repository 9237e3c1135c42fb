"""Settings from strangers, and runs that were damaged or made to harm."""

import hashlib
import json
import shutil
import struct

from bundles import hashed
from cases import EITHER, REFUSED, Case, dense, made
from graphs import ESCAPES, MILLION, nested_branches
from operators import doubling
from wire import UINT8, field, numbers, tensor, value

EXPORT = "exporter --split run"
RESUME = "trainer fit --resume run --epochs 3"
COMPARE = "trainer compare run run --out chart.svg"
EVALUATE = "trainer evaluate run"
SCORE = "runtime score run run/onnx/golden.npz"


def config(name, text, outcome=REFUSED):
    """Settings that train a new run, for one epoch where they do not say it themselves."""
    def make(folder):
        content = made(text)
        (folder / "net.toml").write_bytes(content if isinstance(content, bytes) else content.encode())

    return Case("config-" + name, "trainer fit --config net.toml --baseline-seconds 0 --out run", make, outcome)


def layers(name, listed, outcome=REFUSED):
    """A network of these layers."""
    return config("of-" + name, lambda: f"epochs = 1\n[model]\nlatent_dim = 4\nencoder = [{made(listed)}]\n", outcome)


CONFIGS = [
    config("of-2000-hidden-layers", lambda: f"epochs = 1\n[model]\nhidden = {[64] * 2000}\n", EITHER),
    config("of-a-million-hidden-layers", lambda: f"epochs = 1\n[model]\nhidden = {[64] * MILLION}\n"),
    config("of-two-hidden-layers-of-16384", "[model]\nhidden = [16384, 16384]\n"),
    config("of-hidden-layers-of-2-to-the-40", f"[model]\nhidden = [{2**40}]\n"),
    config("of-hidden-layers-of-0", "[model]\nhidden = [0]\n"),
    config("of-hidden-layers-of-minus-1", "[model]\nhidden = [-1]\n"),
    config("of-a-latent-of-2-to-the-62", f"[model]\nlatent_dim = {2**62}\n"),
    config("of-a-latent-of-2-to-the-64", f"[model]\nlatent_dim = {2**64}\n"),
    config("of-2-to-the-64-epochs", f"epochs = {2**64}\n"),
    config("of-2-to-the-62-epochs", f"epochs = {2**62}\n"),
    config("of-no-epochs", "epochs = 0\n"),
    config("of-batches-of-2-to-the-62", f"batch_size = {2**62}\n"),
    config("of-2-to-the-62-threads", f"threads = {2**62}\n"),
    config("of-a-learning-rate-of-nan", "[optimizer]\nname = 'adam'\nlearning_rate = nan\n"),
    config("of-a-learning-rate-of-infinity", "[optimizer]\nname = 'adam'\nlearning_rate = inf\n"),
    config("of-a-learning-rate-of-1e308", "epochs = 1\n[optimizer]\nname = 'adam'\nlearning_rate = 1e308\n", EITHER),
    config("of-a-learning-rate-of-minus-1", "[optimizer]\nname = 'adam'\nlearning_rate = -1.0\n"),
    config("of-1e308-everywhere", "epochs = 1\nsparsity = 1e308\nbeta = 1e308\ninput_noise = 1e308\n", EITHER),
    config("of-1e400", "sparsity = 1e400\n"),
    config("of-a-validation-of-nan", "validation = nan\n"),
    config("of-a-seed-of-minus-1", "seed = -1\n"),
    config("of-lists-100000-deep", lambda: "epochs = " + "[" * 100_000 + "]" * 100_000 + "\n"),
    config("of-lists-that-never-end", lambda: "epochs = " + "[" * 100_000),
    config("of-tables-100000-deep", lambda: "epochs = " + "{a = " * 100_000 + "1" + "}" * 100_000 + "\n"),
    config("of-a-key-of-100000-parts", lambda: ".".join(["a"] * 100_000) + " = 1\n"),
    config("of-a-table-of-100000-parts", lambda: "[" + ".".join(["a"] * 100_000) + "]\n"),
    config("of-a-million-keys", lambda: "".join(f"k{index} = 1\n" for index in range(MILLION))),
    config("of-a-million-tables", lambda: "[[model]]\n" * MILLION),
    config("of-a-text-of-20-megabytes", lambda: "data = '" + "x" * 20 * MILLION + "'\n"),
    config("of-keys-of-escape-codes", '"\\u001b[2J\\u0007\\u009b31m" = 1\n'),
    config("of-values-of-escape-codes", 'loss = "\\u001b[2J\\u0007\\u009b31m"\n'),
    config("of-data-called-by-escape-codes", 'data = "\\u001b[2J\\u0007\\u009b31m"\n'),
    config("of-a-preset-of-escape-codes", 'preset = "\\u001b[2J\\u0007\\u009b31m"\n'),
    config("of-raw-escape-codes", f"loss = '{ESCAPES}'\n"),
    config("of-keys-of-2-megabytes", lambda: "k" * 2 * MILLION + " = 1\n"),
    config("that-is-not-utf-8", b"loss = '\xff\xfe'\n"),
    config("of-a-megabyte-of-nul-bytes", lambda: bytes(MILLION)),
    config("of-the-same-key-twice", "epochs = 1\nepochs = 2\n"),
    config("whose-data-is-dev-zero", "data = '/dev/zero'\n"),
    config("whose-data-is-its-own-folder", "data = '.'\n"),
    layers("100000-layers", lambda: "{ layer = 'relu' }," * 100_000),
    layers("3000-layers", lambda: "{ layer = 'linear', units = 8 }," * 3000, EITHER),
    layers("residual-layers-10000-deep", lambda: "{ layer = 'residual', layers = [" * 10_000 + "] }" * 10_000),
    layers("residual-layers-60-deep",
           lambda: "{ layer = 'residual', layers = [" * 60 + "{ layer = 'relu' }" + "] }" * 60, EITHER),
    layers("a-convolution-of-2-to-the-40-channels", "{ layer = 'conv', channels = 1099511627776 }"),
    layers("a-convolution-of-65536-channels", "{ layer = 'conv', channels = 65536 }"),
    layers("a-convolution-of-stride-0", "{ layer = 'conv', channels = 4, stride = 0 }"),
    layers("a-convolution-of-padding-2-to-the-40", "{ layer = 'conv', channels = 4, padding = 1099511627776 }"),
    layers("a-convolution-of-a-kernel-of-2-to-the-62", f"{{ layer = 'conv', channels = 4, kernel = {2**62} }}"),
    layers("a-pool-of-0", "{ layer = 'max_pool', size = 0 }"),
    layers("30-upsamplings", lambda: "{ layer = 'upsample' }," * 30),
    layers("a-reshape-that-wraps", f"{{ layer = 'reshape', shape = [{2**62}, 4, 64] }}"),
    layers("a-repetition-of-2-to-the-62", f"{{ layer = 'repeat', times = {2**62} }}"),
    layers("dropout-of-nan", "{ layer = 'dropout', rate = nan }"),
    layers("noise-of-1e308", "{ layer = 'noise', std = 1e308 }", EITHER),
    layers("an-lstm-of-2-to-the-30-units", f"{{ layer = 'lstm', units = {2**30} }}"),
    layers("a-layer-called-by-escape-codes", '{ layer = "\\u001b[2J\\u0007" }'),
]


def opened(path):
    """The header and the data of a safetensors file."""
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:end]), content[end:]


def closed(header, data):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def bytes_of(change):
    """A change of a file's bytes."""
    return lambda path: path.write_bytes(change(path.read_bytes()))


def header_of(change):
    """A change of a safetensors header, in a file that no longer says what its digest was."""
    def write(path):
        header, data = opened(path)
        header["__metadata__"].pop("sha256", None)
        found = change(header)
        path.write_bytes(closed(header if found is None else found, data))

    return write


def tensor_of(**settings):
    """A change of one tensor's description."""
    return header_of(lambda header: header["encoder.0.bias"].update(settings))


def network_of(text):
    """Another network than the weights are of."""
    return header_of(lambda header: header["__metadata__"].update(network=made(text)))


def progress_of(**settings):
    """Another place in the course of the training."""
    def change(header):
        known = json.loads(header["__metadata__"]["progress"])
        header["__metadata__"]["progress"] = json.dumps(known | settings)

    return header_of(change)


def summary_of(**settings):
    return lambda path: path.write_text(json.dumps(json.loads(path.read_text()) | settings))


def replaced(text):
    return lambda path: path.write_text(made(text))


LAST = [{"layer": "linear", "units": 64}, {"layer": "sigmoid"}]


def linear(*units):
    """A network's description, with these layers between the input and the latent."""
    listed = [{"layer": "linear", "units": count} for count in units]
    network = {"image_shape": [8, 8], "variational": False, "encoder": listed, "decoder": LAST}
    return lambda: json.dumps(network)


def renamed(header):
    header["somewhere else\x1b[2J"] = header.pop("encoder.0.bias")


def scorer(change):
    """Another scorer.onnx in the bundle of the run, with the hash that it has."""
    def write(path):
        path.write_bytes(change(path.read_bytes()))
        text = json.loads((path.parent / "model.json").read_text())
        text["files"] |= hashed({"scorer.onnx": path.read_bytes()})
        (path.parent / "model.json").write_text(json.dumps(text))

    return write


def detector(**arrays):
    """The scorer with these arrays before its own of the same names."""
    def change(scorer):
        before = numbers({f"detector.{name}": made(content) for name, content in arrays.items()})
        return field(7, field(5, before)) + scorer

    return scorer(change)


def cases(run):
    """Copies of a run, each with one file changed."""
    def damaged(name, command, file, change, outcome=REFUSED):
        def make(folder):
            shutil.copytree(run, folder / "run")
            change(folder / "run" / file)
            best, summary = folder / "run" / "best.safetensors", folder / "run" / "summary.json"
            if file == best.name and not best.is_symlink():
                # Who changes the weights also changes what the summary says of them.
                summary_of(weights=hashlib.sha256(best.read_bytes()).hexdigest())(summary)

        return Case("run-" + name, command, make, outcome)

    def checkpoint(name, change, outcome=REFUSED):
        return [damaged(f"whose-best-weights-{name}", EXPORT, "best.safetensors", change, outcome),
                damaged(f"whose-last-weights-{name}", RESUME, "resume.safetensors", change, outcome)]

    def state(name, change, outcome=REFUSED):
        return damaged(f"whose-last-state-{name}", RESUME, "resume.safetensors", change, outcome)

    def metrics(name, line, outcome=REFUSED):
        change = bytes_of(lambda content: content + made(line).encode())
        return damaged(f"whose-metrics-{name}", COMPARE, "metrics.csv", change, outcome)

    def scored(name, change, outcome=REFUSED):
        return damaged(f"whose-scorer-{name}", SCORE, "onnx/scorer.onnx", change, outcome)

    def summary(name, change, outcome=REFUSED):
        return [damaged(f"whose-summary-{name}", COMPARE, "summary.json", change, outcome),
                damaged(f"whose-summary-{name}-to-export", EXPORT, "summary.json", change, outcome)]

    pairs = [
        checkpoint("have-a-header-of-2-to-the-60-bytes", bytes_of(lambda old: struct.pack("<Q", 2**60) + old[8:])),
        checkpoint("have-a-header-of-100-megabytes", bytes_of(lambda old: struct.pack("<Q", 10**8) + old[8:])),
        checkpoint("have-a-header-of-0-bytes", bytes_of(lambda old: bytes(8) + old[8:])),
        checkpoint("have-a-header-10000-deep", bytes_of(
            lambda old: struct.pack("<Q", 20_000) + b"[" * 10_000 + b"]" * 10_000)),
        checkpoint("have-300000-tensors", header_of(lambda header: header | {
            f"t{index}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for index in range(300_000)})),
        checkpoint("are-cut", bytes_of(lambda old: old[:-100])),
        checkpoint("are-cut-in-their-header", bytes_of(lambda old: old[:100])),
        checkpoint("are-of-zero-bytes", bytes_of(lambda old: b"")),
        checkpoint("have-more-than-they-say", bytes_of(lambda old: old + b"\0")),
        checkpoint("overlap", tensor_of(data_offsets=[0, 128])),
        checkpoint("lie-beyond-the-end", tensor_of(data_offsets=[2**40, 2**40 + 128])),
        checkpoint("end-before-they-begin", tensor_of(data_offsets=[8576, 8448])),
        checkpoint("have-offsets-that-wrap", tensor_of(data_offsets=[2**64 - 1, 127])),
        checkpoint("have-64-bits", tensor_of(dtype="F64", shape=[16])),
        checkpoint("have-a-type-of-escape-codes", tensor_of(dtype=ESCAPES)),
        checkpoint("have-a-shape-that-wraps", tensor_of(shape=[2**62, 4, 32])),
        checkpoint("have-a-shape-of-0-by-2-to-the-63", tensor_of(shape=[0, 2**63])),
        checkpoint("have-another-shape", tensor_of(shape=[4, 8])),
        checkpoint("have-other-names", header_of(renamed)),
        checkpoint("have-no-network", header_of(lambda header: header["__metadata__"].pop("network") and None)),
        checkpoint("are-of-a-network-100000-deep", network_of(lambda: "[" * 100_000)),
        checkpoint("are-of-a-network-of-2-to-the-40-units", network_of(linear(2**40))),
        checkpoint("are-of-a-network-of-16384-by-16384", network_of(linear(16384, 16384, 32))),
        checkpoint("are-of-a-network-of-100000-layers", network_of(linear(*[8] * 100_000))),
        checkpoint("are-of-another-network", network_of(linear(8))),
        checkpoint("are-of-a-network-of-escape-codes", network_of(json.dumps({ESCAPES: 1}))),
        summary("is-10000-deep", replaced(lambda: '{"preset": ' + "[" * 10_000 + "]" * 10_000 + "}")),
        summary("has-10000-levels-beside-what-is-read", lambda path: path.write_text(
            path.read_text().rstrip()[:-1] + ', "more": ' + "[" * 10_000 + "]" * 10_000 + "}"), EITHER),
        summary("is-of-50-megabytes-of-spaces", replaced(lambda: " " * 50 * MILLION)),
        summary("is-cut", bytes_of(lambda old: old[:100])),
        summary("is-of-zero-bytes", replaced("")),
        summary("is-not-utf-8", bytes_of(lambda old: old.replace(b"digits", b"\xff\xfe"))),
        summary("has-names-of-escape-codes", summary_of(preset=ESCAPES, network=ESCAPES, device=ESCAPES), EITHER),
        summary("has-names-of-8-megabytes", lambda path: summary_of(network="x" * 8 * MILLION)(path), EITHER),
        summary("has-minus-1-parameters", summary_of(parameters=-1)),
        summary("has-1e308-seconds", summary_of(seconds=1e308), EITHER),
    ]
    return [case for pair in pairs for case in pair] + [
        state("has-a-flipped-bit", bytes_of(lambda old: old[:-9] + bytes([old[-9] ^ 1]) + old[-8:])),
        state("is-at-epoch-2-to-the-63", progress_of(history=[], best={"epoch": 2**63, "val_loss": 0.1}), EITHER),
        state("is-at-step-2-to-the-62", progress_of(step=2**62, rows=2**62)),
        state("has-2-to-the-64-steps-behind-it", progress_of(optimizer_steps=2**64 - 1), EITHER),
        state("has-a-loss-of-1e308", progress_of(loss_sum=1e308, step=1), EITHER),
        state("has-seconds-of-minus-1e308", progress_of(seconds=-1e308, wall=-1e308), EITHER),
        state("has-a-progress-100000-deep", header_of(
            lambda header: header["__metadata__"].update(progress="[" * 100_000))),
        state("has-a-history-that-is-none", progress_of(history=[None] * 9)),
        state("has-other-data", progress_of(fingerprint=ESCAPES)),
        damaged("whose-summary-is-of-other-weights", EXPORT, "summary.json", summary_of(weights="0" * 64)),
        damaged("whose-detector-is-cut", EXPORT, "detector.safetensors", bytes_of(lambda old: old[:-100])),
        damaged("whose-detector-has-a-header-of-2-to-the-60-bytes", EXPORT, "detector.safetensors",
                bytes_of(lambda old: struct.pack("<Q", 2**60) + old[8:])),
        damaged("whose-config-is-cut", EXPORT, "config.toml", bytes_of(lambda old: old[:45])),
        damaged("whose-config-names-other-data", EXPORT, "config.toml",
                bytes_of(lambda old: old.replace(b"digits", b"/dev/zero"))),
        damaged("whose-config-has-escape-codes", RESUME, "config.toml",
                bytes_of(lambda old: old.replace(b'"digits"', b'"\\u001b[2J\\u0007"'))),
        metrics("are-infinite", "inf,inf,-inf,inf,inf,inf,inf,inf\n", EITHER),
        metrics("are-nan", "nan,nan,nan,nan,nan,nan,nan,nan\n", EITHER),
        metrics("are-1e308", "3,1e308,-1e308,1,1,1e308,1e308,1e308\n", EITHER),
        metrics("are-at-epoch-1e300", "1e300,0.1,0.1,1,1,0.1,0.1,0.1\n", EITHER),
        metrics("are-at-epoch-2-to-the-64", f"{2**64},0.1,0.1,1,1,0.1,0.1,0.1\n", EITHER),
        metrics("are-at-epoch-2-to-the-62", f"{2**62},0.1,0.1,1,1,0.1,0.1,0.1\n", EITHER),
        metrics("are-all-the-same", "3,0,0,0,0,0,0,0\n" * 9, EITHER),
        metrics("have-a-line-of-30-megabytes", lambda: "1," * 15 * MILLION, EITHER),
        metrics("have-200000-lines", lambda: "3,0.1,0.1,1,1,0.1,0.1,0.1\n" * 200_000, EITHER),
        metrics("have-escape-codes", f"{ESCAPES}\n", EITHER),
        damaged("whose-metrics-are-of-zero-bytes", COMPARE, "metrics.csv", replaced(""), EITHER),
        damaged("whose-metrics-are-dev-zero", COMPARE, "metrics.csv",
                lambda path: (path.unlink(), path.symlink_to("/dev/zero")), EITHER),
        damaged("whose-best-weights-are-dev-zero", EVALUATE, "best.safetensors",
                lambda path: (path.unlink(), path.symlink_to("/dev/zero"))),
        scored("is-no-graph", scorer(lambda old: bytes(99))),
        scored("is-cut", scorer(lambda old: old[:-99])),
        scored("is-a-dense-layer", scorer(lambda old: dense())),
        scored("doubles-a-constant", scorer(lambda old: doubling(40))),
        scored("has-branches-10000-deep", scorer(lambda old: nested_branches(10_000))),
        scored("has-an-input-of-2-to-the-60", scorer(lambda old: dense(inputs=[value("input", ["batch", 2**60])]))),
        scored("has-no-weights", detector(weights=[])),
        scored("has-weights-that-are-nan", detector(weights=[float("nan")] * 3), EITHER),
        scored("has-a-spread-of-0", detector(spread=[0.0] * 64), EITHER),
        scored("has-a-spread-of-another-length", detector(spread=[1.0])),
        scored("has-bounds-that-are-nan", detector(calibration_bounds=[float("nan")] * 9)),
        scored("has-counts-of-1e38", detector(calibration_bounds=[0.1, 0.2], calibration_counts=[1e38] * 3), EITHER),
        scored("has-counts-of-minus-1", detector(calibration_bounds=[0.1], calibration_counts=[-1.0])),
        scored("has-a-whitening-that-is-no-square", detector(whitening=[1.0] * 5)),
        scored("has-a-whitening-of-16-million", detector(whitening=lambda: [0.5] * 2**24)),
        scored("has-known-rows-without-columns", detector(known=tensor("detector.known", [9], bytes(9), UINT8),
                                                          known_low=[], known_step=[])),
        scored("has-64-megabytes-of-known-rows", detector(
            known=lambda: tensor("detector.known", [MILLION, 64], bytes(64 * MILLION), UINT8), known_low=[0.0] * 64,
            known_step=[0.1] * 64), EITHER),
    ]

"""Runs the onnx package's full check on exported files, and compares onnxruntime's results with candle's.

    python check.py reference.npz BUNDLE [BUNDLE ..]

`reference.npz` comes from the example `reference` of the package hourglass-tests: candle's results for every held-out
row. The tolerance is the exporter's: 1e-5, relative to max(1, |value|); where a reconstruction is in bytes, 1 is white.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort

TOLERANCE = 1e-5
GRAPHS = {
    "encoder.onnx": ("input", ["latent", "log_variance"]),
    "decoder.onnx": ("latent", ["reconstruction"]),
    "autoencoder.onnx": ("input", ["reconstruction"]),
}
SCORES = ["score", "p_value", "feature_error"]
ALPHA = 0.2  # another than the default


def run(session, rows, source, target, batch):
    parts = [session.run([target], {source: rows[i : i + batch]})[0] for i in range(0, len(rows), batch)]
    return np.concatenate(parts)


def compare(name, found, expected, white=1):
    if found.shape != expected.shape or not np.isfinite(found).all():
        sys.exit(f"{name}: expected finite values of shape {expected.shape}, found {found.shape}")
    absolute = np.abs(found - expected)
    relative = (absolute / np.maximum(white, np.abs(expected))).max()
    print(f"{name:<44} {len(found):>6} rows, max absolute {absolute.max():.2e}, max relative {relative:.2e}")
    if relative > TOLERANCE:
        sys.exit(f"{name}: onnxruntime differs from candle by {relative:.2e}, more than {TOLERANCE}")


def last_place(bundle, golden):
    """The last place of the largest raw values of a table in units of their scales, in relation to the tolerance; at least 1."""
    schema = json.loads((bundle / "model.json").read_text()).get("schema", [])
    largest = [np.nanmax(np.abs(golden["input"][:, place])) / column.get("scale", 1) for place, column in enumerate(schema)]
    return max([1, *(2 * size * np.finfo(np.float32).eps / TOLERANCE for size in largest)])


def check_scorer(bundle, golden):
    """Against the bundle's golden rows, which hold what candle and the detector give."""
    path = str(bundle / "scorer.onnx")
    onnx.checker.check_model(path, full_check=True)
    weights = {tensor.name: tensor for tensor in onnx.load(path).graph.initializer}
    spread = onnx.numpy_helper.to_array(weights["detector.spread"]).reshape(golden["input"].shape[1:])
    options = ort.SessionOptions()
    options.log_severity_level = 3  # it warns that `alpha` is an input with a default
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    if names != [*SCORES[:2], "is_anomaly", SCORES[2], "reconstruction"]:
        sys.exit(f"{path}: unexpected outputs {names}")
    for batch in (1, 3, len(golden["input"])):
        rows = golden["input"][:batch]
        found = dict(zip(names, session.run(names, {"input": rows, "alpha": np.array([ALPHA], np.float32)})))
        compare(f"scorer.onnx, score, batch {batch}", found["score"], golden["score"][:batch])
        compare(f"scorer.onnx, p_value, batch {batch}", found["p_value"], golden["p_value"][:batch])
        # In units of the columns' scales again; a raw value is known to its last place alone.
        errors = [values["feature_error"][:batch] * spread for values in (found, golden)]
        compare(f"scorer.onnx, feature_error, batch {batch}", *errors, last_place(bundle, golden))
        if (found["is_anomaly"] != (golden["p_value"][:batch] <= np.float32(ALPHA))).any():
            sys.exit(f"{path}: a decision differs")
    if not (session.run(["is_anomaly"], {"input": rows})[0] == (golden["p_value"] <= np.float32(0.01))).all():
        sys.exit(f"{path}: the default of alpha is not 0.01")


def main():
    reference = np.load(sys.argv[1])
    checked = 0
    print(f"onnxruntime {ort.__version__}, onnx {onnx.__version__}")
    for bundle in map(Path, sys.argv[2:]):
        tensors = json.loads((bundle / "model.json").read_text())
        for name, (source, targets) in GRAPHS.items():
            path = bundle / name
            if not path.exists():
                continue
            onnx.checker.check_model(str(path), full_check=True)
            session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
            rows = reference[source]
            outputs = [output.name for output in session.get_outputs()]
            if outputs != [target for target in targets if target in reference]:
                sys.exit(f"{path}: expected the outputs that the reference has, found {outputs}")
            for target in outputs:
                for batch, count in [(1, 200), (2, 200), (17, 1700), (500, len(rows))]:
                    found = run(session, rows[:count], source, target, batch)
                    white = tensors[target].get("range", [0, 1])[1]
                    compare(f"{name}, {target}, batch {batch}", found, reference[target][:count], white)
            checked += 1
        if (bundle / "scorer.onnx").exists():
            check_scorer(bundle, np.load(bundle / "golden.npz"))
            checked += 1
        if (bundle / "encoder.onnx").exists():
            encoder, decoder = [ort.InferenceSession(str(bundle / name)) for name in ("encoder.onnx", "decoder.onnx")]
            latent = run(encoder, reference["input"], "input", "latent", 500)
            found = run(decoder, latent, "latent", "reconstruction", 500)
            white = tensors["reconstruction"].get("range", [0, 1])[1]
            compare("encoder and decoder, batch 500", found, reference["reconstruction"], white)
    if not checked:
        sys.exit("no ONNX file was checked")


if __name__ == "__main__":
    main()

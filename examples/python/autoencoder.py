"""Runs an exported autoencoder with onnxruntime, and checks it against the bundle's golden values.

    python examples/python/autoencoder.py                                # the newest run in runs/
    python examples/python/autoencoder.py runs/simple-digits-1           # a run, or its bundle
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort

USAGE = "usage: autoencoder.py [BUNDLE]    BUNDLE: a run or its bundle [default: the newest run in runs/]"
TOLERANCE = 1e-5  # relative to max(white, |value|), as in the bundle's own verification


class Autoencoder:
    """Encoder and decoder of a bundle, on NumPy arrays: of float32, or of bytes after `exporter --split --input u8`."""

    def __init__(self, bundle):
        self.manifest = json.loads((bundle / "model.json").read_text())
        self.encoder = ort.InferenceSession(str(bundle / "encoder.onnx"), providers=["CPUExecutionProvider"])
        self.decoder = ort.InferenceSession(str(bundle / "decoder.onnx"), providers=["CPUExecutionProvider"])

    def encode(self, rows):
        return self.encoder.run(["latent"], {"input": rows})[0]

    def decode(self, latent):
        return self.decoder.run(["reconstruction"], {"latent": latent})[0]


def find_bundle(arguments):
    """The bundle that the arguments name: a folder, the run that it belongs to, or the newest run."""
    if len(arguments) > 1 or any(argument.startswith("-") for argument in arguments):
        print(USAGE)
        sys.exit(0 if arguments in (["-h"], ["--help"]) else 2)
    if not arguments:
        manifests = sorted(Path("runs").glob("*/onnx/model.json"), key=lambda path: path.stat().st_mtime)
        if not manifests:
            sys.exit(f"no run with a bundle in runs/; `trainer fit` and `exporter --split` make one\n{USAGE}")
        return manifests[-1].parent
    for folder in [Path(arguments[0]), Path(arguments[0]) / "onnx"]:
        if (folder / "model.json").is_file():
            return folder
    sys.exit(f"{arguments[0]}: expected a run or a bundle, found no model.json in it\n{USAGE}")


def draw(row, manifest):
    """A row as text: an image of one channel, or the mean of several."""
    if manifest["input"]["dtype"] == "uint8":
        image = row.mean(2) / manifest["input"]["range"][1]
    else:
        image = row.reshape(manifest["image_shape"])
        image = image.mean(0) if image.ndim == 3 else image
    shades = " .:-=+*#%@"
    return ["".join(2 * shades[min(int(max(pixel, 0) * 10), 9)] for pixel in line) for line in image]


def main():
    bundle = find_bundle(sys.argv[1:])
    autoencoder = Autoencoder(bundle)
    golden = np.load(bundle / "golden.npz")
    latent = autoencoder.encode(golden["input"])
    reconstruction = autoencoder.decode(latent)

    print(f"{bundle}: network {autoencoder.manifest['network']}, rows and their reconstructions from {latent.shape[1]} numbers")
    # The rows of a table are no images: table.py runs those.
    if "image_shape" in autoencoder.manifest:
        images = [draw(rows[0], autoencoder.manifest) for rows in (golden["input"], reconstruction)]
        for left, right in zip(*images):
            print(left, "|", right)

    for name, found in [("latent", latent), ("reconstruction", reconstruction)]:
        white = autoencoder.manifest[name].get("range", [0, 1])[1]
        difference = np.max(np.abs(found - golden[name]) / np.maximum(white, np.abs(golden[name])))
        print(f"{name}: {len(found)} golden rows, largest difference {difference:.1e}")
        if not difference <= TOLERANCE:
            sys.exit(f"{name}: differs from the golden values by {difference:.1e}, more than {TOLERANCE}")


if __name__ == "__main__":
    main()

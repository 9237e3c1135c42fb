"""Runs an exported autoencoder with onnxruntime, and checks it against the bundle's golden values.

    python autoencoder.py ../../runs/simple-digits-1/onnx
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort

TOLERANCE = 1e-5  # relative to max(1, |value|), as in the bundle's own proof


class Autoencoder:
    def __init__(self, bundle):
        bundle = Path(bundle)
        self.description = json.loads((bundle / "model.json").read_text())
        self.encoder = ort.InferenceSession(str(bundle / "encoder.onnx"), providers=["CPUExecutionProvider"])
        self.decoder = ort.InferenceSession(str(bundle / "decoder.onnx"), providers=["CPUExecutionProvider"])

    def encode(self, rows):
        return self.encoder.run(["latent"], {"input": rows})[0]

    def decode(self, codes):
        return self.decoder.run(["reconstruction"], {"latent": codes})[0]


def draw(image):
    shades = " .:-=+*#%@"
    return ["".join(2 * shades[min(int(pixel * 10), 9)] for pixel in line) for line in image]


def main():
    bundle = sys.argv[1]
    autoencoder = Autoencoder(bundle)
    golden = np.load(Path(bundle) / "golden.npz")

    codes = autoencoder.encode(golden["input"])
    reconstructions = autoencoder.decode(codes)

    shape = autoencoder.description["image_shape"]
    print(f"{autoencoder.description['network']}: an original and its reconstruction from {codes.shape[1]} numbers")
    for left, right in zip(draw(golden["input"][0].reshape(shape)), draw(reconstructions[0].reshape(shape))):
        print(left, "|", right)

    for name, found in [("latent", codes), ("reconstruction", reconstructions)]:
        difference = np.max(np.abs(found - golden[name]) / np.maximum(1, np.abs(golden[name])))
        print(f"{name}: {len(found)} golden rows, largest difference {difference:.1e}")
        if not difference <= TOLERANCE:
            sys.exit(f"{name} differs from the golden values by more than {TOLERANCE}")


if __name__ == "__main__":
    main()

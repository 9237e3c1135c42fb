#!/usr/bin/env python3
"""How well the presets `table` and `windows` tell faults in an electrocardiogram: ROC-AUC of the mean squared error of windows
of 128, and of the score.

    bench/ecg.py

Trains on a part without faults and scores the labelled part of `ecg-diff-count-3`, which the Python package aeon carries; it is downloaded. Needs numpy
and onnxruntime in the Python that runs it, and `cargo build --release --bins`.
"""

import csv
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA = "aeon/datasets/data/UnitTest/ecg-diff-count-3"
WINDOW, STRIDE = 128, 4


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed:\n{done.stdout}{done.stderr}")


def fetch(folder):
    run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, "aeon==1.6.0")
    with zipfile.ZipFile(next(Path(folder).glob("aeon-*.whl"))) as wheel:
        for part in ("TRAIN_NA", "TEST"):
            wheel.extract(f"{DATA}_{part}.csv", folder)
    return [os.path.join(folder, f"{DATA}_{part}.csv") for part in ("TRAIN_NA", "TEST")]


def auc(bundle, test):
    import numpy as np
    import onnxruntime

    with open(test, newline="") as file:
        rows = list(csv.reader(file))[1:]
    values = np.array([row[1] for row in rows], np.float32)
    faults = np.array([int(row[2]) for row in rows])
    starts = range(0, len(values) - WINDOW + 1, STRIDE)
    windows = np.stack([values[start : start + WINDOW] for start in starts])
    is_fault = np.array([faults[start : start + WINDOW].any() for start in starts])
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # it warns that `alpha` is an input with a default
    session = onnxruntime.InferenceSession(os.path.join(bundle, "scorer.onnx"), options)
    score, rebuilt = session.run(["score", "reconstruction"], {"input": windows})
    positive, negative = is_fault.sum(), (~is_fault).sum()

    def area(scores):
        ranks = scores.argsort().argsort() + 1
        return (ranks[is_fault].sum() - positive * (positive + 1) / 2) / (positive * negative)

    return area(((rebuilt - windows) ** 2).mean(1)), area(score)


def main():
    if len(sys.argv) > 1:
        sys.exit(__doc__)
    programs = ROOT / "target/release"
    with tempfile.TemporaryDirectory() as folder:
        train, test = fetch(folder)
        for preset in ("table", "windows"):
            out = os.path.join(folder, preset)
            fit = ["--data", train, "--test", test, "--drop", "timestamp", "--label", "is_anomaly", "--preset", preset, "--out", out]
            run(str(programs / "trainer"), "fit", "--window", str(WINDOW), "--stride", str(STRIDE), *fit)
            run(str(programs / "exporter"), "--split", out)
            error, score = auc(os.path.join(out, "onnx"), test)
            print(f"{preset:8} ROC-AUC of the squared error {error:.4f}, of the score {score:.4f}")


if __name__ == "__main__":
    main()

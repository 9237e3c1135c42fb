#!/usr/bin/env python3
"""One class of Fashion-MNIST left out of training, each in its turn: how well the score tells its test pictures from the others, beside
five nearest neighbours and PCA.

    apt-get install dataset-fashion-mnist
    cargo build --release --bins
    bench/classes.py [FOLDER] [--classes 0,1,2] [--rows 6000] [-- ARGUMENTS OF trainer fit]

FOLDER holds the four IDX files. Needs numpy in the Python that runs it.
"""

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = ROOT / "target/release"


def idx(folder, name):
    with gzip.open(next(folder.glob(f"{name}*.gz"))) as file:
        data = file.read()
    axes = data[3]
    shape = [int.from_bytes(data[4 + 4 * axis : 8 + 4 * axis], "big") for axis in range(axes)]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(shape)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--classes", default=",".join(map(str, range(10))))
    parser.add_argument("--rows", type=int, default=60_000, help="training pictures of all classes together")
    own = sys.argv[1:]
    split = own.index("--") if "--" in own else len(own)
    arguments, fit = parser.parse_args(own[:split]), own[split + 1 :]
    x, y = idx(arguments.folder, "train-images"), idx(arguments.folder, "train-labels")
    x, y = x[: arguments.rows], y[: arguments.rows]
    test_x, test_y = idx(arguments.folder, "t10k-images"), idx(arguments.folder, "t10k-labels")
    found = {}
    for left_out in map(int, arguments.classes.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            data, run = Path(folder, "pictures.npz"), Path(folder, "run")
            kept = y != left_out
            np.savez(data, x_train=x[kept], y_train=y[kept], x_test=test_x, y_test=test_y)
            command = [PROGRAMS / "trainer", "fit", "--data", data, "--out", run, "--baseline-seconds", "600", *fit]
            done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                sys.exit(f"trainer failed:\n{done.stdout}{done.stderr}")
            report = json.loads((run / "summary.json").read_text())["anomalies"]
        rows = [("this run's score", report), *((other["name"], other) for other in report["baselines"])]
        print(f"class {left_out}:", end="")
        for name, figures in rows:
            name = name.split(",")[0]
            found.setdefault(name, []).append((figures["roc_auc"], figures["average_precision"]))
            print(f"   {name} {100 * figures['roc_auc']:.1f} {100 * figures['average_precision']:.1f}", end="")
        print(flush=True)
    for name, figures in found.items():
        auc, precision = 100 * np.mean(figures, axis=0)
        print(f"mean of {name}: ROC-AUC {auc:.1f} %, average precision {precision:.1f} %")


if __name__ == "__main__":
    main()

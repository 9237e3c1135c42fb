#!/usr/bin/env python3
"""Scoring 1,000,000 rows of 32 columns, CSV to CSV: `runtime score` beside PyOD's AutoEncoder and scikit-learn's isolation forest,
all fitted to the same 20,000 rows. Also the time of fitting 20,000 rows of 39 columns, and of scoring a single row.

    pip install -r bench/requirements.txt pyod pandas tqdm
    cargo build --release --workspace --bins --examples
    bench/scoring.py [--rows 1000000] [--rounds 1]
"""

import argparse
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from pyod.models.auto_encoder import AutoEncoder
from sklearn.ensemble import IsolationForest

PROGRAMS = Path(__file__).resolve().parent.parent / "target/release"


def table(rows, columns, seed):
    """Columns that depend on a few hidden ones."""
    mix = np.random.default_rng(5).normal(size=(8, columns))
    random = np.random.default_rng(seed)
    values = np.tanh(random.normal(size=(rows, 8)) @ mix) + 0.1 * random.normal(size=(rows, columns))
    return pd.DataFrame(values.astype("float32"), columns=[f"c{i}" for i in range(columns)]).round(4)


def timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def program(name, *arguments):
    subprocess.run([PROGRAMS / name, *map(str, arguments)], check=True, capture_output=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        train, big, out = folder / "train.csv", folder / "big.csv", folder / "out.csv"
        table(20_000, 32, 1).to_csv(train, index=False)
        table(arguments.rows, 32, 2).to_csv(big, index=False)
        run = folder / "run"
        program("trainer", "fit", "--data", train, "--seed", 1, "--out", run)
        program("exporter", "--split", run)
        rows = pd.read_csv(train).to_numpy("float32")
        peers = {
            "PyOD's AutoEncoder": AutoEncoder(random_state=1, verbose=0).fit(rows),
            "isolation forest": IsolationForest(random_state=1, n_jobs=-1).fit(rows),
        }

        def score(model):
            scores = model.decision_function(pd.read_csv(big).to_numpy("float32"))
            pd.DataFrame({"score": scores}).to_csv(out, index=False)

        works = {"runtime score": lambda: program("runtime", "score", run, big, "--out", out)}
        works |= {name: (lambda model=model: score(model)) for name, model in peers.items()}
        seconds = {name: [] for name in works}
        for _ in range(arguments.rounds):
            for name, work in works.items():
                seconds[name].append(timed(work))
        ours = statistics.median(seconds["runtime score"])
        print(f"{arguments.rows} rows of 32 columns, CSV to CSV:")
        for name, found in seconds.items():
            median = statistics.median(found)
            print(f"  {name:20} {median:7.1f} s, {arguments.rows / median:9.0f} rows/s, {median / ours:5.1f} times ours")
        latency = subprocess.run([PROGRAMS / "examples/score_latency", run / "onnx"], check=True, capture_output=True)
        print(f"one row: {latency.stdout.decode().strip()}")

        wide = folder / "wide.csv"
        table(20_000, 39, 3).to_csv(wide, index=False)
        values = pd.read_csv(wide).to_numpy("float32")
        ours = timed(lambda: program("trainer", "fit", "--data", wide, "--seed", 1, "--out", folder / "wide"))
        pyod = timed(lambda: AutoEncoder(random_state=1, verbose=0).fit(values))
        print(f"fitting 20,000 rows of 39 columns: {ours:.1f} s, PyOD's AutoEncoder {pyod:.1f} s: {ours / pyod:.2f} of its time")


if __name__ == "__main__":
    main()

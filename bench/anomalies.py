#!/usr/bin/env python3
"""How well `runtime score` tells anomalies in labelled tables, and whether its false alarms are what they should be, beside scikit-learn.

    bench/anomalies.py FOLDER [--seeds N] [--all] [-- OPTIONS OF trainer fit]

FOLDER holds tables as CSV, gzipped or not, with a column `label` that is 1 for an anomaly. Of each table, half of the normal rows are given to
`trainer fit`, and the other half and all anomalies are scored; with `--all`, every row is given and scored. Needs numpy, pandas and scikit-learn in the
Python that runs it, and `cargo build --release --bins`.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = ROOT / "target/release"
ALPHAS = (0.01, 0.05)


def run(*command, passed=(0,)):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in passed:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")


def ours(train, test, folder, seed, options):
    import pandas as pd

    run_folder, scored = os.path.join(folder, "run"), os.path.join(folder, "scored.csv")
    files = [os.path.join(folder, name) for name in ("train.csv", "test.csv")]
    for table, file in zip((train, test), files):
        table.to_csv(file, index=False)
    # 3: the network is no better than the mean row. Its scores count like any others.
    run(PROGRAMS / "trainer", "fit", "--data", files[0], "--out", run_folder, "--seed", str(seed), *options, passed=(0, 3))
    run(PROGRAMS / "exporter", "--split", run_folder)
    run(PROGRAMS / "runtime", "score", run_folder, files[1], "--out", scored)
    found = pd.read_csv(scored)
    return found["score"].to_numpy(), found["p_value"].to_numpy(), os.path.getsize(os.path.join(run_folder, "onnx/scorer.onnx"))


def peers(train, test):
    from sklearn.ensemble import IsolationForest
    from sklearn.neighbors import NearestNeighbors
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(train)
    train, test = scaler.transform(train), scaler.transform(test)
    near = NearestNeighbors(n_neighbors=min(5, len(train))).fit(train).kneighbors(test)[0][:, -1]
    return {"neighbours": near, "forest": -IsolationForest(random_state=1).fit(train).score_samples(test)}


def main():
    import numpy as np
    import pandas as pd
    from sklearn.metrics import average_precision_score, roc_auc_score

    words = sys.argv[1:]
    options = words[words.index("--") + 1 :] if "--" in words else []
    words = words[: words.index("--")] if "--" in words else words
    seeds = int(words[words.index("--seeds") + 1]) if "--seeds" in words else 1
    is_contaminated = "--all" in words
    if not words or words[0].startswith("-"):
        sys.exit(__doc__)
    tables = sorted(path for path in Path(words[0]).iterdir() if path.name.endswith((".csv", ".csv.gz")))
    means, alarms = {}, {alpha: [0, 0, 0] for alpha in ALPHAS}
    print(f"{'table':18s} {'rows':>6s} {'columns':>7s}   ROC-AUC and average precision in %")
    for path in tables:
        table = pd.read_csv(path)
        label, values = table["label"].to_numpy(), table.drop(columns="label")
        figures, false_alarms = {}, {alpha: [] for alpha in ALPHAS}
        for seed in range(1, seeds + 1):
            normal = np.random.default_rng(seed).permutation(np.flatnonzero(label == 0))
            half = np.arange(len(label)) if is_contaminated else normal[: len(normal) // 2]
            rest = half if is_contaminated else np.setdiff1d(np.arange(len(label)), half)
            train, test, truth = values.iloc[half], values.iloc[rest], label[rest]
            with tempfile.TemporaryDirectory() as folder:
                score, p_value, size = ours(train, test, folder, seed, options)
            scores = {"hourglass": score, **(peers(train, test) if seed == 1 else {})}
            for name, score in scores.items():
                figures.setdefault(name, []).append((roc_auc_score(truth, score), average_precision_score(truth, score)))
            for alpha in ALPHAS:
                found = (p_value[truth == 0] <= alpha).sum()
                false_alarms[alpha].append(found / (truth == 0).sum())
                alarms[alpha][0] += found
                alarms[alpha][1] += (truth == 0).sum()
                alarms[alpha][2] = max(alarms[alpha][2], false_alarms[alpha][-1])
        line = f"{path.name.split('.')[0]:18s} {len(train):6d} {values.shape[1]:7d}"
        for name, found in figures.items():
            auc, precision = np.mean(found, axis=0)
            means.setdefault(name, []).append((auc, precision))
            line += f"   {name} {100 * auc:.1f} {100 * precision:.1f}"
        rates = ", ".join(f"{100 * np.mean(false_alarms[alpha]):.1f}" for alpha in ALPHAS)
        print(f"{line}   false alarms {rates} %   scorer {size / 1024:.0f} KiB", flush=True)
    for name, found in means.items():
        auc, precision = np.mean(found, axis=0)
        print(f"mean of {name}: ROC-AUC {100 * auc:.1f} %, average precision {100 * precision:.1f} %")
    for alpha, (found, rows, largest) in alarms.items():
        print(f"false alarms at {alpha}: {100 * found / rows:.2f} % of {rows} normal rows, at most {100 * largest:.1f} % of a table")


if __name__ == "__main__":
    main()

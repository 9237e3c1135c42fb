"""Runs the bundle of a table with onnxruntime: from a CSV with names, words and gaps to reconstructions and anomaly scores.

    python examples/python/table.py runs/table-sensors-1                 # checks the bundle's golden rows
    python examples/python/table.py runs/table-sensors-1 rows.csv        # a score for each row
"""

import csv
import math
import sys
from datetime import datetime, timezone
from inspect import Parameter, Signature

import numpy as np
import onnxruntime

from autoencoder import TOLERANCE, Autoencoder, find_bundle

MISSING = {"", "na", "nan", "null", "none", "?"}
TRUTH = {"true": 1.0, "false": 0.0}


def moment(text):
    """A date as ISO 8601 has it; without an offset it counts as UTC."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


def cell(text, column):
    """A raw value: a number as it is, NaN where it is missing, a date in seconds, a word by its place; other words come last."""
    if text.strip().lower() in MISSING:
        return math.nan
    if column["kind"] == "category":
        values = column["values"]
        return float(values.index(text) if text in values else len(values))
    if "since" in column:
        return (moment(text) - moment(column["since"])).total_seconds()
    return TRUTH[text.lower()] if text.lower() in TRUTH else float(text)


def read_rows(path, schema):
    """Raw rows `[rows, columns]` of float32, whatever the order of the file's columns."""
    with open(path, newline="") as file:
        return np.array([[cell(row[column["name"]], column) for column in schema] for row in csv.DictReader(file)], np.float32)


def is_plain(column):
    """Whether the column holds numbers as they are, neither words nor dates."""
    return column["kind"] == "number" and "since" not in column


def raw_values(cells, column):
    """A column's cells, numbers, texts or dates with None for missing ones, as raw values `[rows]` of float32."""
    if is_plain(column):
        return np.array([math.nan if value is None else value for value in cells], np.float32)
    return np.array([cell("" if value is None else str(value), column) for value in cells], np.float32)


def with_parameters(function, schema):
    """The function with a parameter for each column by its signature, which engines count."""
    names = [f"column_{number}" for number in range(len(schema))]
    function.__signature__ = Signature([Parameter(name, Parameter.POSITIONAL_ONLY) for name in names])
    return function


def compare(found, path):
    """Fails unless scores and p-values are those that `runtime score` wrote to `path`, row for row, as far as rounding allows."""
    with open(path, newline="") as file:
        known = list(csv.DictReader(file))
    for name in ("score", "p_value"):
        expected = np.array([float(row[name]) for row in known])
        if len(found[name]) != len(expected):
            sys.exit(f"{path}: expected {len(expected)} rows, found {len(found[name])}")
        differences = np.abs(found[name] - expected) / np.maximum(1, np.abs(expected))
        if name == "p_value":
            # A score within rounding of a calibration row's counts for that row in one runtime and not in another: one rank, very seldom.
            rank = np.min(np.diff(np.unique(expected)), initial=1)
            is_rank = (differences > TOLERANCE) & (differences <= rank + TOLERANCE)
            if 0 < np.sum(is_rank) <= len(expected) / 1000:
                print(f"{name}: {np.sum(is_rank)} of {len(expected)} rows differ by one rank, {rank:.1e}")
                differences = differences[~is_rank]
        difference = np.max(differences)
        print(f"{name}: {len(expected)} rows, largest difference from the runtime {difference:.1e}")
        if not difference <= TOLERANCE:
            sys.exit(f"{name}: differs from {path} by {difference:.1e}, more than {TOLERANCE}")


class Scorer:
    """`scorer.onnx`: how unusual rows are, and why."""

    def __init__(self, bundle):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # it warns that `alpha` is an input with a default
        self.session = onnxruntime.InferenceSession(str(bundle / "scorer.onnx"), options, providers=["CPUExecutionProvider"])

    def score(self, rows, alpha=0.01):
        """By name: `score`, `p_value` and `is_anomaly` `[rows]`, `feature_error` and `reconstruction` `[rows, columns]`."""
        names = [output.name for output in self.session.get_outputs()]
        return dict(zip(names, self.session.run(names, {"input": rows, "alpha": np.array([alpha], np.float32)})))


def reasons(errors, schema, count=3):
    """The columns that are furthest off, with how many standard deviations of their error on usual rows."""
    return ", ".join(f"{schema[place]['name']} {errors[place]:.1f}" for place in np.argsort(-errors)[:count])


def main():
    bundle = find_bundle(sys.argv[1:2])
    autoencoder = Autoencoder(bundle)
    schema = autoencoder.manifest.get("schema")
    if schema is None:
        sys.exit(f"{bundle}: expected the bundle of a table; autoencoder.py beside this program runs others")

    golden = np.load(bundle / "golden.npz")
    latent = autoencoder.encode(golden["input"])
    scale = np.array([column.get("scale", 1) for column in schema], np.float32)
    for name, found, unit in [("latent", latent, 1), ("reconstruction", autoencoder.decode(latent), scale)]:
        # In units of a column's scale, and relative to the largest value of the row.
        size = np.maximum(1, np.max(np.abs(golden[name] / unit), 1, keepdims=True))
        difference = np.max(np.abs(found - golden[name]) / unit / size)
        print(f"{name}: {len(found)} golden rows, largest difference {difference:.1e}")
        if not difference <= TOLERANCE:
            sys.exit(f"{name}: differs from the golden values by {difference:.1e}, more than {TOLERANCE}")

    scorer = Scorer(bundle)
    found = scorer.score(golden["input"])
    for name in ("score", "p_value"):
        difference = np.max(np.abs(found[name] - golden[name]) / np.maximum(1, np.abs(golden[name])))
        print(f"{name}: {len(found[name])} golden rows, largest difference {difference:.1e}")
        if not difference <= TOLERANCE:
            sys.exit(f"{name}: differs from the golden values by {difference:.1e}, more than {TOLERANCE}")

    for path in sys.argv[2:]:
        rows = read_rows(path, schema)
        found = scorer.score(rows)
        print(f"{path}: {len(rows)} rows, {found['is_anomaly'].sum()} alarms where 1 % of usual rows are")
        for row in np.argsort(-found["score"])[:5]:
            p_value, why = found["p_value"][row], reasons(found["feature_error"][row], schema)
            print(f"  row {row + 1}: p-value {p_value:.4f}; off by standard deviations: {why}")


if __name__ == "__main__":
    main()

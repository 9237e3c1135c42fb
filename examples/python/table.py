"""Runs the bundle of a table with onnxruntime: from a CSV with names, words and gaps to reconstructions and anomaly scores.

    python examples/python/table.py runs/table-sensors-1                 # checks the bundle's golden rows
    python examples/python/table.py runs/table-sensors-1 rows.csv        # a score for each row
"""

import csv
import math
import sys
from datetime import datetime, timezone

import numpy as np

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


def scores(rows, reconstruction, schema):
    """For each row the mean squared error over the network's inputs, where each column counts by its scale."""

    def inputs(raw):
        parts = []
        for place, column in enumerate(schema):
            values = raw[:, place].astype(np.float64)
            missing = np.isnan(values)
            if column["kind"] == "category":
                places = np.arange(len(column["values"]) + 1)
                parts += list((values[:, None] == places).T.astype(np.float64))
            else:
                filled = np.where(missing, column.get("missing", math.nan), values)
                parts.append((filled - column["mean"]) / column["scale"])
            if column.get("flag_missing"):
                parts.append(missing.astype(np.float64))
        return np.stack(parts, 1)

    return np.mean((inputs(rows) - inputs(reconstruction)) ** 2, 1)


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

    for path in sys.argv[2:]:
        rows = read_rows(path, schema)
        limit = autoencoder.manifest["threshold"]["value"]
        found = scores(rows, autoencoder.decode(autoencoder.encode(rows)), schema)
        print(f"{path}: {len(rows)} rows, {np.sum(found > limit)} above the threshold {limit:.4g}")
        for number in np.argsort(-found)[:5]:
            print(f"  row {number + 1}: score {found[number]:.4g}")


if __name__ == "__main__":
    main()

"""Scores the rows of a CSV or Parquet file in SQL: DuckDB hands onnxruntime some thousand rows at a time.

    python examples/python/duckdb_scores.py runs/table-sensors-1 rows.parquet               # the most unusual rows
    python examples/python/duckdb_scores.py runs/table-sensors-1 rows.csv scored.csv        # compared with what `runtime score` wrote

In a query, `score(..)` and `p_value(..)` take the columns of the bundle in its order, dates and words as text. Needs duckdb and pyarrow besides onnxruntime.
"""

import json
import sys

import duckdb
import numpy as np
import pyarrow as pa

from autoencoder import find_bundle
from table import Scorer, compare, is_plain, raw_values, with_parameters


def register(connection, bundle):
    """Adds the functions `score` and `p_value` to the connection; the bundle is loaded once."""
    schema = json.loads((bundle / "model.json").read_text())["schema"]
    scorer = Scorer(bundle)
    types = ["DOUBLE" if is_plain(column) else "VARCHAR" for column in schema]

    def function(output):
        def compute(*columns):
            rows = np.stack([raw_values(cells.to_pylist(), column) for cells, column in zip(columns, schema)], 1)
            return pa.array(scorer.score(rows)[output], pa.float32())

        return with_parameters(compute, schema)

    for name in ("score", "p_value"):
        connection.create_function(name, function(name), types, "FLOAT", type="arrow", null_handling="special")
    arguments = [f'CAST("{column["name"]}" AS {kind})' for column, kind in zip(schema, types)]
    return ", ".join(arguments)


def main():
    bundle, path = find_bundle(sys.argv[1:2]), sys.argv[2]
    connection = duckdb.connect()
    columns = register(connection, bundle)
    query = f"SELECT score({columns}) AS score, p_value({columns}) AS p_value, * FROM '{path}'"
    if len(sys.argv) < 4:
        print(connection.sql(f"{query} ORDER BY score DESC LIMIT 10"))
        return
    compare(connection.sql(query).fetchnumpy(), sys.argv[3])


if __name__ == "__main__":
    main()

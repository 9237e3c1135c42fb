"""Scores the rows of a Parquet file with Spark; each worker loads the bundle once.

    python examples/python/spark_scores.py runs/table-sensors-1 rows.parquet               # the most unusual rows
    python examples/python/spark_scores.py runs/table-sensors-1 rows.parquet scored.csv    # compared with what `runtime score` wrote

Needs pyspark and pandas besides onnxruntime, and a Java runtime.
"""

import json
import os
import sys
from pathlib import Path

from pyspark.ml.functions import predict_batch_udf
from pyspark.sql import SparkSession
from pyspark.sql.functions import col, monotonically_increasing_id
from pyspark.sql.types import FloatType, StructField, StructType

from autoencoder import find_bundle
from table import compare, is_plain

SCORES = StructType([StructField(name, FloatType()) for name in ("score", "p_value")])


def scores(bundle, schema):
    """A function of the bundle's columns in their order, numbers as doubles and all others as text."""
    folder = str(Path(__file__).resolve().parent)

    def load():
        sys.path.insert(0, folder)
        import numpy as np
        from table import Scorer, raw_values, with_parameters

        scorer = Scorer(bundle)

        def predict(*columns):
            rows = np.stack([raw_values(list(cells), column) for cells, column in zip(columns, schema)], 1)
            found = scorer.score(rows)
            return {name: found[name] for name in ("score", "p_value")}

        return with_parameters(predict, schema)

    return predict_batch_udf(load, return_type=SCORES, batch_size=1024)


def main():
    bundle, path = find_bundle(sys.argv[1:2]).resolve(), sys.argv[2]
    schema = json.loads((bundle / "model.json").read_text())["schema"]
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    columns = [col(column["name"]).cast("double" if is_plain(column) else "string") for column in schema]
    rows = spark.read.parquet(path).withColumn("row", monotonically_increasing_id())
    scored = rows.withColumn("scored", scores(bundle, schema)(*columns)).select("*", "scored.score", "scored.p_value").drop("scored")
    if len(sys.argv) < 4:
        scored.orderBy(col("score").desc()).show(5)
    else:
        found = scored.orderBy("row").toPandas()
        compare({name: found[name].to_numpy() for name in ("score", "p_value")}, sys.argv[3])
    spark.stop()


if __name__ == "__main__":
    main()

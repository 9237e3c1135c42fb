"""Scores the rows of a Parquet file with Ray Data on two workers, each of which loads the bundle once.

    python examples/python/ray_scores.py runs/table-sensors-1 rows.parquet                 # the most unusual rows
    python examples/python/ray_scores.py runs/table-sensors-1 rows.parquet scored.csv      # compared with what `runtime score` wrote

Needs ray[data] besides onnxruntime.
"""

import json
import sys
from pathlib import Path

import numpy as np
import ray

from autoencoder import find_bundle
from table import Scorer, compare, raw_values


class Worker:
    def __init__(self, bundle):
        self.schema = json.loads((Path(bundle) / "model.json").read_text())["schema"]
        self.scorer = Scorer(Path(bundle))

    def __call__(self, batch):
        rows = np.stack([raw_values(batch[column["name"]].to_pylist(), column) for column in self.schema], 1)
        found = self.scorer.score(rows)
        for name in ("score", "p_value"):
            batch = batch.append_column(name, [found[name]])
        return batch


def main():
    bundle, path = find_bundle(sys.argv[1:2]), sys.argv[2]
    folder = str(Path(__file__).parent)
    ray.init(num_cpus=4, log_to_driver=False, include_dashboard=False, runtime_env={"env_vars": {"PYTHONPATH": folder}})
    ray.data.DataContext.get_current().execution_options.preserve_order = True
    ray.data.DataContext.get_current().enable_progress_bars = False
    scored = ray.data.read_parquet(path).repartition(4).map_batches(
        Worker, fn_constructor_args=[str(bundle.resolve())], batch_format="pyarrow", batch_size=512, concurrency=2
    )
    if len(sys.argv) < 4:
        scored.sort("score", descending=True).show(5)
    else:
        found = scored.to_pandas()
        compare({name: found[name].to_numpy() for name in ("score", "p_value")}, sys.argv[3])


if __name__ == "__main__":
    main()

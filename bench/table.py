#!/usr/bin/env python3
"""Times an epoch on a large table, end to end, beside pandas with PyTorch on the same cores: programs in turn, medians.

The trainer reads CSV into memory, CSV in constant memory (`--stream`), and Parquet the same two ways.

    bench/table.py                                   # 1,000,000 rows of 32 columns, three rounds
    bench/table.py --rows 100000 --rounds 1          # a small one

Needs pandas, pyarrow and torch in the Python that runs it, and `cargo build --release --bin trainer`.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BATCH = 256
PEER = "pandas and PyTorch"


def write(path, rows, columns):
    import numpy as np
    import pandas as pd

    draw = np.random.default_rng(1)
    hidden = draw.normal(size=(rows, 6))
    table = hidden @ draw.normal(size=(6, columns)) * np.logspace(-2, 4, columns) + draw.normal(size=(rows, columns)) * 0.1
    table = pd.DataFrame(table, columns=[f"sensor{number}" for number in range(columns)])
    table.to_csv(path, index=False, float_format="%.5g")
    pd.read_csv(path).to_parquet(path.replace(".csv", ".parquet"))


def peer(path):
    """What a person writes today: pandas, a standard scaler, a network like ours, one epoch."""
    import numpy as np
    import pandas as pd
    import torch
    from torch import nn

    torch.manual_seed(1)
    rows = pd.read_csv(path).to_numpy(np.float32)
    rows = rows[np.random.default_rng(1).permutation(len(rows))]
    test, rows = rows[: len(rows) // 5], rows[len(rows) // 5 :]
    mean, std = rows.mean(0), rows.std(0)
    train = torch.from_numpy((rows - mean) / std)
    width = train.shape[1]
    network = nn.Sequential(
        nn.Linear(width, 128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, 64), nn.ReLU(),
        nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, width),
    )
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    order = torch.randperm(len(train))
    for batch in order.split(BATCH):
        rows = train[batch]
        loss = nn.functional.mse_loss(network(rows), rows)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    with torch.no_grad():
        x = torch.from_numpy((test - mean) / std)
        print(f"test MSE {nn.functional.mse_loss(network(x), x).item():.4f}")


def timed(command):
    """Seconds, what the command said, and the most memory that it held, in KiB."""
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, text=True)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - start
        said.seek(0)
        text = said.read()
    if process.returncode != 0:
        sys.exit(f"{command[0]} failed:\n{text}")
    return seconds, text, usage.ru_maxrss


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer", metavar="FILE", help=argparse.SUPPRESS)
    parser.add_argument("--write", metavar="FILE", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        return peer(arguments.peer)
    if arguments.write:
        return write(arguments.write, arguments.rows, arguments.columns)
    ways = {
        "CSV in memory": ("table.csv", []),
        "CSV streamed": ("table.csv", ["--stream"]),
        "Parquet in memory": ("table.parquet", []),
        "Parquet streamed": ("table.parquet", ["--stream"]),
    }
    times = {name: [] for name in [*ways, PEER]}
    memory = {}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "table.csv")
        # In a process of its own: a child's peak memory counts what its parent held.
        rows = ["--rows", str(arguments.rows), "--columns", str(arguments.columns)]
        timed([sys.executable, __file__, "--write", path, *rows])
        print(f"{arguments.rows:,} rows of {arguments.columns} columns, {os.path.getsize(path) / 1e6:.0f} MB of CSV")
        for number in range(arguments.rounds):
            for name, (file, options) in ways.items():
                out = os.path.join(folder, f"run{number} {name}")
                fit = [str(ROOT / "target/release/trainer"), "fit", "--data", os.path.join(folder, file), *options]
                fit += ["--epochs", "1", "--batch-size", str(BATCH), "--baseline-seconds", "0", "--log-format", "plain", "--out", out]
                seconds, _, memory[name] = timed(fit)
                times[name].append(seconds)
            seconds, said, memory[PEER] = timed([sys.executable, __file__, "--peer", path])
            times[PEER].append(seconds)
            print("  " + ", ".join(f"{name} {measured[-1]:.1f} s" for name, measured in times.items()) + f" ({said.strip()})")
    theirs = statistics.median(times[PEER])
    for name, measured in times.items():
        seconds = statistics.median(measured)
        part = "" if name == PEER else f", {seconds / theirs:.2f} of the time"
        print(f"{name:18} {seconds:5.1f} s, {arguments.rows / seconds:9,.0f} rows/s, {memory[name] / 1024:5,.0f} MiB{part}")


if __name__ == "__main__":
    main()

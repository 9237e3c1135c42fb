"""Compares onnxruntime's values with candle's for every exported case, and runs the onnx package's full check on every file.

    python check_cases.py target/onnx-cases ../exporter/README.md [--write]

`cargo test` leaves the cases. The table in the exporter's README is made of them: with --write it is replaced, without
it must be as it would be made.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort

BEGIN, END = "<!-- table: made by tests/interop/check_cases.py -->\n", "<!-- end of table -->\n"


def check(folder, case):
    worst = 0.0
    for opset in case["opsets"]:
        path = folder / f"opset{opset}.onnx"
        onnx.checker.check_model(str(path), full_check=True)
        session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        for batch in case["batches"]:
            arrays = dict(np.load(folder / f"batch{batch}.npz"))
            expected = arrays.pop("y")
            found = session.run(["y"], arrays)[0]
            place = f"{case['name']}: opset {opset}, batch {batch}"
            if found.shape != expected.shape:
                sys.exit(f"{place}: expected shape {expected.shape}, found {found.shape}")
            difference = float((np.abs(found - expected) / np.maximum(1, np.abs(expected))).max())
            if not difference <= case["tolerance"]:
                sys.exit(f"{place}: onnxruntime differs by {difference:.1e}, more than {case['tolerance']:.1e}")
            worst = max(worst, difference)
    return worst


def table(cases):
    lines = ["| | opsets | tract | onnxruntime |", "|---|---|---|---|"]
    for case in cases:
        kind, name = case["name"].split("/", 1)
        name = f"`{name}`" if kind == "operator" else name
        opsets = f"{case['opsets'][0]} to {case['opsets'][-1]}"
        tract = "yes" if case["tract"] is not None else case["not_in_tract"]
        lines.append(f"| {kind}: {name} | {opsets} | {tract} | yes |")
    return "\n".join(lines) + "\n"


def main():
    cases_dir, readme = Path(sys.argv[1]), Path(sys.argv[2])
    folders = {path.parent: json.loads(path.read_text()) for path in cases_dir.glob("*/case.json")}
    if not folders:
        sys.exit(f"{cases_dir}: no cases; `cargo test --release --workspace` leaves them")
    kinds = ["layer", "operator", "model", "forward"]
    ordered = sorted(folders.items(), key=lambda item: (kinds.index(item[1]["name"].split("/")[0]), item[1]["name"].lower()))
    worst = max((check(folder, case), case["name"]) for folder, case in ordered)
    print(f"onnx {onnx.__version__}, onnxruntime {ort.__version__}: {len(ordered)} cases at opsets and batches agree")
    print(f"largest difference from candle, relative to max(1, |value|): {worst[0]:.1e}, of {worst[1]}")

    text = readme.read_text()
    before, rest = text.split(BEGIN)
    made = before + BEGIN + table([case for _, case in ordered]) + END + rest.split(END)[1]
    if "--write" in sys.argv:
        readme.write_text(made)
    elif made != text:
        sys.exit(f"{readme}: its table is not what the cases make; run this with --write")


if __name__ == "__main__":
    main()

"""Compares onnxruntime's values with candle's for every family that was traced, and runs the onnx package's full check on every file.

    python check_families.py trace/target/trace-families trace/README.md [--write]

The tests of `trace` leave the files. The table in its README is made of them: with --write it is replaced, without it must be as it would
be made.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort

BEGIN, END = "<!-- table: made by tests/interop/check_families.py -->\n", "<!-- end of table -->\n"
# Relative to the largest number of the output: as much as `trace` accepts of tract.
TOLERANCE = 1e-4


def check(folder, case):
    """The largest difference at any opset, or what onnxruntime says."""
    worst = 0.0
    for opset in case["opsets"]:
        difference, reason = check_file(folder / f"opset{opset}.onnx")
        if difference is None:
            return None, f"opset {opset}: {reason}"
        worst = max(worst, difference)
    return worst, None


def check_file(path):
    onnx.checker.check_model(str(path), full_check=True)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    try:
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        return None, str(error).splitlines()[0]
    types = {value.name: value.type for value in session.get_inputs()}
    worst = 0.0
    for sample in sorted(path.parent.glob("sample_*.npz")):
        arrays = dict(np.load(sample))
        inputs = {name[6:]: array for name, array in arrays.items() if name.startswith("input.")}
        inputs = {name: array.astype(np.int64) if types[name] == "tensor(int64)" else array for name, array in inputs.items()}
        outputs = [name[7:] for name in arrays if name.startswith("output.")]
        for name, found in zip(outputs, session.run(outputs, inputs)):
            expected = arrays[f"output.{name}"]
            if found.shape != expected.shape:
                return None, f"{sample.name}: expected shape {expected.shape}, found {found.shape}"
            scale = max(1e-9, float(np.abs(expected).max()))
            worst = max(worst, float(np.abs(found - expected).max()) / scale)
    if not worst <= TOLERANCE:
        return None, f"differs by {worst:.1e}, more than {TOLERANCE:.0e}"
    return worst, None


def table(results):
    lines = ["| family | any | operators | tract | onnxruntime |", "|---|---|---|---|---|"]
    for case, (worst, reason) in results:
        tract = "yes" if case["tract"] is not None else case["not_in_tract"].split("\n")[0]
        ours = "yes" if worst is not None else reason
        note = " (rows one by one)" if case["rows_differ"] else ""
        lines.append(f"| {case['name']} | {case['dims']} | {case['operators']} | {tract}{note} | {ours}{note} |")
    return "\n".join(lines) + "\n"


def main():
    folder, readme = Path(sys.argv[1]), Path(sys.argv[2])
    cases = {path.parent: json.loads(path.read_text()) for path in folder.glob("*/case.json")}
    if not cases:
        sys.exit(f"{folder}: no families; `cargo test --manifest-path trace/Cargo.toml` leaves them")
    ordered = sorted(cases.items(), key=lambda item: item[1]["name"].lower())
    results = [(case, check(folder, case)) for folder, case in ordered]
    agree = [worst for _, (worst, _) in results if worst is not None]
    tract = sum(case["tract"] is not None for case, _ in results)
    print(f"onnx {onnx.__version__}, onnxruntime {ort.__version__}: {len(agree)} of {len(results)} families agree, {tract} on tract too")
    print(f"largest difference from candle, relative to the largest number: {max(agree, default=0):.1e}")
    for case, (worst, reason) in results:
        if worst is None:
            print(f"{case['name']}: {reason}", file=sys.stderr)
    failed = len(results) - len(agree)

    text = readme.read_text()
    before, rest = text.split(BEGIN)
    made = before + BEGIN + table(results) + END + rest.split(END)[1]
    if "--write" in sys.argv:
        readme.write_text(made)
    elif made != text:
        sys.exit(f"{readme}: its table is not what the families make; run this with --write")
    if failed:
        sys.exit(f"{failed} families differ on onnxruntime")


if __name__ == "__main__":
    main()

"""Bundles whose folder or model.json is wrong, around graphs that are right."""

import hashlib
import os

from cases import EITHER, HARMLESS, REFUSED, Case, dense, hashed, write_bundle
from graphs import ESCAPES, MILLION
from operators import doubling
from wire import node, value, weight

ENCODE = "runtime encode bundle rows.csv"
RECONSTRUCT = "runtime reconstruct bundle rows.csv"
GRAPHS = {
    "encoder.onnx": dense(),
    "decoder.onnx": dense([node("MatMul", "latent weight", "reconstruction")], [weight("weight", 2, 8, value=0.5)],
                          [value("latent", ["batch", 2])], [value("reconstruction", ["batch", 8])]),
}
ENCODER = GRAPHS["encoder.onnx"]


def placed(name, place, outcome=REFUSED, command=ENCODE):
    """A bundle in which `place` puts something else where encoder.onnx was."""
    def make(folder):
        path = write_bundle(folder, GRAPHS) / "encoder.onnx"
        path.unlink()
        place(path)

    return Case("bundle-with-encoder-" + name, command, make, outcome)


def linked(name, target, outcome, link=os.symlink):
    """Where encoder.onnx was, a link to the same content elsewhere."""
    def place(path):
        elsewhere = path.parents[1] / "elsewhere.onnx"
        elsewhere.write_bytes(ENCODER)
        link(target(elsewhere), path)

    return placed(name, place, outcome)


def entry(name, outcome=REFUSED, command=ENCODE, **entries):
    """A bundle whose model.json has these entries, or what functions make of them."""
    return Case("bundle-with-" + name, command, lambda folder: write_bundle(folder, GRAPHS, **entries), outcome)


def text(name, change, outcome=REFUSED, command=ENCODE):
    """A bundle whose model.json is what `change` makes of the right one."""
    return Case("bundle-with-" + name, command, lambda folder: write_bundle(folder, GRAPHS, change=change), outcome)


def replaced(old, new):
    return lambda content: content.replace(old.encode(), new.encode(), 1)


def tensor(name="input", row_shape=(8,), **more):
    return {"name": name, "row_shape": list(row_shape)} | more


def shape(name, row_shape, outcome=REFUSED):
    """A bundle whose input has this shape, as JSON."""
    return text("an-input-of-" + name, replaced('"row_shape": [8]', '"row_shape": ' + row_shape), outcome)


def columns(name, *listed, outcome=REFUSED, command=ENCODE, **more):
    """A bundle of a table with these columns."""
    return entry(name, outcome, command, schema=list(listed), **more)


def column(name="a", **more):
    return {"name": name, "kind": "number", "mean": 0.0, "scale": 1.0} | more


def words(values):
    return {"name": "w", "kind": "category", "values": list(values)}


def timed(step):
    return {"time": {"name": "c0", "step": step}}


EIGHT = [column(f"c{index}") for index in range(8)]


def many_columns(count, shared="c"):
    """A table of this many columns, made only when it is needed."""
    def make(folder):
        columns = [column(f"{shared}{index}") for index in range(count)]
        write_bundle(folder, GRAPHS, (count,), rows=1, schema=columns)

    return make


def missing(name):
    """A bundle that has no such file, though its model.json names it."""
    return lambda folder: (write_bundle(folder, GRAPHS) / name).unlink()


def model_json(name, place, outcome=REFUSED):
    """A bundle in which `place` puts something else where model.json was."""
    def make(folder):
        path = write_bundle(folder, GRAPHS) / "model.json"
        path.unlink()
        place(path)

    return Case("bundle-with-manifest-" + name, ENCODE, make, outcome)


def rows(name, place):
    """A good bundle, and rows that are no file."""
    def make(folder):
        write_bundle(folder, GRAPHS)
        (folder / "rows.csv").unlink()
        place(folder / "rows.csv")

    return Case("bundle-with-rows-" + name, ENCODE, make)


def claims(name, sha256, outcome=REFUSED):
    files = hashed(GRAPHS) | {"encoder.onnx": {"bytes": len(ENCODER), "sha256": sha256}}
    return entry(name, outcome, files=files)


def grown(path):
    """A file of 3 GiB that takes no room on the disk."""
    with open(path, "wb") as file:
        file.truncate(3 << 30)


FILES = [
    placed("as-a-pipe", os.mkfifo),
    placed("as-a-folder", os.mkdir),
    placed("as-a-link-to-dev-zero", lambda path: os.symlink("/dev/zero", path)),
    placed("as-a-link-to-dev-stdin", lambda path: os.symlink("/dev/stdin", path)),
    placed("as-a-link-to-itself", lambda path: os.symlink("encoder.onnx", path)),
    placed("as-a-link-to-nothing", lambda path: os.symlink("/nowhere", path)),
    placed("as-a-link-to-etc-passwd", lambda path: os.symlink("/etc/passwd", path)),
    placed("as-a-link-to-proc-self-mem", lambda path: os.symlink("/proc/self/mem", path)),
    placed("of-3-gib-of-holes", grown),
    linked("as-a-relative-link-out-of-the-folder", lambda there: "../elsewhere.onnx", REFUSED),
    linked("as-an-absolute-link-out-of-the-folder", lambda there: there, REFUSED),
    linked("as-a-hard-link-out-of-the-folder", lambda there: there, REFUSED, os.link),
    placed("that-is-not-there", lambda path: None),
    rows("as-a-pipe", os.mkfifo),
    rows("as-a-folder", os.mkdir),
    rows("as-a-link-to-dev-zero", lambda path: os.symlink("/dev/zero", path)),
    rows("of-3-gib-of-holes", grown),
    model_json("as-a-pipe", os.mkfifo),
    model_json("as-a-folder", os.mkdir),
    model_json("as-a-link-to-dev-zero", lambda path: os.symlink("/dev/zero", path)),
    model_json("of-3-gib-of-holes", grown),
    model_json("of-zero-bytes", lambda path: path.write_bytes(b"")),
    model_json("that-is-not-utf-8", lambda path: path.write_bytes(b'{"producer": "\xff\xfe"}')),
    model_json("that-is-null", lambda path: path.write_text("null")),
    model_json("of-lists-10000-deep", lambda path: path.write_text("[" * 10_000 + "]" * 10_000)),
    model_json("of-objects-10000-deep", lambda path: path.write_text('{"a":' * 10_000 + "1" + "}" * 10_000)),
    model_json("of-a-million-keys",
               lambda path: path.write_text("{" + ",".join(f'"k{i}":0' for i in range(MILLION)) + "}")),
    model_json("of-one-key-of-15-megabytes", lambda path: path.write_text('{"' + "k" * 15 * MILLION + '":0}')),
    model_json("of-a-number-of-15-megabytes",
               lambda path: path.write_text('{"format_version":' + "9" * 15 * MILLION + "}")),
    text("an-unknown-key-10000-deep",
         lambda content: content[:-1] + b', "x": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", EITHER),
    Case("bundle-without-golden-file", RECONSTRUCT,
         lambda folder: write_bundle(folder, GRAPHS, files=hashed(GRAPHS | {"golden.npz": b""})), HARMLESS),
    Case("bundle-without-the-scorer-that-it-claims", "runtime score bundle rows.csv",
         lambda folder: write_bundle(folder, GRAPHS, scorer={"detector": "reconstruction", "calibration_rows": 9},
                                     files=hashed(GRAPHS | {"scorer.onnx": b""}))),
    Case("bundle-with-a-claim-of-2-to-the-63-calibration-rows", "runtime score bundle rows.csv",
         lambda folder: write_bundle(folder, GRAPHS, scorer={"detector": ESCAPES, "calibration_rows": 2**63}), EITHER),
    Case("bundle-without-the-decoder-that-it-claims", RECONSTRUCT, missing("decoder.onnx")),
    Case("bundle-whose-decoder-doubles-a-constant", RECONSTRUCT,
         lambda folder: write_bundle(folder, GRAPHS | {"decoder.onnx": doubling(40)})),
    Case("bundle-whose-scorer-is-an-encoder", "runtime score bundle rows.csv",
         lambda folder: write_bundle(folder, GRAPHS | {"scorer.onnx": ENCODER})),
]

MANIFEST = [
    text("50-megabytes-of-spaces", lambda content: b" " * 50_000_000 + content),
    text("15-megabytes-of-spaces", lambda content: b" " * 15_000_000 + content, EITHER),
    text("50-megabytes-of-spaces-behind-it", lambda content: content + b" " * 50_000_000, EITHER),
    text("something-behind-its-manifest", lambda content: content + b"{}"),
    text("a-key-twice", lambda content: content.replace(b"{", b'{"format_version": 1, ', 1)),
    text("a-file-twice", replaced('"encoder.onnx"', '"encoder.onnx": {"sha256": "00"}, "encoder.onnx"'), EITHER),
    text("a-manifest-that-is-cut", lambda content: content[:len(content) // 2]),
    text("a-version-of-1e400", replaced('"format_version": 1', '"format_version": 1e400')),
    text("a-byte-order-mark", lambda content: b"\xef\xbb\xbf" + content, EITHER),
    entry("a-version-of-0", format_version=0),
    entry("a-version-of-2-to-the-32", format_version=2**32),
    entry("a-version-of-minus-1", format_version=-1),
    entry("a-version-that-is-text", format_version=ESCAPES),
    entry("a-producer-of-escape-codes", HARMLESS, producer=ESCAPES, preset=ESCAPES, network=ESCAPES, data=ESCAPES),
    claims("a-wrong-hash", "0" * 64),
    claims("a-hash-in-capitals", hashlib.sha256(ENCODER).hexdigest().upper(), EITHER),
    claims("a-hash-of-escape-codes", ESCAPES),
    entry("a-hash-of-8-megabytes", files=lambda: {"encoder.onnx": {"sha256": "0" * 8 * MILLION}}),
    claims("an-empty-hash", ""),
    entry("no-hash", files={"encoder.onnx": {"bytes": 1}}),
    entry("no-files", files={}),
    entry("files-that-are-a-list", files=[]),
    entry("a-previous-hash-that-fits", HARMLESS, files={
        "encoder.onnx": {"sha256": "0" * 64, "previous_sha256": hashlib.sha256(ENCODER).hexdigest()}}),
    entry("a-length-of-minus-1", files={"encoder.onnx": {"bytes": -1, "sha256": "0" * 64}}),
    entry("a-length-of-2-to-the-63", files={"encoder.onnx": {"bytes": 2**63, "sha256": "0" * 64}}),
    entry("files-called-by-escape-codes", files={ESCAPES: {"sha256": "0" * 64}}),
    entry("files-above-its-folder", files={"../../../etc/passwd": {"sha256": "0" * 64}}),
    entry("a-file-above-its-folder-beside-the-right-ones",
          files=hashed(GRAPHS) | {"../../../etc/passwd": {"sha256": "0" * 64}, "/dev/zero": {"sha256": "0" * 64}}),
    entry("200000-files", files=lambda: {f"f{index}": {"sha256": ""} for index in range(200_000)}),
    shape("a-length-that-wraps", "[4294967296, 4294967296, 8]"),
    shape("a-length-that-wraps-to-8", "[9223372036854775808, 2, 8]"),
    shape("2-to-the-64-values", "[18446744073709551616]"),
    shape("2-to-the-63-values", "[9223372036854775808]"),
    shape("no-values", "[0]"),
    shape("no-values-that-wrap", "[4294967296, 4294967296, 0]"),
    shape("minus-8-values", "[-8]"),
    shape("a-fraction-of-values", "[8.5]"),
    shape("1e400-values", "[1e400]"),
    shape("no-shape", "null"),
    shape("a-shape-that-is-text", '"8"'),
    shape("no-dimensions", "[]"),
    entry("an-input-of-a-million-dimensions", input=lambda: tensor(row_shape=[1] * MILLION + [8])),
    shape("other-values-than-the-graphs", "[9]"),
    entry("an-input-called-by-escape-codes", input=tensor(ESCAPES)),
    entry("an-input-of-8-megabytes-of-name", input=lambda: tensor("x" * 8 * MILLION)),
    entry("an-input-of-another-type", input=tensor(dtype=ESCAPES)),
    entry("a-divisor-of-0", input=tensor(normalisation={"divide_by": 0}, range=[0, 1])),
    entry("a-divisor-of-minus-1", input=tensor(normalisation={"divide_by": -1}, range=[0, 1])),
    entry("a-divisor-of-1e308", input=tensor(normalisation={"divide_by": 1e308}, range=[0, 1])),
    entry("a-divisor-of-nan", input=tensor(normalisation={"divide_by": float("nan")})),
    entry("a-range-that-is-upside-down", input=tensor(range=[1, 0])),
    entry("a-range-that-is-infinite", input=tensor(range=[float("-inf"), float("inf")])),
    entry("a-range-of-one-value", input=tensor(range=[0])),
    entry("a-latent-that-is-not-there", latent=tensor("nothing", [2])),
    entry("a-latent-of-2-to-the-62-values", REFUSED, RECONSTRUCT, latent=tensor("latent", [2**62])),
    entry("a-latent-that-does-not-fit-the-decoder", REFUSED, RECONSTRUCT, latent=tensor("latent", [3])),
    entry("a-reconstruction-of-other-values", REFUSED, RECONSTRUCT, reconstruction=tensor("reconstruction", [9])),
    entry("a-variance-that-is-not-there", log_variance=tensor("nothing", [2])),
    entry("a-threshold-of-nan", threshold={"metric": "mse", "quantile": 0.9, "value": float("nan")}),
    entry("a-threshold-of-escape-codes", EITHER, "runtime score bundle rows.csv",
          threshold={"metric": ESCAPES, "quantile": 2.0, "value": -1.0}),
    text("a-threshold-of-1e400",
         lambda content: content[:-1] + b', "threshold": {"metric": "mse", "quantile": 0.9, "value": 1e400}}'),
    entry("metrics-of-200000-names", EITHER, metrics=lambda: {f"m{index}": 0.5 for index in range(200_000)}),
    entry("an-image-whose-size-wraps", EITHER, image_shape=[2**32, 2**32]),
    entry("an-image-of-a-million-channels", EITHER, image_shape=[MILLION, 1, 8]),
]

TABLES = [
    Case("bundle-of-a-table-of-100000-columns", ENCODE, many_columns(100_000)),
    Case("bundle-of-a-table-of-30000-columns-of-long-names", ENCODE, many_columns(30_000, "x" * 400)),
    columns("a-table-without-columns"),
    columns("a-table-of-the-same-column-twice", column(), column()),
    columns("a-table-of-columns-called-by-escape-codes", column(ESCAPES), column(ESCAPES)),
    columns("a-table-of-a-scale-of-0", column(ESCAPES, scale=0)),
    columns("a-table-of-a-scale-of-1e308", *EIGHT[:7], column(scale=1e308)),
    columns("a-table-of-a-scale-of-1e-45", *EIGHT[:7], column(scale=1e-45), outcome=EITHER),
    columns("a-table-of-a-mean-of-nan", column(mean=float("nan"))),
    columns("a-table-of-another-kind-of-column", column(kind=ESCAPES)),
    columns("a-table-of-periods-of-0", column(cycles=[0])),
    entry("a-table-of-a-million-periods", EITHER, schema=lambda: [*EIGHT[:7], column(cycles=[1.0] * MILLION)]),
    entry("a-table-of-a-million-words", EITHER, schema=lambda: [*EIGHT[:7], words(map(str, range(MILLION)))]),
    columns("a-table-of-the-same-word-twice", words(["x", "x"])),
    columns("a-table-since-the-year-99999", *EIGHT[:7], column("d", since="99999-99-99T99:99:99")),
    columns("a-table-since-escape-codes", *EIGHT[:7], column("d", since=ESCAPES)),
    columns("a-table-of-a-clip-of-minus-1", *EIGHT[:7], column("d", clip=-1.0), outcome=EITHER),
    columns("a-table-of-other-columns-than-the-rows", *EIGHT[:7], column(ESCAPES), outcome=EITHER),
    columns("windows-of-2-to-the-63-steps", *EIGHT, window=[2**63, 1]),
    columns("windows-of-no-steps", *EIGHT, window=[0, 1]),
    columns("windows-that-never-move", *EIGHT, window=[1, 0]),
    columns("windows-of-minus-1-steps", *EIGHT, window=[-1, 1]),
    columns("windows-whose-length-wraps", *EIGHT, window=[2**61, 1]),
    columns("windows-in-steps-of-no-time", *EIGHT, outcome=EITHER, window=[2, 1], series=timed(0.0)),
    columns("windows-in-steps-of-minus-1e308", *EIGHT, outcome=EITHER, window=[2, 1], series=timed(-1e308)),
    columns("windows-of-a-group-that-is-not-there", *EIGHT, outcome=EITHER, window=[2, 1], series={"group": ESCAPES}),
]

CASES = FILES + MANIFEST + TABLES

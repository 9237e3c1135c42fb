"""Rows from strangers: CSV, .npy, .npz and Parquet, plain and packed."""

import gzip
import io
import struct
import zipfile
import zlib

import parquet
from bundles import GRAPHS
from cases import EITHER, HARMLESS, REFUSED, Case, made, write_bundle
from graphs import ESCAPES, MILLION
from parquet import GZIP, RLE_DICTIONARY, SNAPPY, Long, described, footed, page

FIT = "trainer fit --epochs 1 --baseline-seconds 0 --out run --data "
ROWS = b"0.5,0.25,0.5,0.25,0.5,0.25,0.5,0.25\n"


def both(name, file, content, encoded=REFUSED, fitted=None):
    """A file that is given to a bundle of eight columns, and to training."""
    def alone(folder):
        (folder / file).write_bytes(made(content))

    def with_bundle(folder):
        write_bundle(folder, GRAPHS)
        alone(folder)

    return [Case(f"encode-{name}", f"runtime encode bundle {file}", with_bundle, encoded),
            Case(f"fit-{name}", FIT + file, alone, fitted or encoded)]


def csv(name, content, *outcomes):
    return both("csv-" + name, "table.csv", content, *outcomes)


def header(text, version=1, claimed=None):
    """How a .npy file begins; `claimed` is the length that it says its header has."""
    encoded = text.encode() + b"\n"
    length = len(encoded) if claimed is None else claimed
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", length) + encoded


def array(shape="(4, 8)", dtype="'<f4'", order="False", data=bytes(128)):
    return header(f"{{'descr': {dtype}, 'fortran_order': {order}, 'shape': {shape}, }}") + data


def npy(name, content, *outcomes):
    return both("npy-" + name, "table.npy", content, *outcomes)


def zipped(files, method=zipfile.ZIP_DEFLATED):
    """A zip file of these names and contents."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return packed.getvalue()


def lying(size):
    """A zip file of an array that says that the array has another size."""
    packed = zipped([("input.npy", array())])
    return packed.replace(struct.pack("<I", len(array())), struct.pack("<I", size))


def npz(name, content, *outcomes):
    return both("npz-" + name, "table.npz", content, *outcomes)


def bomb(megabytes, before=b""):
    """A gzip file of zeros."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(before), *(packer.compress(bytes(MILLION)) for _ in range(megabytes))]
    return b"".join(parts) + packer.flush()


def large_array(megabytes):
    """A zip file of an array of zeros, which says honestly how large it is."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("input.npy", "w") as file:
        file.write(array(f"({megabytes * MILLION // 32}, 8)", data=b""))
        for _ in range(megabytes):
            file.write(bytes(MILLION))
    return packed.getvalue()


def parqueted(name, content, outcome=REFUSED):
    """A Parquet file that is converted, and one that trains."""
    def make(folder):
        (folder / "table.parquet").write_bytes(made(content))

    return [Case(f"convert-parquet-{name}", "runtime convert table.parquet", make, outcome),
            Case(f"fit-parquet-{name}", FIT + "table.parquet", make, outcome)]


FLOATS = struct.pack("<8f", *range(8))
PAGE = page(FLOATS, 8)
GOOD = parquet.table(PAGE, 8)


def dictionary(count):
    """A few bytes that say that the first of a dictionary's values stands there this often."""
    values = page(bytes(4), 1, dictionary=True)
    return values + page(b"\x01" + parquet.varint(count << 1) + b"\0", count, RLE_DICTIONARY)


def packed_page(content, count, *encoding, **kinds):
    return page(gzip.compress(content), count, *encoding, size=len(content), **kinds)


def shared_page(groups):
    """Row groups of one row each, which all name the same page of 16 MB."""
    large = packed_page(bytes(16 * MILLION), 1)
    one = described(large, 1, codec=GZIP)[4]
    return footed(large, described(large, 1, codec=GZIP, file={3: Long(groups), 4: one * groups}))


def texts(pages, rows):
    """A column of texts."""
    schema = [{4: "schema", 5: 1}, parquet.column("c0", parquet.BYTE_ARRAY)]
    return parquet.table(pages, rows, codec=GZIP, chunk={1: parquet.BYTE_ARRAY}, file={2: schema})


def long_text(rows):
    """A text of 10 MB that stands in every row."""
    text = struct.pack("<I", 10 * MILLION) + b"x" * 10 * MILLION
    return texts(packed_page(text, 1, dictionary=True)
                 + packed_page(b"\x01" + parquet.varint(rows << 1) + b"\0", rows, RLE_DICTIONARY), rows)


def many_long_texts():
    """Pages of 10 different texts of 4 MB each."""
    def text(number):
        return struct.pack("<I", 4 * MILLION) + b"%4d" % number + b"\xff" * (4 * MILLION - 4)

    pages = [packed_page(b"".join(text(at * 10 + number) for number in range(10)), 10) for at in range(5)]
    return texts(b"".join(pages), 50)


def deep_schema(depth):
    groups = [{3: 0, 4: f"g{index}", 5: 1} for index in range(depth)]
    return footed(PAGE, described(PAGE, 8, file={2: [*groups, parquet.column("c0")]}))


def footer_length(length):
    return GOOD[:-8] + struct.pack("<I", length) + b"PAR1"


CSV = [
    csv("of-zero-bytes", b""),
    csv("of-a-megabyte-of-nul-bytes", lambda: bytes(MILLION)),
    csv("with-a-nul-byte", ROWS * 20 + b"0.5,\0,0.5,0.25,0.5,0.25,0.5,0.25\n"),
    csv("of-one-line-of-30-megabytes", lambda: b"1," * 15 * MILLION),
    csv("of-one-cell-of-30-megabytes", lambda: b"1" * 30 * MILLION),
    csv("of-one-word-of-30-megabytes", lambda: b"x" * 30 * MILLION),
    csv("of-100000-columns", lambda: (b"1," * 99_999 + b"2\n") * 20, REFUSED, EITHER),
    csv("with-an-unclosed-quote-of-20-megabytes", lambda: ROWS * 2 + b'"' + b"0.5,0.25\n" * 2 * MILLION),
    csv("of-3-million-quotes", lambda: b'"' * 3 * MILLION),
    csv("of-3-million-separators", lambda: b"," * 3 * MILLION),
    csv("of-3-million-empty-lines", lambda: b"\n" * 3 * MILLION),
    csv("of-3-million-comments", lambda: b"#\n" * 3 * MILLION),
    csv("of-3-million-carriage-returns", lambda: b"\r" * 3 * MILLION),
    csv("of-lines-that-grow", lambda: b"".join(b"1," * length + b"1\n" for length in range(2000))),
    csv("with-escape-codes-in-its-header",
        ",".join(f'"{ESCAPES}{index}"' for index in range(8)).encode() + b"\n" + ROWS * 20, EITHER),
    csv("with-escape-codes-in-its-cells", ROWS * 20 + f'"{ESCAPES}",1,1,1,1,1,1,1\n'.encode(), REFUSED, EITHER),
    csv("with-escape-codes-only", f'"{ESCAPES}"\n'.encode() * 20, REFUSED, EITHER),
    csv("with-a-header-of-2-megabytes", lambda: b"x" * 2 * MILLION + b",b,c,d,e,f,g,h\n" + ROWS * 20, EITHER, EITHER),
    csv("that-is-not-utf-8", ROWS * 20 + b"\xff\xfe\xfd,1,1,1,1,1,1,1\n", REFUSED, EITHER),
    csv("that-is-utf-16", ROWS.decode().encode("utf-16") * 20),
    csv("with-1e400", ROWS * 20 + b"1e400,1,1,1,1,1,1,1\n", REFUSED, EITHER),
    csv("with-nan-and-infinity", ROWS * 20 + b"nan,inf,-inf,1,1,1,1,1\n", REFUSED, EITHER),
    csv("with-numbers-of-a-megabyte", lambda: ROWS * 20 + b"0." + b"1" * MILLION + b",1,1,1,1,1,1,1\n", EITHER, EITHER),
    csv("with-exponents-of-a-megabyte",
        lambda: ROWS * 20 + b"1e" + b"9" * MILLION + b",1,1,1,1,1,1,1\n", REFUSED, EITHER),
    csv("with-one-name-200000-times", lambda: b"a," * 200_000 + b"a\n" + b"1," * 200_000 + b"1\n"),
    csv("with-a-separator-of-escape-codes", b"sep=\x1b\n" + ROWS * 20, EITHER, EITHER),
    csv("that-is-a-png", b"\x89PNG\r\n\x1a\n" + bytes(1000)),
    csv("that-is-an-onnx-file", GRAPHS["encoder.onnx"]),
    both("gzip-of-a-gigabyte-of-zeros", "table.csv.gz", lambda: bomb(1000)),
    both("gzip-of-a-gigabyte-of-zeros-behind-rows", "table.csv.gz", lambda: bomb(1000, ROWS * 40)),
    both("gzip-that-is-cut", "table.csv.gz", gzip.compress(ROWS * 40)[:-9]),
    both("gzip-with-a-wrong-checksum", "table.csv.gz", gzip.compress(ROWS * 40)[:-8] + bytes(8)),
    both("gzip-in-gzip-in-gzip", "table.csv.gz", lambda: gzip.compress(gzip.compress(bomb(1000)))),
    both("gzip-of-a-million-empty-parts", "table.csv.gz", lambda: gzip.compress(b"") * MILLION),
]

NPY = [
    npy("of-six-bytes", b"\x93NUMPY"),
    npy("with-a-header-of-4-gib", header("{", 2, 2**32 - 1)),
    npy("with-a-header-of-4-gib-that-is-not-there", b"\x93NUMPY\x02\0" + b"\xff" * 4),
    npy("of-version-255", header("{}", 255)),
    npy("of-a-shape-that-wraps", array(f"({2**62}, 8)")),
    npy("of-a-shape-that-wraps-to-128-bytes", array(f"({2**59 + 4}, 8)")),
    npy("of-a-shape-of-2-to-the-64", array(f"({2**64}, 8)")),
    npy("of-a-negative-shape", array("(-4, -8)")),
    npy("of-a-shape-of-fractions", array("(4.5, 8)")),
    npy("of-a-shape-of-2-to-the-40-by-0", array(f"({2**40}, 0)", data=b"")),
    npy("of-no-rows", array("(0, 8)", data=b"")),
    npy("of-a-shape-of-20000-dimensions", array("(" + "1," * 20_000 + "4, 8)")),
    npy("of-no-shape", array("()", data=bytes(4))),
    npy("of-python-objects", array(dtype="'|O'", data=b"cos\nsystem\n(S'id'\ntR.")),
    npy("of-python-objects-in-other-quotes", array(dtype='"|O"', data=b"cos\nsystem\n(S'id'\ntR.")),
    npy("of-records", array(dtype="[('a', '<f4'), ('b', '<f4')]")),
    npy("of-records-100000-deep", lambda: header("{'descr': " + "[('a', " * 100_000 + "'<f4'", 2)),
    npy("of-floats-of-no-bytes", array(dtype="'<f0'")),
    npy("of-floats-of-2-to-the-63-bytes", array(dtype=f"'<f{2**63}'")),
    npy("of-a-type-of-escape-codes", array(dtype=f"'{ESCAPES}'")),
    npy("of-numbers-that-are-not-there", array(data=b"")),
    npy("of-more-numbers-than-it-says", array(data=bytes(132))),
    npy("in-columns-of-a-wrong-size", array("(4, 9)", order="True")),
    npy("with-order-that-is-no-truth", array(order="7")),
    npy("with-nested-parentheses", header("(" * 30_000 + ")" * 30_000)),
    npy("with-a-million-nested-parentheses", lambda: header("(" * MILLION + ")" * MILLION, 2)),
    npy("with-a-million-nested-lists", lambda: header("[" * MILLION, 2)),
    npy("with-a-header-of-16-megabytes-of-spaces", lambda: header(" " * 16 * MILLION + "{}", 2)),
    npy("with-a-header-that-is-not-utf-8", b"\x93NUMPY\x01\0\x10\0" + b"\xff" * 16),
    npy("with-the-shape-twice", array("(4, 8), 'shape': (512, 8)"), EITHER),
    npy("of-nan-and-infinity",
        array(data=struct.pack("<2f", float("nan"), float("inf")) + bytes(120)), REFUSED, EITHER),
    npy("of-64-bit-floats-of-1e308", array("(2, 8)", "'<f8'", data=struct.pack("<16d", *[1e308] * 16))),
    npz("of-zero-files", zipped([])),
    npz("that-is-cut", lambda: zipped([("input.npy", array())])[:-10]),
    npz("of-a-gigabyte-of-zeros", lambda: large_array(1000), EITHER),
    npz("of-an-array-that-says-4-gib", lying(2**32 - 1), EITHER),
    npz("of-an-array-that-says-one-byte", lying(1), EITHER),
    npz("of-names-above-its-folder", zipped([("../../input.npy", array()), ("/etc/input.npy", array())]), EITHER),
    npz("of-names-of-escape-codes",
        zipped([(f"{ESCAPES}.npy", array()), (f"{ESCAPES}2.npy", array("(2, 16)"))]), EITHER),
    npz("of-60000-arrays", lambda: zipped([(f"a{index}.npy", b"") for index in range(60_000)])),
    npz("of-the-same-array-twice",
        zipped([("input.npy", array()), ("inpux.npy", array())]).replace(b"inpux", b"input"), EITHER),
    npz("of-bombs-in-every-header", lambda: zipped([(f"a{index}.npy", bytes(4 * MILLION)) for index in range(50)])),
    npz("of-lzma", lambda: zipped([("input.npy", array())], zipfile.ZIP_LZMA)),
    npz("of-a-wrong-checksum",
        zipped([("input.npy", array())], zipfile.ZIP_STORED).replace(bytes(128), b"\x3f" * 128), EITHER),
    npz("that-claims-65535-files", zipped([("input.npy", array())])[:-12] + b"\xff" * 12),
]

PARQUET = [
    parqueted("that-is-right", GOOD, HARMLESS),
    parqueted("of-four-bytes", b"PAR1"),
    parqueted("that-is-cut-in-the-middle", GOOD[:len(GOOD) // 2]),
    parqueted("that-is-cut-by-one-byte", GOOD[:-1]),
    parqueted("with-a-footer-of-no-bytes", footer_length(0)),
    parqueted("with-a-footer-of-4-gib", footer_length(2**32 - 1)),
    parqueted("with-a-footer-of-2-gib", footer_length(2**31 - 1)),
    parqueted("with-a-footer-that-is-turned-around", GOOD[:-8] + GOOD[-8:-4][::-1] + b"PAR1"),
    parqueted("with-a-footer-that-is-too-long", footer_length(len(GOOD) - 8)),
    parqueted("with-a-footer-of-zeros", b"PAR1" + bytes(200) + struct.pack("<I", 200) + b"PAR1"),
    parqueted("with-a-footer-of-ff", b"PAR1" + b"\xff" * 200 + struct.pack("<I", 200) + b"PAR1"),
    parqueted("that-is-encrypted", GOOD[:-4] + b"PARE"),
    parqueted("of-a-billion-equal-values", parquet.table(dictionary(2**30), 2**30)),
    parqueted("of-100-million-equal-values", parquet.table(dictionary(10**8), 10**8), EITHER),
    parqueted("that-claims-2-to-the-62-rows", parquet.table(PAGE, 2**62)),
    parqueted("that-claims-minus-1-rows", parquet.table(PAGE, -1)),
    parqueted("that-claims-more-values-in-a-page", parquet.table(page(FLOATS, 2**31 - 1), 8), EITHER),
    parqueted("that-claims-minus-8-values-in-a-page", parquet.table(page(FLOATS, -8), 8)),
    parqueted("of-a-page-that-claims-2-gib", parquet.table(page(FLOATS, 8, size=2**31 - 1), 8, codec=SNAPPY)),
    parqueted("of-a-page-of-minus-1-bytes", parquet.table(page(FLOATS, 8, size=-1), 8)),
    parqueted("of-a-packed-page-of-minus-1-bytes", parquet.table(page(FLOATS, 8, fields={3: -1}), 8)),
    parqueted("of-snappy-that-claims-4-gib",
              parquet.table(page(b"\xff\xff\xff\xff\x0f" + FLOATS, 8, size=32), 8, codec=SNAPPY)),
    parqueted("of-a-gzip-page-of-a-gigabyte",
              lambda: parquet.table(page(bomb(1000), 250 * MILLION, size=1000 * MILLION), 250 * MILLION, codec=GZIP),
              EITHER),
    parqueted("of-a-gzip-page-that-is-larger-than-it-says",
              lambda: parquet.table(page(bomb(1000), 8, size=32), 8, codec=GZIP)),
    parqueted("of-1000-groups-that-share-a-page-of-16-megabytes", lambda: shared_page(1000)),
    parqueted("of-a-text-of-10-megabytes-in-a-million-rows", lambda: long_text(MILLION)),
    parqueted("of-50-texts-of-4-megabytes", many_long_texts),
    parqueted("of-an-unknown-codec", parquet.table(PAGE, 8, codec=99)),
    parqueted("of-an-unknown-encoding", parquet.table(page(FLOATS, 8, 99), 8)),
    parqueted("of-pages-beyond-its-end", parquet.table(PAGE, 8, chunk={9: Long(2**40)})),
    parqueted("of-pages-before-its-start", parquet.table(PAGE, 8, chunk={9: Long(-4)})),
    parqueted("of-pages-of-2-to-the-62-bytes", parquet.table(PAGE, 8, chunk={7: Long(2**62)}), EITHER),
    parqueted("of-another-type-than-its-column", parquet.table(PAGE, 8, chunk={1: 6}), EITHER),
    parqueted("of-schemas-10000-deep", lambda: deep_schema(10_000)),
    parqueted("of-a-schema-of-2-to-the-31-columns",
              footed(PAGE, described(PAGE, 8, file={2: [{4: "schema", 5: 2**31 - 1}]}))),
    parqueted("of-a-schema-of-minus-1-columns", footed(PAGE, described(PAGE, 8, file={2: [{4: "schema", 5: -1}]}))),
    parqueted("of-no-schema", footed(PAGE, described(PAGE, 8, file={2: []}))),
    parqueted("of-no-groups", footed(PAGE, described(PAGE, 8, file={4: []}))),
    parqueted("of-10000-groups",
              lambda: footed(PAGE, described(PAGE, 8, file={4: described(PAGE, 8)[4] * 10_000})), EITHER),
    parqueted("of-100000-columns",
              lambda: parquet.table(PAGE, 8, names=[f"c{index}" for index in range(100_000)]), EITHER),
    parqueted("of-columns-called-by-escape-codes", parquet.table(PAGE, 8, names=[ESCAPES, ESCAPES + "2"]), EITHER),
    parqueted("of-the-same-column-twice", parquet.table(PAGE, 8, names=["c0", "c0"]), EITHER),
    parqueted("of-a-column-of-2-megabytes-of-name", lambda: parquet.table(PAGE, 8, names=["x" * 2 * MILLION]), EITHER),
    parqueted("of-nan-and-infinity", parquet.table(page(struct.pack("<8f", *[float("inf")] * 8), 8), 8), EITHER),
    parqueted("with-lists-that-claim-2-to-the-31-entries",
              b"PAR1\x15\x02\x29\xfc\xff\xff\xff\xff\x07" + struct.pack("<I", 9) + b"PAR1"),
]

CASES = [case for pair in CSV + NPY + PARQUET for case in pair]

"""Writes Parquet files, which can be wrong in any part."""

from wire import varint

UNCOMPRESSED, SNAPPY, GZIP = 0, 1, 2
PLAIN, RLE, RLE_DICTIONARY = 0, 3, 8
FLOAT, BYTE_ARRAY = 4, 6
MAGIC = b"PAR1"


class Long(int):
    """A whole number of 64 bits in Thrift; all others have 32."""


def encoded(value):
    """The type and the bytes of a value in Thrift's compact protocol; a struct is a dictionary of numbered fields."""
    if isinstance(value, int):
        return 6 if isinstance(value, Long) else 5, varint(value << 1 ^ value >> 63)
    if isinstance(value, dict):
        return 12, thrift(value)
    if isinstance(value, list):
        items = [encoded(item) for item in value]
        kind = items[0][0] if items else 12
        head = bytes([len(items) << 4 | kind]) if len(items) < 15 else bytes([0xF0 | kind]) + varint(len(items))
        return 9, head + b"".join(item for _, item in items)
    content = value.encode() if isinstance(value, str) else value
    return 8, varint(len(content)) + content


def thrift(fields):
    written, last = [], 0
    for number, value in sorted(fields.items()):
        kind, content = encoded(value)
        written.append(bytes([number - last << 4 | kind]) + content)
        last = number
    return b"".join(written) + b"\0"


def page(content, count, encoding=PLAIN, size=None, dictionary=False, fields=None):
    """A page of this many values; `size` is what it claims to be long when it is unpacked."""
    of = {7: {1: count, 2: PLAIN}} if dictionary else {5: {1: count, 2: encoding, 3: RLE, 4: RLE}}
    known = {1: 2 if dictionary else 0, 2: len(content) if size is None else size, 3: len(content)} | of
    return thrift(known | (fields or {})) + content


def footed(body, fields):
    """A file with this description of itself at its end."""
    footer = thrift(fields)
    return MAGIC + body + footer + len(footer).to_bytes(4, "little") + MAGIC


def column(name, kind=FLOAT):
    return {1: kind, 3: 0, 4: name}


def described(pages, rows, names=("c0",), codec=UNCOMPRESSED, chunk=None, file=None):
    """What a file says that has these pages for each of its columns; `chunk` and `file` replace parts of it."""
    def of(name):
        known = {1: FLOAT, 2: [PLAIN, RLE, RLE_DICTIONARY], 3: [name], 4: codec, 5: Long(rows), 6: Long(len(pages)),
                 7: Long(len(pages)), 9: Long(4)}
        return {2: Long(4), 3: known | (chunk or {})}

    group = {1: [of(name) for name in names], 2: Long(len(pages)), 3: Long(rows)}
    schema = [{4: "schema", 5: len(names)}, *(column(name) for name in names)]
    return {1: 1, 2: schema, 3: Long(rows), 4: [group]} | (file or {})


def table(pages, rows, **parts):
    return footed(pages, described(pages, rows, **parts))

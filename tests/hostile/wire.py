"""Writes ONNX files field by field, so that they can be wrong in any way."""

import math
import struct

FLOAT, UINT8, INT64, STRING, BOOL, FLOAT16, DOUBLE = 1, 2, 7, 8, 9, 10, 11

MOST, LEAST = 2**63 - 1, -2**63


class Tensor(bytes):
    """An encoded TensorProto."""


class Graph(bytes):
    """An encoded GraphProto."""


def varint(number):
    number &= 2**64 - 1
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    return bytes(encoded + bytes([number]))


def field(number, value):
    """A field that holds a whole number, a float, a text or bytes; or one for each value of a list."""
    if isinstance(value, (list, tuple)):
        return b"".join(field(number, item) for item in value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    encoded = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(encoded)) + encoded


def words(names):
    """`"a - b"` is a list of three names, of which one is empty; a list stays as it is."""
    return [name.strip("-") for name in names.split()] if isinstance(names, str) else list(names)


def attribute(name, value):
    kinds = {float: (1, 2), int: (2, 3), str: (3, 4), Tensor: (4, 5), Graph: (5, 6)}
    if isinstance(value, list):
        kind, packed = (6, False) if value and isinstance(value[0], float) else (7, True)
        held = field(8, b"".join(map(varint, value))) if packed else field(7, value)
    else:
        kind, number = kinds[type(value)]
        held = field(number, value)
    return field(1, name) + held + field(20, kind)


def node(operator, inputs, outputs, domain="", more=b"", **attributes):
    """A node, named as its first output; inputs and outputs are lists, or names with spaces between."""
    inputs, outputs = words(inputs), words(outputs)
    settings = [attribute(*setting) for setting in attributes.items()]
    named = field(3, outputs[0]) if outputs else b""
    wires = field(1, inputs) + field(2, outputs)
    return wires + named + field(4, operator) + field(5, settings) + field(7, domain) + more


def tensor(name, dims, data=b"", kind=FLOAT, more=b""):
    """A tensor whose elements are the bytes of `data`, whatever its dimensions say."""
    return Tensor(field(1, list(dims)) + field(2, kind) + field(8, name) + field(9, data) + more)


def weight(name, *dims, value=0.0):
    """A tensor of floats that are all the same."""
    return tensor(name, dims, struct.pack("<f", value) * math.prod(dims))


def number(name, value):
    """A constant: whole numbers or floats, one without dimensions or a list."""
    values = value if isinstance(value, list) else [value]
    dims = [len(values)] if isinstance(value, list) else []
    if values and isinstance(values[0], float):
        return tensor(name, dims, struct.pack(f"<{len(values)}f", *values))
    return tensor(name, dims, struct.pack(f"<{len(values)}q", *values), INT64)


def numbers(constants):
    """These constants by name; what is encoded stays as it is."""
    return [content if isinstance(content, bytes) else number(name, content) for name, content in constants.items()]


def value(name, dims, kind=FLOAT):
    """An input or output; a dimension that is a text is symbolic."""
    shape = [field(1, field(1, dim) if isinstance(dim, int) else field(2, dim)) for dim in dims]
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, b"".join(shape))))


def graph(nodes, constants=(), inputs=(), outputs=(), name="graph", more=b""):
    fields = field(1, list(nodes)) + field(2, name) + field(5, list(constants))
    return Graph(fields + field(11, list(inputs)) + field(12, list(outputs)) + more)


def model(content, opsets=(("", 17),), version=8, file_end=b""):
    """A file; `opsets` are domains with versions."""
    imports = [field(1, domain) + field(2, opset) for domain, opset in opsets]
    return field(1, version) + field(7, content) + field(8, imports) + file_end

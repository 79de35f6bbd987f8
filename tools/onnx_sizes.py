"""Let an ONNX model take pictures of any size, without the onnx package.

A model file is a protobuf message. Sizes stand in it as ModelProto.graph (7) → input (11) or
output (12) → type (2) → tensor_type (1) → shape (2) → dim (1) → dim_value (1), or dim_param (2)
where they are free (onnx.proto3). Only those bytes change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
TO_SHAPE = (2, 1, 2)
"""ValueInfoProto.type, TypeProto.tensor_type, TypeProto.Tensor.shape."""


class NotAModel(ValueError):
    """The bytes are not a protobuf message of the expected shape."""


def with_free_sizes(model: bytes) -> bytes:
    """Return the model with batch, height and width of every input and output left open."""
    return edit(model, (7,), _free_graph)


def _free_graph(graph: bytes) -> bytes:
    for values in (11, 12):
        graph = edit(graph, (values, *TO_SHAPE), _free_shape)
    return graph


def _free_shape(shape: bytes) -> bytes:
    dims = [body for number, _, body in fields(shape) if number == 1]
    free = {0, len(dims) - 2, len(dims) - 1} if len(dims) == 4 else {0}
    written = [length_field(2, b"free_%d" % i) if i in free else dim for i, dim in enumerate(dims)]
    return b"".join(length_field(1, dim) for dim in written)


def edit(message: bytes, path: tuple[int, ...], change: Callable[[bytes], bytes]) -> bytes:
    """Return the message with what lies at the path of field numbers changed."""
    out = bytearray()
    for number, kind, body in fields(message):
        if kind == LENGTH and number == path[0]:
            body = change(body) if len(path) == 1 else edit(body, path[1:], change)
        out += field(number, kind, body)
    return bytes(out)


def fields(message: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield each field's number, wire type and bytes, a length left out; raise NotAModel."""
    at = 0
    while at < len(message):
        tag, at = read_varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == VARINT:
            _, end = read_varint(message, at)
        elif kind == LENGTH:
            length, at = read_varint(message, at)
            end = at + length
        elif kind in (FIXED32, FIXED64):
            end = at + (4 if kind == FIXED32 else 8)
        else:
            raise NotAModel(f"wire type {kind}")
        if end > len(message):
            raise NotAModel("cut short")
        yield number, kind, message[at:end]
        at = end


def read_varint(message: bytes, at: int) -> tuple[int, int]:
    """Return the number that starts at a byte, and where it ends; raise NotAModel."""
    value = shift = 0
    while at < len(message) and shift < 64:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise NotAModel("cut short")


def varint(value: int) -> bytes:
    """Return a number as a protobuf varint."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def length_field(number: int, body: bytes) -> bytes:
    """Return a field of bytes: text, packed numbers or another message."""
    return varint(number << 3 | LENGTH) + varint(len(body)) + body


def field(number: int, kind: int, body: bytes) -> bytes:
    """Return a field as `fields` gave it."""
    return length_field(number, body) if kind == LENGTH else varint(number << 3 | kind) + body

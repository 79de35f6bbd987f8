"""Write a frozen TensorFlow detector as an ONNX model, without TensorFlow and the onnx package.

Taken is what lies between the prepared picture and the detector's heads: convolutions,
normalisations, ReLU6 and sums. What TensorFlow does before (scaling the picture) and after
(anchors, the best of overlapping boxes) is left out. Weights turn from height, width, in, out to
out, in, height, width. Field numbers are those of graph.proto, attr_value.proto, tensor.proto and
onnx.proto3.
"""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tools.onnx_sizes import (
    FIXED32,
    LENGTH,
    VARINT,
    NotAModel,
    fields,
    length_field,
    read_varint,
    varint,
)
from tools.onnx_sizes import field as any_field

if TYPE_CHECKING:
    from collections.abc import Sequence

FLOAT = 1
"""DT_FLOAT of TensorFlow, and FLOAT of ONNX."""
HEAD = "BiasAdd"
"""Each of a detector's heads ends in one; nothing else in it has a bias of its own."""
OPSET, IR = 14, 8
INTEGER, TEXT, INTEGERS = 2, 3, 7
"""Types of an ONNX attribute."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a TensorFlow graph."""

    kind: str
    inputs: tuple[str, ...]
    attributes: dict[str, bytes]


@dataclass(slots=True)
class Written:
    """What has been written so far."""

    nodes: list[bytes] = field(default_factory=list)
    weights: list[bytes] = field(default_factory=list)
    done: set[str] = field(default_factory=set)


def as_onnx(frozen: bytes, *, start: str) -> bytes:
    """Return the graph as an ONNX model of one free-sized picture (1, 3, height, width).

    start: the step whose value is the prepared picture. Outputs are the heads in order of their
    names, each (1, channels, rows, columns). Raises NotAModel for a step that isn't known here.
    """
    steps = _steps(frozen)
    heads = sorted(name for name, step in steps.items() if step.kind == HEAD)
    if start not in steps or not heads:
        raise NotAModel("no start or no heads")
    out = Written(done={start})
    for bound, number in (("least", 0.0), ("most", 6.0)):
        out.weights.append(_tensor(bound, (), struct.pack("<f", number)))
    for head in heads:
        _write(head, steps, out)
    graph = b"".join(length_field(1, node) for node in out.nodes) + length_field(2, b"detector")
    graph += b"".join(length_field(5, weight) for weight in out.weights)
    graph += length_field(11, _value(start, (b"1", b"3", None, None)))
    graph += b"".join(length_field(12, _value(head, (b"1", None, None, None))) for head in heads)
    opset = length_field(8, any_field(2, VARINT, varint(OPSET)))
    return any_field(1, VARINT, varint(IR)) + length_field(7, graph) + opset


def _steps(frozen: bytes) -> dict[str, Step]:
    steps = {}
    for number, _, body in fields(frozen):
        if number == 1:
            parts = [(at, part) for at, _, part in fields(body)]
            name, kind = (next(part.decode() for at, part in parts if at == n) for n in (1, 2))
            pairs = (dict(_numbered(part)) for at, part in parts if at == 5)
            inputs = tuple(part.decode() for at, part in parts if at == 3)
            steps[name] = Step(kind, inputs, {p[1].decode(): p.get(2, b"") for p in pairs})
    return steps


def _numbered(message: bytes) -> list[tuple[int, bytes]]:
    return [(number, body) for number, _, body in fields(message)]


def _write(name: str, steps: dict[str, Step], out: Written) -> None:
    """Write a step after all that it needs."""
    if name in out.done:
        return
    out.done.add(name)
    step = steps[name]
    if step.kind == "Relu6":
        _write(step.inputs[0], steps, out)
        out.nodes.append(_node("Clip", (step.inputs[0], "least", "most"), name))
    elif step.kind in {"Add", "Identity"}:
        for each in step.inputs:
            _write(each, steps, out)
        out.nodes.append(_node(step.kind, step.inputs, name))
    elif step.kind == "FusedBatchNorm":
        _write(step.inputs[0], steps, out)
        epsilon = length_field(1, b"epsilon") + _one(step, "epsilon", 4, FIXED32, 2)
        epsilon += any_field(20, VARINT, varint(FLOAT))
        rows = [_row(each, steps, out) for each in step.inputs[1:]]
        out.nodes.append(_node("BatchNormalization", (step.inputs[0], *rows), name, (epsilon,)))
    elif step.kind == HEAD:
        _convolve(steps[step.inputs[0]], name, steps, out, bias=step.inputs[1])
    else:
        _convolve(step, name, steps, out)


def _one(step: Step, name: str, at: int, kind: int, to: int) -> bytes:
    """Return an attribute's number as an ONNX field."""
    return any_field(to, kind, dict(_numbered(step.attributes[name]))[at])


def _convolve(
    step: Step, name: str, steps: dict[str, Step], out: Written, *, bias: str | None = None
) -> None:
    if step.kind not in {"Conv2D", "DepthwiseConv2dNative"}:
        raise NotAModel(f"step {step.kind}")
    if dict(_numbered(step.attributes["padding"])).get(2) != b"SAME":
        raise NotAModel("a convolution that isn't padded")
    picture, kernel = step.inputs
    _write(picture, steps, out)
    shape, numbers = _numbers(kernel, steps)
    high, wide, into, from_each = shape
    alone = step.kind == "DepthwiseConv2dNative"
    if alone and from_each != 1:
        raise NotAModel("several outputs of one channel")
    ins, outs = (1, into) if alone else (into, from_each)
    turned = array("f")
    for channel in range(outs):
        of_one = numbers[channel::outs]
        for each in range(ins):
            turned += of_one[each::ins]
    weight = f"{name}.weight"
    out.weights.append(_tensor(weight, (outs, ins, high, wide), turned.tobytes()))
    rows = () if bias is None else (_row(bias, steps, out),)
    stride = _packed(dict(_numbered(dict(_numbered(step.attributes["strides"]))[1]))[3])
    said = (
        _text("auto_pad", b"SAME_UPPER"),
        _integers("strides", stride[1:3]),
        _integer("group", into if alone else 1),
    )
    out.nodes.append(_node("Conv", (picture, weight, *rows), name, said))


def _row(name: str, steps: dict[str, Step], out: Written) -> str:
    """Write a weight with one number for each channel, and return its name."""
    if name not in out.done:
        out.done.add(name)
        shape, numbers = _numbers(name, steps)
        out.weights.append(_tensor(name, shape, numbers.tobytes()))
    return name


def _numbers(name: str, steps: dict[str, Step]) -> tuple[tuple[int, ...], array[float]]:
    """Return the shape and the numbers of a weight."""
    step = steps[name]
    while step.kind == "Identity":
        step = steps[step.inputs[0]]
    if step.kind != "Const":
        raise NotAModel(f"{step.kind} where a weight should be")
    parts = dict(_numbered(dict(_numbered(step.attributes["value"]))[8]))
    sides = [dict(_numbered(body))[1] for at, body in _numbered(parts[2]) if at == 2]
    shape = tuple(read_varint(side, 0)[0] for side in sides)
    numbers = array("f", parts.get(4, b"") or parts[5])
    count = 1
    for side in shape:
        count *= side
    if parts[1] != varint(FLOAT) or len(numbers) != count:
        raise NotAModel("a weight that isn't whole or not in single precision")
    return shape, numbers


def _packed(body: bytes) -> list[int]:
    numbers, at = [], 0
    while at < len(body):
        number, at = read_varint(body, at)
        numbers.append(number)
    return numbers


def _node(kind: str, inputs: Sequence[str], output: str, said: Sequence[bytes] = ()) -> bytes:
    body = b"".join(length_field(1, name.encode()) for name in inputs)
    body += length_field(2, output.encode()) + length_field(4, kind.encode())
    return body + b"".join(length_field(5, each) for each in said)


def _text(name: str, value: bytes) -> bytes:
    return length_field(1, name.encode()) + length_field(4, value) + _type(TEXT)


def _integer(name: str, value: int) -> bytes:
    return length_field(1, name.encode()) + any_field(3, VARINT, varint(value)) + _type(INTEGER)


def _integers(name: str, values: Sequence[int]) -> bytes:
    numbers = b"".join(any_field(8, VARINT, varint(value)) for value in values)
    return length_field(1, name.encode()) + numbers + _type(INTEGERS)


def _type(number: int) -> bytes:
    return any_field(20, VARINT, varint(number))


def _tensor(name: str, shape: Sequence[int], raw: bytes) -> bytes:
    sizes = b"".join(any_field(1, VARINT, varint(side)) for side in shape)
    kind = any_field(2, VARINT, varint(FLOAT))
    return sizes + kind + length_field(8, name.encode()) + any_field(9, LENGTH, raw)


def _value(name: str, sides: Sequence[bytes | None]) -> bytes:
    dims = b"".join(
        length_field(1, any_field(1, VARINT, varint(int(side))) if side else _free(name, at))
        for at, side in enumerate(sides)
    )
    tensor = any_field(1, VARINT, varint(FLOAT)) + length_field(2, dims)
    return length_field(1, name.encode()) + length_field(2, length_field(1, tensor))


def _free(name: str, at: int) -> bytes:
    return length_field(2, f"{name}.{at}".encode())

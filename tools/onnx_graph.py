"""Write an ONNX model's graph so that onnxruntime can join more of it, without the onnx package.

Two things that exporters leave in cost a quarter to a half of a network's time on a processor. Old
files list their weights among the inputs, so that whoever runs them might give others: nothing can
then be computed ahead. And learnt scalings (times a number, plus a number) stand as two steps,
around which the runtime turns its memory layout over and back. The network says the same
afterwards, to the rounding of single precision. Field numbers are those of onnx.proto3.
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tools.onnx_sizes import (
    FIXED32,
    LENGTH,
    VARINT,
    edit,
    field,
    fields,
    length_field,
    read_varint,
    varint,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

GRAPH = 7
"""In a model."""
NODE, WEIGHT, INPUT, OUTPUT = 1, 5, 11, 12
"""In a graph."""
SINGLE = 1
"""The type of a weight in single precision, and of an attribute that is one such number."""
KEEPS_CHANNELS = frozenset({"Add", "BatchNormalization", "HardSwish", "Mul", "Relu"})
SCALED_BY = ("scale", "shift", "mean", "variance")
"""What a normalisation takes besides the value."""
NO_EPSILON = length_field(
    5,
    length_field(1, b"epsilon")
    + field(2, FIXED32, struct.pack("<f", 0.0))
    + field(20, VARINT, varint(SINGLE)),
)


@dataclass(frozen=True, slots=True)
class Node:
    """One step of a network."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    rest: bytes
    """Every other field, as it stands in the file."""

    def written(self) -> bytes:
        """Return the step as a message."""
        names = ((1, self.inputs), (2, self.outputs), (4, (self.kind,)))
        return (
            b"".join(length_field(at, name.encode()) for at, some in names for name in some)
            + self.rest
        )


@dataclass(frozen=True, slots=True)
class Weight:
    """One of a network's weights: its shape, and its value if it is one number."""

    shape: tuple[int, ...]
    number: float | None


def with_fixed_weights(model: bytes) -> bytes:
    """Return the model with no weight among its inputs."""
    return edit(model, (GRAPH,), _fixed)


def with_joined_scalings(model: bytes) -> bytes:
    """Return the model with each "times a number, plus a number" as one step, by channel."""
    return edit(model, (GRAPH,), _joined)


def _fixed(graph: bytes) -> bytes:
    weights = _names(graph, WEIGHT, 8)
    return b"".join(
        field(number, kind, body)
        for number, kind, body in fields(graph)
        if number != INPUT or _text(body, 1) not in weights
    )


def _joined(graph: bytes) -> bytes:
    weights = {
        _text(body, 8): _weight(body) for number, _, body in fields(graph) if number == WEIGHT
    }
    nodes = [_node(body) for number, _, body in fields(graph) if number == NODE]
    nodes = _without_copies(nodes, kept=_names(graph, OUTPUT, 1))
    steps, more = _scaled(nodes, weights)
    others = (part for part in fields(graph) if part[0] != NODE)
    return b"".join(
        (
            *(length_field(NODE, step.written()) for step in steps),
            *(field(*part) for part in others),
            *(length_field(WEIGHT, weight) for weight in more),
        )
    )


def _without_copies(nodes: Iterable[Node], *, kept: set[str]) -> list[Node]:
    """Return the steps without those that only give a value another name."""
    named: dict[str, str] = {}
    left = []
    for node in nodes:
        inputs = tuple(named.get(name, name) for name in node.inputs)
        if node.kind == "Identity" and node.outputs[0] not in kept:
            named[node.outputs[0]] = inputs[0]
        else:
            left.append(replace(node, inputs=inputs))
    return left


def _scaled(nodes: list[Node], weights: dict[str, Weight]) -> tuple[list[Node], list[bytes]]:
    """Return the steps with scalings joined, and the weights that those need."""
    uses = Counter(name for node in nodes for name in node.inputs)
    users = {name: node for node in nodes for name in node.inputs}
    makers = {name: node for node in nodes for name in node.outputs}
    steps: list[Node] = []
    more: list[bytes] = []
    joined: set[str] = set()
    for node in nodes:
        if node.outputs[0] in joined:
            continue
        plus = users.get(node.outputs[0]) if uses[node.outputs[0]] == 1 else None
        times, added = _number(node, "Mul", weights), _number(plus, "Add", weights)
        channels = _channels(times[0], makers, weights) if times else None
        if plus is None or times is None or added is None or channels is None:
            steps.append(node)
            continue
        names = tuple(f"{plus.outputs[0]}.{each}" for each in SCALED_BY)
        values = (times[1], added[1], 0.0, 1.0)
        more += [_row(*each, channels) for each in zip(names, values, strict=True)]
        steps.append(Node("BatchNormalization", (times[0], *names), plus.outputs, NO_EPSILON))
        joined.add(plus.outputs[0])
    return steps, more


def _number(node: Node | None, kind: str, weights: dict[str, Weight]) -> tuple[str, float] | None:
    """Return what the step takes besides a single number, and that number; None if it is another."""
    if node is None or node.kind != kind:
        return None
    for value, other in (node.inputs, node.inputs[::-1]):
        weight = weights.get(other)
        if weight is not None and weight.number is not None and value not in weights:
            return value, weight.number
    return None


def _channels(name: str, makers: dict[str, Node], weights: dict[str, Weight]) -> int | None:
    """Return how many channels a value has: as many as the convolution gave that it comes from."""
    while (node := makers.get(name)) is not None and node.kind in KEEPS_CHANNELS:
        name = next(each for each in node.inputs if each not in weights)
    return weights[node.inputs[1]].shape[0] if node is not None and node.kind == "Conv" else None


def _row(name: str, value: float, channels: int) -> bytes:
    """Return a weight with the same value for each channel."""
    return (
        field(1, VARINT, varint(channels))
        + field(2, VARINT, varint(SINGLE))
        + length_field(8, name.encode())
        + length_field(9, struct.pack("<f", value) * channels)
    )


def _weight(body: bytes) -> Weight:
    parts = list(fields(body))
    shape = tuple(read_varint(part, 0)[0] for at, kind, part in parts if (at, kind) == (1, VARINT))
    packed = next((part for at, kind, part in parts if (at, kind) == (1, LENGTH)), b"")
    while packed:
        size, length = read_varint(packed, 0)
        shape, packed = (*shape, size), packed[length:]
    raw = next((part for at, _, part in parts if at == 9), b"")
    is_single = any((at, part) == (2, varint(SINGLE)) for at, _, part in parts)
    is_number = is_single and len(raw) == 4
    return Weight(shape, struct.unpack("<f", raw)[0] if is_number else None)


def _node(body: bytes) -> Node:
    parts = list(fields(body))
    inputs, outputs, (kind,) = (
        tuple(part.decode() for at, _, part in parts if at == wanted) for wanted in (1, 2, 4)
    )
    rest = b"".join(field(*part) for part in parts if part[0] not in {1, 2, 4})
    return Node(kind, inputs, outputs, rest)


def _names(graph: bytes, what: int, where: int) -> set[str]:
    return {_text(body, where) for number, _, body in fields(graph) if number == what}


def _text(body: bytes, where: int) -> str:
    return next(part for number, _, part in fields(body) if number == where).decode()

"""Write a TensorFlow.js detector as an ONNX model, without TensorFlow and the onnx package.

Taken is what lies between the prepared picture and the detector's heads: convolutions,
normalisations, scalings, ReLU6 and sums. What TensorFlow does before (sizing the picture) and after
(anchors, the best of overlapping boxes) is left out, and so are classes that nobody asks for.
Weights turn from height, width, in, out to out, in, height, width. The format is that of
TensorFlow.js's graph models (model.json); ONNX's field numbers are those of onnx.proto3.
"""

from __future__ import annotations

import json
import math
import struct
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tools.onnx_sizes import FIXED32, LENGTH, VARINT, NotAModel, length_field, varint
from tools.onnx_sizes import field as any_field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

FLOAT = 1
"""FLOAT of ONNX."""
HEAD = "BiasAdd"
"""Each of a detector's heads ends in one; nothing else in it has a bias of its own."""
CLASSES = "ClassPredictor/"
"""In the name of a head that says how likely each class is."""
SAME = [list(b"SAME"), "U0FNRQ=="]
"""How the two writers of the format spell a padding: as bytes, or in base64."""
OPSET, IR = 14, 8
INTEGER, TEXT, INTEGERS = 2, 3, 7
"""Types of an ONNX attribute."""
JOINED = {"Add": "Add", "AddN": "Sum", "Identity": "Identity", "Mul": "Mul"}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the graph: what it does, to what, and its attributes as JSON has them."""

    kind: str
    inputs: tuple[str, ...]
    said: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Weight:
    """A weight: its sides, and its numbers in single precision, last side first."""

    sides: tuple[int, ...]
    numbers: array[float]

    def of_classes(self, classes: Sequence[int], every: int) -> Weight:
        """Return it with only some classes of each anchor in its last side."""
        last = self.sides[-1]
        if last % every or max(classes) >= every:
            raise NotAModel(f"{last} outputs are not {every} classes an anchor")
        kept = [anchor + each for anchor in range(0, last, every) for each in classes]
        rows = range(0, len(self.numbers), last)
        numbers = array("f", (self.numbers[row + each] for row in rows for each in kept))
        return Weight((*self.sides[:-1], len(kept)), numbers)


@dataclass(frozen=True, slots=True)
class Network:
    """The graph, and which classes of how many are wanted."""

    steps: dict[str, Step]
    weights: dict[str, Weight]
    classes: tuple[int, ...]
    every: int


@dataclass(slots=True)
class Written:
    """What has been written so far."""

    nodes: list[bytes] = field(default_factory=list)
    weights: list[bytes] = field(default_factory=list)
    done: set[str] = field(default_factory=set)


def as_onnx(
    model: bytes,
    beside: Callable[[str], bytes],
    *,
    start: str,
    classes: Sequence[int],
    every: int,
    also: Sequence[str] = (),
) -> bytes:
    """Return the graph as an ONNX model of one free-sized picture (1, 3, height, width).

    model: the bytes of model.json. beside: reads a file of weights that it names. start: the step
    whose value is the prepared picture. classes: which to keep, in this order, of how many `every`
    anchor has. also: steps between start and heads whose values are wanted as well. Outputs are the
    heads in order of their names, then these in their own, each (1, channels, rows, columns).
    Raises NotAModel for what isn't known here.
    """
    network = _read(model, beside, tuple(classes), every)
    heads = sorted(name for name, step in network.steps.items() if step.kind == HEAD)
    if start not in network.steps or not heads:
        raise NotAModel("no start or no heads")
    out = Written(done={start})
    for bound, number in (("least", 0.0), ("most", 6.0)):
        out.weights.append(_tensor(bound, (), struct.pack("<f", number)))
    outputs = (*heads, *also)
    for each in outputs:
        _write(each, network, out)
    graph = b"".join(length_field(1, node) for node in out.nodes) + length_field(2, b"detector")
    graph += b"".join(length_field(5, weight) for weight in out.weights)
    graph += length_field(11, _value(start, (b"1", b"3", None, None)))
    graph += b"".join(length_field(12, _value(each, (b"1", None, None, None))) for each in outputs)
    opset = length_field(8, any_field(2, VARINT, varint(OPSET)))
    return any_field(1, VARINT, varint(IR)) + length_field(7, graph) + opset


def _read(
    model: bytes, beside: Callable[[str], bytes], classes: tuple[int, ...], every: int
) -> Network:
    try:
        told = json.loads(model)
        steps = {
            each["name"]: Step(each["op"], tuple(each.get("input", ())), each.get("attr", {}))
            for each in told["modelTopology"]["node"]
        }
        weights = {}
        for group in told["weightsManifest"]:
            held = memoryview(b"".join(beside(path) for path in group["paths"]))
            weights |= _weights(held, group["weights"])
    except NotAModel:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise NotAModel("not a graph model of TensorFlow.js") from error
    return Network(steps, weights, classes, every)


def _weights(held: memoryview, listed: Iterable[dict[str, Any]]) -> dict[str, Weight]:
    """Return the weights in single precision, by name; others are only stepped over."""
    found, at = {}, 0
    for each in listed:
        sides = tuple(int(side) for side in each["shape"])
        end = at + 4 * math.prod(sides)
        if "quantization" in each or end > len(held):
            raise NotAModel("a weight that isn't whole or not in single precision")
        if each["dtype"] == "float32":
            found[each["name"]] = Weight(sides, array("f", held[at:end].tobytes()))
        at = end
    return found


def _write(name: str, network: Network, out: Written) -> None:
    """Write a step after all that it needs."""
    if name in out.done:
        return
    out.done.add(name)
    if name in network.weights:
        _row(name, network, out)
        return
    if name not in network.steps:
        raise NotAModel("a step that isn't there")
    step = network.steps[name]
    if step.kind == "Relu6":
        _write(step.inputs[0], network, out)
        out.nodes.append(_node("Clip", (step.inputs[0], "least", "most"), name))
    elif step.kind in JOINED:
        for each in step.inputs:
            _write(each, network, out)
        out.nodes.append(_node(JOINED[step.kind], step.inputs, name))
    elif step.kind == "FusedBatchNorm":
        _normalise(step, name, network, out)
    elif step.kind == HEAD:
        _convolve(network.steps[step.inputs[0]], name, network, out, bias=step.inputs[1])
    else:
        _convolve(step, name, network, out)


def _normalise(step: Step, name: str, network: Network, out: Written) -> None:
    picture, *rows = step.inputs
    _write(picture, network, out)
    said = length_field(1, b"epsilon")
    said += any_field(2, FIXED32, struct.pack("<f", step.said["epsilon"]["f"])) + _type(FLOAT)
    flat = []
    for each in rows:
        weight = _weight(each, network)
        flat.append(f"{name}.{each}")
        out.weights.append(_tensor(flat[-1], weight.sides, weight.numbers.tobytes()))
    out.nodes.append(_node("BatchNormalization", (picture, *flat), name, (said,)))


def _convolve(
    step: Step, name: str, network: Network, out: Written, *, bias: str | None = None
) -> None:
    if step.kind not in {"Conv2D", "DepthwiseConv2dNative"}:
        raise NotAModel(f"step {step.kind}")
    if step.said["padding"]["s"] not in SAME:
        raise NotAModel("a convolution that isn't padded")
    picture, kernel = step.inputs
    _write(picture, network, out)
    weights = [_weight(each, network) for each in (kernel, bias) if each is not None]
    if bias is not None and CLASSES in name:
        weights = [each.of_classes(network.classes, network.every) for each in weights]
    high, wide, into, from_each = weights[0].sides
    alone = step.kind == "DepthwiseConv2dNative"
    if alone and from_each != 1:
        raise NotAModel("several outputs of one channel")
    ins, outs = (1, into) if alone else (into, from_each)
    turned = array("f")
    for channel in range(outs):
        of_one = weights[0].numbers[channel::outs]
        for each in range(ins):
            turned += of_one[each::ins]
    names = [f"{name}.weight", f"{name}.bias"][: len(weights)]
    out.weights.append(_tensor(names[0], (outs, ins, high, wide), turned.tobytes()))
    for each in weights[1:]:
        out.weights.append(_tensor(names[1], each.sides, each.numbers.tobytes()))
    said = (
        _text("auto_pad", b"SAME_UPPER"),
        _integers("strides", [int(each) for each in step.said["strides"]["list"]["i"]][1:3]),
        _integer("group", into if alone else 1),
    )
    out.nodes.append(_node("Conv", (picture, *names), name, said))


def _row(name: str, network: Network, out: Written) -> None:
    """Write one number for each channel, to be added or multiplied."""
    weight = network.weights[name]
    if len(weight.sides) != 1:
        raise NotAModel("a sum or product with more than one number for each channel")
    out.weights.append(_tensor(name, (*weight.sides, 1, 1), weight.numbers.tobytes()))


def _weight(name: str, network: Network) -> Weight:
    if name not in network.weights:
        raise NotAModel("no weight where one should be")
    return network.weights[name]


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

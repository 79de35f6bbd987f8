"""A network written anew says what it said before, in fewer steps."""

from __future__ import annotations

import struct

import numpy as np
import onnxruntime
import pytest
from tools import onnx_graph, weights
from tools.onnx_sizes import LENGTH, VARINT, field, fields, length_field, varint

CHANNELS = 3


def weight(name, shape, values, *, packed=False):
    sizes = b"".join(map(varint, shape))
    dims = (
        length_field(1, sizes) if packed else b"".join(field(1, VARINT, varint(s)) for s in shape)
    )
    raw = struct.pack(f"<{len(values)}f", *values)
    return (
        dims + field(2, VARINT, varint(1)) + length_field(8, name.encode()) + length_field(9, raw)
    )


def value(name, shape):
    dims = b"".join(length_field(1, field(1, VARINT, varint(size))) for size in shape)
    tensor = field(1, VARINT, varint(1)) + length_field(2, dims)
    return length_field(1, name.encode()) + length_field(2, length_field(1, tensor))


def step(kind, inputs, output):
    return onnx_graph.Node(kind, tuple(inputs.split()), (output,), b"").written()


STEPS = (
    ("Conv", "x w", "a"),
    ("Mul", "two a", "b"),
    ("Identity", "b", "c"),
    ("Add", "c half", "d"),
    ("HardSwish", "d", "e"),
    ("Mul", "e two", "f"),
    ("Add", "f half", "g"),
    ("Sigmoid", "g", "h"),
    ("Mul", "h two", "i"),
    ("Add", "i half", "j"),
    ("Mul", "d two", "k"),
    ("Add", "k j", "l"),
    ("Mul", "l two", "m"),
    ("Add", "m half", "n"),
    ("Add", "m n", "o"),
    ("Identity", "o", "y"),
)
"""Two scalings that can be joined, then: of what is no convolution, plus no number, used twice."""


def network(*, weights_as_inputs=False):
    graph = b"".join(length_field(1, step(*each)) for each in STEPS)
    graph += length_field(2, b"small")
    numbers = np.linspace(-1, 1, CHANNELS * CHANNELS).tolist()
    for name, shape, values in (
        ("w", (CHANNELS, CHANNELS, 1, 1), numbers),
        ("two", (1,), [2.0]),
        ("half", (1,), [0.5]),
    ):
        graph += length_field(5, weight(name, shape, values, packed=name == "half"))
        graph += length_field(11, value(name, shape)) if weights_as_inputs else b""
    graph += length_field(11, value("x", (1, CHANNELS, 4, 4)))
    graph += length_field(12, value("y", (1, CHANNELS, 4, 4)))
    opset = length_field(8, field(2, VARINT, varint(14)))
    return field(1, VARINT, varint(7)) + length_field(7, graph) + opset


def kinds(model):
    graph = next(body for number, _, body in fields(model) if number == onnx_graph.GRAPH)
    return [
        next(part for at, _, part in fields(body) if at == 4).decode()
        for number, kind, body in fields(graph)
        if (number, kind) == (onnx_graph.NODE, LENGTH)
    ]


def said(model, pixels):
    session = onnxruntime.InferenceSession(model)
    return session.run(None, {session.get_inputs()[0].name: pixels})[0]


@pytest.fixture
def pixels():
    return np.random.default_rng(5).standard_normal((1, CHANNELS, 4, 4)).astype(np.float32)


def test_joined_scalings_say_the_same_in_fewer_steps(pixels):
    model = network()
    joined = onnx_graph.with_joined_scalings(model)
    assert kinds(joined).count("BatchNormalization") == 2
    assert len(kinds(joined)) == len(STEPS) - 2 - 1
    np.testing.assert_allclose(said(joined, pixels), said(model, pixels), rtol=1e-5, atol=1e-6)
    assert onnx_graph.with_joined_scalings(joined) == joined


def test_weights_are_inputs_no_more_and_say_the_same(pixels):
    model = network(weights_as_inputs=True)
    fixed = onnx_graph.with_fixed_weights(model)
    assert fixed == network()
    np.testing.assert_allclose(said(fixed, pixels), said(model, pixels), rtol=1e-5, atol=1e-5)
    assert onnx_graph.with_fixed_weights(fixed) == fixed


@pytest.mark.parametrize("name", ["centerface", "text"])
def test_the_networks_that_the_package_carries_are_written_so(name):
    model = (weights.ROOT / weights.WEIGHTS / f"{name}.onnx").read_bytes()
    assert onnx_graph.with_joined_scalings(model) == model
    assert onnx_graph.with_fixed_weights(model) == model

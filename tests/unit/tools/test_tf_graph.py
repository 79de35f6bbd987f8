"""A TensorFlow detector written as ONNX says what its steps say."""

from __future__ import annotations

import struct

import numpy as np
import onnxruntime
import pytest
from tools import tf_graph
from tools.onnx_sizes import FIXED32, VARINT, NotAModel, field, length_field, varint

KERNEL = np.linspace(-1, 1, 3 * 3 * 3 * 4, dtype=np.float32).reshape(3, 3, 3, 4)
DEEP = np.linspace(-1, 1, 3 * 3 * 4, dtype=np.float32).reshape(3, 3, 4, 1)
BIAS = np.asarray([1, 2, 3, 4], np.float32)


def attribute(name, value):
    return length_field(5, length_field(1, name.encode()) + length_field(2, value))


def step(name, kind, inputs="", said=b""):
    body = length_field(1, name.encode()) + length_field(2, kind.encode())
    body += b"".join(length_field(3, each.encode()) for each in inputs.split())
    return length_field(1, body + said)


def const(name, values, *, kind=tf_graph.FLOAT, packed=False):
    sides = b"".join(length_field(2, field(1, VARINT, varint(side))) for side in values.shape)
    tensor = field(1, VARINT, varint(kind)) + length_field(2, sides)
    tensor += length_field(5 if packed else 4, values.astype(np.float32).tobytes())
    return step(name, "Const", said=attribute("value", length_field(8, tensor)))


def convolution(name, kind, inputs, *, stride=1, padding=b"SAME"):
    strides = b"".join(varint(each) for each in (1, stride, stride, 1))
    said = attribute("strides", length_field(1, length_field(3, strides)))
    return step(name, kind, inputs, said + attribute("padding", length_field(2, padding)))


EPSILON = attribute("epsilon", field(4, FIXED32, struct.pack("<f", 0.0)))
NETWORK = b"".join(
    (
        step("photo", "Placeholder"),
        step("ready", "Sub", "photo photo"),
        const("k", KERNEL),
        step("k/read", "Identity", "k"),
        convolution("a", "Conv2D", "ready k/read", stride=2),
        *(const(f"n{n}", np.full(4, value, np.float32)) for n, value in enumerate((2, 1, 0, 1))),
        step("b", "FusedBatchNorm", "a n0 n1 n2 n3", EPSILON),
        step("c", "Relu6", "b"),
        step("d", "Identity", "c"),
        const("deep", DEEP),
        convolution("e", "DepthwiseConv2dNative", "d deep"),
        step("f", "Add", "e c"),
        const("one", np.eye(4, dtype=np.float32).reshape(1, 1, 4, 4)),
        const("bias", BIAS, packed=True),
        convolution("g", "Conv2D", "f one"),
        step("head", "BiasAdd", "g bias"),
        convolution("h", "Conv2D", "c one"),
        step("also", "BiasAdd", "h bias"),
        step("after", "Sigmoid", "head"),
    )
)


def padded(picture, kernel, stride):
    """Return the convolution by its definition, edges filled as TensorFlow does: more at the end."""
    high, wide = kernel.shape[:2]
    rows, columns = (-(-side // stride) for side in picture.shape[:2])
    down = max(0, (rows - 1) * stride + high - picture.shape[0])
    across = max(0, (columns - 1) * stride + wide - picture.shape[1])
    around = ((down // 2, down - down // 2), (across // 2, across - across // 2), (0, 0))
    filled = np.pad(picture, around)
    return np.asarray(
        [
            [
                np.tensordot(
                    filled[y * stride : y * stride + high, x * stride : x * stride + wide],
                    kernel,
                    3,
                )
                for x in range(columns)
            ]
            for y in range(rows)
        ]
    )


@pytest.mark.parametrize("size", [(8, 8), (7, 10)])
def test_what_is_written_says_the_same(size):
    model = tf_graph.as_onnx(NETWORK, start="ready")
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    picture = np.random.default_rng(1).normal(size=(*size, 3)).astype(np.float32)
    also, head = session.run(None, {"ready": picture.transpose(2, 0, 1)[np.newaxis]})
    c = np.clip(2 * padded(picture, KERNEL, 2) + 1, 0, 6)
    each = [padded(c[..., i : i + 1], DEEP[:, :, i : i + 1], 1) for i in range(4)]
    assert [each.name for each in session.get_outputs()] == ["also", "head"]
    np.testing.assert_allclose(also[0].transpose(1, 2, 0), c + BIAS, rtol=1e-4, atol=1e-4)
    expected = np.concatenate(each, axis=2) + c + BIAS
    np.testing.assert_allclose(head[0].transpose(1, 2, 0), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"BiasAdd", b"BiasSub", "no heads"),
        (b"Relu6", b"Relu7", "step Relu7"),
        (b"SAME", b"SAMB", "padded"),
        (const("deep", DEEP), const("deep", DEEP.reshape(3, 3, 2, 2)), "several outputs"),
        (const("deep", DEEP), const("deep", DEEP, kind=2), "single precision"),
        (const("deep", DEEP), step("deep", "Fill"), "Fill where a weight"),
    ],
)
def test_what_is_not_known_is_refused(old, new, why):
    assert old in NETWORK
    with pytest.raises(NotAModel, match=why):
        tf_graph.as_onnx(NETWORK.replace(old, new), start="ready")


def test_a_start_that_is_not_there_is_refused():
    with pytest.raises(NotAModel, match="no start"):
        tf_graph.as_onnx(NETWORK, start="elsewhere")

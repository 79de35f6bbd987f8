"""A TensorFlow.js detector written as ONNX says what its steps say."""

from __future__ import annotations

import json
from copy import deepcopy

import numpy as np
import onnxruntime
import pytest
from tools import tfjs_graph
from tools.onnx_sizes import NotAModel

KERNEL = np.linspace(-1, 1, 3 * 3 * 3 * 4, dtype=np.float32).reshape(3, 3, 3, 4)
DEEP = np.linspace(-1, 1, 3 * 3 * 4, dtype=np.float32).reshape(3, 3, 4, 1)
BIAS = np.asarray([1, 2, 3, 4], np.float32)
LIKELY = np.linspace(-1, 1, 4 * 6, dtype=np.float32).reshape(1, 1, 4, 6)
"""Two anchors, three classes each."""
WEIGHTS = {
    "k": KERNEL,
    "gamma": np.full(4, 2, np.float32),
    "beta": np.full(4, 1, np.float32),
    "mean": np.zeros(4, np.float32),
    "variance": np.ones(4, np.float32),
    "deep": DEEP,
    "times": np.asarray([1, 2, 1, 2], np.float32),
    "one": np.eye(4, dtype=np.float32).reshape(1, 1, 4, 4),
    "bias": BIAS,
    "likely": LIKELY,
    "likely bias": np.arange(6, dtype=np.float32),
}
"""By name; `sizes` is stepped over, since it isn't in single precision."""


def step(name, kind, inputs="", **said):
    return {"name": name, "op": kind, "input": inputs.split(","), "attr": said}


def convolution(name, kind, inputs, *, stride=1):
    strides = {"list": {"i": [str(each) for each in (1, stride, stride, 1)]}}
    return step(name, kind, inputs, strides=strides, padding={"s": list(b"SAME")})


NODES = [
    step("photo", "Placeholder"),
    step("ready", "Sub", "photo,photo"),
    convolution("a", "Conv2D", "ready,k", stride=2),
    step("b", "FusedBatchNorm", "a,gamma,beta,mean,variance", epsilon={"f": 0.0}),
    step("c", "Relu6", "b"),
    step("d", "Identity", "c"),
    convolution("e", "DepthwiseConv2dNative", "d,deep"),
    step("f", "Mul", "e,times"),
    step("g", "AddN", "f,c"),
    step("h", "Add", "bias,g"),
    convolution("i", "Conv2D", "h,one"),
    step("head", "BiasAdd", "i,bias"),
    convolution("j", "Conv2D", "c,likely"),
    step("ClassPredictor/", "BiasAdd", "j,likely bias"),
    step("after", "Sigmoid", "head"),
]


def packed(nodes=NODES, weights=WEIGHTS, **changed):
    """Return model.json, and what reads the two files beside it."""
    listed = [{"name": "sizes", "shape": [2], "dtype": "int32"}]
    raw = np.asarray([7, 7], np.int32).tobytes()
    for name, values in weights.items():
        listed.append({"name": name, "shape": list(values.shape), "dtype": "float32"})
        raw += values.tobytes()
    listed[-1] |= changed
    model = {
        "modelTopology": {"node": nodes},
        "weightsManifest": [{"paths": ["one", "two"], "weights": listed}],
    }
    held = {"one": raw[:50], "two": raw[50:]}
    return json.dumps(model).encode(), held.__getitem__


def written(*, classes=(2, 0), start="ready", also=(), **how):
    return tfjs_graph.as_onnx(*packed(**how), start=start, classes=classes, every=3, also=also)


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
    session = onnxruntime.InferenceSession(written(), providers=["CPUExecutionProvider"])
    picture = np.random.default_rng(1).normal(size=(*size, 3)).astype(np.float32)
    likely, head = session.run(None, {"ready": picture.transpose(2, 0, 1)[np.newaxis]})
    c = np.clip(2 * padded(picture, KERNEL, 2) + 1, 0, 6)
    each = [padded(c[..., i : i + 1], DEEP[:, :, i : i + 1], 1) for i in range(4)]
    assert [each.name for each in session.get_outputs()] == ["ClassPredictor/", "head"]
    expected = np.concatenate(each, axis=2) * WEIGHTS["times"] + c + 2 * BIAS
    np.testing.assert_allclose(head[0].transpose(1, 2, 0), expected, rtol=1e-4, atol=1e-4)
    every = c @ LIKELY[0, 0] + WEIGHTS["likely bias"]
    kept = every[..., [2, 0, 5, 3]]
    np.testing.assert_allclose(likely[0].transpose(1, 2, 0), kept, rtol=1e-4, atol=1e-4)


def test_a_step_between_is_an_output_too_if_asked_for():
    session = onnxruntime.InferenceSession(
        written(also=("c", "b")), providers=["CPUExecutionProvider"]
    )
    picture = np.random.default_rng(1).normal(size=(8, 8, 3)).astype(np.float32)
    _, _, c, b = session.run(None, {"ready": picture.transpose(2, 0, 1)[np.newaxis]})
    assert [each.name for each in session.get_outputs()] == ["ClassPredictor/", "head", "c", "b"]
    np.testing.assert_array_equal(c, np.clip(b, 0, 6))
    plain = 2 * padded(picture, KERNEL, 2) + 1
    np.testing.assert_allclose(b[0].transpose(1, 2, 0), plain, rtol=1e-4, atol=1e-4)


def without(name, **changed):
    nodes = deepcopy(NODES)
    for node in nodes:
        if node["name"] == name:
            node |= changed
    return nodes


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"nodes": [step("ready", "Sub")]}, "no heads"),
        ({"start": "elsewhere"}, "no start"),
        ({"also": ("elsewhere",)}, "isn't there"),
        ({"nodes": without("c", op="Relu7")}, "step Relu7"),
        ({"nodes": without("c", input=["nowhere"])}, "isn't there"),
        ({"nodes": without("a", input=["ready", "photo"])}, "no weight"),
        ({"nodes": without("f", input=["e", "deep"])}, "more than one number"),
        (
            {"nodes": without("a", attr={"padding": {"s": "VkFMSUQ="}})},
            "padded",
        ),
        ({"weights": WEIGHTS | {"deep": DEEP.reshape(3, 3, 2, 2)}}, "several outputs"),
        ({"classes": (3,)}, "not 3 classes"),
        ({"quantization": {"dtype": "float16"}}, "single precision"),
        ({"shape": [7]}, "isn't whole"),
        ({"shape": "seven"}, "not a graph model"),
    ],
)
def test_what_is_not_known_is_refused(how, why):
    with pytest.raises(NotAModel, match=why):
        written(**how)


@pytest.mark.parametrize("model", [b"", b"[]", b"{}", b"\xff"])
def test_what_is_no_model_is_refused(model):
    with pytest.raises(NotAModel, match="not a graph model"):
        tfjs_graph.as_onnx(model, packed()[1], start="ready", classes=(0,), every=3)

"""Neural networks, run on the processor by onnxruntime."""

from __future__ import annotations

import hashlib
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

import cv2
import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from safelight.detect.cards import ModelCard, model_cards
from safelight.detect.values import DetectorFailed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from safelight.terms import Pixels

ORT_ERRORS = (
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)
"""They share no class but Exception."""

STRIDE = 32
"""Every network here halves its input five times."""


class WeightsMissing(RuntimeError):
    """The package was built without its model weights, or they are not the ones it was built with."""

    for_people = "The detectors' model files are missing or damaged. Install Safelight again."


class Model:
    """One network and its card."""

    def __init__(self, card: ModelCard, weights: bytes, *, threads: int) -> None:
        """Read the network from its bytes; they must be the ones that the card names."""
        if hashlib.sha256(weights).hexdigest() != card.sha256:
            raise WeightsMissing(f"{card.file} is not the file that was pinned")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        options.add_session_config_entry("session.use_env_allocators", "1")
        _share_memory()
        try:
            self._session = onnxruntime.InferenceSession(
                weights, options, providers=["CPUExecutionProvider"]
            )
        except ORT_ERRORS as error:
            raise WeightsMissing(f"{card.file} can't be read as a model") from error
        self.card = card
        self._input = self._session.get_inputs()[0].name

    def run(self, batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Return the outputs for a batch (n, 3, height, width)."""
        try:
            outputs: list[NDArray[np.float32]] = self._session.run(None, {self._input: batch})
        except ORT_ERRORS as error:
            raise DetectorFailed(f"{self.card.name} could not run") from error
        return outputs


class CropModel:
    """A network for one small crop, in TensorFlow Lite's format and run by OpenCV; and its card."""

    def __init__(self, card: ModelCard, weights: bytes) -> None:
        """Read the network from its bytes; they must be the ones that the card names."""
        if hashlib.sha256(weights).hexdigest() != card.sha256:
            raise WeightsMissing(f"{card.file} is not the file that was pinned")
        try:
            self._net = cv2.dnn.readNetFromTFLite(np.frombuffer(weights, np.uint8))
        except cv2.error as error:
            raise WeightsMissing(f"{card.file} can't be read as a model") from error
        self.card = card
        self._outputs = self._net.getUnconnectedOutLayersNames()
        self._one_at_a_time = Lock()

    def first(self, batch: NDArray[np.float32]) -> float:
        """Return the first output's only number for a batch (1, 3, height, width)."""
        with self._one_at_a_time:
            self._net.setInput(batch)
            outputs = self._net.forward(self._outputs)
        (number,) = (float(each.ravel()[0]) for each in outputs if each.size == 1)
        return number


@cache
def _share_memory() -> None:
    """Let all networks of this process use one pool of memory, one after the other.

    A pool for each adds up; none costs a quarter of a copy's time in pages asked for and given back.
    """
    place = onnxruntime.OrtMemoryInfo(
        "Cpu",
        onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR,
        0,
        onnxruntime.OrtMemType.DEFAULT,
    )
    doubling = onnxruntime.OrtArenaCfg({"max_mem": 0, "arena_extend_strategy": 0})
    onnxruntime.create_and_register_allocator(place, doubling)


def read_model(name: str, *, folder: Path, threads: int) -> Model:
    """Return the model with this name in models.toml, its weights read from the folder."""
    card = model_cards()[name]
    return Model(card, _weights(card, folder), threads=threads)


def read_crop_model(name: str, *, folder: Path) -> CropModel:
    """Return the small model with this name, its weights read from the folder."""
    card = model_cards()[name]
    return CropModel(card, _weights(card, folder))


def _weights(card: ModelCard, folder: Path) -> bytes:
    path = folder / str(card.file)
    if not path.is_file():
        raise WeightsMissing(f"{card.file} is not there")
    return path.read_bytes()


def batch_of(
    pixels: Pixels, *, mean: Sequence[float], scale: Sequence[float] = (1.0, 1.0, 1.0)
) -> NDArray[np.float32]:
    """Return one picture as a batch (1, 3, height, width), sides filled up to the stride.

    mean, scale: for each channel. The filling repeats the edge, which draws no line that a detector
    could take for something. Channel by channel: a tenth of the time of one large expression.
    """
    height, width = pixels.shape[:2]
    filled = cv2.copyMakeBorder(
        pixels, 0, -height % STRIDE, 0, -width % STRIDE, cv2.BORDER_REPLICATE
    )
    batch = np.empty((1, 3, *filled.shape[:2]), np.float32)
    for channel, plane in enumerate(batch[0]):
        plane[:] = cv2.extractChannel(filled, channel)
        plane -= mean[channel]
        plane *= scale[channel]
    return batch

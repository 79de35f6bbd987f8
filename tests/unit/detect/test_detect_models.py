"""Weights are the pinned ones or nothing is judged; each detector has a card."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from safelight import detect
from safelight.detect import DetectorFailed, WeightsMissing
from safelight.detect.cards import model_cards
from safelight.detect.models import CropModel, Model, batch_of
from tampering import alter_end

WEIGHTS = Path(detect.__file__).parent / "weights"


def test_every_card_says_where_from_under_what_licence_and_what_it_misses(detectors):
    assert len(detectors.cards) == 8
    for card in detectors.cards:
        assert card.source
        assert card.trained_on
        assert card.misses
        assert card.licence in {"MIT", "Apache-2.0"}


def test_a_models_licence_lies_beside_it():
    for card in model_cards().values():
        text = (WEIGHTS / card.file).with_suffix(".licence.txt").read_text()
        assert ("MIT" if card.licence == "MIT" else "Apache License") in text


def test_no_weights_no_detectors(tmp_path):
    with pytest.raises(WeightsMissing, match="not there"):
        detect.load(folder=tmp_path)


@pytest.mark.parametrize("file", sorted(card.file for card in model_cards().values()))
def test_altered_weights_are_refused(tmp_path, file):
    for each in WEIGHTS.iterdir():
        shutil.copy(each, tmp_path)
    altered = tmp_path / file
    alter_end(altered)
    with pytest.raises(WeightsMissing, match="pinned"):
        detect.load(folder=tmp_path)


def test_bytes_that_are_no_model_are_refused():
    digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    card = replace(model_cards()["text"], sha256=digest)
    with pytest.raises(WeightsMissing, match="read as a model"):
        Model(card, b"test", threads=1)


def test_a_model_that_cannot_run_says_so(detectors):
    weights = (WEIGHTS / "text-light.onnx").read_bytes()
    model = Model(model_cards()["text-light"], weights, threads=1)
    with pytest.raises(DetectorFailed, match="could not run"):
        model.run(np.zeros((1, 5, 32, 32), np.float32))


def test_a_batch_is_filled_to_the_stride_by_repeating_the_edge():
    pixels = np.full((33, 40, 3), 7, np.uint8)
    batch = batch_of(pixels, mean=(1.0, 2.0, 3.0))
    assert batch.shape == (1, 3, 64, 64)
    assert [set(plane.ravel().tolist()) for plane in batch[0]] == [{6.0}, {5.0}, {4.0}]


@pytest.mark.parametrize("pinned", [True, False])
def test_a_crop_model_that_is_not_the_pinned_one_or_none_at_all_is_refused(pinned):
    damaged = b"no model"
    card = model_cards()["face-crop"]
    if pinned:
        card = replace(card, sha256=hashlib.sha256(damaged).hexdigest())
    with pytest.raises(detect.WeightsMissing):
        CropModel(card, damaged)

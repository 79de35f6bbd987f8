"""The network of objects: decoded as it says, asked once for a way of looking."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

from safelight import detect
from safelight.cli import made_up
from safelight.detect import objects
from safelight.detect.objects import NAMES, Objects, Seen
from safelight.detect.people import People
from safelight.detect.sizes import Sizes


@pytest.fixture
def asked(detectors, monkeypatch):
    """Return the network with the number of times that it ran."""
    people = next(each for each in detectors.all if isinstance(each, People))
    model = people._objects._model
    runs = []
    run = model.run
    monkeypatch.setattr(model, "run", lambda batch: runs.append(batch) or run(batch))
    return Objects(model), runs


def test_each_name_is_a_class_of_the_network():
    table = tomllib.loads((Path(detect.__file__).parent / "models.toml").read_text())["objects"]
    _, _, _, classes, _ = table["made_by"].split(":")
    assert len(classes.split(",")) == len(NAMES) == len(set(NAMES))


def test_a_box_moves_from_its_anchor_as_the_network_says():
    moves = np.zeros((1, 12, 2, 2), np.float32)
    odds = np.full((1, 3 * len(NAMES), 2, 2), -9, np.float32)
    odds[0, len(NAMES) + 1, 1, 0] = (
        4.0  # the second anchor, below on the left: twice as wide as high
    )
    moves[0, 4:8, 1, 0] = (1.0, -2.0, 5 * np.log(2), 0.0)
    (row,) = objects.decoded((moves, odds))
    high, wide = 2 * 0.2 / np.sqrt(2), 0.2 * np.sqrt(2)
    y, x = 0.75 + 0.1 * high / 2, 0.25 - 0.2 * wide
    expected = [x - wide / 2, y - high / 2, x + wide / 2, y + high / 2]
    assert row[:4].tolist() == pytest.approx(expected, abs=1e-5)
    assert NAMES[int(row[4:].argmax())] == "television"
    assert row[5] == pytest.approx(1 / (1 + np.exp(-4)), abs=1e-5)


def test_nothing_has_no_boxes():
    assert objects.decoded(()).shape == (0, 4 + len(NAMES))


def test_boxes_of_some_names_come_with_the_likeliest_of_them():
    rows = np.zeros((2, 4 + len(NAMES)), np.float32)
    rows[:, :4] = (1, 2, 3, 4)
    rows[0, 4 + NAMES.index("phone")] = 0.3
    rows[0, 4 + NAMES.index("laptop")] = 0.6
    rows[1, 4 + NAMES.index("dog")] = 0.9
    boxes = Seen(rows).of("phone", "laptop", at=0.25)
    assert boxes.tolist() == [pytest.approx([1, 2, 3, 4, 0.6])]
    assert len(Seen(rows).of("phone", "laptop", at=0.7)) == 0


def test_the_network_runs_once_for_each_way_of_looking(asked):
    network, runs = asked
    sizes = Sizes(made_up.skin(3, "tan", size=(640, 480)))
    for _ in range(3):
        network.whole(sizes, mirrored=False)
        network.whole(sizes, mirrored=True)
        network.ends(sizes)
    assert len(runs) == 4, "the whole, its mirror image, and two ends"


def test_pieces_of_the_mirror_image_stand_where_they_are_in_the_picture(asked):
    network, _ = asked
    pixels = made_up.wound(3, "tan", size=(640, 480))
    pixels[:, :200] = 0
    straight, mirrored = (
        network.whole(Sizes(pixels), mirrored=each).cells for each in (False, True)
    )
    assert straight.shape == mirrored.shape == (19, 19, 576)
    apart = np.abs(straight - mirrored).mean()
    assert apart < np.abs(straight - mirrored[:, ::-1]).mean()
    assert network.ends(Sizes(pixels)).cells is None


def test_a_square_has_no_ends_to_look_at(asked):
    network, runs = asked
    assert len(network.ends(Sizes(made_up.skin(3, "tan", size=(400, 400)))).rows) == 0
    assert runs == []

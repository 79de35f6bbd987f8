"""The comparison with other tools: what counts as gone, and a tool that can't be had stops nothing."""

import numpy as np
import pytest
from benchmarks import copy_peers, drawn
from benchmarks.copy_peers import Peer

from safelight.interop import pictures


def test_ink_under_a_cover_is_gone_whatever_the_covers_colour_and_bare_ink_is_not():
    picture = drawn.written(0, tone="light")
    assert not any(copy_peers._gone(picture, picture.pixels))
    for colour in (0, 127, 255):
        covered = picture.pixels.copy()
        covered[picture.ground] = colour
        assert all(copy_peers._gone(picture, covered))


def test_what_a_coding_changes_is_no_change_and_a_box_is_one():
    pixels = drawn.written(0, tone="light").pixels
    plain = pictures.encode_png(pixels)
    assert not copy_peers._changed(plain, pictures.encode_jpeg(pixels))
    boxed = pixels.copy()
    boxed[100:300, 100:300] = 0
    assert copy_peers._changed(plain, pictures.encode_png(boxed))
    assert not copy_peers._changed(plain, None)
    assert not copy_peers._changed(plain, pictures.encode_png(np.ascontiguousarray(pixels[:100])))


def test_the_planted_files_hold_the_secret_and_ours_leave_none():
    files, secret = copy_peers.planted()
    assert len(files) > 50
    assert all(secret in data for data in files.values())
    assert {copy_peers._suffix(data) for data in files.values()} == {
        ".jpg",
        ".png",
        ".webp",
        ".gif",
        ".bmp",
        ".tif",
        ".heic",
        ".avif",
    }


@pytest.mark.parametrize(
    ("peer", "said"),
    [
        (
            Peer("x", (), copy_peers._exiftool, frozenset(), ("no-such-tool",)),
            "no-such-tool is not",
        ),
        (
            Peer("x", ("./no/such/wheel",), copy_peers._exiftool, frozenset()),
            "could not be installed",
        ),
    ],
)
def test_a_tool_that_cannot_be_had_is_named_and_stops_nothing(peer, said, tmp_path, monkeypatch):
    monkeypatch.setattr(copy_peers.peers.venv, "create", lambda *_, **__: None)
    assert said in copy_peers._installed(peer, tmp_path / "x")
    monkeypatch.setattr(copy_peers, "PEERS", (peer,))
    monkeypatch.setattr(copy_peers, "_ours", dict)
    assert said in copy_peers.figures()["peer_x"]


def test_a_tool_that_hangs_or_writes_nothing_counts_as_not_written(tmp_path, monkeypatch):
    def nothing(*_):
        return ["true"]

    assert copy_peers._asked(Peer("x", (), nothing, frozenset()), tmp_path, b"x", ".jpg") is None
    monkeypatch.setattr(copy_peers, "PATIENCE", 0.2)

    def sleeps(*_):
        return ["sleep", "5"]

    assert copy_peers._asked(Peer("x", (), sleeps, frozenset()), tmp_path, b"x", ".jpg") is None

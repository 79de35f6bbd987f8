"""`safelight redact`: OUT is there whole and verified, or not at all."""

from __future__ import annotations

import hashlib
import json
import stat
from dataclasses import replace

import numpy as np
import pytest

from safelight import detect
from safelight.cli import made_up, main, redact
from safelight.flows import pictures
from safelight.interop import pictures as files
from safelight.terms import Region


@pytest.fixture(scope="module")
def skin(tmp_path_factory):
    path = tmp_path_factory.mktemp("made") / "skin.jpg"
    path.write_bytes(files.encode_jpeg(made_up.skin(7, "brown", size=(320, 240))))
    return path


class Ghost:
    """A detector that is never content."""

    kind, cards = "ghost", ()

    def find(self, sizes, *, scales):
        where = sizes.pixels.max(axis=2).argmax()
        y, x = divmod(int(where), sizes.width)
        box = sizes.region(x, y, x + 1, y + 1)
        return (detect.Finding("ghost", box, None, 0.9, "there", detect.Answer.FOUND),)


class Fails:
    kind, cards = "face", ()

    def find(self, sizes, *, scales):
        raise detect.DetectorFailed("x")


def asking(monkeypatch, *detectors):
    monkeypatch.setattr(pictures, "shared_detectors", lambda: detect.Detectors(detectors))


def line(capsys):
    return json.loads(capsys.readouterr().out)


def test_the_copy_is_written_whole_private_and_without_a_date(tmp_path, capsys):
    picture, out = tmp_path / "in.jpg", tmp_path / "out.jpg"
    picture.write_bytes(files.encode_jpeg(made_up.portrait()))
    assert main(["redact", str(picture), "-o", str(out), "--json"]) == 0
    told = line(capsys)
    assert set(told) == {"out", "sha256", "covered", "residual", "detectors", "verified"}
    assert told["out"] == str(out)
    assert told["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert told["verified"] is True
    assert told["residual"] == []
    assert "face" in {each["kind"] for each in told["covered"]}
    assert out.stat().st_mtime == redact.NEUTRAL_TIME
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jpg", "out.jpg"]


@pytest.mark.parametrize("name", ["out.png", "OUT.JPEG"])
def test_the_copys_name_chooses_its_format(skin, tmp_path, name, capsys):
    assert main(["redact", str(skin), "-o", str(tmp_path / name)]) == 0
    assert "checked again" in capsys.readouterr().out
    opened = files.decode((tmp_path / name).read_bytes())
    assert opened.format == ("PNG" if name.endswith("png") else "JPEG")


def test_keep_cover_and_size_are_obeyed(skin, tmp_path, capsys, monkeypatch):
    asking(monkeypatch)
    out = tmp_path / "out.png"
    words = ["--keep", "[10, 20, 100, 80]", "--cover", "40,40,20,20", "--max-side", "160"]
    assert main(["redact", str(skin), "-o", str(out), *words]) == 0
    pixels = files.decode(out.read_bytes()).pixels
    assert pixels.shape == (120, 160, 3)
    assert pixels[70:, 80:].max() == 0
    assert pixels[22:28, 22:28].max() == 0
    assert pixels[12:18, 8:50].min() > 0
    assert "covered" in capsys.readouterr().out


def test_what_to_keep_may_be_named_and_what_cannot_be_told_is_not_guessed(
    skin, tmp_path, capsys, monkeypatch
):
    asking(monkeypatch)
    mixed, plain, out = tmp_path / "in.png", tmp_path / "plain.png", tmp_path / "out.png"
    pixels = np.full((240, 320, 3), (90, 130, 150), np.uint8)
    pixels[60:200, 100:260] = made_up.skin(3, size=(160, 140))
    mixed.write_bytes(files.encode_png(pixels))
    assert main(["redact", str(mixed), "-o", str(out), "--keep", "skin"]) == 0
    left = files.decode(out.read_bytes()).pixels
    assert left[:40].max() == 0
    assert left[100:180, 120:240].min() > 0
    out.unlink()
    capsys.readouterr()
    plain.write_bytes(files.encode_png(np.full((60, 80, 3), (90, 130, 150), np.uint8)))
    assert main(["redact", str(plain), "-o", str(out), "--keep", "lesion", "--json"]) == 3
    assert "--keep a box" in line(capsys)["error"]
    assert not out.exists()


@pytest.mark.parametrize(("detector", "reason"), [(Ghost, "Still to be seen"), (Fails, "face")])
def test_what_is_not_verified_is_not_written(skin, tmp_path, monkeypatch, capsys, detector, reason):
    asking(monkeypatch, detector())
    out = tmp_path / "out.jpg"
    assert main(["redact", str(skin), "-o", str(out), "--json"]) == 3
    told = line(capsys)
    assert told["out"] is told["sha256"] is None
    assert told["verified"] is False
    assert reason in told["error"]
    assert main(["redact", str(skin), "-o", str(out)]) == 3
    assert "not written" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_a_problem_with_the_file_itself_is_told(skin, tmp_path, monkeypatch, capsys):
    asking(monkeypatch)
    monkeypatch.setattr(pictures, "_problems", lambda *_, **__: ("the copy can't be opened again",))
    assert main(["redact", str(skin), "-o", str(tmp_path / "out.jpg"), "--json"]) == 3
    assert line(capsys)["error"] == "The copy can't be opened again."


def test_a_copy_that_was_there_stays_as_it_was_when_the_new_one_fails(skin, tmp_path, monkeypatch):
    asking(monkeypatch, Fails())
    out = tmp_path / "out.jpg"
    out.write_bytes(b"an earlier one")
    assert main(["redact", str(skin), "-o", str(out)]) == 3
    assert out.read_bytes() == b"an earlier one"


@pytest.mark.parametrize(
    "words",
    [
        ["--keep", "1,2,3"],
        ["--keep", "1,2,0,4"],
        ["--cover", "a,b,c,d"],
        ["--cover", "-1,2,3,4"],
        ["--max-side", "0"],
        ["--max-side", "1.5"],
        ["--blur"],
        ["--mosaic"],
        ["--eye-bar"],
    ],
)
def test_misuse_is_told_before_anything_is_opened(skin, tmp_path, words, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["redact", str(skin), "-o", str(tmp_path / "out.jpg"), *words])
    assert stopped.value.code == 2
    assert capsys.readouterr().err


def test_blur_is_refused_with_its_reason(skin, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["redact", str(skin), "-o", str(tmp_path / "out.jpg"), "--blur"])
    assert "Blur can be undone" in capsys.readouterr().err


def test_where_the_copy_cannot_go_is_a_usage_error(skin, tmp_path, capsys):
    folder = tmp_path / "folder.jpg"
    folder.mkdir()
    for file, out in (
        (tmp_path, tmp_path / "out.jpg"),
        (skin, tmp_path / "out.gif"),
        (skin, folder),
        (skin, skin),
    ):
        before = skin.read_bytes()
        assert main(["redact", str(file), "-o", str(out)]) == 2
        assert skin.read_bytes() == before
    assert "one picture at a time" in capsys.readouterr().err


def test_a_box_outside_the_picture_is_a_usage_error(skin, tmp_path, capsys):
    words = ["--cover", "300,10,40,10", "--json"]
    assert main(["redact", str(skin), "-o", str(tmp_path / "out.jpg"), *words]) == 2
    assert "beyond the edge" in line(capsys)["error"]


def test_what_cannot_be_read_is_told(tmp_path, capsys):
    text = tmp_path / "text.jpg"
    text.write_text("not a picture")
    for file in (text, tmp_path / "missing.jpg"):
        assert main(["redact", str(file), "-o", str(tmp_path / "out.jpg")]) == 4
    assert "not a picture" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["text.jpg"]


def test_a_place_that_cannot_be_written_leaves_nothing(skin, tmp_path, monkeypatch, capsys):
    asking(monkeypatch)
    out = tmp_path / "nowhere" / "out.jpg"
    assert main(["redact", str(skin), "-o", str(out)]) == 1
    assert "can't be written" in capsys.readouterr().err


def test_a_copy_half_written_is_taken_away(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    failure = redact.write(b"data", tmp_path / "out.jpg")
    assert "no space left" in failure.for_people
    assert list(tmp_path.iterdir()) == []


def test_what_is_left_over_is_listed_for_people(skin):
    copy = pictures.make_copy(skin.read_bytes(), detectors=detect.Detectors(()))
    ghost = detect.Finding("ghost", Region(1, 2, 3, 4), None, 0.9, "there", detect.Answer.FOUND)
    told = redact._for_people(replace(copy, residual=(ghost,)), skin)
    assert "left over ghost" in told
    assert "3 × 4 at 1, 2" in told


def test_a_copy_that_is_almost_black_says_so_for_people(skin):
    copy = pictures.make_copy(skin.read_bytes(), detectors=detect.Detectors(()))
    assert "almost" not in redact._for_people(copy, skin).lower()
    told = redact._for_people(replace(copy, visible=0.03), skin)
    assert "Almost all of it is black: 3% is left" in told

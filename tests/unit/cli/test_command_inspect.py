"""`safelight inspect`: one line a file, the worst exit status at the end."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from safelight.cli import inspect, made_up, main
from safelight.detect.unseen import UNSEEN
from safelight.flows import pictures
from safelight.interop import pictures as files
from safelight.interop.pictures import LockUnavailable


@pytest.fixture(scope="module")
def portrait(tmp_path_factory):
    path = tmp_path_factory.mktemp("made") / "portrait.jpg"
    path.write_bytes(files.encode_jpeg(made_up.portrait()))
    return path


@pytest.fixture
def damaged(tmp_path):
    path = tmp_path / "damaged.jpg"
    path.write_bytes(files.encode_jpeg(made_up.skin(1, size=(64, 48)))[:200])
    return path


def lines(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_line_has_exactly_what_the_contract_names(portrait, capsys):
    assert main(["inspect", str(portrait), "--json"]) == 0
    (line,) = lines(capsys)
    assert set(line) == {
        "file",
        "format",
        "width",
        "height",
        "identifiable",
        "findings",
        "detectors",
    }
    assert (line["file"], line["format"]) == (str(portrait), "JPEG")
    assert (line["width"], line["height"], line["identifiable"]) == (512, 512, "yes")
    assert set(line["detectors"]) == {"metadata", "face", "text", "code", *UNSEEN}
    face = next(finding for finding in line["findings"] if finding["kind"] == "face")
    assert set(face) == {"kind", "box", "where", "score", "why"}
    assert len(face["box"]) == 4


def test_nothing_found_is_unknown_and_never_no(tmp_path, capsys):
    path = tmp_path / "skin.png"
    path.write_bytes(files.encode_png(made_up.skin(7, "brown", size=(320, 240))))
    assert main(["inspect", str(path), "--json"]) == 0
    (line,) = lines(capsys)
    assert line["identifiable"] == "unknown"
    assert main(["inspect", str(path)]) == 0
    told = capsys.readouterr().out
    assert "only a person can say" in told
    assert "no machine can tell: person, screen, tattoo" in told


def test_each_file_has_a_line_and_the_worst_decides(portrait, damaged, tmp_path, capsys):
    missing = tmp_path / "missing.jpg"
    assert main(["inspect", str(damaged), str(portrait), str(missing), "--json"]) == 4
    first, second, third = lines(capsys)
    assert set(first) == set(third) == {"file", "error"}
    assert "damaged" in first["error"]
    assert second["identifiable"] == "yes"
    assert "no such file" in third["error"]


def test_people_get_words(portrait, damaged, capsys):
    assert main(["inspect", str(portrait), str(damaged)]) == 4
    told = capsys.readouterr()
    assert "This can identify somebody" in told.out
    assert "face found" in told.out
    assert "damaged" in told.err


def test_what_the_file_says_is_told_by_place_and_never_by_value(tmp_path, capsys):
    exif = Image.Exif()
    exif[0x010F] = "A Rare Make"
    path = tmp_path / "exif.jpg"
    Image.fromarray(made_up.skin(1, size=(64, 48))).save(path, exif=exif)
    assert main(["inspect", str(path)]) == 0
    told = capsys.readouterr().out
    assert "EXIF:Make" in told
    assert "Rare" not in told


def test_a_folder_is_no_picture(tmp_path, capsys):
    assert main(["inspect", str(tmp_path), "--json"]) == 4
    assert "is a directory" in lines(capsys)[0]["error"]


def test_no_file_is_a_usage_error(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["inspect"])
    assert stopped.value.code == 2


def test_a_failed_detector_is_told_and_not_a_success(portrait, monkeypatch, capsys):
    from safelight import detect

    class Fails:
        kind, cards = "face", ()

        def find(self, sizes, *, scales):
            raise detect.DetectorFailed("x")

    monkeypatch.setattr(pictures, "shared_detectors", lambda: detect.Detectors((Fails(),)))
    assert main(["inspect", str(portrait)]) == 3
    assert "A detector failed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "status"),
    [(LockUnavailable("missing: seccomp"), 3), (inspect.WeightsMissing("text.onnx"), 1)],
)
def test_what_the_machine_lacks_is_told_for_each_file(portrait, monkeypatch, capsys, error, status):
    def refuse(data, *, quick):
        raise error

    monkeypatch.setattr(pictures, "inspect", refuse)
    assert main(["inspect", str(portrait), str(portrait), "--json"]) == status
    assert [set(line) for line in lines(capsys)] == [{"file", "error"}] * 2


def test_progress_is_shown_to_people_only(portrait, damaged, monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    main(["inspect", str(damaged), str(damaged), "--json"])
    told = capsys.readouterr()
    assert "2 of 2" in told.err
    assert len(told.out.splitlines()) == 2


@pytest.mark.parametrize(
    ("one", "other", "worst"), [(0, 3, 3), (3, 4, 4), (4, 1, 1), (0, 0, 0), (3, 0, 3)]
)
def test_the_worse_status_wins(one, other, worst):
    assert inspect.worse(one, other) == worst


def test_a_quick_look_answers_in_the_same_words(portrait, damaged, capsys):
    assert main(["inspect", "--json", "--quick", str(portrait), str(damaged)]) == 4
    quick, refused = lines(capsys)
    assert set(refused) == {"file", "error"}
    assert main(["inspect", "--json", str(portrait)]) == 0
    (whole,) = lines(capsys)
    assert set(quick) == set(whole)
    assert quick["identifiable"] == "yes"
    assert (quick["width"], quick["height"]) == (512, 512)

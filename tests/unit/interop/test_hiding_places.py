"""What a file carries beside its pixels is named before, and gone after."""

import struct
import zlib

import numpy as np
import pytest
from interop_samples import (
    SECRET,
    VECTORS,
    XMP,
    animated,
    chunk,
    exif,
    exif_with_thumbnail,
    jpeg_with,
    picture,
    png_text,
    png_with,
    profile,
    saved,
    see_through,
    srgb_profile,
)
from PIL import Image

from safelight.interop import audit, filedata, pictures, wire
from safelight.interop.filedata import blocks, notes
from safelight.interop.pictures import LIMITS, PictureRefused, Reason
from safelight.interop.wire import Why

WORD = SECRET.decode()
SMALL = saved(picture(width=32, height=24), "JPEG", comment=SECRET)
IPTC = b"".join(
    b"\x1c\x02" + bytes([number]) + struct.pack(">H", len(SECRET)) + SECRET
    for number in (5, 80, 90, 120, 199)
)
RESOURCES = b"Photoshop 3.0\0" + b"".join(
    b"8BIM" + struct.pack(">HHI", number, 0, len(body)) + body + b"\0" * (len(body) % 2)
    for number, body in ((0x0404, IPTC), (0x040C, SMALL), (0x0424, XMP), (0x03ED, SECRET))
)
MPF = b"MPF\0II*\0\x08\0\0\0\x02\0" + struct.pack(
    "<HHIIHHIII", 0xB001, 4, 1, 2, 0xB003, 7, 33, 40, 0
)
HUFFMAN = b"\x13" + bytes([*[0] * 7, len(SECRET), *[0] * 8]) + SECRET
RAW_EXIF = exif().removeprefix(b"Exif\0\0")


def webp_with(*chunks, after=b""):
    plain = saved(picture(), "WEBP", exif=exif(), xmp=XMP, icc_profile=srgb_profile())
    body = plain[8:] + b"".join(
        name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
        for name, content in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body + after


def gif_with(extension, *, after=b""):
    plain = saved(picture("P"), "GIF")
    return plain[:-1] + extension + plain[-1:] + after


def bmp_v5(icc):
    pixels = bytes(4 * 4 * 3)
    header = struct.pack("<IiiHHIIiiII", 124, 4, 4, 1, 24, 0, len(pixels), 0, 0, 0, 0)
    header += struct.pack("<IIII", 0, 0, 0, 0) + b"DEBM" + bytes(48)
    header += struct.pack("<IIII", 4, 124 + len(pixels), len(icc), 0)
    start = 14 + len(header)
    whole = start + len(pixels) + len(icc)
    return struct.pack("<2sIII", b"BM", whole, 0, start) + header + pixels + icc


def box(name, body):
    return struct.pack(">I4s", 8 + len(body), name) + body


def heic(name="plain"):
    return (VECTORS / f"{name}.heic").read_bytes()


def raw_profile(kind, body):
    return {f"Raw profile type {kind}": f"\n{kind}\n{len(body):8d}\n{body.hex()}\n"}


PLANTED = {
    "EXIF": (
        jpeg_with((0xE1, exif())),
        {
            ("EXIF:Make", Why.DEVICE),
            ("EXIF:DateTime", Why.TIME),
            ("EXIF:Artist", Why.PERSON),
            ("EXIF:BodySerialNumber", Why.SERIAL),
            ("EXIF:MakerNote", Why.MAKER),
            ("EXIF:UserComment", Why.WORDS),
            ("EXIF:GPSLatitude", Why.PLACE),
            ("EXIF:GPSDateStamp", Why.TIME),
        },
    ),
    "EXIF unlisted field": (jpeg_with((0xE1, exif(x9ABC=WORD))), {("EXIF:0x9ABC", Why.UNKNOWN)}),
    "EXIF thumbnail": (jpeg_with((0xE1, exif_with_thumbnail())), {("EXIF thumbnail", Why.PICTURE)}),
    "EXIF rubbish": (jpeg_with((0xE1, b"Exif\0\0II" + SECRET)), {("EXIF", Why.UNREADABLE)}),
    "EXIF without an order": (jpeg_with((0xE1, b"Exif\0\0" + SECRET)), {("EXIF", Why.UNREADABLE)}),
    "XMP": (
        jpeg_with((0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP)),
        {
            ("XMP", Why.METADATA),
            ("XMP photoshop:City", Why.PLACE),
            ("XMP xmpMM:DocumentID", Why.ID),
        },
    ),
    "XMP extended": (
        jpeg_with((0xE1, b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 40 + XMP)),
        {("XMP extended", Why.METADATA)},
    ),
    "ICC": (
        jpeg_with(
            (
                0xE2,
                b"ICC_PROFILE\0\1\1"
                + profile((0.4, 0.2, 0), (0.4, 0.7, 0.1), (0.1, 0.1, 0.7), description=SECRET),
            )
        ),
        {("ICC description", Why.COLOUR), ("ICC copyright", Why.COLOUR)},
    ),
    "ICC private": (
        png_with(
            (b"iCCP", b"x\0\0" + zlib.compress(srgb_profile().replace(b"cprt", b"S3cr") + SECRET))
        ),
        {("ICC S3cr", Why.UNKNOWN), ("ICC gap", Why.UNKNOWN), ("PNG:iCCP", Why.COLOUR)},
    ),
    "ICC device": (
        jpeg_with(
            (0xE2, b"ICC_PROFILE\0\1\1" + srgb_profile()[:48] + b"SECRETXX" + srgb_profile()[56:])
        ),
        {("ICC device", Why.DEVICE)},
    ),
    "ICC cut short": (
        jpeg_with((0xE2, b"ICC_PROFILE\0\1\1" + SECRET)),
        {("ICC profile", Why.UNREADABLE)},
    ),
    "MPF": (
        jpeg_with((0xE2, MPF), after=SMALL),
        {
            ("MPF", Why.PICTURE),
            ("MPF picture numbers", Why.ID),
            ("further JPEG after the end", Why.PICTURE),
            ("JPEG after the end", Why.BEYOND),
        },
    ),
    "gain map": (
        jpeg_with((0xE2, b"urn:iso:std:iso:ts:21496:-1\0" + SECRET)),
        {("gain map", Why.PICTURE)},
    ),
    "content credentials": (
        jpeg_with((0xEB, b"JP\0\1" + SECRET)),
        {("JUMBF (content credentials)", Why.ID)},
    ),
    "Photoshop and IPTC": (
        jpeg_with((0xED, RESOURCES)),
        {
            ("IPTC Byline", Why.PERSON),
            ("IPTC City", Why.PLACE),
            ("IPTC Caption", Why.WORDS),
            ("IPTC 2:199", Why.METADATA),
            ("Photoshop thumbnail", Why.PICTURE),
            ("Photoshop 0x03ED", Why.METADATA),
            ("XMP", Why.METADATA),
        },
    ),
    "Photoshop rubbish": (
        jpeg_with((0xED, b"Photoshop 3.0\0" + SECRET)),
        {("Photoshop", Why.UNREADABLE)},
    ),
    "EXIF in Photoshop": (
        jpeg_with(
            (
                0xED,
                b"Photoshop 3.0\x008BIM" + struct.pack(">HHI", 0x0422, 0, len(RAW_EXIF)) + RAW_EXIF,
            )
        ),
        {("EXIF:GPSLatitude", Why.PLACE)},
    ),
    "maker's segment": (jpeg_with((0xE5, SECRET)), {("JPEG APP5", Why.MAKER)}),
    "Adobe's segment grown": (jpeg_with((0xEE, b"Adobe" + SECRET)), {("JPEG APP14", Why.MAKER)}),
    "first segment": (jpeg_with((0xE0, SECRET)), {("JPEG APP0", Why.MAKER)}),
    "JFIF thumbnail": (
        jpeg_with((0xE0, b"JFIF\0\1\1\0\0\1\0\1\2\2" + SECRET)),
        {("JFIF thumbnail", Why.PICTURE)},
    ),
    "JFIF grown": (
        jpeg_with((0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0" + SECRET)),
        {("JFIF thumbnail", Why.UNKNOWN)},
    ),
    "JFXX thumbnail": (jpeg_with((0xE0, b"JFXX\0\x10" + SMALL)), {("JFXX thumbnail", Why.PICTURE)}),
    "comment": (jpeg_with((0xFE, SECRET)), {("JPEG comment", Why.WORDS)}),
    "comment between scans": (
        (
            lambda data: (
                data[: data.rindex(b"\xff\xda")]
                + b"\xff\xfe\0\x17"
                + SECRET
                + data[data.rindex(b"\xff\xda") :]
            )
        )(saved(picture(), "JPEG", progressive=True)),
        {("JPEG comment", Why.WORDS)},
    ),
    "unused Huffman table": (jpeg_with((0xC4, HUFFMAN)), {("JPEG DHT", Why.UNKNOWN)}),
    "quantisation table twice": (
        jpeg_with((0xDB, b"\0" + SECRET * 3 + b"\1"), (0xDB, b"\0" + SECRET * 3 + b"\1")),
        {("JPEG DQT", Why.UNKNOWN)},
    ),
    "between segments": (
        jpeg_with(body=jpeg_with()[:20] + b"\0" + SECRET + jpeg_with()[20:]),
        {("JPEG between segments", Why.UNKNOWN)},
    ),
    "trailer": (jpeg_with(after=SECRET), {("JPEG after the end", Why.BEYOND)}),
    "motion photo": (
        jpeg_with(after=box(b"ftyp", b"mp42" + SECRET)),
        {("motion photo", Why.PICTURE), ("JPEG after the end", Why.BEYOND)},
    ),
    "Samsung trailer": (jpeg_with(after=SECRET + b"SEFT"), {("Samsung trailer", Why.MAKER)}),
    "PNG text": (
        saved(picture(), "PNG", pnginfo=png_text(Comment=WORD)),
        {("PNG:tEXt", Why.WORDS)},
    ),
    "PNG packed text": (
        png_with((b"zTXt", b"Comment\0\0" + zlib.compress(SECRET) + SECRET)),
        {("PNG:zTXt", Why.WORDS), ("PNG packed text", Why.BEYOND)},
    ),
    "PNG packed rubbish": (
        png_with((b"zTXt", b"Comment\0\0" + SECRET)),
        {("PNG packed text", Why.UNREADABLE)},
    ),
    "PNG XMP": (
        png_with((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)),
        {("PNG:iTXt", Why.WORDS), ("XMP photoshop:City", Why.PLACE)},
    ),
    "PNG packed XMP": (
        png_with((b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(XMP))),
        {("XMP photoshop:City", Why.PLACE)},
    ),
    "PNG EXIF": (png_with((b"eXIf", RAW_EXIF)), {("EXIF:GPSLatitude", Why.PLACE)}),
    "PNG date": (png_with((b"tIME", b"\7\xea\1\2\3\4\5")), {("PNG:tIME", Why.TIME)}),
    "PNG unknown chunk": (png_with((b"seCr", SECRET)), {("PNG:seCr", Why.UNKNOWN)}),
    "PNG credentials": (
        png_with((b"caBX", SECRET)),
        {("JUMBF (content credentials)", Why.ID)},
    ),
    "PNG raw EXIF": (
        saved(picture(), "PNG", pnginfo=png_text(**raw_profile("exif", exif()))),
        {("EXIF:GPSLatitude", Why.PLACE)},
    ),
    "PNG raw IPTC": (
        saved(picture(), "PNG", pnginfo=png_text(**raw_profile("iptc", RESOURCES[14:]))),
        {("IPTC Byline", Why.PERSON)},
    ),
    "PNG raw other": (
        saved(picture(), "PNG", pnginfo=png_text(**raw_profile("other", SECRET))),
        {("PNG raw profile", Why.METADATA)},
    ),
    "PNG raw rubbish": (
        saved(picture(), "PNG", pnginfo=png_text(**{"Raw profile type x": f"x 1 {WORD}"})),
        {("PNG raw profile", Why.UNREADABLE)},
    ),
    "PNG trailer": (png_with(after=SECRET), {("PNG after the end", Why.BEYOND)}),
    "PNG end grown": (
        saved(picture(), "PNG")[:-12] + chunk(b"IEND", SECRET),
        {("PNG:IEND", Why.UNKNOWN)},
    ),
    "PNG beyond the rows": (
        (lambda data: data[:-12] + chunk(b"IDAT", SECRET) + data[-12:])(saved(picture(), "PNG")),
        {("PNG:IDAT", Why.BEYOND)},
    ),
    "PNG frames": (animated("PNG"), {("PNG:fdAT", Why.PICTURE)}),
    "transparency": (
        saved(see_through(), "PNG"),
        {("pixels under transparency", Why.HIDDEN)},
    ),
    "WebP": (
        webp_with((b"SECR", SECRET), after=SECRET * 2),
        {
            ("EXIF:GPSLatitude", Why.PLACE),
            ("XMP", Why.METADATA),
            ("ICC description", Why.COLOUR),
            ("WebP:SECR", Why.UNKNOWN),
            ("WebP after the end", Why.BEYOND),
        },
    ),
    "WebP credentials": (webp_with((b"C2PA", SECRET)), {("JUMBF (content credentials)", Why.ID)}),
    "WebP frames": (animated("WEBP"), {("WebP further frames", Why.PICTURE)}),
    "GIF comment": (
        gif_with(b"\x21\xfe" + bytes([len(SECRET)]) + SECRET + b"\0"),
        {("GIF comment", Why.WORDS)},
    ),
    "GIF text": (
        gif_with(b"\x21\x01" + bytes([len(SECRET)]) + SECRET + b"\0"),
        {("GIF text", Why.WORDS)},
    ),
    "GIF XMP": (
        gif_with(b"\x21\xff\x0bXMP DataXMP" + bytes([len(XMP)]) + XMP + b"\0"),
        {("XMP photoshop:City", Why.PLACE)},
    ),
    "GIF profile": (
        gif_with(b"\x21\xff\x0bICCRGBG1012\x04abcd\0"),
        {("ICC profile", Why.COLOUR)},
    ),
    "GIF application": (
        gif_with(b"\x21\xff\x0bSECRETAPP10\x04abcd\0"),
        {("GIF application data", Why.UNKNOWN)},
    ),
    "GIF unknown": (
        gif_with(b"\x21\xab" + bytes([len(SECRET)]) + SECRET + b"\0"),
        {("GIF 0xAB", Why.UNKNOWN)},
    ),
    "GIF trailer": (gif_with(b"", after=SECRET), {("GIF after the end", Why.BEYOND)}),
    "GIF frames": (animated("GIF"), {("GIF further frames", Why.PICTURE)}),
    "BMP trailer": (saved(picture(), "BMP") + SECRET, {("BMP after the end", Why.BEYOND)}),
    "BMP reserved": (
        (lambda data: data[:6] + b"SECR" + data[10:])(saved(picture(), "BMP")),
        {("BMP reserved bytes", Why.UNKNOWN)},
    ),
    "BMP gap": (
        (
            lambda data: (
                data[:10] + struct.pack("<I", 54 + len(SECRET)) + data[14:54] + SECRET + data[54:]
            )
        )(saved(picture(), "BMP")),
        {("BMP gap", Why.UNKNOWN)},
    ),
    "BMP profile": (bmp_v5(srgb_profile()), {("ICC description", Why.COLOUR)}),
    "TIFF": (
        saved(
            picture(),
            "TIFF",
            tiffinfo={0x010E: WORD, 0x8649: RESOURCES[14:], 0x02BC: XMP, 0x83BB: IPTC},
            icc_profile=srgb_profile(),
        ),
        {
            ("TIFF:ImageDescription", Why.WORDS),
            ("IPTC Byline", Why.PERSON),
            ("XMP", Why.METADATA),
            ("ICC description", Why.COLOUR),
        },
    ),
    "TIFF pages": (animated("TIFF"), {("TIFF further pages", Why.PICTURE)}),
    "TIFF trailer": (saved(picture(), "TIFF") + SECRET, {("TIFF after the end", Why.BEYOND)}),
    "TIFF trailer, big": (
        saved(picture(), "TIFF", big_tiff=True) + SECRET,
        {("TIFF after the end", Why.BEYOND)},
    ),
    "HEIC": (
        heic("secrets"),
        {
            ("EXIF:GPSLatitude", Why.PLACE),
            ("EXIF:BodySerialNumber", Why.SERIAL),
            ("XMP photoshop:City", Why.PLACE),
            ("ICC description", Why.COLOUR),
        },
    ),
    "HEIC thumbnail": (heic("thumbnail"), {("HEIF thumbnail", Why.PICTURE)}),
    "HEIC alpha": (heic("alpha"), {("alpha channel", Why.HIDDEN)}),
    "HEIC trailer": (heic() + SECRET, {("HEIF unreferenced data", Why.BEYOND)}),
    "HEIC box": (heic() + box(b"secr", SECRET), {("HEIF:secr", Why.UNKNOWN)}),
    "HEIC free space": (heic() + box(b"free", SECRET), {("HEIF free space", Why.UNKNOWN)}),
    "HEIC motion photo": (heic() + box(b"mpvd", SECRET), {("motion photo", Why.PICTURE)}),
    "HEIC data that nothing points to": (
        heic() + box(b"mdat", SECRET),
        {("HEIF unreferenced data", Why.BEYOND)},
    ),
    "AVIF": (
        saved(picture(), "AVIF", exif=exif(), xmp=XMP, icc_profile=srgb_profile()),
        {
            ("EXIF:GPSLatitude", Why.PLACE),
            ("XMP", Why.METADATA),
            ("ICC description", Why.COLOUR),
        },
    ),
    "AVIF alpha": (saved(see_through(), "AVIF"), {("alpha channel", Why.HIDDEN)}),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_secret_is_named_and_does_not_leave(name):
    data, wanted = PLANTED[name]
    decoded = pictures.decode(data)
    found = {(each.where, each.why) for each in decoded.file_findings}
    assert {(where, why.value) for where, why in wanted} <= found
    for copy in (pictures.encode_jpeg(decoded.pixels), pictures.encode_png(decoded.pixels)):
        assert SECRET not in copy
        assert audit.account(copy, pixels=decoded.pixels).agrees


@pytest.mark.parametrize("name", PLANTED)
def test_the_walk_by_itself_finds_what_the_locked_process_found(name):
    data = PLANTED[name][0]
    beside_pixels = [
        each
        for each in pictures.decode(data).file_findings
        if each.where != "pixels under transparency"
    ]
    assert list(survey(data)) == beside_pixels


@pytest.mark.parametrize("name", PLANTED)
def test_a_finding_never_repeats_a_value(name):
    said = str(pictures.decode(PLANTED[name][0]).file_findings)
    assert WORD not in said
    assert "2026" not in said


@pytest.mark.parametrize(
    "data",
    [
        saved(picture(), "JPEG"),
        saved(picture(), "JPEG", progressive=True),
        saved(picture("CMYK"), "JPEG"),
        saved(picture(), "PNG"),
        saved(picture("P"), "PNG"),
        saved(picture(), "WEBP"),
        saved(picture(), "AVIF"),
        saved(picture(), "TIFF"),
        saved(picture(), "TIFF", compression="tiff_lzw"),
        saved(picture("P"), "GIF"),
        saved(picture(), "BMP"),
        saved(picture("1"), "BMP"),
        heic(),
    ],
)
def test_a_plain_file_raises_no_alarm(data):
    assert pictures.decode(data).file_findings == ()


def survey(data, **limits):
    kind = filedata.kind_of(data)
    assert kind is not None
    return filedata.survey(data, kind, wire.Limits(**limits))


@pytest.mark.parametrize(
    ("data", "limits"),
    [
        (saved(picture(), "JPEG", progressive=True), {"scans": 3}),
        (animated("GIF"), {"frames": 1}),
        (animated("WEBP"), {"frames": 1}),
        (animated("TIFF"), {"directories": 1}),
        (jpeg_with(*[(0xFE, b"x")] * 50), {"parts": 40}),
        (png_with((b"tEXt", b"a\0" + b"b" * 900)), {"text_bytes": 800}),
        (png_with((b"zTXt", b"a\0\0" + zlib.compress(b"b" * 900))), {"text_bytes": 800}),
        (jpeg_with((0xE2, b"ICC_PROFILE\0\1\1" + srgb_profile())), {"text_bytes": 100}),
    ],
)
def test_a_maze_is_refused(data, limits):
    assert survey(data) is not None
    with pytest.raises(PictureRefused) as refused:
        survey(data, **limits)
    assert refused.value.reason is Reason.TOO_INTRICATE


def test_a_reserved_segment_is_named_even_where_no_decoder_opens_it():
    assert wire.FileFinding("JPEG 0xF5", Why.UNKNOWN.value) in survey(jpeg_with((0xF5, SECRET)))


def test_directories_that_lead_in_a_circle_are_walked_once():
    data = bytearray(saved(picture(width=8, height=8), "TIFF"))
    first = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, first)[0]
    struct.pack_into("<I", data, first + 2 + 12 * count, first)
    assert survey(bytes(data)) == ()


def test_a_name_that_a_file_made_up_is_said_in_plain_letters():
    assert notes.code(b"ab\xff<") == "ab.."
    assert notes.code(b"\0\1\2\3") == "0x00010203"


def test_gaps_are_what_nothing_covers():
    assert blocks.gaps([(0, 4), (2, 6), (8, 9)], 12) == [(6, 8), (9, 12)]
    assert blocks.gaps([(0, 20)], 12) == []
    assert blocks.gaps([], 3) == [(0, 3)]


def test_every_format_is_known_by_its_content():
    assert filedata.kind_of(b"RIFF0000WAVE") is None
    assert filedata.kind_of(b"%PDF-1.7") is None
    assert filedata.kind_of(b"<svg xmlns='http://www.w3.org/2000/svg'/>") is None
    assert filedata.kind_of(box(b"ftyp", b"mp42\0\0\0\0isom")) is None
    assert filedata.kind_of(box(b"ftyp", b"mif1\0\0\0\0avifmiaf")) is wire.Kind.AVIF
    assert filedata.kind_of(box(b"ftyp", b"mif1\0\0\0\0heicmiaf")) is wire.Kind.HEIF
    assert filedata.kind_of(box(b"ftyp", b"msf1\0\0\0\0hevcmiaf")) is wire.Kind.HEIF
    assert filedata.kind_of(box(b"ftyp", b"msf1\0\0\0\0isom")) is None


def test_the_limits_are_those_that_are_documented():
    assert LIMITS.body_bytes == 30 << 20
    assert (LIMITS.pixels, LIMITS.scans, LIMITS.directories) == (64_000_000, 100, 64)


def test_pixels_survive_the_copy():
    decoded = pictures.decode(PLANTED["EXIF"][0])
    again = pictures.decode(pictures.encode_png(decoded.pixels))
    assert np.array_equal(again.pixels, decoded.pixels)
    assert Image.fromarray(again.pixels).size == (decoded.width, decoded.height)

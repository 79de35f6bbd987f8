"""Files put together by hand, to walk where no encoder of ours leads."""

import struct

import pytest
from interop_samples import SECRET, XMP, exif, picture, saved, srgb_profile

from safelight.interop import filedata, wire
from safelight.interop.wire import Why


def survey(data):
    kind = filedata.kind_of(data)
    assert kind is not None
    return {(each.where, each.why) for each in filedata.survey(data, kind, wire.LIMITS)}


def box(name, body):
    return struct.pack(">I4s", 8 + len(body), name) + body


def full(name, body, version=0, flags=0):
    return box(name, bytes([version]) + flags.to_bytes(3, "big") + body)


def item(number, kind, *, name=b"", content=b"", version=2):
    form = ">HH4s" if version == 2 else ">IH4s"
    body = struct.pack(form, number, 0, kind) + name + b"\0"
    return full(b"infe", body + (content + b"\0" if kind == b"mime" else b""), version)


def heif(
    *, items=(), links=(), properties=(), extents=(), idat=b"", extra=b"", after=b"", places=1
):
    """Return a HEIF file of boxes alone; extents are (item, offset in idat, length)."""
    version = {1: ">HHHHII", 2: ">IHHHII"}[places]
    iloc = b"\x44\0" + struct.pack(">H" if places == 1 else ">I", len(extents))
    for number, start, length in extents:
        iloc += struct.pack(version, number, 1, 0, 1, start, length)
    meta = (
        full(b"hdlr", b"\0\0\0\0pict" + bytes(13))
        + full(b"pitm", struct.pack(">H", 1))
        + full(b"iinf", struct.pack(">H", len(items)) + b"".join(items))
        + full(b"iloc", iloc, version=places)
        + full(b"iref", b"".join(links))
        + box(b"iprp", box(b"ipco", b"".join(properties)) + box(b"free", b""))
        + box(b"idat", idat)
        + extra
    )
    return box(b"ftyp", b"heic\0\0\0\0heicmif1") + full(b"meta", meta) + after


def link(name, owner, *parts):
    return box(name, struct.pack(f">HH{len(parts)}H", owner, len(parts), *parts))


SHOWN = item(1, b"hvc1")


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (heif(items=[SHOWN]), set()),
        (heif(items=[SHOWN, item(2, b"tmap")]), {("gain map", Why.PICTURE)}),
        (heif(items=[SHOWN, item(2, b"hvc1")]), {("HEIF item hvc1", Why.PICTURE)}),
        (heif(items=[item(1, b"grid"), item(2, b"hvc1")], links=[link(b"dimg", 1, 2)]), set()),
        (
            heif(
                items=[SHOWN, item(2, b"hvc1"), item(3, b"grid")],
                links=[link(b"dimg", 2, 3), link(b"dimg", 3, 2)],
            ),
            {("HEIF item hvc1", Why.PICTURE), ("HEIF item grid", Why.PICTURE)},
        ),
        (heif(items=[SHOWN, item(2, b"hvc1", name=SECRET)]), {("HEIF item name", Why.WORDS)}),
        (heif(items=[SHOWN, item(2, b"uri ")]), {("HEIF item uri.", Why.METADATA)}),
        (
            heif(items=[SHOWN, item(2, b"mime", content=b"text/plain")]),
            {("HEIF item mime", Why.METADATA)},
        ),
        (
            heif(
                items=[SHOWN, item(2, b"mime", content=b"application/rdf+xml", version=3)],
                extents=[(2, 0, len(XMP))],
                idat=XMP,
            ),
            {("XMP", Why.METADATA), ("XMP photoshop:City", Why.PLACE)},
        ),
        (
            heif(
                items=[SHOWN, item(2, b"Exif")],
                extents=[(2, 0, 4 + len(exif()))],
                idat=b"\0\0\0\0" + exif(),
                places=2,
            ),
            {("EXIF:GPSLatitude", Why.PLACE)},
        ),
        (heif(items=[SHOWN, item(2, b"Exif")]), {("EXIF", Why.UNREADABLE)}),
        (heif(items=[SHOWN, full(b"infe", b"\0\1\0\0", 1), box(b"free", b"")]), set()),
        (heif(properties=[full(b"udes", SECRET)]), {("HEIF:udes", Why.WORDS)}),
        (heif(properties=[full(b"crtt", bytes(8))]), {("HEIF:crtt", Why.TIME)}),
        (heif(properties=[box(b"uuid", SECRET)]), {("HEIF:uuid", Why.UNKNOWN)}),
        (
            heif(properties=[box(b"colr", b"prof" + srgb_profile())]),
            {("ICC description", Why.COLOUR)},
        ),
        (heif(properties=[box(b"colr", b"nclx" + bytes(7))]), set()),
        (
            heif(properties=[full(b"auxC", b"urn:com:apple:photo:2020:aux:hdrgainmap\0")]),
            {("gain map", Why.PICTURE)},
        ),
        (
            heif(properties=[full(b"auxC", b"urn:mpeg:hevc:2015:auxid:2\0")]),
            {("depth map", Why.PICTURE)},
        ),
        (
            heif(properties=[full(b"auxC", b"urn:x:portraiteffectsmatte\0")]),
            {("person matte", Why.PICTURE)},
        ),
        (
            heif(properties=[full(b"auxC", b"urn:x:something\0")]),
            {("HEIF auxiliary picture", Why.PICTURE)},
        ),
        (heif(items=[SHOWN, item(2, b"hvc1")], links=[link(b"auxl", 2, 1)]), set()),
        (heif(extra=box(b"secr", SECRET)), {("HEIF:secr", Why.UNKNOWN)}),
        (heif(after=box(b"moov", SECRET)), {("HEIF film", Why.PICTURE)}),
        (heif(after=box(b"free", bytes(9))), set()),
        (heif(after=struct.pack(">I4sQ", 1, b"free", 16 + 5) + bytes(5)), set()),
        (heif(after=struct.pack(">I4s", 0, b"secr") + SECRET), {("HEIF:secr", Why.UNKNOWN)}),
        (
            heif(after=struct.pack(">I4s", 4, b"secr") + SECRET),
            {("HEIF unreferenced data", Why.BEYOND)},
        ),
        (
            heif(after=struct.pack(">I4s", 999, b"secr") + SECRET),
            {("HEIF unreferenced data", Why.BEYOND)},
        ),
        (
            box(b"ftyp", b"heic\0\0\0\0heicmif1")
            + full(b"meta", full(b"iloc", b"\x44\0\0\1\0\1", version=0)),
            {("HEIF structure", Why.UNREADABLE)},
        ),
    ],
)
def test_a_heif_file_is_walked_item_by_item(data, wanted):
    found = survey(data)
    wanted = {(where, why.value) for where, why in wanted}
    assert wanted <= found
    assert wanted or not found


def test_a_heif_file_of_too_many_items_is_refused():
    iloc = full(b"iloc", b"\x44\0" + struct.pack(">I", 10**6), version=2)
    with pytest.raises(wire.PictureRefused):
        survey(box(b"ftyp", b"heic\0\0\0\0heicmif1") + full(b"meta", iloc))


def old_bmp(*, bits=24, palette=b"", gap=b""):
    row = (3 * bits + 31) // 32 * 4
    start = 26 + len(palette) + len(gap)
    return (
        struct.pack("<2sIII", b"BM", start + 2 * row, 0, start)
        + struct.pack("<IHHHH", 12, 3, 2, 1, bits)
        + palette
        + gap
        + bytes(2 * row)
    )


def packed_bmp():
    body = b"\4\1\0\1"
    header = struct.pack("<IiiHHIIiiII", 40, 4, 1, 1, 8, 1, len(body), 0, 0, 256, 0)
    start = 14 + 40 + 1024
    return struct.pack("<2sIII", b"BM", start + 4, 0, start) + header + bytes(1024) + body


def masked_bmp():
    header = struct.pack("<IiiHHIIiiII", 40, 1, 1, 1, 32, 3, 4, 0, 0, 0, 0)
    masks = struct.pack("<III", 0xFF0000, 0xFF00, 0xFF)
    return struct.pack("<2sIII", b"BM", 70, 0, 66) + header + masks + bytes(4)


def v5_without_a_profile():
    header = struct.pack("<IiiHHIIiiII", 124, 1, 1, 1, 24, 0, 4, 0, 0, 0, 0) + bytes(84)
    return struct.pack("<2sIII", b"BM", 142, 0, 138) + header + bytes(4)


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (old_bmp(), set()),
        (old_bmp(bits=8, palette=bytes(range(256)) * 3), set()),
        (old_bmp(gap=SECRET), {("BMP gap", Why.UNKNOWN)}),
        (packed_bmp(), set()),
        (masked_bmp(), set()),
        (v5_without_a_profile(), set()),
        (packed_bmp() + SECRET, {("BMP after the end", Why.BEYOND)}),
    ],
)
def test_every_kind_of_bmp_is_walked(data, wanted):
    assert survey(data) == {(where, why.value) for where, why in wanted}


JPEG = saved(picture(), "JPEG")


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (JPEG[:2] + b"\xff\xff\xff" + JPEG[3:], None),
        (JPEG[:-2], ("JPEG end", Why.UNREADABLE)),
        (JPEG[:30], ("JPEG end", Why.UNREADABLE)),
        (b"\xff\xd8\xff", ("JPEG end", Why.UNREADABLE)),
        (b"\xff\xd8\xff\xff\xff\xff", ("JPEG end", Why.UNREADABLE)),
        (JPEG[:20] + b"\0" * 9, ("JPEG between segments", Why.UNKNOWN)),
        (JPEG[:2] + b"\xff\xd8\xff\x01" + JPEG[2:], ("JPEG stray marker", Why.UNKNOWN)),
        (JPEG[:20] + b"\xff\xc4\0\x06\0\0\0\0" + JPEG[20:], ("JPEG DHT", Why.UNKNOWN)),
    ],
)
def test_a_jpeg_is_walked_from_marker_to_marker(data, wanted):
    found = survey(data)
    assert (wanted[0], wanted[1].value) in found if wanted else not found


def tiff(*fields, then=0, after=b"", order="<"):
    head = b"II*\0" if order == "<" else b"MM\0*"
    directory = struct.pack(order + "H", len(fields)) + b"".join(
        struct.pack(order + "HHI4s", *field) for field in fields
    )
    return head + struct.pack(order + "I", 8) + directory + struct.pack(order + "I", then) + after


def word(number):
    return struct.pack("<I", number)


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (tiff((0x010F, 2, 4, b"Me\0\0")), {("TIFF:Make", Why.DEVICE)}),
        (tiff((0x010F, 2, 4, b"  \0\0")), set()),
        (tiff((0x010F, 99, 4, b"Me\0\0")), {("TIFF:Make", Why.DEVICE)}),
        (
            tiff((0x014A, 4, 1, word(26)), after=tiff((0x010F, 2, 4, b"Me\0\0"))[8:]),
            {("TIFF further pictures", Why.PICTURE), ("TIFF:Make", Why.DEVICE)},
        ),
        (tiff((0x014A, 4, 1, word(8))), {("TIFF further pictures", Why.PICTURE)}),
        (tiff((0x8769, 2, 1, word(26))), set()),
        (tiff((0x8769, 4, 1, word(10**6))), {("TIFF structure", Why.UNREADABLE)}),
        (tiff(after=SECRET), {("TIFF after the end", Why.BEYOND)}),
        (
            tiff(
                (0x0111, 4, 1, word(60)),
                (0x0117, 4, 1, word(4)),
                after=bytes(2) + SECRET + bytes(4),
            ),
            {("TIFF gap", Why.UNKNOWN)},
        ),
        (b"II*\0" + word(10**6), {("TIFF structure", Why.UNREADABLE)}),
    ],
)
def test_a_tiff_is_walked_directory_by_directory(data, wanted):
    assert survey(data) == {(where, why.value) for where, why in wanted}


def test_a_tiff_of_endless_numbers_is_refused():
    many = 300_000
    data = tiff((0x0111, 4, many, word(38)), (0x0117, 4, many, word(38)), after=bytes(4 * many))
    with pytest.raises(wire.PictureRefused):
        survey(data)


def test_an_exif_block_with_another_version_is_unreadable():
    segment = b"Exif\0\0II\x2b\x2a\x08\0\0\0"
    data = JPEG[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + JPEG[2:]
    assert ("EXIF", Why.UNREADABLE.value) in survey(data)


def test_an_iptc_block_that_ends_early_is_unreadable():
    body = b"\x1c\1\x5a\0\3\x1b%G\x1c\2\0\0\2\0\4" + SECRET
    resource = b"Photoshop 3.0\x008BIM" + struct.pack(">HHI", 0x0404, 0, len(body)) + body
    data = JPEG[:2] + b"\xff\xed" + struct.pack(">H", len(resource) + 2) + resource + JPEG[2:]
    assert survey(data) == {("IPTC", Why.UNREADABLE.value)}


GIF = saved(picture("P"), "GIF")


def test_a_gif_is_walked_block_by_block():
    assert survey(GIF[:-1] + b"\x99" + SECRET) == {("GIF after the end", Why.BEYOND.value)}
    assert survey(GIF[:-1]) == set()
    assert survey(GIF[:-1] + b"\x21\xff\x0bNETSCAPE2.0\x03\1\0\0\0;") == set()
    assert survey(GIF[:300]) == {("GIF structure", Why.UNREADABLE.value)}


def test_a_png_whose_rows_cannot_be_unpacked_says_so():
    png = bytearray(saved(picture(), "PNG"))
    png[png.index(b"IDAT") + 8] ^= 0xFF
    assert ("PNG:IDAT", Why.UNREADABLE.value) in survey(bytes(png))

"""Every byte of a finished copy is explained, or the copy doesn't leave."""

import struct
import time
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from interop_samples import SECRET, chunk, drawing, jpeg_with, saved

from safelight.interop import audit, entropy, pictures
from safelight.interop.audit import NotAccounted


def noise(width, height, *, seed=1):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


JPEG, PNG = pictures.encode_jpeg(drawing()), pictures.encode_png(drawing())


@given(
    width=st.integers(1, 200),
    height=st.integers(1, 90),
    quality=st.integers(1, 100),
    seed=st.integers(0, 9),
    contrast=st.sampled_from([0.0, 0.1, 1.0]),
)
def test_whatever_we_write_is_accounted_for(width, height, quality, seed, contrast):
    pixels = (noise(width, height, seed=seed) * contrast).astype(np.uint8)
    for data, name in (
        (pictures.encode_jpeg(pixels, quality=quality), "JPEG"),
        (pictures.encode_png(pixels), "PNG"),
    ):
        accounted = audit.account(data, pixels=pixels)
        assert (accounted.format, accounted.width, accounted.height) == (name, width, height)
        assert accounted.agrees
        assert sum(part.length for part in accounted.parts) == len(data)


def test_without_pixels_no_agreement_is_claimed():
    assert not audit.account(JPEG).agrees
    assert not audit.account(PNG).agrees


@given(at=st.integers(0, len(JPEG) - 1), value=st.integers(0, 255))
def test_a_changed_byte_of_a_jpeg_is_noticed_outside_the_coded_amounts(at, value):
    """Inside the scan a changed amount can be another valid picture: the second decoder's part."""
    changed = JPEG[:at] + bytes([value]) + JPEG[at + 1 :]
    scan = next(part for part in audit.account(JPEG).parts if "last bit" in part.what)
    size = JPEG.index(b"\xff\xc0") + 5
    if value == JPEG[at] or at in range(size, size + 4):
        return
    if scan.start <= at < scan.start + scan.length:
        try:
            audit.account(changed)
        except NotAccounted:
            return
        return
    with pytest.raises(NotAccounted):
        audit.account(changed)


@given(at=st.integers(0, len(PNG) - 1), value=st.integers(0, 255))
def test_any_changed_byte_of_a_png_is_noticed(at, value):
    if value != PNG[at]:
        with pytest.raises(NotAccounted):
            audit.account(PNG[:at] + bytes([value]) + PNG[at + 1 :])


@given(
    start=st.integers(0, len(JPEG) - 1),
    length=st.integers(1, 300),
    extra=st.binary(min_size=1, max_size=40),
    data=st.sampled_from([JPEG, PNG]),
)
def test_bytes_put_in_or_taken_out_are_noticed(start, length, extra, data):
    start %= len(data)
    for changed in (
        data[:start],
        data[:start] + data[start + length :],
        data[: start + 1] + extra + data[start + 1 :],
        data + extra,
    ):
        try:
            accounted = audit.account(changed)
        except NotAccounted:
            continue
        # Bytes in the scan can by chance code the same number of blocks; never other pixels too.
        assert accounted.format == "JPEG"
        with pytest.raises(NotAccounted):
            audit.account(changed, pixels=drawing()[::-1])


SCAN = JPEG.index(b"\xff\xda") + 14


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "start"),
        (b"\xff\xd8", "end"),
        (b"\xff\xd8\xff\xd9", "JFIF"),
        (JPEG[:300] + JPEG[-2:], "Huffman"),
        (JPEG + b"\0", "end"),
        (JPEG + SECRET, "end"),
        (JPEG[:-2], "end"),
        (JPEG[:2] + JPEG, "JFIF"),
        (jpeg_with((0xFE, SECRET), body=JPEG), "JFIF"),
        (JPEG[:20] + b"\xff\xfe\0\x04ab" + JPEG[20:], "table"),
        (JPEG[:SCAN] + JPEG[SCAN:-2] + SECRET + JPEG[-2:], "interval|code|marker"),
        (JPEG[:SCAN] + JPEG[SCAN:-2] + b"\xff\xfe\0\x04ab" + JPEG[-2:], "restart"),
        (JPEG[:-2].replace(b"\xff\xd0", b"\xff\xd3", 1) + JPEG[-2:], "restart"),
        (JPEG[:-2] + b"\xff" + JPEG[-2:], "marker|end|restart"),
        (saved(drawing(), "JPEG", quality=92), "frame"),
        (saved(drawing(), "JPEG", quality=92, subsampling=0), "restart|table"),
        (saved(drawing(), "JPEG", progressive=True), "table|frame"),
    ],
)
def test_what_our_writer_would_not_have_written_is_refused(data, why):
    with pytest.raises(NotAccounted, match=why):
        audit.account(data)


def png(*, header=None, rows=None, before=b"", after=b"", packed=None, width=4, height=3):
    rows = bytes((1 + 3 * width) * height) if rows is None else rows
    header = header or struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + before
        + chunk(b"IDAT", zlib.compress(rows) if packed is None else packed)
        + after
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (png(before=chunk(b"tEXt", b"Comment\0" + SECRET)), "don't write"),
        (png(before=chunk(b"pHYs", bytes(9))), "don't write"),
        (png(after=chunk(b"IHDR", bytes(13))), "out of place"),
        (png(rows=bytes(13 * 3 + 1)), "rows"),
        (png(rows=bytes(13 * 3 - 1)), "rows"),
        (png(rows=b"\5" + bytes(13 * 3 - 1)), "filter"),
        (png(packed=zlib.compress(bytes(13 * 3)) + SECRET), "after the packed"),
        (png(packed=zlib.compress(bytes(13 * 3))[:-1]), "after the packed"),
        (png(packed=b"rubbish"), "malformed"),
        (png(header=struct.pack(">IIBBBBB", 4, 3, 8, 6, 0, 0, 0)), "header"),
        (png(header=struct.pack(">IIBBBBB", 4, 3, 8, 2, 0, 0, 1)), "header"),
        (png(header=struct.pack(">IIBBBBB", 0, 3, 8, 2, 0, 0, 0)), "header"),
        (png() + SECRET, "after the end"),
        (png()[:-12] + chunk(b"IEND", SECRET), "out of place"),
        (png()[:-4] + b"\0\0\0\0", "altered"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"IEND", b""), "out of place"),
        (b"\x89PNG\r\n\x1a\n", "malformed"),
    ],
)
def test_a_png_that_our_writer_would_not_have_written_is_refused(data, why):
    with pytest.raises(NotAccounted, match=why):
        audit.account(data)


def test_a_plain_png_of_another_writer_passes_if_it_is_what_we_write():
    assert audit.account(png(), pixels=np.zeros((3, 4, 3), np.uint8)).agrees


@pytest.mark.parametrize("data", [JPEG, PNG])
def test_a_second_decoder_notices_another_picture(data):
    with pytest.raises(NotAccounted, match=r"other|another"):
        audit.account(data, pixels=drawing()[::-1])
    with pytest.raises(NotAccounted, match="another size"):
        audit.account(data, pixels=drawing()[:-1])


@pytest.mark.parametrize("encode", [pictures.encode_jpeg, pictures.encode_png])
def test_a_second_decoder_notices_one_block_that_was_not_covered(encode):
    uncovered = noise(128, 96)
    covered = uncovered.copy()
    covered[40:48, 64:72] = 0
    with pytest.raises(NotAccounted, match=r"other|another"):
        audit.account(encode(uncovered), pixels=covered)
    assert audit.account(encode(covered), pixels=covered).agrees


def test_a_size_that_cannot_be_is_refused():
    at = JPEG.index(b"\xff\xc0") + 5
    with pytest.raises(NotAccounted, match="size"):
        audit.account(JPEG[:at] + b"\0\0" + JPEG[at + 2 :])


def test_twelve_megapixels_are_walked_quickly():
    pixels = np.kron(noise(250, 188), np.ones((16, 16, 1), np.uint8))
    data = pictures.encode_jpeg(pixels)
    started = time.process_time()
    audit.account(data)
    assert time.process_time() - started < 2.0  # 0.1 on a quiet machine


class TestWalk:
    """The walk of a scan, against scans made by hand."""

    def test_a_scan_of_one_flat_block_is_walked(self):
        # DC 0 of brightness is 00, of colour 00; end of block 1010 and 00: 00 1010 00 00 00 00.
        entropy.walk(bytes([0b00101000, 0b00000011]), units=1)

    @pytest.mark.parametrize(
        "scan",
        [
            bytes([0b00101000, 0b00000000]),  # filled up with zeros
            bytes([0b00101000]),  # cut short
            bytes([0b00101000, 0b00000011, 0xFE]),  # a byte too many
            bytes([0xFF, 0x00, 0xFF, 0x00]),  # no such code
            bytes([0xFF]),
            b"",
        ],
    )
    def test_anything_else_is_not(self, scan):
        with pytest.raises(entropy.NotWalkable):
            entropy.walk(scan, units=1)

    def test_a_run_beyond_the_block_is_refused(self):
        # Brightness DC 0, then 16 zeros four times: 64 beyond the first.
        bits = "00" + "11111111001" * 4 + "1010" + "0000" * 2
        scan = int(bits + "1" * (-len(bits) % 8), 2).to_bytes(-(-len(bits) // 8), "big")
        with pytest.raises(entropy.NotWalkable):
            entropy.walk(scan.replace(b"\xff", b"\xff\0"), units=1)

    def test_a_scan_longer_than_can_be_counted_is_refused(self, monkeypatch):
        monkeypatch.setattr(entropy, "_MOST_BYTES", 1)
        with pytest.raises(entropy.NotWalkable, match="long"):
            entropy.walk(bytes([0b00101000, 0b00000011]), units=1)


def test_a_tampered_account_is_not_complete():
    with pytest.raises(NotAccounted, match="gap"):
        audit._check_complete((audit.Part("x", 1, 2),), 3)

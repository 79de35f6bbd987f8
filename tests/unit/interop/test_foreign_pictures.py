"""What comes out of a foreign file, whatever it was."""

import io
import os

import numpy as np
import pytest
from interop_samples import (
    HEIGHT,
    VECTORS,
    WIDTH,
    difference,
    display_p3_profile,
    drawing,
    grey_sixteen,
    picture,
    saved,
    see_through,
    srgb_profile,
    turned_heic,
    valid_pictures,
)
from PIL import Image, ImageCms

from safelight.interop import developing, pictures, wire
from safelight.interop.pictures import Reason

VALID = list(valid_pictures())
PLAIN = saved(drawing(), "PNG")


@pytest.fixture(scope="module", autouse=True)
def warmed():
    developing.warm()


@pytest.mark.parametrize(("name", "kind", "data"), VALID, ids=[each[0] for each in VALID])
def test_the_lock_lets_every_valid_picture_through_and_changes_nothing(name, kind, data):
    decoded = pictures.decode(data)
    opened, image = developing.open_picture(data, wire.Request(wire.LIMITS, None))
    assert decoded.format == kind == opened.kind
    assert np.array_equal(decoded.pixels, np.asarray(image))
    assert decoded.file_findings == opened.findings
    assert decoded.pixels.shape == (decoded.height, decoded.width, 3)


@pytest.mark.parametrize(("name", "kind", "data"), VALID, ids=[each[0] for each in VALID])
def test_a_smaller_picture_shows_the_same(name, kind, data):
    full, small = pictures.decode(data), pictures.decode(data, max_side=40)
    assert (small.width, small.height) == (full.width, full.height)
    assert max(small.pixels.shape) == 40
    shrunk = np.asarray(Image.fromarray(full.pixels).resize(small.pixels.shape[1::-1], 1))
    assert difference(small.pixels, shrunk) < 6


@pytest.mark.parametrize(
    ("file_format", "options", "most"),
    [
        ("JPEG", {"quality": 95}, 3.0),
        ("PNG", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("AVIF", {"quality": 95}, 4.0),
        ("TIFF", {}, 0),
        ("BMP", {}, 0),
        ("GIF", {}, 12.0),
    ],
)
def test_every_format_comes_out_as_it_was_drawn(file_format, options, most):
    decoded = pictures.decode(saved(drawing(), file_format, **options))
    assert (decoded.width, decoded.height) == (WIDTH, HEIGHT)
    assert difference(decoded.pixels, drawing()) <= most


def test_a_heic_picture_comes_out_as_it_was_drawn():
    decoded = pictures.decode((VECTORS / "plain.heic").read_bytes())
    assert difference(decoded.pixels, drawing()) < 6


def test_twelve_megapixels_open_whole_and_small():
    data = saved(picture(width=4000, height=3000), "JPEG", progressive=True)
    assert pictures.decode(data).pixels.shape == (3000, 4000, 3)
    assert pictures.decode(data, max_side=1280).pixels.shape == (960, 1280, 3)


UPRIGHT = {
    1: lambda pixels: pixels,
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: lambda pixels: pixels.transpose(1, 0, 2),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).transpose(1, 0, 2),
    8: np.rot90,
}


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_every_orientation_is_turned_upright(file_format, turn):
    tags = Image.Exif()
    tags[0x0112] = turn
    options = {"tiffinfo": tags} if file_format == "TIFF" else {"exif": tags}
    if file_format == "WEBP":
        options["lossless"] = True
    decoded = pictures.decode(saved(drawing(), file_format, **options))
    meant = UPRIGHT[turn](drawing())
    assert (decoded.height, decoded.width) == meant.shape[:2]
    assert difference(decoded.pixels, meant) < 5
    small = pictures.decode(saved(drawing(), file_format, **options), max_side=64)
    assert max(small.pixels.shape) == 64


@pytest.mark.parametrize("turn", [0, 9, 300])
def test_an_orientation_that_does_not_exist_turns_nothing(turn):
    tags = Image.Exif()
    tags[0x0112] = turn
    assert np.array_equal(pictures.decode(saved(drawing(), "PNG", exif=tags)).pixels, drawing())


@pytest.mark.parametrize("quarters", range(4))
def test_heic_is_turned_by_its_own_property(quarters):
    decoded = pictures.decode(turned_heic(quarters))
    assert difference(decoded.pixels, np.rot90(drawing(), quarters)) < 6


def test_the_exif_orientation_of_heic_counts_for_nothing():
    """`secrets.heic` says orientation 6 in its EXIF and has no rotation property."""
    decoded = pictures.decode((VECTORS / "secrets.heic").read_bytes())
    assert difference(decoded.pixels, drawing()) < 6


def test_a_wide_profile_is_converted_to_srgb():
    """A half-bright Display P3 red lies outside sRGB: green and blue must go down, red up."""
    flat = np.full((8, 8, 3), (180, 100, 90), np.uint8)
    decoded = pictures.decode(saved(flat, "PNG", icc_profile=display_p3_profile()))
    p3_to_srgb = np.array(
        [[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0197, -0.0786, 1.0979]]
    )
    light = p3_to_srgb @ ((flat[0, 0] / 255) ** 2.2)
    meant = 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    assert np.abs(decoded.pixels[4, 4] - meant).max() < 3
    assert decoded.pixels[4, 4, 0] > 185


def test_an_srgb_profile_changes_nothing():
    data = saved(drawing(), "PNG", icc_profile=srgb_profile())
    assert np.abs(pictures.decode(data).pixels.astype(int) - drawing()).max() <= 1


@pytest.mark.parametrize("broken", [b"rubbish", b"", srgb_profile()[:200]])
def test_a_broken_profile_is_passed_over(broken):
    data = saved(drawing(), "PNG", icc_profile=broken)
    assert difference(pictures.decode(data).pixels, drawing()) < 2


def test_a_profile_for_other_colours_is_passed_over():
    data = saved(picture("CMYK"), "TIFF", icc_profile=srgb_profile())
    assert difference(pictures.decode(data).pixels, drawing()) < 8


def test_lab_comes_out_near_what_was_drawn():
    grey = Image.new("RGB", (16, 16), (120, 120, 120))
    lab = ImageCms.profileToProfile(
        grey, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert difference(pictures.decode(saved(lab, "TIFF")).pixels, np.asarray(grey)) < 2


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_sixteen_bits_keep_black_black_and_white_white(file_format):
    pixels = pictures.decode(grey_sixteen(file_format)).pixels
    assert pixels[0, 0].tolist() == [0, 0, 0]
    assert pixels[-1, -1].tolist() == [255, 255, 255]
    assert abs(int(pixels[HEIGHT // 2, 0, 0]) - 128) <= 2


@pytest.mark.parametrize("mode", ["I", "F"])
def test_depths_without_a_stated_black_and_white_are_refused(mode):
    with pytest.raises(pictures.PictureRefused) as refused:
        pictures.decode(saved(picture("L").convert(mode), "TIFF"))
    assert refused.value.reason is Reason.UNSUPPORTED


@pytest.mark.parametrize(
    ("file_format", "mode", "options"),
    [
        ("PNG", "RGBA", {}),
        ("PNG", "LA", {}),
        ("WEBP", "RGBA", {"lossless": True, "exact": True}),
        ("TIFF", "RGBA", {}),
        ("AVIF", "RGBA", {"quality": 100}),
    ],
)
def test_nothing_is_left_of_what_transparency_hid(file_format, mode, options):
    decoded = pictures.decode(saved(see_through(mode), file_format, **options))
    hidden = decoded.pixels[: HEIGHT // 2 - 8, : WIDTH // 2 - 8]
    assert hidden.min() == 255
    assert ("pixels under transparency", "holds pixels that aren't seen") in {
        (each.where, each.why) for each in decoded.file_findings
    }


def test_a_transparent_palette_colour_hides_nothing():
    image = picture("P")
    decoded = pictures.decode(saved(image, "PNG", transparency=image.getpixel((0, 0))))
    assert decoded.pixels[0, 0].tolist() == [255, 255, 255]
    assert not decoded.file_findings


def test_only_the_first_frame_comes_out():
    for name, _, data in VALID:
        if "animated" in name or "pages" in name:
            assert difference(pictures.decode(data).pixels, drawing()) < 12, name


def test_our_own_files_open_again_and_carry_nothing():
    png = pictures.decode(pictures.encode_png(drawing()))
    assert np.array_equal(png.pixels, drawing())
    jpeg = pictures.decode(pictures.encode_jpeg(drawing()))
    assert difference(jpeg.pixels, drawing()) < 3
    assert png.file_findings == jpeg.file_findings == ()


def test_our_jpegs_say_which_tables_they_use():
    for quality in (1, 49, 50, 92, 100):
        image = Image.open(io.BytesIO(pictures.encode_jpeg(drawing(), quality=quality)))
        assert [image.quantization[0], image.quantization[1]] == list(
            pictures.quantisation(quality)
        )


@pytest.mark.parametrize("quality", [0, 101])
def test_a_quality_that_does_not_exist_is_refused(quality):
    with pytest.raises(ValueError, match="quality"):
        pictures.encode_jpeg(drawing(), quality=quality)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_what_is_no_picture_is_not_written(pixels):
    with pytest.raises(ValueError, match="pixels"):
        pictures.encode_png(pixels)


def test_a_view_of_a_larger_picture_is_written_alone():
    part = drawing()[10:20, 30:50]
    assert np.array_equal(pictures.decode(pictures.encode_png(part)).pixels, part)


def answered(data, *, limits=wire.LIMITS, max_side=None):
    """Return what a decoding process would write."""
    return b"".join(developing.answer(data, wire.Request(limits, max_side)))


def test_what_a_decoding_process_writes_is_what_the_server_reads():
    data = saved(drawing(), "PNG")
    request = wire.Request(wire.LIMITS, 64)
    reading, writing = os.pipe()
    back, out = os.pipe()
    os.write(writing, wire.ask(request, len(data)) + data)
    os.close(writing)
    developing.work(reading, out)
    os.close(out)
    with os.fdopen(back, "rb") as answer, os.fdopen(reading, "rb"):
        said = answer.read()
    assert said == answered(data, max_side=64)
    magic, length = wire.read_answer_header(said[: wire.ANSWER_HEADER])
    about = said[wire.ANSWER_HEADER :][:length]
    opened = wire.read_answer(magic, about, asked=request, kind=wire.Kind.PNG)
    assert len(said) == wire.ANSWER_HEADER + length + opened.columns * opened.rows * 3


def in_this_process(data):
    return np.asarray(developing.open_picture(data, wire.Request(wire.LIMITS, None))[1])


def test_lab_without_a_profile_is_understood():
    lab = picture("LAB")
    lab.info.clear()
    assert difference(in_this_process(saved(lab, "TIFF")), drawing()) < 8


def test_profiles_that_cannot_be_used_are_passed_over(monkeypatch):
    rubbish = saved(drawing(), "PNG", icc_profile=b"rubbish")
    assert np.array_equal(in_this_process(rubbish), drawing())

    def fails(*_, **__):
        raise ImageCms.PyCMSError("cannot build transform")

    monkeypatch.setattr(developing.ImageCms, "profileToProfile", fails)
    data = saved(drawing(), "PNG", icc_profile=srgb_profile())
    assert np.array_equal(in_this_process(data), drawing())


def test_a_decoder_that_claims_no_size_is_not_followed(monkeypatch):
    monkeypatch.setattr(developing.Image.Image, "size", (0, 0))
    assert answered(PLAIN) == wire.say_refused(Reason.DAMAGED)


@pytest.mark.parametrize(
    ("data", "limits", "reason"),
    [
        (b"nothing of ours", wire.LIMITS, Reason.UNKNOWN_FORMAT),
        (b"\x89PNG\r\n\x1a\n", wire.LIMITS, Reason.DAMAGED),
        (saved(drawing(), "PNG"), wire.Limits(pixels=99), Reason.TOO_MANY_PIXELS),
        (saved(drawing(), "JPEG", progressive=True), wire.Limits(scans=1), Reason.TOO_INTRICATE),
        (saved(picture("L").convert("F"), "TIFF"), wire.LIMITS, Reason.UNSUPPORTED),
    ],
)
def test_a_decoding_process_says_why_it_refuses(data, limits, reason):
    assert answered(data, limits=limits) == wire.say_refused(reason)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError(), Reason.TOO_MUCH_MEMORY),
        (SystemError("what a decoder may raise"), Reason.DAMAGED),
        (Image.DecompressionBombError(), Reason.TOO_MANY_PIXELS),
    ],
)
def test_whatever_a_decoder_raises_becomes_a_reason(monkeypatch, error, reason):
    def fails(*_, **__):
        raise error

    monkeypatch.setattr(developing.Image, "open", fails)
    assert answered(saved(drawing(), "PNG")) == wire.say_refused(reason)

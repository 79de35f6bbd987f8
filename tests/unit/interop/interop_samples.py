"""Pictures of our own in every format, with and without something to hide."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin

VECTORS = Path(__file__).parents[2] / "vectors" / "pictures"
HEIGHT, WIDTH = 96, 128
SECRET = b"Rosalind-Planted-7261"


def drawing(width=WIDTH, height=HEIGHT):
    """Return a picture in which every corner and both directions can be told apart."""
    across = np.linspace(0, 255, width, dtype=np.uint8)
    down = np.linspace(0, 255, height, dtype=np.uint8)
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = across[None, :]
    pixels[..., 1] = down[:, None]
    pixels[: height // 3, : width // 4, 2] = 255
    return pixels


def picture(mode="RGB", **size):
    return Image.fromarray(drawing(**size)).convert(mode)


def saved(image, file_format, **options):
    held = io.BytesIO()
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    image.save(held, file_format, **options)
    return held.getvalue()


def difference(one, other):
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


def see_through(mode="RGBA"):
    """Return a picture whose top left quarter is transparent, with the drawing still under it."""
    pixels = np.dstack([drawing(), np.full((HEIGHT, WIDTH), 255, np.uint8)])
    pixels[: HEIGHT // 2, : WIDTH // 2, 3] = 0
    return Image.fromarray(pixels).convert(mode)


def srgb_profile():
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def profile(red, green, blue, *, description=b"Planted"):
    """Return a matrix profile with these primaries (XYZ under D50) and a gamma of 2.2."""

    def xyz(values):
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(v * 65536)) for v in values)

    gamma = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)) + b"\0\0"
    said = b"desc\0\0\0\0" + struct.pack(">I", len(description) + 1) + description + b"\0"
    said += b"\0" * (79 + -len(said) % 4)
    tags = {
        b"desc": said + b"\0" * (-len(said) % 4),
        b"wtpt": xyz((0.9642, 1.0, 0.8249)),
        b"rXYZ": xyz(red),
        b"gXYZ": xyz(green),
        b"bXYZ": xyz(blue),
        b"rTRC": gamma,
        b"gTRC": gamma,
        b"bTRC": gamma,
        b"cprt": b"text\0\0\0\0none\0\0\0\0",
    }
    at, table, body = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, value in tags.items():
        table += name + struct.pack(">II", at + len(body), len(value))
        body += value
    header = bytearray(128)
    struct.pack_into(
        ">I4sI4s4s4s", header, 0, at + len(body), b"\0" * 4, 0x02400000, b"mntr", b"RGB ", b"XYZ "
    )
    header[36:40] = b"acsp"
    struct.pack_into(">iii", header, 68, 63190, 65536, 54061)
    return bytes(header) + table + body


def display_p3_profile():
    return profile((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))


def exif(**more):
    """Return an EXIF block with a secret in each kind of directory."""
    block = Image.Exif()
    word = SECRET.decode()
    block[0x010F], block[0x0132] = word, "2026:01:02 03:04:05"
    block[0x013B] = word
    inner, place = block.get_ifd(0x8769), block.get_ifd(0x8825)
    inner[0xA431], inner[0x927C], inner[0x9286] = word, SECRET, b"ASCII\0\0\0" + SECRET
    place[1], place[2], place[29] = "N", (51.0, 30.0, 26.0), "2026:01:02"
    for tag, value in more.items():
        block[int(tag[1:], 16)] = value
    return block.tobytes()


def exif_with_thumbnail():
    """Return a big-endian EXIF block whose second directory holds another picture."""
    small = saved(picture(width=32, height=24), "JPEG", comment=SECRET)
    start = 8 + 2 + 12 + 4
    second = struct.pack(">H", 2)
    second += struct.pack(">HHII", 0x0201, 4, 1, start + 2 + 24 + 4)
    second += struct.pack(">HHII", 0x0202, 4, 1, len(small))
    first = struct.pack(">H", 1) + struct.pack(">HHIHH", 0x0112, 3, 1, 1, 0)
    return (
        b"Exif\0\0MM\0*\0\0\0\x08" + first + struct.pack(">I", start) + second + b"\0\0\0\0" + small
    )


XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><photoshop:City>' + SECRET + b"</photoshop:City>"
    b"<xmpMM:DocumentID>" + SECRET + b"</xmpMM:DocumentID></x:xmpmeta>"
)


def jpeg_with(*segments, after=b"", body=None, **options):
    """Return a JPEG with (marker, content) segments put after its first."""
    plain = body or saved(picture(), "JPEG", quality=95, **options)
    extra = b"".join(
        bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content
        for marker, content in segments
    )
    return plain[:2] + extra + plain[2:] + after


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_with(*chunks, after=b"", image=None, **options):
    """Return a PNG with (name, content) chunks put after its header."""
    plain = saved(image or picture(), "PNG", **options)
    return plain[:33] + b"".join(chunk(*each) for each in chunks) + plain[33:] + after


def turned_heic(quarters):
    """Return `plain.heic` with a rotation property put into it: quarter turns anti-clockwise."""
    data = (VECTORS / "plain.heic").read_bytes()
    box = struct.pack(">I4sB", 9, b"irot", quarters)
    ipco = data.index(b"ipco") - 4
    ipco_length = int.from_bytes(data[ipco : ipco + 4], "big")
    properties = _count_boxes(data[ipco + 8 : ipco + ipco_length])
    grown = bytearray(data)
    ipma = data.index(b"ipma") - 4
    count_at = ipma + 18
    grown[count_at] += 1
    grown.insert(count_at + grown[count_at], 0x80 | (properties + 1))
    grown[ipco + ipco_length : ipco + ipco_length] = box
    for name, by in ((b"meta", 10), (b"iprp", 10), (b"ipco", 9), (b"ipma", 1)):
        at = grown.index(name) - 4
        struct.pack_into(">I", grown, at, struct.unpack_from(">I", grown, at)[0] + by)
    iloc = grown.index(b"iloc") - 4
    length = int.from_bytes(grown[iloc : iloc + 4], "big")
    mdat = data.index(b"mdat") + 4
    where = grown.index(struct.pack(">I", mdat), iloc, iloc + length)
    struct.pack_into(">I", grown, where, mdat + 10)
    return bytes(grown)


def _count_boxes(data):
    at = count = 0
    while at < len(data):
        at += int.from_bytes(data[at : at + 4], "big")
        count += 1
    return count


def grey_sixteen(file_format):
    ramp = np.linspace(0, 65535, WIDTH * HEIGHT).reshape(HEIGHT, WIDTH).astype(np.uint16)
    return saved(Image.fromarray(ramp), file_format)


def animated(file_format):
    frames = [picture(), picture().rotate(180)]
    return saved(frames[0], file_format, save_all=True, append_images=frames[1:], duration=50)


def png_text(**words):
    info = PngImagePlugin.PngInfo()
    for key, value in words.items():
        info.add_text(key, value)
    return info


def valid_pictures():
    """Yield (name, format, file) for every kind of picture that must always open."""
    for name, mode, options in (
        ("baseline", "RGB", {"quality": 95}),
        ("progressive", "RGB", {"quality": 95, "progressive": True}),
        ("4:2:0", "RGB", {"subsampling": 2}),
        ("restarts", "RGB", {"restart_marker_rows": 1}),
        ("grey", "L", {}),
        ("CMYK", "CMYK", {}),
        ("profile", "RGB", {"icc_profile": srgb_profile()}),
        ("exif", "RGB", {"exif": exif()}),
    ):
        yield f"JPEG {name}", "JPEG", saved(picture(mode), "JPEG", **options)
    yield (
        "JPEG MPO",
        "JPEG",
        saved(picture(), "MPO", save_all=True, append_images=[picture(width=64, height=48)]),
    )
    for mode in ("RGB", "RGBA", "L", "LA", "P", "1"):
        image = see_through(mode) if "A" in mode else picture(mode)
        yield f"PNG {mode}", "PNG", saved(image, "PNG")
    yield "PNG palette with transparency", "PNG", saved(picture("P"), "PNG", transparency=3)
    yield "PNG key colour", "PNG", saved(picture(), "PNG", transparency=(0, 0, 255))
    yield "PNG 16 bit", "PNG", grey_sixteen("PNG")
    yield "PNG animated", "PNG", animated("PNG")
    yield "WebP", "WebP", saved(picture(), "WEBP")
    yield "WebP lossless", "WebP", saved(see_through(), "WEBP", lossless=True)
    yield "WebP animated", "WebP", animated("WEBP")
    yield "AVIF", "AVIF", saved(picture(), "AVIF")
    yield "AVIF alpha", "AVIF", saved(see_through(), "AVIF")
    yield (
        "AVIF threads",
        "AVIF",
        saved(picture(width=1600, height=1200), "AVIF", tile_rows=2, tile_cols=2, speed=10),
    )
    for compression in (None, "packbits", "tiff_lzw", "tiff_adobe_deflate", "jpeg", "zstd"):
        yield f"TIFF {compression}", "TIFF", saved(picture(), "TIFF", compression=compression)
    yield "TIFF fax", "TIFF", saved(picture("1"), "TIFF", compression="group4")
    for mode in ("CMYK", "LAB", "YCbCr", "L", "P", "RGBA"):
        yield f"TIFF {mode}", "TIFF", saved(picture(mode), "TIFF")
    yield "TIFF 16 bit", "TIFF", grey_sixteen("TIFF")
    yield "TIFF pages", "TIFF", animated("TIFF")
    yield "TIFF big", "TIFF", saved(picture(), "TIFF", big_tiff=True)
    yield "GIF", "GIF", saved(picture("P"), "GIF")
    yield "GIF animated", "GIF", animated("GIF")
    for mode in ("RGB", "L", "P", "1"):
        yield f"BMP {mode}", "BMP", saved(picture(mode), "BMP")
    for path in sorted(VECTORS.glob("*.heic")):
        yield f"HEIF {path.stem}", "HEIF", path.read_bytes()
    yield "HEIF turned", "HEIF", turned_heic(1)

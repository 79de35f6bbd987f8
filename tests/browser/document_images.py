"""Write docs/images from what the browser saw in `test_whole_way.py`.

    ./run browser tests/browser/test_whole_way.py && .venv/bin/python tests/browser/document_images.py

Look at each before it is kept.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

SHOTS = Path(__file__).parent / "shots"
IMAGES = Path(__file__).parents[2] / "docs" / "images"
OF = {
    "timeline": ("way-timeline-wide", 0.6),
    "consent": ("way-consent", 1.0),
    "camera": ("way-camera", 0.7),
    "opinion": ("way-colleague", 1.0),
    "not-permitted": ("way-not-permitted", 1.0),
    "review": ("way-review", 0.5),
    "taken-back": ("way-taken-back", 1.0),
}
"""The image, the shot that it comes from, and the share of its size that it keeps."""
COLOURS = 128


def main() -> None:
    """Shrink each shot, keep as many colours as a page needs, and write it."""
    for name, (shot, share) in OF.items():
        with Image.open(SHOTS / f"{shot}-light.png") as seen:
            size = (round(seen.width * share), round(seen.height * share))
            small = seen.convert("RGB").resize(size, Image.Resampling.LANCZOS)
        small.quantize(COLOURS, dither=Image.Dither.NONE).save(
            IMAGES / f"{name}.png", optimize=True
        )


if __name__ == "__main__":
    main()

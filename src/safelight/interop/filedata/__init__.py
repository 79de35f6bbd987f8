"""What a picture's file says beside its pixels: names of the places, never what stands there.

Walks bytes in plain Python, behind the lock, and shares nothing with the decoders: what a decoder
skips is looked at here.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from safelight.interop.filedata import bmp, boxes, gif, jpeg, png, riff, tiff
from safelight.interop.filedata.kinds import kind_of
from safelight.interop.filedata.notes import Notes
from safelight.interop.wire import Kind, Why

if TYPE_CHECKING:
    from collections.abc import Callable

    from safelight.interop.wire import FileFinding, Limits

__all__ = ["kind_of", "survey"]

_WALKERS: dict[Kind, Callable[[bytes, Notes], None]] = {
    Kind.JPEG: jpeg.walk,
    Kind.PNG: png.walk,
    Kind.WEBP: riff.walk,
    Kind.HEIF: lambda data, notes: boxes.walk(data, notes, "HEIF"),
    Kind.AVIF: lambda data, notes: boxes.walk(data, notes, "AVIF"),
    Kind.TIFF: tiff.walk,
    Kind.GIF: gif.walk,
    Kind.BMP: bmp.walk,
}


def survey(data: bytes, kind: Kind, limits: Limits) -> tuple[FileFinding, ...]:
    """Return what the file carries beside its pixels, sorted, each once.

    A file that can't be walked to the end says so in a finding: whether it opens is the decoder's
    business. Raises PictureRefused where it is more intricate than `limits` allow.
    """
    notes = Notes(limits)
    try:
        _WALKERS[kind](data, notes)
    except (struct.error, IndexError, ValueError, OverflowError):
        notes.found(f"{kind.value} structure", Why.UNREADABLE)
    return notes.sorted()

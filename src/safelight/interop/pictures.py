"""Foreign pictures in, plain pixels out; plain pixels in, fresh files out.

`decode` opens a stranger's file in a locked process of its own (docs/explanation/locked-decoding.md);
nothing of the file but its pixels and the names of what it carried comes back. `encode_*` write
files that hold those pixels and nothing else; `interop.audit` checks them.
"""

from __future__ import annotations

import io
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from safelight.interop import filedata, wire
from safelight.interop.darkroom import Darkroom, Ended, TooSlow, ZygoteGone
from safelight.interop.lock import LockUnavailable
from safelight.interop.wire import (
    LIMITS,
    FileFinding,
    Kind,
    Limits,
    PictureRefused,
    Reason,
    ReplyNotBelieved,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from safelight.interop.darkroom import Job
    from safelight.terms import Pixels

__all__ = [
    "LIMITS",
    "UNLOCKED_WORDS",
    "Decoded",
    "FileFinding",
    "Kind",
    "Limits",
    "LockUnavailable",
    "PictureRefused",
    "Reason",
    "allow_unlocked",
    "decode",
    "encode_jpeg",
    "encode_png",
]

UNLOCKED_WORDS = "made-up-pictures-only"
"""What an operator must write to have pictures opened without the lock."""

_BRIGHTNESS_BASE = (
    *(16, 11, 10, 16, 24, 40, 51, 61),
    *(12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56),
    *(14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77),
    *(24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101),
    *(72, 92, 95, 98, 112, 100, 103, 99),
)
"""ITU-T T.81, table K.1, row by row."""
_COLOUR_BASE = (
    *(17, 18, 24, 47, 99, 99, 99, 99),
    *(18, 21, 26, 66, 99, 99, 99, 99),
    *(24, 26, 56, 99, 99, 99, 99, 99),
    *(47, 66, 99, 99, 99, 99, 99, 99),
    *(99,) * 32,
)
"""ITU-T T.81, table K.2, row by row."""

RESTART_BLOCKS = 16
"""How many blocks lie between two restart markers in our JPEGs."""

_darkroom = Darkroom()
if hasattr(os, "register_at_fork"):  # pragma: no branch - absent on Windows only
    os.register_at_fork(after_in_child=_darkroom.forget)

_BY_SIGNAL = {
    signal.SIGSYS: Reason.STOPPED,
    signal.SIGXCPU: Reason.TOO_SLOW,
    signal.SIGKILL: Reason.TOO_MUCH_MEMORY,
}


@dataclass(frozen=True, slots=True)
class Decoded:
    """A picture as plain pixels, and what its file carried beside them."""

    pixels: Pixels
    format: str
    width: int
    """Of the whole upright picture; `pixels` are fewer where `max_side` asked for less."""
    height: int
    file_findings: tuple[FileFinding, ...]


_unlocked: list[str] = []


def allow_unlocked(words: str) -> None:
    """Open every picture of this process without the lock, from now on: for made-up pictures only.

    words: UNLOCKED_WORDS, as an operator wrote them; ValueError for anything else.
    """
    if words != UNLOCKED_WORDS:
        raise ValueError(f"to decode without the lock, say {UNLOCKED_WORDS}")
    _unlocked.append(words)


def decode(
    data: bytes,
    *,
    limits: Limits = LIMITS,
    max_side: int | None = None,
    unlocked: bool = False,
    darkroom: Darkroom = _darkroom,
) -> Decoded:
    """Return the file's first picture: upright, sRGB, opaque, no longer than `max_side`.

    unlocked: open it without the lock; for made-up pictures on a machine that has none.
        `allow_unlocked` says so for the whole process.
    Raises PictureRefused, or LockUnavailable where nothing may be opened at all.
    """
    kind = _recognised(data, limits)
    request = wire.Request(limits, max_side)
    locked = not (unlocked or _unlocked)
    for _ in range(2):
        with suppress(ZygoteGone):
            return _developed(data, request, kind, locked=locked, darkroom=darkroom)
    raise LockUnavailable("the decoding process keeps ending")


def _recognised(data: bytes, limits: Limits) -> Kind:
    if not data:
        raise PictureRefused(Reason.EMPTY)
    if len(data) > limits.body_bytes:
        raise PictureRefused(Reason.TOO_LARGE)
    kind = filedata.kind_of(data)
    if kind is None:
        raise PictureRefused(Reason.UNKNOWN_FORMAT)
    return kind


def _developed(
    data: bytes, request: wire.Request, kind: Kind, *, locked: bool, darkroom: Darkroom
) -> Decoded:
    with darkroom.job(locked=locked, seconds=request.limits.seconds) as job:
        try:
            job.send(wire.ask(request, len(data)), data)
            return _received(job, request, kind)
        except ReplyNotBelieved:
            raise PictureRefused(Reason.NOT_BELIEVED) from None
        except TooSlow:
            job.wait_status(grace=0)  # so that a zygote that is itself stuck is found out
            raise PictureRefused(Reason.TOO_SLOW) from None
        except Ended:
            raise PictureRefused(_why_ended(job.wait_status())) from None


def _received(job: Job, request: wire.Request, kind: Kind) -> Decoded:
    magic, length = wire.read_answer_header(job.read(wire.ANSWER_HEADER))
    answer = wire.read_answer(magic, job.read(length), asked=request, kind=kind)
    if isinstance(answer, PictureRefused):
        raise answer
    if isinstance(answer, wire.NoLock):
        raise LockUnavailable("missing: " + ", ".join(answer.layers))
    pixels = np.empty((answer.rows, answer.columns, 3), np.uint8)
    job.read_into(pixels.data.cast("B"))
    if not job.is_at_end():
        raise ReplyNotBelieved("more than was announced")
    return Decoded(pixels, answer.kind.value, answer.width, answer.height, answer.findings)


def _why_ended(status: int) -> Reason:
    if os.WIFSIGNALED(status):
        return _BY_SIGNAL.get(signal.Signals(os.WTERMSIG(status)), Reason.DAMAGED)
    return Reason.DAMAGED


def quantisation(quality: int) -> tuple[list[int], list[int]]:
    """Return our tables for brightness and colour at a quality of 1 to 100.

    The standard's example tables scaled by quality: one set for every copy that leaves, whatever
    took the picture, since a camera's own tables tell its make.
    """
    if not 1 <= quality <= 100:
        raise ValueError("quality runs from 1 to 100")
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return _scaled(_BRIGHTNESS_BASE, scale), _scaled(_COLOUR_BASE, scale)


def encode_jpeg(pixels: Pixels, *, quality: int = 92) -> bytes:
    """Return a baseline JPEG of the pixels and nothing else.

    Colour at full resolution (4:4:4): halving it would smear redness across a wound's edge, which
    is what many of these pictures are about; it costs about a third in size. Restart markers let
    the audit walk the whole scan at once, at about a hundredth of the size.
    """
    held = io.BytesIO()
    _fresh(pixels).save(
        held,
        "JPEG",
        qtables=list(quantisation(quality)),
        subsampling=0,
        optimize=False,
        restart_marker_blocks=RESTART_BLOCKS,
    )
    return held.getvalue()


def encode_png(pixels: Pixels) -> bytes:
    """Return a PNG of the pixels and nothing else, without loss."""
    held = io.BytesIO()
    _fresh(pixels).save(held, "PNG", compress_level=6)
    return held.getvalue()


def _scaled(base: Iterable[int], scale: int) -> list[int]:
    return [min(255, max(1, (each * scale + 50) // 100)) for each in base]


def _fresh(pixels: Pixels) -> Image.Image:
    """Copy the pixels into a picture that never knew a file."""
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise ValueError("pixels are (height, width, 3) of uint8")
    height, width = pixels.shape[:2]
    return Image.frombytes("RGB", (width, height), np.ascontiguousarray(pixels).tobytes())

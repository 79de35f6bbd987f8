"""A process of its own that lets one clip pass, and says how much memory that took.

usage: python -m benchmarks.store_clip idle|keep|open|seek disk FOLDER BYTES
       python -m benchmarks.store_clip idle|keep|open|seek s3 URL BUCKET ACCESS SECRET BYTES

idle: the same process with a store that has answered once, and no clip.
"""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from safelight import vault
from safelight.storage.blobs import BlobStore

KEY = bytes(range(32))
CONTEXT = vault.context("safelight-benchmark-v1")
NAME = "clip"
PART = 256 * 1024
"""What a camera or a socket hands over at once."""


def clip(length: int) -> Iterator[bytes]:
    """Yield a clip that differs in every part, at the speed of a copy."""
    block = hashlib.shake_256(b"clip").digest(PART)
    for at in range(0, length, PART):
        part = at.to_bytes(8, "big") + block[8:]
        yield part[: length - at]


def keep(store: BlobStore, length: int) -> int:
    """Seal and store it; return the sealed length."""
    return store.put_parts(NAME, vault.seal_parts(KEY, clip(length), context=CONTEXT))


def read(store: BlobStore, length: int, start: int, stop: int | None) -> int:
    """Fetch and open a part of it, and compare it with what was sealed."""
    parts = vault.unseal_parts(
        KEY,
        lambda a, b: store.read(NAME, a, b),
        store.length(NAME),
        start,
        stop,
        context=CONTEXT,
    )
    wanted, opened, seen = hashlib.sha256(), hashlib.sha256(), 0
    for part in parts:
        opened.update(part)
        seen += len(part)
    at = 0
    for part in clip(length):
        low, high = max(start - at, 0), (length if stop is None else stop) - at
        wanted.update(part[low : max(high, 0)])
        at += len(part)
    if opened.digest() != wanted.digest():
        raise AssertionError("what was opened isn't what was sealed")
    return seen


def main(words: list[str]) -> None:
    """Do one thing and print one JSON object."""
    what, where, *place, length = words
    store = _store(where, place)
    began = time.monotonic()
    if what == "idle":
        passed = int(store.exists(NAME))
    elif what == "keep":
        passed = keep(store, int(length))
    elif what == "open":
        passed = read(store, int(length), 0, None)
    else:
        middle = int(length) // 2
        passed = read(store, int(length), middle, middle + 2**20)
    seconds = time.monotonic() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"bytes": passed, "seconds": seconds, "peak_mib": peak}))


def _store(where: str, place: list[str]) -> BlobStore:
    if where == "disk":
        from safelight.storage.disk import DiskStore

        return DiskStore(Path(place[0]))
    from safelight.storage.s3 import Place, S3Store

    url, bucket, access, secret = place
    return S3Store(Place(bucket, endpoint=url, access_key=access, secret_key=secret))


if __name__ == "__main__":
    main(sys.argv[1:])

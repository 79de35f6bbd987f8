"""A writer that is killed at a named point. Run by test_kills.py in a process of its own.

    python crasher.py FOLDER START POINT OCCURRENCE BUG

It keeps picture after picture in the order of ADR-0006 and erases every third, says "kept N" and
"erased N" on stdout only once that is done, and kills itself the moment POINT comes up for the
OCCURRENCE-th time. BUG plants one of the mistakes that the test must find.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from pathlib import Path
from uuid import UUID

from safelight import vault
from safelight.storage import DiskStore, KeyStore, SealedFileManager

TENANT, PATIENT = UUID(int=1), UUID(int=2)
WHERE = {"tenant": TENANT, "patient": PATIENT, "version": 1}
BUGS = ("none", "acknowledge-first", "erase-late", "key-last")


def image(number: int) -> UUID:
    return UUID(int=10_000 + number)


def key(number: int) -> bytes:
    return hashlib.sha256(f"key {number}".encode()).digest()


def picture(number: int) -> bytes:
    return hashlib.sha256(f"picture {number}".encode()).digest() * 700


def blob_context(number: int) -> bytes:
    return vault.context("safelight-blob-v1", TENANT, image(number), "original")


class Points:
    """Counts what comes up and dies at the chosen one."""

    def __init__(self, point: str, occurrence: int) -> None:
        self._point, self._left = point, occurrence

    def reached(self, point: str) -> None:
        if point == self._point:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def watch_system(self) -> None:
        """Put a point before and after each call that changes the disk."""
        for name in ("write", "fsync", "link", "unlink"):
            setattr(os, name, self._watched(name, getattr(os, name)))

    def _watched(self, name, real):
        def call(*args, **more):
            self.reached(f"before {name}")
            done = real(*args, **more)
            self.reached(f"after {name}")
            return done

        return call

    def watch_database(self, store: KeyStore) -> None:
        """Put a point before each statement that begins or ends a transaction, or changes rows."""

        def seen(statement: str) -> None:
            word = statement.split()[0].lower()
            self.reached(f"sql {'checkpoint' if 'wal_checkpoint' in statement else word}")

        store._database.connection().set_trace_callback(seen)


def run(folder: Path, start: int, points: Points, bug: str) -> None:
    manager = SealedFileManager.open(folder / "seal.json", "p")
    store, blobs = KeyStore(folder / "keys.db", manager), DiskStore(folder / "blobs")
    out = os.dup(1)
    say = os.write
    points.watch_system()
    points.watch_database(store)

    def keep(number: int) -> None:
        if bug == "acknowledge-first":
            say(out, f"kept {number}\n".encode())
        steps = [
            lambda: store.put(image(number), data_key=key(number), **WHERE),
            lambda: blobs.put(
                f"{image(number)}/original",
                vault.seal(key(number), picture(number), context=blob_context(number)),
            ),
        ]
        if bug == "key-last":
            steps.reverse()
        steps[0]()
        points.reached("between key and blob")
        if bug == "key-last":
            say(out, f"kept {number}\n".encode())
        steps[1]()
        points.reached("before the answer")
        say(out, f"kept {number}\n".encode())

    def erase(number: int) -> None:
        if bug == "erase-late":
            say(out, f"erased {number}\n".encode())
        store.erase([image(number)])
        points.reached("between key and bytes")
        say(out, f"erased {number}\n".encode())
        blobs.delete(f"{image(number)}/original")

    for number in range(start, start + 6):
        keep(number)
        if number % 3 == 2:
            erase(number - 1)


if __name__ == "__main__":
    where, first, name, times, planted = sys.argv[1:]
    assert planted in BUGS
    run(Path(where), int(first), Points(name, int(times)), planted)

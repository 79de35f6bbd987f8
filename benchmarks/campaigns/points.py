"""Named points in a shift, put around the calls that change the disk and the steps of the flows."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from typing import Any

CALLS = ("write", "fsync", "link", "unlink", "replace", "mkdir")
WORDS = ("begin", "insert", "update", "delete", "commit", "rollback", "savepoint")


class Points:
    """Counts what comes up, and dies at the chosen one."""

    def __init__(self, point: str, occurrence: int) -> None:
        self._point, self._left = point, occurrence
        self.seen: Counter[str] = Counter()

    def reached(self, point: str) -> None:
        """Count the point; die if it is the one."""
        self.seen[point] += 1
        if point == self._point:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def everywhere(self) -> None:
        """Put every point in its place. Only ever called in a process made to die."""
        from django.db.backends.signals import connection_created

        from safelight.flows import capture, copies, erasing, exposing, keeping, release, withdraw
        from safelight.records import log
        from safelight.storage import (
            Ballast,
            DiskStore,
            KeyStore,
            Nightly,
            SealedFileManager,
            database,
        )

        for name in CALLS:
            self._around(os, name, name)
        for where, names in (
            (KeyStore, ("put", "erase", "scrub")),
            (Nightly, ("rotate", "destroy_old")),
            (DiskStore, ("put", "delete")),
            (Ballast, ("restore",)),
            (SealedFileManager, ("rotate", "destroy_version")),
            (keeping, ("begin", "settle", "destroy")),
            (erasing, ("queue", "finish_erasure")),
            (capture, ("_keep", "_commit")),
            (copies, ("seal",)),
            (exposing, ("sealed_disclosure",)),
            (release, ("_pass_on", "_approved")),
            (withdraw, ("_close",)),
            (log, ("append",)),
        ):
            for name in names:
                self._around(where, name, f"{where.__name__.split('.')[-1]} {name.strip('_')}")
        connected: Callable[..., Any] = database._connected

        def watched(*args: Any) -> Any:
            made = connected(*args)
            made.set_trace_callback(lambda statement: self._statement("keys", statement))
            return made

        database._connected = watched
        connection_created.connect(self._records_opened, weak=False)

    def _records_opened(self, connection: Any, **_: Any) -> None:
        connection.connection.set_trace_callback(
            lambda statement: self._statement("records", statement)
        )

    def _statement(self, which: str, statement: str) -> None:
        word = statement.split(None, 1)[0].lower()
        if "wal_checkpoint" in statement:
            self.reached(f"{which} checkpoint")
        elif word in WORDS:
            self.reached(f"{which} {word}")

    def _around(self, where: Any, name: str, said: str) -> None:
        real = getattr(where, name)

        def call(*args: Any, **more: Any) -> Any:
            self.reached(f"before {said}")
            done = real(*args, **more)
            self.reached(f"after {said}")
            return done

        setattr(where, name, call)

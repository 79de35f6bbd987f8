"""The process from which every decoding process is forked.

Started by exec, so that it holds no key, no session and no picture; ends when the server's end of
`control` closes. It never reads a foreign byte: each picture goes to a fork of its own, which locks
itself first, so no process ever holds two patients' pixels.

Nothing of it runs in the server, so no coverage is counted here: test_lock and test_darkroom drive
it as it runs, in a process of its own.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from safelight.interop import lock, wire

if TYPE_CHECKING:
    from collections.abc import Callable

    Work = Callable[[int, int], None]

LOCKED, UNLOCKED = b"L", b"U"
READY = b"ready"
STATUS = struct.Struct("<i")
_IN, _OUT, _NOWHERE = 0, 1, 2
_FILES_PER_JOB = 3


class NotAlone(RuntimeError):
    """The zygote has threads: a fork would leave their locks held for ever."""


def main() -> int:  # pragma: no cover - as the module says
    """Warm the decoders and fork for pictures until the server is gone."""
    from safelight.interop import developing  # only here is Pillow loaded

    developing.warm()
    return serve(socket.socket(fileno=int(sys.argv[2])), developing.work)


def serve(control: socket.socket, work: Work) -> int:  # pragma: no cover - as the module says
    """Fork one child per message until `control` ends.

    Each message carries a reading end, a writing end and a socket on which the child's wait status
    is told; when the server closes that socket, the child is killed.
    """
    _refuse_company()
    gc.freeze()
    _Nursery(control, work).run()
    return 0


def _refuse_company() -> None:  # pragma: no cover - as the module says
    tasks = Path("/proc/self/task")
    if tasks.is_dir() and len(list(tasks.iterdir())) != 1:
        raise NotAlone("more than one thread before the first fork")
    if {"numpy", "onnxruntime", "django"} & set(sys.modules):
        raise NotAlone("something was loaded that decoding doesn't need")


class _Nursery:  # pragma: no cover - as the module says
    """The children that run now, each with the socket of whoever asked for it."""

    def __init__(self, control: socket.socket, work: Work) -> None:
        self._control, self._work = control, work
        self._asked_by: dict[int, tuple[int, socket.socket]] = {}
        self._poll = select.poll()
        self._woken, waker = socket.socketpair()
        for end in (self._woken, waker):
            end.setblocking(False)
        self._waker = waker
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)

    def run(self) -> None:
        self._poll.register(self._control, select.POLLIN)
        self._poll.register(self._woken, select.POLLIN)
        self._control.send(READY)
        while True:
            ready = {number for number, _ in self._poll.poll()}
            # In this order, so that no number is acted on after it was closed and given out anew.
            for number in ready & self._asked_by.keys():
                self._give_up(number)
            if self._woken.fileno() in ready:
                self._reap()
            if self._control.fileno() in ready and not self._take():
                return

    def _take(self) -> bool:
        message, files, _, _ = socket.recv_fds(self._control, 1, _FILES_PER_JOB)
        if not message:
            return False
        if len(files) == _FILES_PER_JOB:
            self._bear(files, locked=message != UNLOCKED)
        for each in files[:2]:
            os.close(each)
        return True

    def _bear(self, files: list[int], *, locked: bool) -> None:
        asker = socket.socket(fileno=files[2])
        zygote = os.getpid()
        try:
            child = os.fork()
        except OSError:
            asker.close()
            return
        if child == 0:
            _live(files[0], files[1], self._work, locked=locked, zygote=zygote)
        self._asked_by[asker.fileno()] = (child, asker)
        self._poll.register(asker, select.POLLIN)

    def _give_up(self, number: int) -> None:
        """Whoever asked has hung up or run out of patience."""
        child, _ = self._asked_by[number]
        self._poll.unregister(number)
        os.kill(child, signal.SIGKILL)

    def _reap(self) -> None:
        self._woken.recv(4096)
        ended: dict[int, int] = {}
        while len(ended) < len(self._asked_by):
            child, status = os.waitpid(-1, os.WNOHANG)
            if child == 0:
                break
            ended[child] = status
        for number, (child, asker) in list(self._asked_by.items()):
            if child in ended:
                self._tell(number, asker, ended[child])

    def _tell(self, number: int, asker: socket.socket, status: int) -> None:
        del self._asked_by[number]
        with suppress(KeyError):  # already given up on
            self._poll.unregister(number)
        with suppress(OSError):  # nobody is listening any more
            asker.send(STATUS.pack(status), socket.MSG_DONTWAIT)
        asker.close()


def _live(
    reading: int, writing: int, work: Work, *, locked: bool, zygote: int
) -> None:  # pragma: no cover - as the module says
    """The child's whole life: keep three files, lock, work, end without tidying up."""
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for have, want in ((reading, _IN), (writing, _OUT), (nowhere, _NOWHERE)):
            os.dup2(have, want)
        os.closerange(_NOWHERE + 1, os.sysconf("SC_OPEN_MAX"))
        missing = lock.close() if locked else {}
        if os.getppid() != zygote:
            return
        if locked and not lock.is_enough(missing):
            os.write(_OUT, wire.say_no_lock(missing))
        else:
            work(_IN, _OUT)
        os.close(_OUT)
    finally:
        os._exit(0)

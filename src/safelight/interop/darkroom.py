"""The server's side of locked decoding: hands a file in, takes pixels out, trusts neither.

Safe to use from many threads at once, and after a fork.
"""

from __future__ import annotations

import fcntl
import os
import select
import socket
import subprocess
import threading
import time
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

from safelight.interop import lock, zygote
from safelight.interop.lock import LockUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_F_SETPIPE_SZ = 1031
_PIPE_BYTES = 1 << 20
_START_SECONDS = 30.0
_STATUS_SECONDS = 2.0
_ATTEMPTS = 3


class Ended(Exception):
    """The decoding process ended, or closed its answer, before the answer was complete."""


class TooSlow(Exception):
    """The wall clock ran out."""


class ZygoteGone(Exception):
    """The zygote ended before it told anything of the job."""


class Job:
    """One picture's exchange with the process forked for it, all of it before one deadline."""

    def __init__(
        self, writing: int, reading: int, status: socket.socket, *, deadline: float
    ) -> None:
        self._writing, self._reading, self._status = writing, reading, status
        self._deadline = deadline

    def send(self, *parts: bytes) -> None:
        """Hand the request in. A process that stops reading is heard out all the same."""
        with suppress(BrokenPipeError):
            for part in parts:
                left = memoryview(part)
                while left:
                    self._wait(self._writing, select.POLLOUT)
                    left = left[os.write(self._writing, left[:_PIPE_BYTES]) :]
        os.close(self._writing)
        self._writing = -1

    def read(self, count: int) -> bytes:
        """Return exactly `count` bytes of the answer."""
        held = bytearray(count)
        self.read_into(memoryview(held))
        return bytes(held)

    def read_into(self, room: memoryview) -> None:
        """Fill `room` with the answer's next bytes."""
        while room:
            self._wait(self._reading, select.POLLIN)
            count = os.readv(self._reading, [room])
            if count == 0:
                raise Ended
            room = room[count:]

    def is_at_end(self) -> bool:
        """Say whether the answer ends here, waiting for it."""
        self._wait(self._reading, select.POLLIN)
        return os.read(self._reading, 1) == b""

    def wait_status(self) -> int:
        """Return the wait status of the process, which is killed if it still runs."""
        with suppress(OSError):
            self._status.shutdown(socket.SHUT_WR)
        self._status.settimeout(_STATUS_SECONDS)
        try:
            told = self._status.recv(zygote.STATUS.size)
        except OSError as error:
            raise ZygoteGone from error
        if len(told) != zygote.STATUS.size:
            raise ZygoteGone
        status: int = zygote.STATUS.unpack(told)[0]
        return status

    def close(self) -> None:
        """Let go of everything; the process is killed if it still runs."""
        for number in (self._writing, self._reading):
            if number >= 0:
                os.close(number)
        self._writing = self._reading = -1
        self._status.close()

    def _wait(self, number: int, event: int) -> None:
        poll = select.poll()
        poll.register(number, event)
        left = self._deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise TooSlow


class Darkroom:
    """A zygote, started when first needed and again when it ended."""

    def __init__(self, command: Callable[[str], Sequence[str]] | None = None) -> None:
        """command: what to run, given the number of the control socket; ours if left out."""
        self._command = command or _our_zygote
        self._guard = threading.Lock()
        # Each process may take MEMORY_BYTES: a queue is better than a machine that swaps.
        self._places = threading.BoundedSemaphore(max(2, os.cpu_count() or 1))
        self._zygote: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    @contextmanager
    def job(self, *, locked: bool, seconds: float) -> Iterator[Job]:
        """Fork a process for one picture; `seconds` run from when it was asked for."""
        with self._places:
            job = self._start_job(locked=locked, seconds=seconds)
            with closing(job):
                yield job

    def close(self) -> None:
        """End the zygote, and with it every process that it forked."""
        with self._guard:
            self._stop()

    def forget(self) -> None:
        """In a forked copy of the server: leave the zygote to the original."""
        self._guard = threading.Lock()
        self._places = threading.BoundedSemaphore(max(2, os.cpu_count() or 1))
        if self._control is not None:
            self._control.close()
        self._zygote = self._control = None

    def discard(self) -> None:
        """Kill a zygote that no longer answers; the next job starts another."""
        with self._guard:
            if self._zygote is not None:
                self._zygote.kill()
            self._stop()

    def _start_job(self, *, locked: bool, seconds: float) -> Job:
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        status, theirs_status = socket.socketpair()
        for number in (ours_out, ours_in):
            os.set_blocking(number, False)
            with suppress(OSError):  # a wish: a pipe of the ordinary size works as well
                fcntl.fcntl(number, _F_SETPIPE_SZ, _PIPE_BYTES)
        job = Job(ours_out, ours_in, status, deadline=time.monotonic() + seconds)
        try:
            self._hand_over(
                zygote.LOCKED if locked else zygote.UNLOCKED,
                [theirs_in, theirs_out, theirs_status.fileno()],
            )
        except BaseException:
            job.close()
            raise
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
            theirs_status.close()
        return job

    def _hand_over(self, message: bytes, files: list[int]) -> None:
        with self._guard:
            for _ in range(_ATTEMPTS):
                try:
                    socket.send_fds(self._running(), [message], files)
                except OSError:
                    self._stop()
                else:
                    return
        raise LockUnavailable("the decoding process can't be reached")

    def _running(self) -> socket.socket:
        if self._zygote is not None and self._zygote.poll() is not None:
            self._stop()
        if self._control is None:
            self._start()
        assert self._control is not None
        return self._control

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._zygote = subprocess.Popen(  # noqa: S603 - our own interpreter, no shell
                self._command(str(theirs.fileno())),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=lock.bare_environment(),
                cwd="/",
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        ours.settimeout(_START_SECONDS)
        self._control = ours
        try:
            said = ours.recv(len(zygote.READY))
        except OSError:
            said = b""
        if said != zygote.READY:
            self._zygote.kill()
            self._stop()
            raise LockUnavailable("the decoding process didn't start")

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._zygote is not None:
            try:
                self._zygote.wait(_STATUS_SECONDS)
            except subprocess.TimeoutExpired:
                self._zygote.kill()
                self._zygote.wait()
        self._zygote = self._control = None


def _our_zygote(control: str) -> Sequence[str]:
    return lock.isolated("safelight.interop.zygote", "main", control)

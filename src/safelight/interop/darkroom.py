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
_GRACE_SECONDS = 0.5
"""How long a process that closed its answer may take to end by itself and tell how."""
_ATTEMPTS = 3


class Ended(Exception):
    """The decoding process ended, or closed its answer, before the answer was complete."""


class TooSlow(Exception):
    """The wall clock ran out."""


class ZygoteGone(Exception):
    """The zygote ended before it told anything of the job."""


class Job:
    """One picture's exchange with the process forked for it, all of it before one deadline."""

    def __init__(self, writing: int, reading: int, status: socket.socket) -> None:
        self._writing, self._reading, self._status = writing, reading, status
        self._deadline = 0.0

    def start_clock(self, seconds: float) -> None:
        """Let the time run; starting a zygote isn't counted against the picture."""
        self._deadline = time.monotonic() + seconds

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

    def wait_status(self, *, grace: float = _GRACE_SECONDS) -> int:
        """Return the wait status of the process, which is killed if it runs on beyond `grace`."""
        told = None
        with suppress(OSError):
            told = self._told(grace) if grace else None
            if told is None:
                self._status.shutdown(socket.SHUT_WR)
                told = self._told(_STATUS_SECONDS)
        if told is None or len(told) != zygote.STATUS.size:
            raise ZygoteGone
        status: int = zygote.STATUS.unpack(told)[0]
        return status

    def _told(self, seconds: float) -> bytes | None:
        self._status.settimeout(seconds)
        with suppress(TimeoutError):
            return self._status.recv(zygote.STATUS.size)
        return None

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
        """Fork a process for one picture; `seconds` run from when it was forked.

        A zygote that doesn't answer is killed on ZygoteGone; the next job starts another.
        """
        with self._places:
            job, asked = self._start_job(locked=locked, seconds=seconds)
            with closing(job):
                try:
                    yield job
                except ZygoteGone:
                    self._discard(asked)
                    raise

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

    def _discard(self, asked: subprocess.Popen[bytes]) -> None:
        with self._guard:
            if self._zygote is asked:  # else another thread has replaced it already
                asked.kill()
                self._stop()

    def _start_job(self, *, locked: bool, seconds: float) -> tuple[Job, subprocess.Popen[bytes]]:
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        status, theirs_status = socket.socketpair()
        for number in (ours_out, ours_in):
            os.set_blocking(number, False)
            with suppress(OSError):  # a wish: a pipe of the ordinary size works as well
                fcntl.fcntl(number, _F_SETPIPE_SZ, _PIPE_BYTES)
        job = Job(ours_out, ours_in, status)
        try:
            asked = self._hand_over(
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
        job.start_clock(seconds)
        return job, asked

    def _hand_over(self, message: bytes, files: list[int]) -> subprocess.Popen[bytes]:
        with self._guard:
            for _ in range(_ATTEMPTS):
                control, asked = self._running()
                try:
                    socket.send_fds(control, [message], files)
                except OSError:
                    self._stop()
                else:
                    return asked
        raise LockUnavailable("the decoding process can't be reached")

    def _running(self) -> tuple[socket.socket, subprocess.Popen[bytes]]:
        if self._zygote is not None and self._zygote.poll() is not None:
            self._stop()
        if self._control is None or self._zygote is None:
            return self._start()
        return self._control, self._zygote

    def _start(self) -> tuple[socket.socket, subprocess.Popen[bytes]]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(_START_SECONDS)
        try:
            with theirs:
                started = self._launch(theirs.fileno())
        except OSError as error:
            ours.close()
            raise LockUnavailable("the decoding process can't be started") from error
        self._control, self._zygote = ours, started
        try:
            said = ours.recv(len(zygote.READY))
        except OSError:
            said = b""
        if said != zygote.READY:
            started.kill()
            self._stop()
            raise LockUnavailable("the decoding process didn't start")
        return ours, started

    def _launch(self, control: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - our own interpreter, no shell
            self._command(str(control)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=lock.bare_environment(),
            cwd="/",
            pass_fds=[control],
            start_new_session=True,
        )

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

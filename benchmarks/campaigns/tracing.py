"""What a process asked of the system: recorded by strace, or made to fail by it.

strace sits at the kernel's edge: whatever writes, Python or SQLite, is seen, and a call that is
told to fail never happens.
"""

from __future__ import annotations

import codecs
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

WATCHED = (
    "openat,write,pwrite64,writev,pwritev,ftruncate,fsync,fdatasync,rename,renameat,renameat2,"
    "link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir,fallocate,lseek,sendto"
)
_ATTACH_SECONDS = 60
_LINE = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += (-?\d+|\?)(.*)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Call:
    """One call: its name, its arguments as strace wrote them, its answer, and what follows it."""

    name: str
    arguments: tuple[str, ...]
    answer: int
    rest: str

    @property
    def was_made_to_fail(self) -> bool:
        """Say whether strace answered in the system's place."""
        return "(INJECTED)" in self.rest


def can_trace() -> bool:
    """Say whether strace is here and may watch a process."""
    if shutil.which("strace") is None:
        return False
    tried = subprocess.run(
        ["strace", "-o", "/dev/null", "-e", "trace=write", "true"], capture_output=True, check=False
    )
    return tried.returncode == 0


def attaching(log: Path, *more: str) -> Callable[[int], Callable[[], None]]:
    """Return what gets hold of a process by its id, and then hands back how to let go."""

    def attach(pid: int) -> Callable[[], None]:
        log.unlink(missing_ok=True)
        watcher = subprocess.Popen(
            ["strace", "-p", str(pid), "-o", str(log), *more],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + _ATTACH_SECONDS
        while not _is_held(pid):
            if watcher.poll() is not None or time.monotonic() > until:
                raise RuntimeError("strace can't get hold of the process")
            time.sleep(0.005)
        return lambda: _let_go(watcher)

    return attach


def _let_go(watcher: subprocess.Popen[bytes]) -> None:
    watcher.wait(60)


def _is_held(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^TracerPid:\t(\d+)", status, re.MULTILINE)
    return found is not None and found[1] != "0"


def calls(log: Path) -> list[Call]:
    """Return every whole call of a log."""
    found = []
    for line in log.read_text(errors="surrogateescape").splitlines():
        matched = _LINE.match(line)
        if matched and matched[3] != "?":
            found.append(Call(matched[1], tuple(_split(matched[2])), int(matched[3]), matched[4]))
    return found


def text(argument: str) -> bytes:
    """Return what a quoted argument says."""
    inner = argument[argument.index('"') + 1 : argument.rindex('"')]
    return codecs.escape_decode(inner.encode("ascii"))[0]  # type: ignore[no-any-return]


def path_of(argument: str) -> str:
    """Return the path that strace put behind a file's number."""
    found = re.search(r"<([^<>]*)>", argument)
    raw = found[1] if found else ""
    decoded: bytes = codecs.escape_decode(raw.encode("ascii"))[0]  # type: ignore[assignment]
    return decoded.decode(errors="surrogateescape")


def number_of(argument: str) -> int:
    """Return a file's number."""
    found = re.match(r"-?\d+", argument)
    return int(found[0]) if found else -1


def _split(arguments: str) -> Sequence[str]:
    """Split at commas outside quotes and brackets."""
    parts, depth, quoted, at = [], 0, False, 0
    for here, letter in enumerate(arguments):
        if letter == '"' and (here == 0 or arguments[here - 1] != "\\"):
            quoted = not quoted
        elif not quoted and letter in "[{(<":
            depth += 1
        elif not quoted and letter in "]})>":
            depth -= 1
        elif letter == "," and not quoted and depth == 0:
            parts.append(arguments[at:here].strip())
            at = here + 1
    parts.append(arguments[at:].strip())
    return parts

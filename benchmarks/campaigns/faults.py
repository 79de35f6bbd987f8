"""Every system call of an upload and a withdrawal fails once, and the disk is full to each degree.

The system's answer is replaced at the kernel's edge (EIO, ENOSPC). The process lives on: it may
refuse, it may try again; the next start finds nothing lost, nothing back and nothing left over.
Where an fsync failed the power goes as well afterwards: what it was about is forgotten by the disk
for good, and still nothing that was acknowledged is lost.
"""

from __future__ import annotations

import errno
import os
import random
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.campaigns import disk, planting, tracing
from benchmarks.campaigns.nursery import Nursery, Said, Shift
from benchmarks.campaigns.outcome import Clock, Outcome

FAILING = (
    "openat",
    "read",
    "pread64",
    "write",
    "pwrite64",
    "ftruncate",
    "fsync",
    "fdatasync",
    "rename",
    "link",
    "unlink",
    "mkdir",
)
ERRORS = ("EIO", "ENOSPC")
ACTS = ("capture a1", "withdraw b")
DISK_MIB = 24
_PAGE = 4096


@dataclass(frozen=True, slots=True)
class Fault:
    """The nth call by that name gets that error."""

    name: str
    nth: int
    error: str

    def __str__(self) -> str:
        return f"{self.name} {self.nth} {self.error}"


def run(
    work: Path,
    *,
    faults: int,
    planted: bool = True,
    minutes: float = 600,
    seed: int = 1,
    first: int = 0,
) -> Outcome:
    """Let that many calls fail, one a trial, in an order by chance; all of them if there are fewer.

    first: leave out so many of that order, which another run had.
    """
    outcome, clock = Outcome("faults"), Clock(minutes)
    with Nursery(work) as nursery:
        every = _every_fault(nursery)
        outcome.figures["faults there are"] = len(every)
        chosen = random.Random(seed).sample(every, min(faults, len(every)))
        for fault in chosen[first:]:
            if clock.ran_out:
                break
            outcome.tried += 1
            said, wrongs = _with(nursery, fault)
            outcome.bad += [f"{fault}: {wrong}" for wrong in wrongs]
            for line in said.lines if said else ():
                if "refused" in line:
                    outcome.count(f"refused as {line['as']}")
        if planted:
            outcome.found[planting.DEAF] = _found_deaf(nursery, every)
    return outcome


def _every_fault(nursery: Nursery) -> list[Fault]:
    nursery.reset()
    log = nursery.home.with_name("calls.txt")
    nursery.watched(Shift(acts=ACTS), tracing.attaching(log, "-e", f"trace={','.join(FAILING)}"))
    often = Counter(call.name for call in tracing.calls(log))
    return [
        Fault(name, nth, error)
        for name in FAILING
        for nth in range(1, often[name] + 1)
        for error in ERRORS
        if error == "EIO" or name not in ("read", "pread64")
    ]


def _with(nursery: Nursery, fault: Fault, *, plant: str = "") -> tuple[Said | None, list[str]]:
    nursery.reset()
    before = disk.folder_as_it_is(nursery.home)
    log = nursery.home.with_name("calls.txt")
    watch = ("-y", "-xx", "-s", "100000000", "-e", f"trace={tracing.WATCHED}")
    inject = f"inject={fault.name}:error={fault.error}:when={fault.nth}"
    if fault.name not in tracing.WATCHED.split(","):
        watch = (*watch[:-1], f"{watch[-1]},{fault.name}")
    try:
        said = nursery.watched(
            Shift(plant=plant, acts=ACTS), tracing.attaching(log, *watch, "-e", inject)
        )
    except RuntimeError as error:
        return None, [f"it didn't go on: {str(error)[-300:]}"]
    found = nursery.judge(said.lines, resend=True)
    if fault.name in disk.SYNCING:
        state = disk.least_at_end(disk.read(nursery.home, before, tracing.calls(log)))
        disk.put_down(nursery.home, state.files)
        lost = nursery.judge(list(state.said))
        found += [f"acknowledged although its fsync failed: {wrong}" for wrong in lost]
    return said, found


def _found_deaf(nursery: Nursery, every: Sequence[Fault]) -> int:
    """Return how often a build that ignores a failed fsync is found out, among all its fsyncs."""
    syncs = [each for each in every if each.name == "fsync" and each.error == "EIO"]
    return sum(bool(_with(nursery, fault, plant=planting.DEAF)[1]) for fault in syncs[:8])


# A full disk


def run_full(
    work: Path, *, levels: int, planted: bool = True, minutes: float = 600, first: int = 0
) -> Outcome:
    """Fill the disk but for 0, 1, 2 … pages: a picture is kept or refused, a withdrawal succeeds."""
    outcome, clock = Outcome("full disk"), Clock(minutes)
    with small_disk(work / "home"), Nursery(work) as nursery:
        for free in range(first, levels):
            if clock.ran_out:
                break
            outcome.tried += 1
            said, wrongs = _on_full(nursery, free)
            outcome.bad += [f"{free} pages free: {wrong}" for wrong in wrongs]
            refused = {line["refused"] for line in said.lines if "refused" in line}
            outcome.count("pictures refused" if "capture a1" in refused else "pictures kept")
            outcome.count("withdrawals that succeeded", int("withdraw b" not in refused))
        if planted:
            tried = (_on_full(nursery, free, plant=planting.NO_BALLAST)[1] for free in range(3))
            outcome.found[planting.NO_BALLAST] = sum(map(bool, tried))
    return outcome


def _on_full(nursery: Nursery, free: int, *, plant: str = "") -> tuple[Said, list[str]]:
    nursery.reset()
    if plant == planting.NO_BALLAST:
        (nursery.home / "keys" / "keys.db.ballast").unlink()
    filler = nursery.home / "filler"
    _fill(filler)
    os.truncate(filler, max(filler.stat().st_size - free * _PAGE, 0))
    said = nursery.run(Shift(plant=plant, acts=ACTS))
    refused = [line for line in said.lines if line.get("refused") == "withdraw b"]
    found = [f"the withdrawal was refused: {line['as']} {line['where']}" for line in refused]
    filler.unlink()
    return said, found + nursery.judge(said.lines, resend=True)


def _fill(filler: Path) -> None:
    with filler.open("ab", buffering=0) as file:
        for size in (2**20, 2**16, _PAGE, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


@contextmanager
def small_disk(where: Path) -> Iterator[None]:
    """Mount a small disk in memory. Raises OSError where that isn't allowed."""
    where.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(where)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        raise PermissionError("mounting a small disk needs root, and a system that lets it")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(where)], check=True)

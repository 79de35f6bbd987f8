"""Power cuts: what the process wrote is replayed to every state that POSIX lets a disk be left in.

One shift is recorded at the kernel's edge. For each state the next start recovers, and then what
had been acknowledged by the moment of the cut must hold. SQLite's files are part of it, its shared
memory isn't: it is made anew.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.campaigns import disk, planting, tracing
from benchmarks.campaigns.nursery import Nursery, Shift
from benchmarks.campaigns.outcome import Clock, Outcome

PLANTED = (planting.NO_FSYNC, planting.NAMES_UNSYNCED, planting.ROW_FIRST)
_PLANTED_STATES = 150
"""After so many states a planted mistake counts as not found."""
_MOST_TRIES = 20
"""How many choices in a row may give a state that was seen before."""


def run(
    work: Path,
    *,
    states: int,
    planted: Sequence[str] = PLANTED,
    minutes: float = 600,
    seed: int = 1,
) -> Outcome:
    """Judge that many states, and with each planted mistake as many as it takes, up to a limit."""
    outcome, clock = Outcome("power"), Clock(minutes)
    with Nursery(work) as nursery:
        made = recorded(nursery, Shift())
        outcome.figures["changes recorded"] = len(made.changes)
        outcome.figures["of them never durable"] = sum(c.durable_at is None for c in made.changes)
        for state in _different(made, states, random.Random(seed)):
            if clock.ran_out:
                break
            outcome.tried += 1
            outcome.bad += [f"{state.how}: {wrong}" for wrong in _wrongs(nursery, state)]
        for plant in planted:
            outcome.found[plant] = _found(nursery, plant, random.Random(seed))
    return outcome


def recorded(nursery: Nursery, shift: Shift) -> disk.Recording:
    """Record one shift from the installation's beginning."""
    nursery.reset()
    log = nursery.home.with_name("calls.txt")
    before = disk.folder_as_it_is(nursery.home)
    watch = ("-y", "-xx", "-s", "100000000", "-e", f"trace={tracing.WATCHED}")
    said = nursery.watched(shift, tracing.attaching(log, *watch))
    made = disk.read(nursery.home, before, tracing.calls(log))
    if [line for _, line in made.said] != said.lines:
        raise RuntimeError("the recording doesn't hold what was said")
    after = disk.folder_as_it_is(nursery.home)
    whole = disk.state_at_end(made)
    if after != whole:
        changed = sorted(n for n in after.keys() | whole.keys() if after.get(n) != whole.get(n))
        raise RuntimeError(f"the recording doesn't end as the folder does: {changed}")
    return made


def _found(nursery: Nursery, plant: str, dice: random.Random) -> int:
    """Return how many states tell of the mistake; three are enough."""
    made = recorded(nursery, Shift(plant=plant))
    found = 0
    for state in _different(made, _PLANTED_STATES, dice):
        found += bool(_wrongs(nursery, state))
        if found == 3:
            break
    return found


def _different(made: disk.Recording, most: int, dice: random.Random) -> Iterator[disk.State]:
    """Yield states that weren't seen before, with what had been said."""
    seen: set[bytes] = set()
    again = 0
    if most == 0:
        return
    for state in disk.states(made, dice):
        digest = _digest(state)
        if digest in seen:
            again += 1
            if again > _MOST_TRIES * len(made.changes):
                return
            continue
        seen.add(digest)
        again = 0
        yield state
        if len(seen) >= most:
            return


def _digest(state: disk.State) -> bytes:
    said = json.dumps(state.said, sort_keys=True).encode()
    files = [f"{name} {hashlib.sha256(data).hexdigest()}" for name, data in state.files.items()]
    return hashlib.sha256("\n".join(sorted(files)).encode() + said).digest()


def _wrongs(nursery: Nursery, state: disk.State) -> list[str]:
    found = list(_left(state))
    disk.put_down(nursery.home, state.files)
    return found + nursery.judge(list(state.said))


def _left(state: disk.State) -> Iterator[str]:
    """Yield the files in which a key lies that was acknowledged as overwritten."""
    needles = _scrubbed_needles(state)
    for name, data in state.files.items():
        if any(needle in data for needle in needles):
            yield f"{name} holds a key that was acknowledged as overwritten"


def _scrubbed_needles(state: disk.State) -> list[bytes]:
    """Return the needles that were followed by the word that they are overwritten."""
    done: list[bytes] = []
    waiting: list[bytes] = []
    for line in state.said:
        waiting += [bytes.fromhex(each) for each in line.get("needles", ())]
        if "scrubbed" in line:
            done, waiting = done + waiting, []
    return done

"""kill -9 at named points and at random, over everything that writes.

After each kill the next start recovers as the worker does; then nothing acknowledged is lost,
nothing erased is back, no orphan is left, the ledger is whole, and what is sent again is taken in
once. A kill can't show a missing fsync, since the system still has the bytes: `power` does.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.campaigns import planting
from benchmarks.campaigns.nursery import Nursery, Shift
from benchmarks.campaigns.outcome import Clock, Outcome

RANDOM_EACH = 4
"""Of so many kills one comes at a random moment, the others at the named points in turn."""
PLANTED = {
    planting.ACKNOWLEDGE_FIRST: ("before capture keep", "before withdraw close"),
    planting.ROW_FIRST: ("before capture keep", "before KeyStore put"),
    planting.FORGETFUL: ("before erasing queue",),
}
"""Where a build with that mistake is killed."""
_GOLDEN = 0.6180339887


def run(
    work: Path,
    *,
    kills: int,
    planted: Sequence[str] = tuple(PLANTED),
    minutes: float = 600,
    seed: int = 1,
    first: int = 0,
) -> Outcome:
    """Kill that often, less the first; with each planted mistake a few times."""
    outcome, clock, dice = Outcome("kills"), Clock(minutes), random.Random(seed + first)
    with Nursery(work) as nursery:
        nursery.reset()
        began = time.monotonic()
        counted = nursery.run(Shift(count=True))
        lasts = time.monotonic() - began
        seen: dict[str, int] = counted.lines[-1]["points"]
        outcome.bad += [f"not killed: {each}" for each in nursery.judge(counted.lines, resend=True)]
        outcome.figures["points"] = len(seen)
        for number in range(first, kills):
            if clock.ran_out:
                break
            if number % RANDOM_EACH == 0:
                shift = Shift(kill_after_s=dice.uniform(0, lasts * 1.1))
            else:
                shift = _named(number - number // RANDOM_EACH, seen)
            _kill(nursery, shift, outcome)
        for name in planted:
            outcome.found[name] = sum(
                bool(_wrongs(nursery, Shift(plant=name, point=point, occurrence=times)))
                for point in PLANTED[name]
                for times in (1, 2)
            )
    return outcome


def _named(number: int, seen: dict[str, int]) -> Shift:
    """Return the next point in turn; its occurrences are spread evenly over the turns."""
    names = sorted(seen)
    turn, at = divmod(number, len(names))
    often = seen[names[at]]
    return Shift(point=names[at], occurrence=1 + int(often * (turn * _GOLDEN % 1)))


def _kill(nursery: Nursery, shift: Shift, outcome: Outcome) -> None:
    where = f"{shift.point} {shift.occurrence}" if shift.point else f"{shift.kill_after_s:.3f} s"
    nursery.reset()
    said = nursery.run(shift)
    wrongs = nursery.judge(said.lines, resend=True)
    outcome.bad += [f"killed at {where}: {wrong}" for wrong in wrongs]
    if not said.was_killed:
        outcome.count("ended before the kill")
        return
    outcome.tried += 1
    outcome.count("at random" if not shift.point else "at named points")
    outcome.count("acknowledged pictures", sum("kept" in line for line in said.lines))
    outcome.count("acknowledged as gone", sum(len(line.get("gone", ())) for line in said.lines))


def _wrongs(nursery: Nursery, shift: Shift) -> list[str]:
    nursery.reset()
    return nursery.judge(nursery.run(shift).lines)

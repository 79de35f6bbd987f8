"""A million releases in one register, on one core: how fast it takes and judges them, how large it is.

    python -m benchmarks.expose_million [--releases N] [--seed N]

Patients live anywhere in the shipped table and have one to six releases each: any district, age,
day and detail, to the public, to one of forty closed groups or to both. One release in a hundred is
of somebody else, so that some series contradict themselves. Nothing is judged twice, and no count
of the table is warm when judging begins. Processor time of one process, held to one core.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from safelight import exposure
from safelight.exposure.population import Population

RELEASES = 1_000_000
ASSESSED, REPORTED = 20_000, 2_000
"""Releases judged for all who see them, and those of which the whole report is made."""
CHUNK = 1_000
"""Patients whose releases come in mixed."""
FIRST_DAY, DAYS = date(2021, 1, 1), 5 * 365
SOMEBODY_ELSE = 0.01
GROUPS = 40
KINDS = ("age", "sex", "place", "ethnicity", "condition", "marks", "event", "unmapped", "not")
ODDS = (22, 16, 20, 6, 12, 8, 4, 8, 4)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom releases are about."""

    born: date
    sex: str
    place: str
    ethnicity: str
    condition: str


class Patients:
    """Everybody whom something is told of; the same again for the same seed."""

    def __init__(self, population: Population, seed: int) -> None:
        self._seed = seed
        self._places = population.places
        self._people = np.cumsum(population.counts.sum(axis=(1, 2))).tolist()
        self._areas = {
            place: [
                {"level": level, "code": code}
                for (level, code), mask in population.masks.items()
                if mask >> at & 1
            ]
            for at, place in enumerate(population.places)
        }
        self._groups = list(population.groups)
        self._conditions = list(population.conditions)

    def series(self, number: int) -> Sequence[str]:
        """Return what is told of a patient, the last not yet: lines as `expose` reads them."""
        draw = random.Random(f"{self._seed} {number}")  # made up, no secret
        person = self._person(draw)
        return [self._line(person, number, draw) for _ in range(draw.randint(2, 7))]

    def _person(self, draw: random.Random) -> Person:
        (place,) = draw.choices(self._places, cum_weights=self._people)
        return Person(
            born=FIRST_DAY - timedelta(days=draw.randrange(90 * 365)),
            sex=draw.choice("FM"),
            place=place,
            ethnicity=draw.choice(self._groups),
            condition=draw.choice(self._conditions),
        )

    def _line(self, person: Person, number: int, draw: random.Random) -> str:
        if draw.random() < SOMEBODY_ELSE:
            person = self._person(draw)
        at = FIRST_DAY + timedelta(days=draw.randrange(DAYS))
        kinds = dict.fromkeys(draw.choices(KINDS, ODDS, k=draw.randint(1, 4)))
        group = f"group:{draw.randrange(GROUPS)}"
        said: dict[str, Any] = {
            "id": f"r{draw.randrange(10**9)}",
            "patient": f"p{number}",
            "at": at.isoformat(),
            "audience": draw.choice((["public"], [group], ["public", group])),
            "facts": {kind: self._fact(kind, person, at, draw) for kind in kinds if kind != "not"},
        }
        other = draw.choice(self._places)
        if "not" in kinds and other != person.place:
            said["not"] = {"place": [{"level": "lad", "code": other}]}
        return json.dumps(said)

    def _fact(self, kind: str, person: Person, at: date, draw: random.Random) -> Any:
        if kind == "age":
            years = (at - person.born).days * 4 // 1461
            low = years // 10 * 10
            return draw.choice(({"years": years}, {"band": [low, low + 9]}))
        if kind == "place":
            return draw.choice(self._areas[person.place])
        if kind == "marks":
            share = 10 ** draw.uniform(-5, -2)
            return [{"what": f"mark {draw.randrange(5000)}", "share": [share / 3, share * 3]}]
        if kind == "event":
            day = at - timedelta(days=draw.randrange(60))
            return {"what": draw.choice(("injury", "operation")), "on": day.isoformat()}
        if kind == "unmapped":
            return [f"word {draw.randrange(20_000)}"]
        if kind == "condition":
            return {"name": person.condition}
        return {"sex": person.sex, "ethnicity": person.ethnicity}[kind]


def figures(*, releases: int = RELEASES, seed: int = 11) -> dict[str, float | int | str]:
    """Return appends and assessments a second, the slowest hundredth, and bytes a release."""
    _hold_to_one_core()
    population = replace(exposure.load_population())
    patients, register = Patients(population, seed), exposure.Register(population)
    before, read_s, append_s, done, count = _resident(), 0.0, 0.0, 0, 0
    while done < releases:
        lines = [
            line for number in range(count, count + CHUNK) for line in patients.series(number)[:-1]
        ]
        random.Random(count).shuffle(lines)
        start = time.process_time()
        told = [exposure.read_release(json.loads(line)) for line in lines]
        read_s += time.process_time() - start
        start = time.process_time()
        for each in told:
            register.append(str(each.patient), each)
        append_s += time.process_time() - start
        done, count = done + len(lines), count + CHUNK
    del lines, told
    return {
        "releases": done,
        "patients": count,
        "different_things_told": len(register),
        "ledger_lines_read_per_s": round(done / read_s),
        "appends_per_s": round(done / append_s),
        "bytes_per_release": round((_resident() - before) / done),
    } | _judged(register, patients, population, count)


def _judged(
    register: exposure.Register, patients: Patients, population: Population, count: int
) -> dict[str, float | int | str]:
    """Judge a further release of patients drawn from all of them; compare with the whole report."""
    chosen = random.Random(count).sample(range(count), min(ASSESSED, count))
    took, whole, other = [], [], 0
    for number in chosen:
        *_, line = patients.series(number)
        proposed = exposure.read_release(json.loads(line))
        start = time.process_time()
        judged = register.judge(str(proposed.patient), proposed)
        took.append(time.process_time() - start)
        if len(whole) < REPORTED:
            *history, last = (
                exposure.read_release(json.loads(each)) for each in patients.series(number)
            )
            start = time.process_time()
            report = exposure.assess(history, last, population=population)
            whole.append(time.process_time() - start)
            other += (report.crowd, report.viewers) != (judged[0].crowd, tuple(judged))
    return {
        "assessments": len(took),
        "assessments_per_s": round(len(took) / sum(took)),
        "p50_ms": round(1000 * float(np.quantile(took, 0.5)), 2),
        "p99_ms": round(1000 * float(np.quantile(took, 0.99)), 2),
        "whole_reports_per_s": round(len(whole) / sum(whole)),
        "whole_report_p99_ms": round(1000 * float(np.quantile(whole, 0.99)), 2),
        "whole_reports_that_say_otherwise": other,
    }


def _hold_to_one_core() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def _resident() -> int:
    """Return how much memory this process holds now, in bytes (Linux)."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def main() -> int:
    """Print the figures of one run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--releases", type=int, default=RELEASES)
    parser.add_argument("--seed", type=int, default=11)
    args = parser.parse_args()
    print(json.dumps(figures(releases=args.releases, seed=args.seed), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""How fast the policy decides, on one core, over forty acts that a practice meets."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from safelight import policy
from safelight.policy.page import decide_each

ROUNDS = 7
SECONDS_A_ROUND = 0.7
PAGE = 10_000
STARTS = 11

TOLD = ["purpose", "helps", "retention", "storage", "secondary", "irrevocable", "withdrawal"]
PATIENTS: dict[str, dict[str, Any]] = {
    "adult": {"born": "1955-03-01", "capacity": "has"},
    "child": {"born": "2016-05-04", "gillick": "not-competent", "assessed_on": "2026-11-20"},
    "competent": {"born": "2011-02-11", "gillick": "competent", "assessed_on": "2026-11-20"},
    "lacks": {"born": "1941-12-24", "capacity": "lacks", "assessed_on": "2026-11-20"},
    "dead": {"born": "1938-07-07", "died": "2026-06-01", "known_wishes": {"teaching-local": "yes"}},
}
GIVERS = {
    "adult": "patient",
    "child": "parental-responsibility",
    "competent": "patient",
    "lacks": "lpa-health",
    "dead": "executor",
}
ACTS = (
    ("make", "care", "team"),
    ("view", "care", "team"),
    ("disclose", "second-opinion", "named"),
    ("use", "teaching-local", "organisation"),
    ("disclose", "teaching-wide", "closed-group"),
    ("use", "research", "organisation"),
    ("disclose", "publication", "public"),
    ("disclose", "social", "public"),
)
TESTS = {
    name: {"clinician": True, "representative": True}
    for name in ("necessary", "best_interests", "no_less_restrictive_way")
}


def acts() -> list[dict[str, Any]]:
    """Return the forty: five patients, eight acts, agreed to or not, with and without a history."""
    return [
        _facts(who, act, number)
        for number, (who, act) in enumerate((who, act) for who in PATIENTS for act in ACTS)
    ]


def _facts(who: str, act: tuple[str, str, str], number: int) -> dict[str, Any]:
    action, purpose, audience = act
    agreed = ["care"] if number % 3 == 0 else ["care", purpose]
    consents = [_consent(agreed, GIVERS[who], withdrawn_on=None)]
    if number % 5 == 0:
        consents.append(_consent(["teaching-local"], GIVERS[who], withdrawn_on="2026-08-01"))
    return {
        "action": action,
        "purpose": purpose,
        "audience": audience,
        "at": "2026-11-22T10:00:00Z",
        "patient": PATIENTS[who],
        "recording": {
            "type": "photograph",
            "made_for": "care",
            "made_on": "2026-03-02",
            "identifiable": ("identifiable", "may-be", "anonymised", "could-not-tell")[number % 4],
        },
        "consents": consents,
        "objections": [{"purposes": ["social"], "made_on": "2026-04-01"}]
        if number % 7 == 0
        else [],
        "tests": TESTS if who in ("child", "lacks") else {},
        "release": {"target": "Journal A"},
        "project": {"reference": "P-1", "ethics": "E-1"},
        "organisation_agrees": True,
        "review": {"second_person": True},
        "exposure": {"verdict": "review" if number % 8 in (4, 6) and number % 3 else "clear"},
        "switches": {"var17": None},
        "device": {"registered": True, "personal": False},
    }


def _consent(purposes: list[str], giver: str, *, withdrawn_on: str | None) -> dict[str, Any]:
    return {
        "purposes": purposes,
        "target": "Journal A" if "publication" in purposes else None,
        "identifiable_ok": True,
        "given_on": "2026-03-01",
        "given_by": giver,
        "form": "electronic",
        "told": TOLD,
        "secondary_not_told_because": None,
        "expires_on": None,
        "withdrawn_on": withdrawn_on,
        "final_item_seen": True,
    }


def figures() -> dict[str, float | int | str]:
    """Return the figures; rates are by processor time, so that they are those of one core."""
    pack = policy.load_pack("england")
    mix = acts()
    outcomes = Counter(policy.decide(facts, pack=pack).outcome for facts in mix)
    return {
        "decisions_per_s": round(_decisions_per_s(mix, pack)),
        "decision_slowest_us": round(_slowest_us(mix, pack), 1),
        "page_10000_ms": round(_page_ms(mix, pack), 1),
        "command_start_ms": round(_command_ms(mix[1]), 1),
        "mix_facts": len(mix),
        **{f"mix_{outcome}": outcomes[outcome] for outcome in ("permit", "hold", "refuse")},
        "pack": pack.id,
        "cores": os.cpu_count() or 1,
        "python": sys.version.split()[0],
    }


def _decisions_per_s(mix: list[dict[str, Any]], pack: policy.Pack) -> float:
    rates = []
    for _ in range(ROUNDS):
        done, start = 0, time.process_time()
        while (spent := time.process_time() - start) < SECONDS_A_ROUND:
            for facts in mix:
                policy.decide(facts, pack=pack)
            done += len(mix)
        rates.append(done / spent)
    return statistics.median(rates)


def _slowest_us(mix: list[dict[str, Any]], pack: policy.Pack) -> float:
    """Return the time of the slowest of the mix: the median of its own tries."""
    return max(_median_ms(lambda: policy.decide(facts, pack=pack), 101) for facts in mix) * 1000  # noqa: B023


def _page_ms(mix: list[dict[str, Any]], pack: policy.Pack) -> float:
    """Decide for 10,000 pictures, each with facts of its own in memory, of which forty differ."""
    text = [json.dumps(facts) for facts in mix]
    page = [json.loads(text[number % len(text)]) for number in range(PAGE)]
    return _median_ms(lambda: decide_each(page, pack=pack), ROUNDS)


def _median_ms(act: Any, tries: int) -> float:
    times = []
    for _ in range(tries):
        start = time.process_time()
        act()
        times.append(time.process_time() - start)
    return statistics.median(times) * 1000


def _command_ms(facts: dict[str, Any]) -> float:
    """Return the wall time of the whole command, from its start to its end."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "facts.json"
        path.write_text(json.dumps(facts), encoding="utf-8")
        code = "import sys, safelight.cli; sys.exit(safelight.cli.main())"
        command = [sys.executable, "-c", code, "decide", str(path), "--json"]
        times = []
        for _ in range(STARTS):
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000

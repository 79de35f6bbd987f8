"""The reference of `decide` says what the policy reads: every field, every value, the example."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import pytest

from safelight import policy
from safelight.cli import decide
from safelight.policy import facts as contract

TEXT = Path(__file__).parents[3].joinpath("docs/reference/decide.md").read_text("utf-8")
PACK = policy.load_pack("england")
ROWS = dict(
    re.findall(r"^\| `([a-z_0-9.\[\]]+)` \| (.+?) \|", TEXT.partition("## Answer")[0], re.MULTILINE)
)
EXAMPLES = {
    "day": ["2026-11-22", "2026-11-22T10:00:00Z"],
    "yes or no": [True, False],
    "words": ["some words"],
    "words, or yes or no": ["some words", True],
    "object": [{"care": "yes", "social": "no"}],
}
NAMED = {"*", "nonsense"}.union(
    *(value for value in vars(contract).values() if isinstance(value, frozenset) and value),
    *PACK.terms.words.values(),
)
"""Every value that the contract knows anywhere: each field must take its own, and no other."""


def nested(path: str, value: object) -> dict[str, object]:
    """Return the facts that hold one value at a path such as `consents[].form`."""
    for part in reversed(path.split(".")):
        value = {part[:-2]: [value]} if part.endswith("[]") else {part: value}
    assert isinstance(value, dict)
    return value


def is_known(path: str, value: object) -> bool:
    return not contract.read(nested(path, value), vocabulary=PACK.terms.vocabulary)[1]


def values_of(cell: str) -> tuple[bool, list[str]]:
    return cell.startswith("list of "), re.findall(r"`([^`]+)`", cell)


ENUMS = {path: cell for path, cell in ROWS.items() if "`" in cell}
OTHERS = {path: cell for path, cell in ROWS.items() if "`" not in cell}


@pytest.mark.parametrize("path", ENUMS)
def test_a_field_takes_the_values_in_the_reference_and_no_others(path):
    is_list, documented = values_of(ENUMS[path])
    taken = {value for value in NAMED if is_known(path, [value] if is_list else value)}
    assert taken == set(documented)


@pytest.mark.parametrize("path", OTHERS)
def test_a_field_takes_what_the_reference_says(path):
    assert all(is_known(path, value) for value in EXAMPLES[OTHERS[path]])
    assert not is_known(path, 7)


def known_paths() -> set[str]:
    """Return every field that the contract takes, by trying the names that it is written with."""
    tables = [table for table in vars(contract).values() if isinstance(table, dict)]
    tables += [dict(words) for words in PACK.terms.words.values()]
    names = {name for table in tables for name in table if isinstance(name, str)}
    names = {name for name in names if re.fullmatch(r"[a-z][a-z_0-9]+", name)}
    found = set()
    for first in names:
        for joint in ("", "[]"):
            found |= {
                f"{first}{joint}.{second}"
                for second in names
                if is_known(f"{first}{joint}.{second}", None)
            }
    found |= {name for name in names if is_known(name, None)}
    for first, second in itertools.product(
        PACK.terms.vocabulary.tests, ("clinician", "representative")
    ):
        found.add(f"tests.{first}.{second}")
    return found


def test_no_field_is_left_out_of_the_reference():
    parts = {re.split(r"\[\]|\.", path)[0] for path in ROWS}
    parts |= {path.rpartition(".")[0] for path in ROWS}
    assert known_paths() - set(ROWS) <= parts


def test_the_example_is_what_the_command_says():
    facts = json.loads(re.search(r"```json\n(\{.+?)```", TEXT, re.DOTALL)[1])
    answer = policy.decide(facts, pack=PACK)
    said = re.search(r"```text\n(.+?)```", TEXT, re.DOTALL)[1]
    assert "\n".join(decide.told(answer, sources=PACK.terms.sources)).startswith(said.rstrip("\n"))
    assert [each.rule for each in answer.because] == ["use-teaching-consent"]

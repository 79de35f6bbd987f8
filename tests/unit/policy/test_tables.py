"""Every cell of both tables of the guidance holds, by the rule that it names."""

from __future__ import annotations

import pytest
from tools import decisions

from safelight import policy
from unit.policy.cases import PACK
from unit.policy.tables import CASES, MAKING, USING, Row

RULES = {rule.id: rule for rule in PACK.rules}


@pytest.mark.parametrize("cell", CASES)
def test_the_cell_holds(cell: str) -> None:
    case = CASES[cell]
    answer = policy.decide(case.facts, pack=PACK)
    reasons = {(reason.rule, reason.outcome) for reason in answer.because}
    assert answer.outcome == case.outcome, reasons
    assert (case.rule, case.outcome) in reasons


AS_AN_ADULT = {"making-young", "making-competent"}
"""Their own source is cited by a guard that permits; the reasons are those of an adult."""


@pytest.mark.parametrize(
    "row",
    [each for each in [*MAKING, *USING] if each.id not in AS_AN_ADULT],
    ids=lambda row: row.id,
)
def test_the_row_cites_what_the_guidance_cites(row: Row) -> None:
    answers = [
        policy.decide(case.facts, pack=PACK) for cases in row.cells.values() for case in cases
    ]
    assert row.source in {reason.source for answer in answers for reason in answer.because} | {
        RULES[case.rule].source
        for cases in row.cells.values()
        for case in cases
        if case.rule in RULES
    }


@pytest.mark.parametrize(
    ("guard", "source"), [("sixteen-or-seventeen", "MCA 2005"), ("competent-child", "GMC VAR 34")]
)
def test_who_decides_like_an_adult_is_guarded_by_a_source(guard: str, source: str) -> None:
    assert RULES[guard].source == source


def test_every_permit_has_something_that_takes_it_away() -> None:
    for row in MAKING:
        outcomes = {case.outcome for cases in row.cells.values() for case in cases}
        assert len(outcomes) > 1 or row.id in {
            "making-cause-of-death",
            "making-stop",
            "making-lost",
        }


def test_every_basis_of_the_pack_is_in_a_cell() -> None:
    bases = {rule.id for rule in PACK.rules if not rule.is_guard}
    decided = {
        reason.rule
        for case in CASES.values()
        for reason in policy.decide(case.facts, pack=PACK).because
    }
    assert bases - decided == {"use-on-recovery", "use-research-approval-without-capacity"}


def test_the_document_is_what_pack_and_cells_say() -> None:
    assert decisions.DOCUMENT.read_text("utf-8") == decisions.text()

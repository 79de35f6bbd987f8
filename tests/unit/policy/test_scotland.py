"""Another jurisdiction from the same parts: benefit, welfare attorneys and guardians, and no line of code."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from safelight import policy
from unit.policy.cases import (
    ADULT,
    BOTH,
    CHILD,
    COMPETENT,
    DEAD,
    LACKS,
    LOST,
    PACK,
    SEVENTEEN,
    consent,
    make,
    use,
)

SCOTLAND = policy.load_pack("scotland")
BENEFIT = {"necessary": BOTH, "benefit": BOTH, "no_less_restrictive_way": BOTH}
ATTORNEY = consent("care", given_by="welfare-attorney")
GUARDIAN = consent("care", given_by="welfare-guardian")
URGENT = {"integral_to_treatment": True, "those_close_consulted": True, "urgent": True}
PBPP = {"legal_basis": "pbpp", "reference": "P1"}

ROWS: dict[str, tuple[dict[str, Any], str]] = {
    "adult, care": (make(), "permit"),
    "lacks, a welfare attorney": (make(patient=LACKS, consents=[ATTORNEY]), "permit"),
    "lacks, a welfare guardian": (make(patient=LACKS, consents=[GUARDIAN]), "permit"),
    "lacks, a named person": (
        make(patient=LACKS, consents=[consent("care", given_by="intervener")]),
        "permit",
    ),
    "lacks, a guardian whose order ran out": (
        make(patient=LACKS, consents=[GUARDIAN | {"expires_on": "2026-11-21"}]),
        "refuse",
    ),
    "lacks, a relative": (
        make(patient=LACKS, consents=[consent("care", given_by="relative")]),
        "refuse",
    ),
    "lacks, urgent, it benefits": (
        make(patient=LACKS, consents=[], care=URGENT, tests={"benefit": {"clinician": True}}),
        "permit",
    ),
    "lacks, urgent, nobody said that it benefits": (
        make(patient=LACKS, consents=[], care=URGENT),
        "refuse",
    ),
    "lacks, teaching, three tests": (
        make(
            "teaching-local",
            LACKS,
            consents=[consent("teaching-local", given_by="welfare-attorney")],
            tests=BENEFIT,
        ),
        "permit",
    ),
    "lacks, teaching, benefit by one alone": (
        make(
            "teaching-local",
            LACKS,
            consents=[consent("teaching-local", given_by="welfare-attorney")],
            tests=BENEFIT | {"benefit": {"clinician": True}},
        ),
        "refuse",
    ),
    "lacks, research, approved": (
        make(
            "research",
            LACKS,
            tests=BENEFIT,
            authority={"legal_basis": "awi-research", "reference": "R1"},
        ),
        "permit",
    ),
    "lost for a while, teaching": (make("teaching-local", LOST, consents=[]), "hold"),
    "from 16 alone": (make(patient=SEVENTEEN), "permit"),
    "a child found able": (make(patient=COMPETENT), "permit"),
    "a child, a parent": (
        make(patient=CHILD, consents=[consent("care", given_by="parental-responsibility")]),
        "permit",
    ),
    "matured, a parent agreed": (
        use(
            "teaching-local",
            "organisation",
            SEVENTEEN,
            consents=[
                consent("teaching-local", given_by="parental-responsibility", given_on="2022-01-01")
            ],
        ),
        "hold",
    ),
    "research, the panel approved": (
        use("research", "organisation", consents=[], authority=PBPP),
        "permit",
    ),
    "research, nobody approved": (use("research", "organisation", consents=[]), "refuse"),
    "an objection": (
        use("teaching-local", "organisation", ADULT | {"objects_now": True}),
        "refuse",
    ),
    "dead, the executor agreed": (
        use(
            "teaching-local",
            "organisation",
            DEAD,
            consents=[consent("teaching-local", given_by="executor")],
        ),
        "permit",
    ),
}


@pytest.mark.parametrize("row", ROWS)
def test_scotland_decides_by_its_own_words(row: str) -> None:
    facts, expected = ROWS[row]
    answer = policy.decide(facts, pack=SCOTLAND)
    assert answer.outcome == expected, [each.text for each in answer.because]
    assert answer.pack.id == SCOTLAND.id


ONLY_ENGLANDS: dict[str, tuple[dict[str, Any], str]] = {
    "an attorney under England's act": (
        make(patient=LACKS, consents=[consent("care", given_by="lpa-health")]),
        "consents[].given_by",
    ),
    "a deputy": (
        make(patient=LACKS, consents=[consent("care", given_by="deputy")]),
        "consents[].given_by",
    ),
    "best interests": (make(tests={"best_interests": BOTH}), "tests.best_interests"),
    "section 251": (
        use("research", "organisation", authority={"legal_basis": "s251"}),
        "authority.legal_basis",
    ),
}


@pytest.mark.parametrize("row", ONLY_ENGLANDS)
def test_what_only_england_has_is_unknown_in_scotland(row: str) -> None:
    facts, field = ONLY_ENGLANDS[row]
    answer = policy.decide(facts, pack=SCOTLAND)
    assert (answer.outcome, answer.because[0].rule) == ("refuse", "unknown")
    assert answer.because[0].needs == policy.Need(field, None)
    assert policy.decide(facts, pack=PACK).because[0].rule != "unknown"


@pytest.mark.parametrize("kind", ["welfare-attorney", "welfare-guardian", "intervener"])
def test_what_only_scotland_has_is_unknown_in_england(kind: str) -> None:
    answer = policy.decide(make(consents=[consent("care", given_by=kind)]), pack=PACK)
    assert answer.because[0].rule == "unknown"


def test_scotland_cites_no_law_of_england() -> None:
    cited = {rule.source for rule in SCOTLAND.rules} | set(SCOTLAND.terms.sources)
    assert not any("MCA" in source for source in cited)


ELSEWHERE = {"wording.py", "withdrawal.py", "retention.py"}
OF_ENGLAND = ("best_interests", "best interests", "lpa-health", "deputy", "s251", "mca", "england")
OF_ITS_SOURCES = ("GMC", "MDU", "MCA", "VAR", "var17", "nationally", "national opt-out", "16")


def texts_of(path: Path) -> list[str]:
    """Return every text in a module that isn't documentation."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documentation = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node not in documentation
    ]


def test_no_text_in_the_code_of_the_policy_is_one_countrys_own() -> None:
    folder = Path(policy.__file__).parent
    for path in folder.rglob("*.py"):
        if path.name not in ELSEWHERE:
            for text in texts_of(path):
                assert not any(word in text for word in (*OF_ENGLAND, *OF_ITS_SOURCES)), (
                    path.name,
                    text,
                )

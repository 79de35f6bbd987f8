"""What differs between two packs is said in sentences, and each says which way it points."""

from __future__ import annotations

import pytest

from safelight import policy
from safelight.policy.differing import differences, when_in_words
from safelight.policy.reading import shipped
from unit.policy.cases import PACK

TEXT = shipped("england").decode()
RULE = '\n[[{}]]\nid = "ours"\ntext = "Ours."\nsource = "practice"\nrequires = ["second-person"]\n'

CHANGES: dict[str, tuple[str, str, str, str]] = {
    "a requirement less": (
        'requires = ["organisation-agrees"]',
        'requires = ["second-person"]',
        "no longer requires that the organisation agrees",
        "looser",
    ),
    "a requirement more": (
        'requires = ["within-procedure-consent"]',
        'requires = ["within-procedure-consent", "second-person"]',
        "now also requires that a second person agrees",
        "tighter",
    ),
    "a text": (
        'text = "Only registered devices."',
        'text = "Registered devices only."',
        "“Only registered devices” (device) now says “Registered devices only.”",
        "other",
    ),
    "a source": ('source = "GMC VAR 50"', 'source = "practice"', "instead of GMC VAR 50", "other"),
    "a basis reaches further": (
        'purpose = ["audit"]\naudience = ["team"]',
        'purpose = ["audit"]\naudience = ["team", "organisation"]',
        "now also applies to the organisation",
        "looser",
    ),
    "a basis reaches less far": (
        'purpose = ["social", "marketing"]\nstanding',
        'purpose = ["social"]\nstanding',
        "no longer applies to marketing",
        "tighter",
    ),
    "a basis for everybody": (
        'purpose = ["audit"]\naudience = ["team"]\n',
        'purpose = ["audit"]\n',
        "no longer depends on the audience",
        "looser",
    ),
    "a guard for some": (
        '[guard.when]\ndevice = ["known"]\n',
        '[guard.when]\ndevice = ["known"]\nlegal_basis = ["none"]\n',
        "now applies to on the basis of none only",
        "looser",
    ),
    "a duty ahead": (
        'conditions = ["Tell the relatives."]',
        'conditions = ["Tell the family."]',
        "now names, as a duty that lies ahead: Tell the family.",
        "other",
    ),
    "a demand on the copy less": (
        'demands = ["verified", "person-looked", "nothing-left"]',
        'demands = ["verified", "person-looked"]',
        "no longer demands that nothing which may identify is left on the copy",
        "looser",
    ),
    "a demand on the copy more": (
        'source = "GMC CONF, principle 6"\n',
        'source = "GMC CONF, principle 6"\ndemands = ["verified"]\n',
        "now demands that every detector checked the finished copy",
        "tighter",
    ),
    "an age": (
        "matured_from = 16",
        "matured_from = 14",
        "A parent's consent waits for the patient's own choice from 14, not 16.",
        "other",
    ),
    "a zone": ("Europe/London", "Europe/Dublin", "Days are those of Europe/Dublin.", "other"),
    "who decides": (
        'dead = ["patient", "executor"]',
        'dead = ["patient", "executor", "deputy"]',
        "Now among those who may decide for patients who have died: a deputy appointed by the court",
        "looser",
    ),
    "who is outside": (
        'outside = ["closed-group", "public"]',
        'outside = ["public"]',
        "No longer among the audiences outside the organisation: closed-group",
        "looser",
    ),
    "what a consent covers": (
        'second-opinion = ["care"]',
        'second-opinion = ["care", "interest"]',
        "What consent to one purpose covers when making, second-opinion: care and interest",
        "other",
    ),
    "a clock": (
        "within 72 hours of",
        "within 3 days of",
        "Clocks, breach: “A breach that is likely",
        "other",
    ),
    "a new word": (
        'deputy = "a',
        'guardian = "a guardian"\ndeputy = "a',
        "Kinds of authority, guardian: “a guardian” instead of nothing.",
        "other",
    ),
    "a sheet": (
        'wording = "england"',
        'wording = "wales"',
        "The consent sheets are those of wales.",
        "other",
    ),
    "what a cite records": (
        'copy = { source = "MDU" }',
        'copy = { source = "MDU", record = ["who looked"] }',
        "Sources of what a consent lacks, copy: “MDU; who looked” instead of “MDU”.",
        "other",
    ),
    "a new guard": (
        "# --- guards",
        RULE.format("guard") + "\n# --- guards",
        "“Ours” (ours) is new and demands, for everything (practice). It requires that a second",
        "tighter",
    ),
    "a new basis": (
        "# --- guards",
        RULE.format("basis") + "\n# --- guards",
        "“Ours” (ours) is new and permits",
        "looser",
    ),
}


def changed(old: str, new: str) -> policy.Pack:
    assert old in TEXT
    return policy.read_pack(TEXT.replace(old, new, 1).encode())


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_said_in_words(change: str) -> None:
    old, new, said, effect = CHANGES[change]
    found = differences(PACK, changed(old, new))
    assert any(said in each.text and each.effect == effect for each in found), found


@pytest.mark.parametrize("change", ["a new guard", "a new basis"])
def test_what_is_taken_away_points_the_other_way(change: str) -> None:
    old, new, _, effect = CHANGES[change]
    (gone,) = differences(changed(old, new), PACK)
    assert gone.text == "“Ours” (ours) is gone."
    assert {gone.effect.value, effect} == {"tighter", "looser"}


def test_a_demand_that_becomes_a_permit_is_looser() -> None:
    guard = changed("# --- guards", RULE.format("guard") + "\n# --- guards")
    basis = changed("# --- guards", RULE.format("basis") + "\n# --- guards")
    (turned,) = differences(guard, basis)
    assert (turned.text, turned.effect.value) == (
        "“Ours” (ours) demanded and now permits.",
        "looser",
    )
    (back,) = differences(basis, guard)
    assert back.as_json() == {
        "text": "“Ours” (ours) permitted and now demands.",
        "effect": "tighter",
    }


def test_a_pack_differs_from_itself_in_nothing() -> None:
    assert differences(PACK, policy.read_pack(TEXT.encode() + b"# a comment\n")) == []


def test_another_order_of_the_rules_is_said() -> None:
    first = TEXT.index("[[guard]]", TEXT.index("# --- guards"))
    second = TEXT.index("[[guard]]", first + 1)
    moved = TEXT[:first] + TEXT[second:] + "\n" + TEXT[first:second]
    (said,) = differences(PACK, policy.read_pack(moved.encode()))
    assert said.text == "The rules stand in another order."


def test_a_rule_without_conditions_is_for_everything() -> None:
    pack = changed("# --- guards", RULE.format("guard") + "\n# --- guards")
    rule = next(each for each in pack.rules if each.id == "ours")
    assert when_in_words(rule, pack) == "everything"


def test_every_rule_of_the_packs_can_be_said_in_words() -> None:
    for name in ("england", "scotland"):
        pack = policy.load_pack(name)
        assert all(when_in_words(rule, pack) for rule in pack.rules)

"""Which way each kind of fact moves an answer, whatever the case and whichever the pack."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight import policy
from safelight.policy import facts as contract
from safelight.policy.reading import WHEN
from safelight.policy.requirements import CASE
from unit.policy.cases import ALL_TOLD, BOTH, PACK, consent
from unit.policy.tables import CASES
from unit.policy.test_properties import RANK, mixed

SCOTLAND = policy.load_pack("scotland")
packs = st.sampled_from([PACK, SCOTLAND])
Facts = dict[str, Any]


def decided(facts: Facts, pack: policy.Pack = PACK) -> str:
    return policy.decide(facts, pack=pack).outcome


EVIDENCE: dict[str, Any] = {
    "review.second_person": True,
    "organisation_agrees": True,
    "executor_or_family_consulted": True,
    "exposure.verdict": "clear",
    "tests.necessary": BOTH,
    "tests.best_interests": BOTH,
    "tests.no_less_restrictive_way": BOTH,
    "authority.reference": "R1",
    "project.reference": "P1",
    "project.ethics": "E1",
    "complaint.relevant": True,
    "care.integral_to_treatment": True,
    "care.those_close_consulted": True,
    "care.no_one_with_authority": True,
    "care.urgent": True,
    "recording.within_procedure_consent": True,
    "recording.clinically_essential": True,
    "recording.face_to_face": True,
    "recording.approver": "Dr A",
    "recording.chaperone": "a nurse",
    "recording.post_mortem_consent": True,
    "recording.relatives_told": True,
    "patient.objects_now": False,
    "patient.genetic_or_third_party": False,
    "switches.var17": "the partners agreed",
    "authority.opt_out_checked": True,
    "authority.patient_opted_out": False,
}
"""What somebody may add to a case, and that can only speak for it."""


def put(facts: Facts, path: str, value: Any) -> Facts:
    changed = copy.deepcopy(facts)
    *folders, last = path.split(".")
    folder = changed
    for name in folders:
        folder[name] = dict(folder.get(name) or {})
        folder = folder[name]
    folder[last] = value
    return changed


@given(mixed(), st.sampled_from(sorted(EVIDENCE)))
@settings(max_examples=400)
def test_more_evidence_never_closes_anything(facts: Facts, path: str) -> None:
    more = put(facts, path, EVIDENCE[path])
    assert RANK[decided(more)] <= RANK[decided(facts)]


@given(mixed())
@settings(max_examples=200)
def test_a_better_consent_never_closes_anything(facts: Facts) -> None:
    before = RANK[decided(facts)]
    for name, value in (
        ("told", [*ALL_TOLD, "helps"]),
        ("identifiable_ok", True),
        ("final_item_seen", True),
        ("form", "written"),
        ("expires_on", None),
        ("secondary_not_told_because", "in pain"),
    ):
        better = copy.deepcopy(facts)
        for each in better.get("consents", []):
            each[name] = value
        assert RANK[decided(better)] <= before, name


@given(mixed())
@settings(max_examples=200)
def test_one_more_consent_of_the_patient_never_closes_anything(facts: Facts) -> None:
    more = copy.deepcopy(facts)
    target = (facts.get("release") or {}).get("target")
    more.setdefault("consents", []).append(
        consent(facts["purpose"], target=target, final_item_seen=True)
    )
    dead_and_public = facts["patient"].get("died") and target is None
    assert dead_and_public or RANK[decided(more)] <= RANK[decided(facts)]


@given(mixed())
@settings(max_examples=200)
def test_a_persons_look_never_closes_what_nobody_could_judge(facts: Facts) -> None:
    unsure = put(facts, "recording.identifiable", "could-not-tell")
    looked = put(facts, "recording.identifiable", "anonymised")
    without_a_project = facts["purpose"] == "research" and not all(
        (facts.get("project") or {}).get(name) for name in ("reference", "ethics")
    )
    assert without_a_project or RANK[decided(looked)] <= RANK[decided(unsure)]


SPEAKS_AGAINST = {
    "action",
    "purpose",
    "at",
    "objections",
    "patient.died",
    "patient.capacity",
    "patient.gillick",
    "patient.objects_now",
    "patient.known_wishes",
    "recording.intimate",
    "recording.covert",
    "recording.made_on",
    "recording.post_mortem",
    "recording.identifiable",
    "recording.type",
    "consents.expires_on",
    "consents.withdrawn_on",
    "consents.target",
    "release.target",
    "authority.patient_opted_out",
    "device",
    "exposure.verdict",
}
"""What may be a no, or make a case another one: not to know it can't be held against anybody."""
CONTRADICTS = "recording.made_for"
"""While it is made: filed under another purpose than the one that is asked about, it has to fit both."""


@given(mixed(), st.data())
@settings(max_examples=500)
def test_not_to_know_never_permits(facts: Facts, data: st.DataObject) -> None:
    leaves = sorted(
        path
        for path in _leaves(facts)
        if not any(path == each or path.startswith(each + ".") for each in SPEAKS_AGAINST)
        and (path != CONTRADICTS or facts["action"] != "make")
    )
    path = data.draw(st.sampled_from(leaves))
    unknown = copy.deepcopy(facts)
    _forget(unknown, path.split("."))
    assert decided(unknown) != "permit" or decided(facts) == "permit", path


def _leaves(facts: Any, prefix: str = "") -> set[str]:
    found = set()
    for name, value in facts.items():
        path = f"{prefix}{name}"
        if isinstance(value, dict):
            found |= _leaves(value, path + ".")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for each in value:
                found |= _leaves(each, path + ".")
        else:
            found.add(path)
    return found


def _forget(facts: Any, path: list[str]) -> None:
    """Take a fact out; of a list, out of each."""
    for each in facts if isinstance(facts, list) else [facts]:
        if len(path) == 1:
            each.pop(path[0], None)
        elif each.get(path[0]) is not None:
            _forget(each[path[0]], path[1:])


SECTIONS = ["patient", "recording", "tests", "authority", "release", "project", "review"]
SECTIONS += ["exposure", "switches", "device", "care", "complaint"]


@given(mixed(), st.sampled_from(SECTIONS), st.text(min_size=1, max_size=12), packs)
def test_an_unknown_field_anywhere_refuses(
    facts: Facts, section: str, name: str, pack: policy.Pack
) -> None:
    odd = put(facts, f"{section}.known", None)
    odd[section].pop("known")
    odd[section][name + "?"] = True
    assert decided(odd, pack) == "refuse"


@given(mixed(), st.sampled_from(["purpose", "action"]), st.text(max_size=12))
def test_an_unknown_purpose_or_act_refuses(facts: Facts, field: str, value: str) -> None:
    known = contract.PURPOSES | contract.ACTIONS
    assert value in known or decided(facts | {field: value}) == "refuse"


@given(mixed(), st.text(max_size=12))
def test_an_unknown_type_refuses(facts: Facts, value: str) -> None:
    odd = put(facts, "recording.type", value)
    assert value in contract.TYPES or decided(odd) == "refuse"


@given(mixed(), packs)
def test_the_same_facts_give_the_same_answer_and_hash(facts: Facts, pack: policy.Pack) -> None:
    again = json.loads(json.dumps(facts))
    fresh = policy.read_pack(_bytes_of(pack))
    assert policy.decide(facts, pack=pack) == policy.decide(again, pack=fresh)


def _bytes_of(pack: policy.Pack) -> bytes:
    from safelight.policy.reading import shipped

    return shipped(pack.name)


GUARD_REQUIREMENTS = [
    *sorted(CASE),
    "test-by-both:necessary",
    "legal-basis:court-order",
    "switch-on:var17",
    "consent-on-record-or:var17",
]


@st.composite
def guards(draw: st.DrawFn) -> str:
    """Return any guard that a practice could write."""
    requires = draw(st.lists(st.sampled_from(GUARD_REQUIREMENTS), min_size=1, max_size=3))
    keys = draw(st.sets(st.sampled_from(sorted(WHEN)), max_size=3))
    when = {
        key: draw(st.lists(st.sampled_from(sorted(WHEN[key])), min_size=1, unique=True))
        for key in sorted(keys)
    }
    lines = ['[[guard]]\nid = "ours"\ntext = "Ours."\nsource = "practice"']
    lines.append(f"requires = {json.dumps(requires)}\n[guard.when]")
    lines += [f"{key} = {json.dumps(values)}" for key, values in when.items()]
    return "\n".join(lines)


@given(mixed(), st.lists(guards(), min_size=1, max_size=3), packs)
@settings(max_examples=400)
def test_no_rule_that_a_practice_can_write_permits_anything(
    facts: Facts, local: list[str], pack: policy.Pack
) -> None:
    text = "\n".join(
        each.replace('id = "ours"', f'id = "ours-{number}"') for number, each in enumerate(local)
    )
    before, after = decided(facts, pack), decided(facts, pack.with_guards(text))
    assert RANK[after] >= RANK[before]


@pytest.mark.parametrize("cell", CASES)
def test_what_each_blocker_of_a_cell_needs_removes_it(cell: str) -> None:
    assert_needs_lift(CASES[cell].facts)


@given(mixed())
@settings(max_examples=400)
def test_what_each_blocker_needs_removes_it(facts: Facts) -> None:
    assert_needs_lift(facts)


def assert_needs_lift(facts: Facts) -> None:
    answer = policy.decide(facts, pack=PACK)
    for reason in answer.because:
        if reason.needs is None or reason.rule == "unknown":
            continue
        after = policy.decide(met(facts, reason.needs), pack=PACK)
        assert reason not in after.because, reason


def met(facts: Facts, need: policy.Need) -> Facts:
    """Return the facts as they would be if somebody did what a blocker needs."""
    value = {"the date of birth": "1970-01-01"}.get(str(need.value), need.value)
    if need.field == "consents":
        more = copy.deepcopy(facts)
        target = (facts.get("release") or {}).get("target")
        given_by = min(value["given_by"])
        more.setdefault("consents", []).append(
            consent(*value["purposes"], given_by=given_by, target=target, final_item_seen=True)
        )
        return more
    section, _, field = need.field.partition("[].")
    if field:
        more = copy.deepcopy(facts)
        for each in more[section]:
            each[field] = value
        return more
    return put(facts, need.field, value)

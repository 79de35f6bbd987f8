"""A pack that says something unknown doesn't load."""

from __future__ import annotations

from importlib.resources import files

import pytest

from safelight import policy
from safelight.policy import facts as contract
from safelight.policy.case import case_of
from safelight.policy.requirements import CASE
from safelight.policy.roles import Action, Role, may
from unit.policy.cases import PACK, make, use

TEXT = (files("safelight.policy") / "packs" / "england" / "pack.toml").read_text()
BROKEN = {
    "no TOML": "[[",
    "not text": b"\xff\xfe",
    "an unknown table": TEXT + "\n[extra]\nx = 1\n",
    "an unknown requirement": TEXT.replace('requires = ["recovered"]', 'requires = ["hopeful"]', 1),
    "an unknown field of a rule": TEXT.replace(
        'id = "make-var10"', 'id = "make-var10"\nweight = 3', 1
    ),
    "an unknown key in when": TEXT.replace('covert = ["no"]', 'weather = ["fine"]', 1),
    "an unknown value in when": TEXT.replace('covert = ["no"]', 'covert = ["maybe"]', 1),
    "a when that isn't a list": TEXT.replace('covert = ["no"]', "covert = 3", 1),
    "a rule without text": TEXT.replace('text = "It is to find the cause of death."\n', "", 1),
    "a guard that asks of one consent": TEXT.replace(
        'requires = ["never"]', 'requires = ["explicit"]', 1
    ),
    "an unknown demand": TEXT.replace('demands = ["verified",', 'demands = ["pretty",', 1),
    "two rules of one name": TEXT.replace('id = "make-covert"', 'id = "make-var10"', 1),
    "an unknown field of [pack]": TEXT.replace("[terms]", 'author = "x"\n\n[terms]', 1),
    "an unknown term": TEXT.replace("matured_from = 16", "matured_from = 16\nluck = 7", 1),
    "an age in words": TEXT.replace("matured_from = 16", 'matured_from = "sixteen"', 1),
    "a source left out": TEXT.replace('regained = "practice"\n', "", 1),
    "an unknown zone": TEXT.replace("Europe/London", "Atlantis/Centre", 1),
    "an unknown kind of recording": TEXT.replace('"x-ray"]', '"hologram"]', 1),
    "an unknown giver": TEXT.replace('"lpa-health"', '"neighbour"', 1),
    "an unknown standing": TEXT.replace("\nlost = [", "\nlosing = [", 1),
}


def test_the_england_pack_loads_and_is_named_by_its_bytes() -> None:
    data = (files("safelight.policy") / "packs" / "england" / "pack.toml").read_bytes()
    again = policy.read_pack(data, name="england")
    assert (again.id, again.hash) == (PACK.id, PACK.hash)
    assert again.title.hash == PACK.hash
    assert policy.read_pack(data + b"\n", name="england").hash != PACK.hash


@pytest.mark.parametrize("fault", BROKEN)
def test_a_pack_with_a_fault_refuses_to_load(fault: str) -> None:
    text = BROKEN[fault]
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(policy.PackRefused):
        policy.read_pack(data, name="england")


@pytest.mark.parametrize("name", ["", "../england", "atlantis"])
def test_there_is_no_pack_of_another_name(name: str) -> None:
    with pytest.raises(policy.PackRefused):
        policy.load_pack(name)


@pytest.mark.parametrize(
    "local",
    [
        '[[basis]]\nid = "ours"\ntext = "x"\nsource = "practice"\n',
        '[[guard]]\nid = "ours"\ntext = "x"\nsource = "practice"\n',
        '[[guard]]\nid = "exposure"\ntext = "x"\nsource = "practice"\nrequires = ["never"]\n',
    ],
)
def test_a_practice_can_add_guards_and_nothing_else(local: str) -> None:
    with pytest.raises(policy.PackRefused):
        PACK.with_guards(local)


def test_who_never_lost_capacity_has_nothing_to_recover() -> None:
    facts, _ = contract.read(make(), zone=PACK.terms.zone)
    case = case_of(facts, PACK.terms, purpose="care", identifiable="identifiable")
    assert CASE["recovered"](case) is None


def test_what_a_pack_has_no_basis_for_is_refused() -> None:
    tight = TEXT.replace('purpose = ["audit"]\n', 'purpose = ["audit"]\nkind = ["var10"]\n', 1)
    answer = policy.decide(use("audit", "team"), pack=policy.read_pack(tight.encode(), name="x"))
    assert answer.outcome == "refuse"
    assert [each.needs for each in answer.because] == [None]


def test_the_pack_knows_its_words() -> None:
    assert PACK.wording("en").told


def test_an_administrator_sees_no_patient_and_no_picture() -> None:
    assert not may(Role.ADMINISTRATOR, Action.SEE_PATIENTS)
    assert not may(Role.ADMINISTRATOR, Action.SEE_PICTURES)
    assert may(Role.ADMINISTRATOR, Action.MANAGE_STAFF)


@pytest.mark.parametrize("action", Action)
def test_an_unknown_role_may_do_nothing(action: Action) -> None:
    assert not may("locum", action)

"""A pack that says something unknown doesn't load."""

from __future__ import annotations

import shutil
from importlib.resources import files

import pytest
from tools import packs

from safelight import policy
from safelight.policy import facts as contract
from safelight.policy import retention, shipped, wording
from safelight.policy.case import case_of
from safelight.policy.reading import load_pack, shipped_names
from safelight.policy.requirements import CASE, CONSENT, SAYS, WITH
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
    "an unknown field of [pack]": TEXT.replace("[words.kinds]", 'author = "x"\n\n[words.kinds]', 1),
    "an unknown term": TEXT.replace("matured_from = 16", "matured_from = 16\nluck = 7", 1),
    "an age in words": TEXT.replace("matured_from = 16", 'matured_from = "sixteen"', 1),
    "a source left out": TEXT.replace('copy = { source = "MDU" }\n', "", 1),
    "an unknown zone": TEXT.replace("Europe/London", "Atlantis/Centre", 1),
    "an unknown kind of recording": TEXT.replace('"x-ray"]', '"hologram"]', 1),
    "an unknown giver": TEXT.replace('["lpa-health"', '["neighbour"', 1),
    "an argument that isn't in its words": TEXT.replace(
        '"legal-basis:s251"', '"legal-basis:s252"', 1
    ),
    "an argument for what takes none": TEXT.replace('"never"', '"never:ever"', 1),
    "no argument for what takes one": TEXT.replace('"legal-basis:s251"', '"legal-basis"', 1),
    "a citation of nothing known": TEXT.replace(
        'source = "GMC VAR 50"', 'source = "GMC WAR 50"', 1
    ),
    "a citation that is no paragraph": TEXT.replace(
        'source = "GMC VAR 50"', 'source = "GMC VAR on Tuesdays"', 1
    ),
    "a day in words": TEXT.replace("effective_from = 2026-11-01", 'effective_from = "November"', 1),
    "an instant for a day": TEXT.replace(
        "effective_from = 2026-11-01", "effective_from = 2026-11-01T00:00:00", 1
    ),
    "nobody called the patient": TEXT.replace('patient = "the patient"\n', "", 1),
    "words for an unknown purpose": TEXT.replace(
        "[words.forms]", 'holiday = "holiday"\n\n[words.forms]', 1
    ),
    "an id with a space": TEXT.replace('deputy = "a', '"a deputy" = "a', 1),
    "words that aren't text": TEXT.replace(
        'deputy = "a deputy appointed by the court"', "deputy = 7", 1
    ),
    "nobody who decides for a standing": TEXT.replace(
        'dead = ["patient", "executor"]', "dead = []", 1
    ),
    "no name for the patients' number": TEXT.replace('patient_number = "NHS number"\n', "", 1),
    "a source that is a number": TEXT.replace('copy = { source = "MDU" }', "copy = 7", 1),
    "a cite with more than that": TEXT.replace(
        'copy = { source = "MDU" }', 'copy = { source = "MDU", luck = 7 }', 1
    ),
    "a clock in words": TEXT.replace("hours = 72", 'hours = "soon"', 1),
    "an unknown clock": TEXT.replace("[clocks.breach]", "[clocks.lunch]", 1),
    "rules that aren't a list": TEXT[: TEXT.index("# --- making")]
    + '[basis]\nid = "x"\n[guard]\nid = "y"\n',
    "a rule that isn't a table": TEXT[: TEXT.index("# --- making")].replace(
        "[pack]", 'basis = ["x"]\nguard = []\n[pack]', 1
    ),
    "duties that aren't a list": TEXT.replace(
        'conditions = ["Tell the relatives."]', 'conditions = "Tell the relatives."', 1
    ),
    "more than a pack can be": TEXT + "#" * 1_000_001,
    "an unknown standing": TEXT.replace("\nlost = [", "\nlosing = [", 1),
}


def test_the_england_pack_loads_and_is_named_by_its_bytes() -> None:
    data = (files("safelight.policy") / "packs" / "england" / "pack.toml").read_bytes()
    again = policy.read_pack(data)
    assert (again.id, again.hash) == (PACK.id, PACK.hash)
    assert again.title.hash == PACK.hash
    assert policy.read_pack(data + b"\n").hash != PACK.hash


@pytest.mark.parametrize("fault", BROKEN)
def test_a_pack_with_a_fault_refuses_to_load(fault: str) -> None:
    text = BROKEN[fault]
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(policy.PackRefused):
        policy.read_pack(data)


@pytest.mark.parametrize("name", ["", "../england", "atlantis", "SHA256SUMS"])
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


def test_the_list_of_what_comes_with_safelight_is_up_to_date() -> None:
    assert packs.SUMS.read_text("utf-8") == packs.sums()
    assert shipped_names() == ["england", "scotland"]


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Return a copy of the installed packs that a test may damage."""
    copied = tmp_path / "packs"
    shutil.copytree(packs.PACKS, copied)
    monkeypatch.setattr(shipped, "files", lambda _: tmp_path)
    shipped._listed.cache_clear()
    load_pack.cache_clear()
    wording._ours.cache_clear()
    yield copied
    load_pack.cache_clear()
    wording._ours.cache_clear()
    shipped._listed.cache_clear()


def test_a_pack_that_was_altered_after_it_was_installed_refuses(installed) -> None:
    path = installed / "england" / "pack.toml"
    assert policy.load_pack("england").hash == PACK.hash
    load_pack.cache_clear()
    path.write_text(TEXT.replace("child_until = 18", "child_until = 16"), "utf-8")
    with pytest.raises(policy.PackRefused, match="not as it came"):
        policy.load_pack("england")


def test_a_sheet_that_was_altered_is_never_shown(installed) -> None:
    path = installed / "england" / "wording" / "en.easy.toml"
    assert wording.load("england", "en", variant="easy").is_easy
    wording._ours.cache_clear()
    path.write_text(
        path.read_text("utf-8").replace("We write this down.", "They write this down."), "utf-8"
    )
    with pytest.raises(policy.WordingRefused, match="not as it came"):
        wording.load("england", "en", variant="easy")
    assert wording.load("england", "en").reader == "patient"


def test_by_periods_that_were_altered_nothing_is_destroyed(installed) -> None:
    path = installed / "england" / "retention.toml"
    assert retention.load("england").rules
    path.write_text(path.read_text("utf-8").replace("years = 8", "years = 1"), "utf-8")
    with pytest.raises(retention.RetentionRefused, match="not as they came"):
        retention.load("england")


def test_a_file_that_did_not_come_is_not_taken_for_one_that_did(installed) -> None:
    (installed / "england" / "wording" / "fr.toml").write_text("x", "utf-8")
    for path in ("england/wording/fr.toml", "england/wording/de.toml"):
        with pytest.raises(shipped.Altered):
            shipped.check(path)


def test_every_pack_has_somebody_without_authority() -> None:
    """A yes that doesn't count has to be told as somebody's."""
    fault = TEXT.replace('relative = "a relative, without authority"\n', "", 1)
    with pytest.raises(policy.PackRefused, match="without authority"):
        policy.read_pack(fault.encode())


def test_a_pack_says_what_pages_ask() -> None:
    scotland = policy.load_pack("scotland")
    assert PACK.clinicians_tests == ("best_interests",)
    assert scotland.clinicians_tests == ("benefit",)
    assert scotland.tests_of_both == ("necessary", "benefit", "no_less_restrictive_way")
    assert PACK.source_of_tests(standing="child") == "GMC VAR 34, MDU"
    assert PACK.source_of_tests(standing="dead") == ""
    assert PACK.legal_bases_for("research", standing="lacks") == ("mca-research", "s251")
    assert scotland.legal_bases_for("research", standing="self") == ("pbpp",)
    assert PACK.legal_bases_for("care", standing="self") == ()
    assert PACK.asks("opt-out-checked")
    assert not scotland.asks("opt-out-checked")
    assert PACK.terms.without_authority == "relative"
    assert PACK.terms.after_death_only == {"executor"}


def test_two_local_rules_have_two_ids() -> None:
    ours = '[[guard]]\nid = "ours"\ntext = "x"\nsource = "practice"\nrequires = ["never"]\n'
    with pytest.raises(policy.PackRefused):
        PACK.with_guards(ours * 2)


def test_every_requirement_is_used_by_a_pack_and_said_in_words() -> None:
    used = {
        name.partition(":")[0]
        for pack in (PACK, policy.load_pack("scotland"))
        for rule in pack.rules
        for name in rule.requires
    }
    assert used == {*CASE, *CONSENT, *WITH}
    assert set(SAYS) == used


def test_who_never_lost_capacity_has_nothing_to_recover() -> None:
    facts, _ = contract.read(make(), vocabulary=PACK.terms.vocabulary)
    case = case_of(facts, PACK.terms, purpose="care", identifiable="identifiable")
    assert CASE["recovered"](case) is None


def test_what_a_pack_has_no_basis_for_is_refused() -> None:
    tight = TEXT.replace('purpose = ["audit"]\n', 'purpose = ["audit"]\nkind = ["procedural"]\n', 1)
    answer = policy.decide(use("audit", "team"), pack=policy.read_pack(tight.encode()))
    assert answer.outcome == "refuse"
    (because,) = answer.because
    assert (because.rule, because.outcome, because.needs) == ("no-basis", "refuse", None)
    assert because.source == "practice"


def test_the_pack_knows_its_words() -> None:
    assert PACK.wording("en").told


def test_an_administrator_sees_no_patient_and_no_picture() -> None:
    assert not may(Role.ADMINISTRATOR, Action.SEE_PATIENTS)
    assert not may(Role.ADMINISTRATOR, Action.SEE_PICTURES)
    assert may(Role.ADMINISTRATOR, Action.MANAGE_STAFF)


@pytest.mark.parametrize("action", Action)
def test_an_unknown_role_may_do_nothing(action: Action) -> None:
    assert not may("locum", action)


def test_every_requirement_is_in_the_reference() -> None:
    text = (packs.PACKS.parents[3] / "docs" / "reference" / "packs.md").read_text("utf-8")
    assert all(f"`{name}`" in text for name in (*CASE, *CONSENT))
    assert all(f"`{name}:…`" in text for name in WITH)

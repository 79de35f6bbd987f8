"""How a pack is read: what it may say, up to which bounds, and where a fault is said to stand."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from datetime import date
from importlib.resources import files

import pytest

from safelight import policy
from safelight.policy.differing import when_in_words
from safelight.policy.pack import Key
from safelight.policy.reading import has_folders, load_pack, shipped, shipped_names
from unit.policy.cases import PACK

TEXT = (files("safelight.policy") / "packs" / "england" / "pack.toml").read_text()
WHEN = {
    "action": ["make", "view", "use", "disclose"],
    "audience": ["team", "named", "organisation", "closed-group", "public"],
    "standing": ["self", "lacks", "lost", "child", "dead", "unknown"],
    "seen": ["identifiable", "coded", "anonymised"],
    "kind": ["procedural", "other"],
    "made_for": ["care", "research", "unknown", "not-said"],
    "covert": ["yes", "no"],
    "intimate_child": ["yes", "no"],
    "post_mortem": ["cause-of-death", "secondary", "no"],
    "legal_basis": ["court-order", "s251", "none"],
    "device": ["known", "none"],
    "tells_of_others": ["yes", "no"],
    "years": ["adult", "young", "child", "unknown"],
    "purpose": ["care", "complaint"],
}


def guard(when: str = "", **fields: str) -> str:
    said = {
        "id": '"ours"',
        "text": '"Not here."',
        "source": '"practice"',
        "requires": '["never"]',
    } | fields
    lines = [f"{name} = {value}" for name, value in said.items() if value]
    return "\n".join(["[[guard]]", *lines, "[guard.when]", when])


def begun(where: str) -> str:
    """Return what is looked for: at the beginning, where a table is named."""
    return "^" + where if where.startswith("\\[") else where


def changed(old: str, new: str) -> bytes:
    assert old in TEXT
    return TEXT.replace(old, new, 1).encode()


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in WHEN.items() for value in values]
)
def test_each_value_that_a_rule_may_look_at_is_known_and_has_words(key, value):
    found = PACK.with_guards(guard(f'{key} = ["{value}"]')).rules[-1]
    assert found.when == {key: {value}}
    assert len(when_in_words(found, PACK)) > len(value) - 3


@pytest.mark.parametrize("key", WHEN)
def test_no_other_value_is(key):
    with pytest.raises(policy.PackRefused, match=rf"rule ours: when\.{key} has unknown values"):
        PACK.with_guards(guard(f'{key} = ["whim"]'))


@pytest.mark.parametrize("values", ["[]", '"care"', "3", "{}"])
def test_values_are_a_list_of_some(values):
    with pytest.raises(policy.PackRefused, match=r"when\.purpose is unknown, or not a list"):
        PACK.with_guards(guard(f"purpose = {values}"))


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"id": ""}, "a rule: id is not a text"),
        ({"id": '" "'}, "a rule: id is not a text"),
        ({"text": "7"}, "rule ours: text is not a text"),
        ({"source": ""}, "rule ours: source is not a text"),
        ({"source": '"a friend"'}, "rule ours: its source is none of .*: a friend"),
        ({"source": '"practice, GMC VAR"'}, None),
        ({"source": '"GMC VAR 11, 12–13"'}, None),
        ({"source": '"GMC CONF principle 5"'}, None),
        ({"source": '"12, GMC VAR 11"'}, "none of .*: 12"),
        ({"requires": "[]"}, "a guard requires something"),
        ({"requires": ""}, "a guard requires something"),
        ({"requires": '["explicit"]'}, "never of one consent"),
        ({"requires": '["hope"]'}, "rule ours: unknown requirement hope"),
        ({"requires": '["never", ""]'}, "rule ours: requires is not a list of texts"),
        ({"requires": '["never", 7]'}, "rule ours: requires is not a list of texts"),
        ({"record": '"why"'}, "rule ours: record is not a list of texts"),
        ({"demands": '["pretty"]'}, "rule ours: unknown demands"),
        ({"demands": '["verified", "person-looked", "nothing-left"]'}, None),
        ({"weight": "3"}, r"unknown fields: \['weight'\]"),
    ],
)
def test_a_rule_says_where_its_fault_is(fields, where):
    if where is None:
        assert PACK.with_guards(guard(**fields)).rules[-1].id == "ours"
        return
    with pytest.raises(policy.PackRefused, match=begun(where)):
        PACK.with_guards(guard(**fields))


def test_a_rule_keeps_all_that_it_says():
    said = {name: f'["{name} of ours"]' for name in ("conditions", "record", "if_blocked")}
    when = 'action = ["view"]\ncovert = ["no"]'
    found = PACK.with_guards(guard(when, **said, demands='["verified"]')).rules[-1]
    assert (found.id, found.is_guard, found.text, found.source) == (
        "ours",
        True,
        "Not here.",
        "practice",
    )
    assert found.conditions == ("conditions of ours",)
    assert found.record == ("record of ours",)
    assert found.if_blocked == ("if_blocked of ours",)
    assert found.demands == ("verified",)
    assert set(found.requires) == {"never"}
    assert found.tests == (("covert", frozenset({"no"})),)
    assert len(found.of_case) == 1
    assert found.of_consent == ()


@pytest.mark.parametrize(
    ("local", "where"),
    [
        ("", "guards and nothing else"),
        ("[pack]\nid = 'x'", "guards and nothing else"),
        (guard() + "\n[[basis]]\nid = 'x'", "guards and nothing else"),
        ("guard = 3", "guard is not a list of rules"),
        ("guard = [3]", "a rule is not a table"),
        (guard(id='"device"'), "the id of another one"),
        ("[[", "not TOML"),
    ],
)
def test_local_rules_are_guards_of_their_own(local, where):
    with pytest.raises(policy.PackRefused, match=begun(where)):
        PACK.with_guards(local)


def test_local_rules_make_another_pack_of_the_same_terms():
    ours = PACK.with_guards(guard())
    assert (ours.id, ours.terms) == (PACK.id + "+local", PACK.terms)
    assert ours.hash == hashlib.sha256(f"{PACK.hash}\n{guard()}".encode()).hexdigest()
    assert ours.rules[:-1] == PACK.rules
    PACK.applying(Key("view", "care", "team", "self"))
    assert ours.index == {}


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("hours = 72", "hours = 0", r"\[clocks.breach\] hours"),
        ("hours = 72", "hours = 10000", r"\[clocks.breach\] hours"),
        ("hours = 72", "hours = true", r"\[clocks.breach\] hours"),
        ("hours = 72", "hours = 1", None),
        ("hours = 72", "hours = 9999", None),
        ("child_until = 18", "child_until = 30", None),
        ("child_until = 18", "child_until = 31", "ages are whole years"),
        ("child_until = 18", "child_until = 0", "ages are whole years"),
        ("matured_from = 16", "matured_from = 1", None),
        ("capacity_presumed_from = 16", "capacity_presumed_from = 16.0", "ages are whole years"),
        ('zone = "Europe/London"', "zone = 7", "not a time zone"),
        ('outside = ["closed-group"', 'outside = ["everybody"', "outside names something unknown"),
        ('parental = ["', 'parental = [7, "', "parental names something unknown"),
        ("[terms.also_covers]\n", "[terms.also_covers]\nholiday = []\n", "something unknown"),
        ("[terms.authority]\n", "[terms.authority]\nunknown = []\n", "for each standing"),
        ('lost = ["', 'lots = ["', "something unknown"),
        ('copy = { source = "MDU" }', 'copy = { record = ["x"] }', r"\[terms.cites.copy\] has a"),
        ('copy = { source = "MDU" }', 'copy = { source = "WDU" }', r"cites.copy\]: its source"),
        ("[words.pages]\n", '[words.pages]\nsea = "the sea"\n', r"\[words.pages\] names .*: sea"),
        ('patient = "the patient"\n', "", r"\[words.kinds\] has the patient"),
        ('"a court"\n', '""\n', r"\[words.kinds\]: court is not a text"),
        ('population = "uk-mid2011"\n', "", r"\[pack\]: missing or unknown: population"),
        ("[words.told]\n", "[words.said]\n", r"\[words\]: missing or unknown: said, told"),
        ('zone = "Europe/London"\n', "", r"\[terms\]: missing or unknown: zone"),
        ('"practice" = "', '"practise" = "', r"none of \[sources\]: practice"),
        ('"MDU" = "the', '"MDU" = 7\n"X" = "the', r"\[sources\]: MDU is not a text"),
        ("[terms.cites]\n", "[terms.sites]\n", r"\[terms\]: missing or unknown: cites, sites"),
        ("gillick = { source", "pickle = { source", r"\[terms.cites\]: missing or unknown"),
        ('copy = { source = "MDU" }', "copy = 7", r"\[terms.cites.copy\] is not a table"),
        ("hours = 72\n", "", r"\[clocks.breach\]: missing or unknown: hours"),
        (
            'source = "practice"\n',
            'source = "nobody"\n',
            r"\[clocks.breach\]: its source is none of",
        ),
        ("[clocks.breach]\n", "[clocks.lunch]\n", r"\[clocks\]: missing or unknown"),
    ],
)
def test_a_pack_has_bounds_and_says_where_its_fault_is(old, new, where):
    if where is None:
        assert policy.read_pack(changed(old, new)).id == PACK.id
        return
    with pytest.raises(policy.PackRefused, match=begun(where)):
        policy.read_pack(changed(old, new))


def test_a_pack_may_be_a_million_bytes_long_and_no_longer():
    data = TEXT.encode()
    filled = data + b"#" * (1_000_000 - len(data))
    assert policy.read_pack(filled).id == PACK.id
    with pytest.raises(policy.PackRefused, match="too long"):
        policy.read_pack(filled + b"#")


def test_a_pack_says_what_it_is():
    assert (PACK.id, PACK.name, PACK.called) == ("england-2026.1", "england", "England")
    assert (PACK.wording_of, PACK.retention_of) == ("england", "england")
    assert (PACK.population, PACK.effective_from) == ("uk-mid2011", date(2026, 11, 1))
    assert PACK.hash == hashlib.sha256(TEXT.encode()).hexdigest()
    assert [rule.is_guard for rule in PACK.rules] == sorted(rule.is_guard for rule in PACK.rules)


def test_what_was_asked_of_a_pack_makes_it_no_other_one():
    asked = replace(PACK, index={})
    asked.applying(Key("view", "care", "team", "self"))
    assert asked == replace(PACK, index={})
    assert "index" not in repr(asked)


def test_bases_and_guards_that_such_an_act_may_meet():
    bases, guards = PACK.applying(Key("use", "audit", "team", "self"))
    assert "use-for-audit" in {rule.id for rule in bases}
    assert not any(rule.is_guard for rule in bases)
    assert all(rule.is_guard for rule in guards)
    assert "objection" in {rule.id for rule in guards}
    assert "objection-while-making" not in {rule.id for rule in guards}
    assert PACK.applying(Key("use", "audit", "team", "self")) == (bases, guards)


def test_where_a_requirement_stands_written():
    assert PACK.source_of("within-procedure-consent") == "GMC VAR 10–11"
    assert PACK.source_of("hope") == ""


def test_what_came_with_safelight_is_known_by_name():
    assert shipped_names() == ["england", "scotland"]
    assert shipped("england") == TEXT.encode()
    assert load_pack("england") is load_pack("england")
    assert has_folders(PACK)
    with pytest.raises(policy.PackRefused, match="no such pack"):
        shipped("../packs/england")
    for old, new in (
        ('wording = "england"', 'wording = "atlantis"'),
        ('retention = "england"', 'retention = "atlantis"'),
        ('wording = "england"', 'wording = "../packs/england"'),
    ):
        assert not has_folders(policy.read_pack(changed(old, new)))


def without(table: str) -> str:
    """Return the pack without a table of its top and whatever is under it."""
    heads = re.compile(rf"^\[{table}(\.[^\]]*)?\]\n(?:(?!\[).*\n)*", re.MULTILINE)
    return heads.sub("", TEXT)


@pytest.mark.parametrize(
    ("table", "where"),
    [
        ("pack", r"\[pack\] is not a table"),
        ("words", r"\[words\] is not a table"),
        ("sources", r"\[sources\] is not a table"),
        ("terms", r"\[terms\] is not a table"),
        ("clocks", r"\[clocks\] is not a table"),
    ],
)
def test_a_table_is_a_table(table, where):
    with pytest.raises(policy.PackRefused, match=begun(where)):
        policy.read_pack(f"{table} = 3\n{without(table)}".encode())
    with pytest.raises(policy.PackRefused, match=f"^the pack: missing or unknown: {table}"):
        policy.read_pack(without(table).encode())


@pytest.mark.parametrize("name", ["authority", "also_covers", "cites"])
def test_a_table_of_a_table_is_one(name):
    inside = re.sub(rf"^\[terms\.{name}\]\n(?:(?!\[).*\n)*", "", TEXT, flags=re.MULTILINE)
    inside = inside.replace("[terms]\n", f"[terms]\n{name} = 3\n", 1)
    with pytest.raises(policy.PackRefused, match=r"^\[terms(\.cites)?\] is not a table"):
        policy.read_pack(inside.encode())


@pytest.mark.parametrize("name", ["id", "name", "called", "wording", "retention", "population"])
def test_what_a_pack_says_of_itself_is_text(name):
    blank = re.sub(rf'^{name} = ".*"$', f'{name} = " "', TEXT, count=1, flags=re.MULTILINE)
    with pytest.raises(policy.PackRefused, match=rf"^\[pack\]: {name} is not a text"):
        policy.read_pack(blank.encode())


def test_every_value_of_a_list_has_to_be_known():
    with pytest.raises(policy.PackRefused, match=r"rule ours: when\.purpose has unknown values"):
        PACK.with_guards(guard('purpose = ["care", "whim"]'))


def test_a_rule_speaks_of_purposes_that_the_pack_has_words_for():
    wordless = re.sub(r"^complaint = .*\n", "", TEXT, count=1, flags=re.MULTILINE)
    with pytest.raises(policy.PackRefused, match=r"when\.purpose has unknown values"):
        policy.read_pack(wordless.encode())


def test_a_rule_tells_the_ids_that_it_names():
    several = PACK.with_guards(guard(requires='["legal-basis:court-order,statute"]')).rules[-1]
    assert several.ids_of("legal-basis") == ("court-order", "statute")
    assert several.ids_of("test-by-both") == ()
    assert PACK.wording() == PACK.wording("en")

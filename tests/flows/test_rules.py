"""The rules of a practice: brought in signed, tried on what was decided, activated by the lead."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from django.db import transaction
from django.urls import reverse

from clients import signed_in
from factories import NOW, patient, practice, staff
from flows.conftest import agree, take
from safelight import ledger, policy
from safelight.flows import in_force, notifying, retaining, rules, taken, withdraw
from safelight.flows.allowed import DoesNotFit, NotAllowed
from safelight.flows.deciding import may_use
from safelight.flows.opening import open_photo
from safelight.policy import reading, retention
from safelight.policy.reading import shipped
from safelight.policy.roles import Role
from safelight.policy.signing import sign
from safelight.records.models import DecisionTaken, LedgerEntry, LocalRules, PackVersion, Photo
from safelight.terms import Audience, Purpose

SEED = bytes(range(32))
LATER = NOW + timedelta(days=60)


def text_of(pack_id: str, *, starts: str = "2026-12-01", **changes: str) -> bytes:
    text = shipped("england").decode()
    text = text.replace('id = "england-2026.1"', f'id = "{pack_id}"')
    text = text.replace("effective_from = 2026-11-01", f"effective_from = {starts}")
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return text.encode()


STRICTER = text_of(
    "england-2027.1", **{'requires = ["complaint-relevant"]': 'requires = ["never"]'}
)
NO_CARE = text_of(
    "england-2027.2",
    **{
        '[[guard]]\nid = "objection"\n': '[[guard]]\nid = "shut"\ntext = "Shut."\nsource = "practice"\nrequires = ["organisation-agrees"]\n[guard.when]\npurpose = ["care"]\naction = ["view"]\n\n[[guard]]\nid = "objection"\n'
    },
)


def signature(text: bytes, *, name: str = "rules.example", seed: bytes = SEED) -> bytes:
    return sign(policy.read_pack(text), name=name, seed=seed)[0].encode()


def of_folder(field: str, name: str) -> tuple[bytes, bytes, str]:
    text = STRICTER.replace(f'{field} = "england"'.encode(), f'{field} = "{name}"'.encode())
    return text, signature(text), "text"


@pytest.fixture
def lead(settings):
    """Return a governance lead whose installation trusts one publisher."""
    publisher = sign(policy.load_pack("england"), name="rules.example", seed=SEED)[1]
    settings.SAFELIGHT_PACK_PUBLISHERS = f"{publisher.text()}, "
    return staff(Role.IG_LEAD)


def bring(text: bytes, lead) -> policy.Pack:
    return rules.bring(text=text, signature=signature(text), by=lead, now=NOW)


def last(kind: str) -> dict[str, object]:
    row = LedgerEntry.objects.filter(kind=kind).order_by("-index").first()
    assert row is not None
    return dict(ledger.read_entry(bytes(row.body)).details)


# --- bringing --------------------------------------------------------------------------------------


def test_a_signed_pack_is_brought_in_and_decides_nothing_yet(lead):
    pack = bring(STRICTER, lead)
    row = PackVersion.objects.get()
    assert (row.pack_id, row.publisher, row.hash) == ("england-2027.1", "rules.example", pack.hash)
    assert last("pack.brought")["hash"] == pack.hash
    assert in_force.pack_of(lead.practice, now=LATER).id == "england-2026.1"
    current, waiting, elsewhere = rules.versions(by=lead, now=NOW)
    assert elsewhere.pack.name == "scotland"
    assert (current.pack.id, current.publisher, current.starts) == ("england-2026.1", "", None)
    assert (waiting.pack.id, waiting.publisher, waiting.is_in_force) == (
        "england-2027.1",
        "rules.example",
        False,
    )


REFUSED = {
    "a fault": (STRICTER.replace(b'"never"', b'"hopeful"'), None, "text"),
    "nobody's signature": (STRICTER, b"safelight.pack/v1\n\nx", "signature"),
    "no text for a signature": (STRICTER, b"\xff", "signature"),
    "another publisher": (STRICTER, signature(STRICTER, name="someone.else"), "signature"),
    "another key": (STRICTER, signature(STRICTER, seed=bytes(32)), "signature"),
    "altered since": (STRICTER + b"\n", signature(STRICTER), "signature"),
    "sheets that aren't here": of_folder("wording", "wales"),
    "sheets that a pack has none of": of_folder("wording", "scotland"),
    "periods that aren't here": of_folder("retention", "scotland"),
    "a folder elsewhere": of_folder("retention", "../england"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_pack_that_does_not_fit_is_not_brought_in(case, lead):
    text, note, field = REFUSED[case]
    with pytest.raises(DoesNotFit) as refused:
        rules.bring(text=text, signature=note or b"", by=lead, now=NOW)
    assert set(refused.value.fields) == {field}
    assert not PackVersion.objects.exists()
    assert not LedgerEntry.objects.filter(kind="pack.brought").exists()


def test_a_pack_is_brought_in_once(lead):
    bring(STRICTER, lead)
    with pytest.raises(DoesNotFit):
        bring(STRICTER, lead)


@pytest.mark.parametrize("role", [Role.GP, Role.NURSE, Role.REVIEWER, Role.ADMINISTRATOR])
def test_only_the_governance_lead_touches_the_rules(role, lead):
    other = staff(role, practice=lead.practice)
    digest = policy.load_pack("england").hash
    for act in (
        lambda: rules.bring(text=STRICTER, signature=signature(STRICTER), by=other, now=NOW),
        lambda: rules.activate(digest, by=other, now=NOW),
        lambda: rules.versions(by=other, now=NOW),
        lambda: rules.unusable(by=other),
        lambda: rules.trial(digest, by=other, now=NOW),
        lambda: rules.local_rules(by=other),
        lambda: rules.add_rule(
            text="x", requires="never", purposes=[], audiences=[], by=other, now=NOW
        ),
        lambda: rules.drop_rule("x", by=other, now=NOW),
    ):
        with pytest.raises(NotAllowed):
            act()


def test_without_a_trusted_publisher_nothing_is_brought_in(lead, settings):
    settings.SAFELIGHT_PACK_PUBLISHERS = ""
    with pytest.raises(DoesNotFit):
        bring(STRICTER, lead)


# --- activating --------------------------------------------------------------------------------------


def test_an_activated_pack_decides_from_its_first_day_on(lead):
    pack = bring(STRICTER, lead)
    assert rules.activate(pack.hash, by=lead, now=NOW) == date(2026, 12, 1)
    lead.practice.refresh_from_db()
    before = datetime.fromisoformat("2026-11-30T23:59:59+00:00")
    assert in_force.pack_of(lead.practice, now=before).id == "england-2026.1"
    assert in_force.pack_of(lead.practice, now=before + timedelta(seconds=1)).hash == pack.hash
    entry = last("pack.activated")
    assert (entry["pack"], entry["hash"], entry["starts"], entry["publisher"]) == (
        "england-2027.1",
        pack.hash,
        "2026-12-01",
        "rules.example",
    )


def test_a_pack_whose_day_has_come_decides_at_once_and_replaces_what_was_to_follow(lead):
    later = bring(STRICTER, lead)
    rules.activate(later.hash, by=lead, now=NOW)
    today = bring(text_of("england-2026.2", starts="2026-11-01"), lead)
    assert rules.activate(today.hash, by=lead, now=NOW) == NOW.date()
    lead.practice.refresh_from_db()
    assert in_force.pack_of(lead.practice, now=LATER).hash == today.hash
    with pytest.raises(DoesNotFit, match="pack"):
        rules.activate(today.hash, by=lead, now=NOW)


def test_the_pack_that_came_with_safelight_can_be_kept(lead):
    came = policy.load_pack("england")
    rules.activate(came.hash, by=lead, now=NOW)
    row = PackVersion.objects.get()
    assert (row.publisher, bytes(row.text)) == ("", shipped("england"))
    assert last("pack.activated")["publisher"] == "safelight"
    lead.practice.refresh_from_db()
    assert in_force.hash_on(lead.practice, now=NOW) == came.hash
    only, _ = rules.versions(by=lead, now=NOW)
    assert only.is_in_force
    assert only.starts == NOW.date()
    again = bring(STRICTER, lead)
    rules.activate(again.hash, by=lead, now=LATER)
    rules.activate(came.hash, by=lead, now=LATER)
    assert PackVersion.objects.count() == 2


def test_a_publisher_who_is_trusted_no_more_is_not_activated_anew(lead, settings):
    pack = bring(STRICTER, lead)
    settings.SAFELIGHT_PACK_PUBLISHERS = ""
    with pytest.raises(DoesNotFit):
        rules.activate(pack.hash, by=lead, now=NOW)


def test_there_is_no_pack_of_another_hash(lead):
    bring(STRICTER, staff(Role.IG_LEAD))
    for digest in ("0" * 64, policy.read_pack(STRICTER).hash):
        with pytest.raises(rules.NoSuchPack):
            rules.activate(digest, by=lead, now=NOW)


def test_a_pack_that_was_altered_in_the_records_decides_nothing(lead, patient_of):
    photo = patient_of(lead.practice)
    pack = bring(STRICTER, lead)
    rules.activate(pack.hash, by=lead, now=NOW)
    altered = STRICTER.replace(b"child_until = 18", b"child_until = 17")
    PackVersion.objects.update(text=altered)
    in_force._read.cache_clear()
    photo.patient.practice.refresh_from_db()
    with pytest.raises(policy.PackRefused):
        may_use(photo, purpose=Purpose.CARE, audience=Audience.TEAM, now=LATER)
    assert rules.unusable(by=lead) == [
        ("england-2027.1", "the pack in the records is not the one that was brought in")
    ]
    came = rules.versions(by=lead, now=LATER)[0].pack
    assert came.id == "england-2026.1"
    assert rules.trial(came.hash, by=lead, now=LATER).obstacle == ""
    rules.activate(came.hash, by=lead, now=LATER)
    photo.patient.practice.refresh_from_db()
    seen = may_use(photo, purpose=Purpose.CARE, audience=Audience.TEAM, now=LATER)
    assert seen.outcome == "permit"


def test_a_pack_that_is_gone_from_the_records_decides_nothing(lead):
    pack = bring(STRICTER, lead)
    rules.activate(pack.hash, by=lead, now=NOW)
    PackVersion.objects.all().delete()
    in_force._read.cache_clear()
    lead.practice.refresh_from_db()
    with pytest.raises(policy.PackRefused):
        in_force.pack_of(lead.practice, now=LATER)


# --- what goes with a pack ----------------------------------------------------------------------------


def test_the_periods_are_those_of_the_pack_in_force(lead, monkeypatch):
    """From its first day on, and not before; the record's day moves with it."""
    of = patient(practice=lead.practice)
    record = retaining.set_record(of, kind="general", ended_on=date(2026, 1, 1), by=lead, now=NOW)
    usual = retaining.period_of(record, now=NOW)
    pack = bring(
        text_of("england-2027.3", **{'retention = "england"': 'retention = "longer"'}), lead
    )
    rules.activate(pack.hash, by=lead, now=NOW)
    lead.practice.refresh_from_db()
    record = type(record).objects.get(pk=record.pk)
    assert retaining.period_of(record, now=NOW) == usual
    longer = retaining.period_of(record, now=LATER)
    assert longer.until == usual.until.replace(year=usual.until.year + 3)
    assert longer.because == ("Longer.",)


@pytest.fixture(autouse=True)
def another_table(monkeypatch):
    """Stand in for a version of Safelight that came with a second table of periods."""
    real = retention.load

    def load(name: str) -> retention.Retention:
        found = real("england")
        if name != "longer":
            return found
        wider = tuple(replace(each, years=each.years + 3, text="Longer.") for each in found.rules)
        return replace(found, rules=wider)

    monkeypatch.setattr(retention, "load", load)
    monkeypatch.setattr(
        reading,
        "has_folders",
        lambda pack, real=reading.has_folders: pack.retention_of == "longer" or real(pack),
    )
    retaining._periods.cache_clear()


def test_a_breach_is_notified_by_the_clock_of_the_pack_in_force(lead):
    usual = notifying.of_breach(lead.practice, aware_at=NOW, now=NOW)
    assert (usual.by, usual.is_over) == (NOW + timedelta(hours=72), False)
    assert usual.text.endswith("within 72 hours of becoming aware of it.")
    quick = text_of("england-2027.4", starts="2026-11-01", **{"hours = 72": "hours = 24"})
    rules.activate(bring(quick, lead).hash, by=lead, now=NOW)
    lead.practice.refresh_from_db()
    assert notifying.of_breach(lead.practice, aware_at=NOW, now=NOW).by == NOW + timedelta(days=1)
    late = notifying.of_breach(
        lead.practice, aware_at=NOW, now=NOW + timedelta(hours=24, seconds=1)
    )
    assert late.is_over
    assert not notifying.of_breach(
        lead.practice, aware_at=NOW, now=NOW + timedelta(hours=24)
    ).is_over


# --- trying ----------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def committed_at_once(monkeypatch):
    """A test's transaction never ends well: do at once what waits for that."""
    monkeypatch.setattr(taken.transaction, "on_commit", lambda do, robust: do())


@pytest.fixture
def patient_of():
    """Return what takes one picture of an adult for care."""

    def make(at) -> Photo:
        gp, of = staff(Role.GP, practice=at), patient(practice=at)
        consent, _ = agree(of, gp)
        return take(of, gp, consent)

    return make


def test_what_was_decided_is_kept_without_whom_it_was_about(lead, patient_of):
    photo = patient_of(lead.practice)
    gp = staff(Role.GP, practice=lead.practice)
    for _ in range(3):
        open_photo(photo, by=gp, now=NOW)
    rows = DecisionTaken.objects.filter(practice=lead.practice)
    viewed = next(row for row in rows if row.facts["action"] == "view")
    assert (viewed.outcome, viewed.times) == ("permit", 3)
    assert viewed.pack_hash == policy.load_pack("england").hash
    kept = json.dumps([row.facts for row in rows])
    for secret in (photo.patient.name, "1955", "2026", str(photo.pk), str(photo.patient_id)):
        assert secret not in kept
    assert {row.facts["action"] for row in rows} == {"make", "view"}


def test_what_was_undone_was_not_decided(lead, patient_of, monkeypatch):
    monkeypatch.undo()
    photo = patient_of(lead.practice)
    with transaction.atomic():
        open_photo(photo, by=staff(Role.GP, practice=lead.practice), now=NOW)
        transaction.set_rollback(True)
    assert not DecisionTaken.objects.exists()


def test_a_pack_is_tried_on_what_was_decided(lead, patient_of):
    photo = patient_of(lead.practice)
    gp = staff(Role.GP, practice=lead.practice)
    for _ in range(3):
        open_photo(photo, by=gp, now=NOW)
    pack = bring(NO_CARE, lead)
    trial = rules.trial(pack.hash, by=lead, now=NOW)
    assert trial.simulation.text == "3 of 4 decisions would change, this one:"
    (change,) = trial.simulation.changes
    assert change.text.startswith("Viewing, for care, for the treating team, 3 times: permitted")
    (difference,) = trial.differences
    assert difference.text == (
        "“Shut” (shut) is new and demands, for care; viewing (practice). "
        "It requires that the organisation agrees."
    )
    rules.activate(pack.hash, by=lead, now=NOW)
    assert (last("pack.activated")["changed"], last("pack.activated")["decisions"]) == (3, 4)
    photo.patient.practice.refresh_from_db()
    assert open_photo(photo, by=gp, now=LATER).outcome == "hold"


def test_what_every_practice_decided_can_be_tried_together(patient_of):
    for at in (practice(), practice()):
        patient_of(at)
    assert [each.times for each in taken.of_every_practice(now=NOW)] == [1, 1]


def test_what_was_decided_long_ago_does_not_count(lead, patient_of):
    photo = patient_of(lead.practice)
    open_photo(photo, by=staff(Role.GP, practice=lead.practice), now=NOW)
    assert sum(each.times for each in taken.decisions(lead.practice, now=NOW)) == 2
    assert not list(taken.decisions(lead.practice, now=NOW + timedelta(days=800)))


def test_facts_that_nobody_knows_are_not_kept(lead):
    pack = policy.load_pack("england")
    odd = {"weather": "fine"}
    taken.keep(policy.decide(odd, pack=pack), odd, pack=pack, practice=lead.practice, now=NOW)
    assert not DecisionTaken.objects.exists()


# --- the practice's own rules --------------------------------------------------------------------------


def add(lead, **given):
    said = {"text": "Nobody sees it", "requires": "never", "purposes": ["care"], "audiences": []}
    return rules.add_rule(**said | given, by=lead, now=NOW)


def test_a_rule_of_ones_own_holds_at_once_and_only_tightens(lead, patient_of):
    photo = patient_of(lead.practice)
    gp = staff(Role.GP, practice=lead.practice)
    open_photo(photo, by=gp, now=NOW)
    found = add(lead, audiences=["team"])
    assert found.changed == 2
    photo.patient.practice.refresh_from_db()
    answer = open_photo(photo, by=gp, now=NOW)
    assert answer.outcome == "refuse"
    assert answer.pack.id == "england-2026.1+local"
    (row,) = rules.local_rules(by=lead)
    assert row["when"] == {"purpose": ["care"], "audience": ["team"]}
    assert last("rule.added")["rule"] == row["id"]
    rules.drop_rule(row["id"], by=lead, now=NOW)
    photo.patient.practice.refresh_from_db()
    assert isinstance(open_photo(photo, by=gp, now=NOW), bytes)
    assert last("rule.dropped")["rule"] == row["id"]
    assert [bool(each.text) for each in LocalRules.objects.all()] == [True, False]


def test_nobody_says_of_a_device_what_nobody_knows(lead, patient_of):
    photo = patient_of(lead.practice)
    gp = staff(Role.GP, practice=lead.practice)
    strict = text_of(
        "england-2026.2",
        starts="2026-11-01",
        **{
            'id = "device"\n': 'id = "device-always"\n',
            '[guard.when]\ndevice = ["known"]\n\n[[guard]]\nid = "device-class"': '\n[[guard]]\nid = "device-class"',
        },
    )
    rules.activate(bring(strict, lead).hash, by=lead, now=NOW)
    photo.patient.practice.refresh_from_db()
    answer = open_photo(photo, by=gp, now=NOW)
    assert [each.needs.field for each in answer.because] == ["device.registered"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"text": " \n "}, "text"),
        ({"text": "x" * 201}, "text"),
        ({"requires": "explicit"}, "requires"),
        ({"purposes": ["holiday"]}, "text"),
    ],
)
def test_a_rule_that_does_not_fit_is_not_added(given, field, lead):
    with pytest.raises(DoesNotFit) as refused:
        add(lead, **given)
    assert set(refused.value.fields) == {field}
    assert rules.local_rules(by=lead) == []


def test_a_rule_is_added_once_and_taken_back_once(lead):
    add(lead, text='Not "here" \\ or there\n')
    with pytest.raises(DoesNotFit):
        add(lead, text='Not "here" \\ or there')
    (row,) = rules.local_rules(by=lead)
    assert row["text"] == 'Not "here" \\ or there'
    rules.drop_rule(row["id"], by=lead, now=NOW)
    with pytest.raises(DoesNotFit):
        rules.drop_rule(row["id"], by=lead, now=NOW)


def test_a_pack_that_ones_own_rules_do_not_fit_is_not_activated(lead):
    add(lead)
    (row,) = rules.local_rules(by=lead)
    clash = text_of("england-2027.3", **{'id = "device-class"': f'id = "{row["id"]}"'})
    pack = bring(clash, lead)
    assert "A rule of your own doesn’t fit it" in rules.trial(pack.hash, by=lead, now=NOW).obstacle
    with pytest.raises(DoesNotFit):
        rules.activate(pack.hash, by=lead, now=NOW)


def test_the_rules_of_one_practice_are_not_anothers(lead):
    add(lead)
    other = staff(Role.IG_LEAD)
    assert rules.local_rules(by=other) == []
    assert in_force.pack_of(practice(), now=NOW).id == "england-2026.1"


# --- the pages ---------------------------------------------------------------------------------------


@pytest.fixture
def browser(lead):
    return signed_in(lead)


def files(text: bytes, note: bytes) -> dict[str, object]:
    from django.core.files.uploadedfile import SimpleUploadedFile

    return {
        "text": SimpleUploadedFile("pack.toml", text),
        "signature": SimpleUploadedFile("pack.toml.sig", note),
    }


def test_the_lead_brings_compares_and_activates_a_pack_by_the_pages(lead, browser, patient_of):
    open_photo(
        patient_of(lead.practice),
        by=staff(Role.GP, practice=lead.practice),
        now=datetime.now(NOW.tzinfo),
    )
    answer = browser.post(reverse("rules-bring"), files(NO_CARE, signature(NO_CARE)))
    pack = policy.read_pack(NO_CARE)
    assert answer["Location"] == reverse("rules-version", args=[pack.hash])
    page = browser.get(answer["Location"]).content.decode()
    assert "1 of 2 decisions would change, this one:" in page
    assert "“Shut” (shut) is new and demands" in page
    assert "Stricter" in page
    assert "Let it decide" in page
    done = browser.post(reverse("rules-activate", args=[pack.hash]), follow=True)
    assert "The rules decide from" in done.content.decode()
    assert "england-2027.2" in done.content.decode()


def test_what_does_not_fit_is_said_on_the_page(lead, browser):
    page = browser.post(reverse("rules-bring"), files(NO_CARE, b"x")).content.decode()
    assert "The signature doesn’t fit" in page
    page = browser.post(reverse("rules-bring"), files(b"#" * 1_000_001, b"x")).content.decode()
    assert "too big" in page
    assert browser.get(reverse("rules-version", args=["0" * 64])).status_code == 404
    assert browser.post(reverse("rules-activate", args=["0" * 64])).status_code == 404


def test_a_rule_is_added_and_taken_back_by_the_pages(lead, browser):
    said = {"text": "Not from here", "requires": "never", "purposes": ["social"]}
    page = browser.post(reverse("rule-new"), said, follow=True).content.decode()
    assert "Not from here" in page
    assert "social media; every audience: it isn&#x27;t done at all" in page
    again = browser.post(reverse("rule-new"), said).content.decode()
    assert "That rule is here already" in again
    (row,) = rules.local_rules(by=lead)
    gone = browser.post(reverse("rule-drop", args=[row["id"]]), follow=True).content.decode()
    assert "The rule no longer holds" in gone
    gone = browser.post(reverse("rule-drop", args=[row["id"]]), follow=True).content.decode()
    assert "That rule is gone already" in gone


def test_what_a_rule_would_have_changed_is_said(lead, browser, patient_of):
    open_photo(
        patient_of(lead.practice),
        by=staff(Role.GP, practice=lead.practice),
        now=datetime.now(NOW.tzinfo),
    )
    said = {"text": "Shut", "requires": "never", "purposes": ["care"], "audiences": ["team"]}
    page = browser.post(reverse("rule-new"), said, follow=True).content.decode()
    assert "it would have changed 2 of 2 decisions" in page


def test_a_pack_that_can_not_be_used_is_named_and_the_page_still_opens(lead, browser):
    pack = bring(text_of("england-2026.2", starts="2026-11-01"), lead)
    rules.activate(pack.hash, by=lead, now=NOW)
    PackVersion.objects.update(text=b"#")
    in_force._read.cache_clear()
    page = browser.get(reverse("rules")).content.decode()
    assert "Not usable." in page
    assert "no usable rules" in page
    assert "can’t be used" in page
    assert "Name, birth date or number" in browser.get(reverse("today")).content.decode()


def test_a_second_activation_is_told_that_it_is_in_force(lead, browser):
    digest = policy.load_pack("england").hash
    browser.post(reverse("rules-activate", args=[digest]))
    page = browser.post(reverse("rules-activate", args=[digest]), follow=True).content.decode()
    assert "It is in force." in page


# --- what the pack leaves to the practice ------------------------------------------------------------


def test_a_switch_is_on_with_a_reason_and_off_at_once(lead, patient_of):
    photo = patient_of(lead.practice)
    (var17,) = rules.switches(by=lead, now=NOW)
    assert (var17.name, var17.reason) == ("var17", "")

    def taught():
        of = Photo.objects.select_related("patient__practice").get(pk=photo.pk)
        of.identifiable = "anonymised"
        return may_use(
            of,
            purpose=Purpose.TEACHING_LOCAL,
            audience=Audience.ORGANISATION,
            now=NOW,
            review={"second_person": "x"},
            exposure={"verdict": "clear"},
        ).outcome

    assert taught() == "refuse"
    rules.turn_on("var17", reason="  Our teaching  committee ", by=lead, now=NOW)
    assert rules.switches(by=lead, now=NOW)[0].reason == "Our teaching committee"
    assert last("switch.turned-on") == {"practice": str(lead.practice_id), "switch": "var17"}
    assert taught() == "permit"
    no = {"purposes": [Purpose.TEACHING_LOCAL], "by": None, "now": NOW}
    rules.turn_off("var17", by=lead, now=NOW)
    assert taught() == "refuse"
    rules.turn_off("var17", by=lead, now=NOW)
    assert LedgerEntry.objects.filter(kind="switch.turned-off").count() == 1
    rules.turn_on("var17", reason="Again", by=lead, now=NOW)
    withdraw.object_to(photo.patient, **no)
    assert taught() == "refuse", "an objection beats it always"


@pytest.mark.parametrize(
    ("name", "reason", "field"),
    [("var18", "x", "switch"), ("var17", "  ", "reason"), ("var17", "x" * 201, "reason")],
)
def test_a_switch_that_is_none_or_has_no_reason_stays_off(lead, name, reason, field):
    with pytest.raises(DoesNotFit) as refused:
        rules.turn_on(name, reason=reason, by=lead, now=NOW)
    assert set(refused.value.fields) == {field}
    lead.practice.refresh_from_db()
    assert lead.practice.switches == {}


def test_only_governance_turns_a_switch(lead):
    gp = staff(Role.GP, practice=lead.practice)
    for act in (
        lambda: rules.switches(by=gp, now=NOW),
        lambda: rules.turn_on("var17", reason="x", by=gp, now=NOW),
        lambda: rules.turn_off("var17", by=gp, now=NOW),
    ):
        with pytest.raises(NotAllowed):
            act()


def test_a_switch_that_a_pack_does_not_know_decides_nothing(lead, patient_of):
    """Turned on under one pack, unknown to the next: what is decided says nothing of it."""
    photo = patient_of(lead.practice)
    lead.practice.switches = {"var99": "Long ago"}
    lead.practice.save()
    of = Photo.objects.select_related("patient__practice").get(pk=photo.pk)
    seen = may_use(of, purpose=Purpose.CARE, audience=Audience.TEAM, now=NOW)
    assert seen.outcome == "permit"


def test_the_lead_turns_it_on_and_off_on_the_page(lead):
    desk, where = signed_in(lead), reverse("rules-switch", args=["var17"])
    assert (
        "Using anonymised care recordings without consent"
        in desk.get(reverse("rules")).content.decode()
    )
    unsaid = desk.post(where, {"var17-reason": ""})
    assert (unsaid.status_code, "Say why, in a few words" in unsaid.content.decode()) == (422, True)
    page = desk.post(where, {"var17-reason": "Minute 4"}, follow=True).content.decode()
    assert "Minute 4" in page
    assert "Turn it off" in page
    page = desk.post(where, {"off": "on"}, follow=True).content.decode()
    assert "Minute 4" not in page
    assert desk.post(reverse("rules-switch", args=["var99"])).status_code == 404

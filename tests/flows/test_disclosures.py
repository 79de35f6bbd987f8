"""Posts found elsewhere count, what is out is judged anew, and the engine can't be searched with."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.test import Client

from factories import NOW, patient, staff
from flows.test_release import TOWN, agree, ask, prepare, take
from safelight import exposure
from safelight.flows import disclosures, exposing, intruding, release
from safelight.flows.allowed import DoesNotFit, NotAllowed
from safelight.policy.roles import Role
from safelight.records.models import (
    Disclosure,
    ExposureAlarm,
    LedgerEntry,
    OutgoingMail,
    Release,
)
from safelight.terms import Audience, Purpose

RARE = {"name": "made-up syndrome", "prevalence": [1e-6, 1e-5]}
TRIED = {
    "who": "a stranger",
    "holds": "a search engine",
    "searched": "town, age",
    "outcome": "nobody",
}


@pytest.fixture
def lead(surgery):
    return staff(Role.IG_LEAD, practice=surgery)


@pytest.fixture
def photo(adult, gp):
    consent, _ = agree(adult, gp, Purpose.CARE, Purpose.TEACHING_LOCAL)
    return take(adult, gp, consent)


@pytest.fixture
def released(photo, gp, lead):
    asked = ask(photo, gp, discloses={"place": TOWN, "sex": "M"})
    prepare(asked, gp)
    done = release.approve(asked, note="", by=lead, now=NOW)
    assert isinstance(done, Release)
    return done


def post(who, by, **given):
    said = {
        "facts": {"place": TOWN, "age": {"years": 71}},
        "audience": "public",
        "poster": {"name": "", "organisation": ""},
        "told_on": date(2026, 11, 20),
        "is_certain": True,
    } | given
    return disclosures.register_post(who, **said, by=by, now=NOW)


def test_a_post_found_elsewhere_counts_in_the_next_assessment(photo, adult, gp):
    before = ask(photo, gp, discloses={"sex": "M"}).assessment["k"]
    post(adult, gp)
    after = ask(photo, gp, discloses={"sex": "M"}).assessment
    assert after["k"] < before / 1000
    assert after["before"]["k"] > after["k"]
    assert not after["linked"]


def test_a_post_that_may_be_of_the_patient_is_linked_by_its_words(photo, adult, gp):
    facts = {"place": TOWN, "condition": RARE}
    post(adult, gp, facts=facts, is_certain=False)
    found = ask(photo, gp, discloses=facts).assessment
    assert [each["probability"] > 0.5 for each in found["linked"]] == [True]
    assert found["unlinked"]["k"] >= found["k"]
    other = ask(photo, gp, discloses={"place": {"level": "lad", "code": "E08000035"}}).assessment
    assert not other["linked"]


def test_its_words_rest_sealed_and_the_ledger_says_that_it_was_written_down(adult, gp):
    row = post(adult, gp, facts={"unmapped": ["the bell ringer"]})
    assert b"bell ringer" not in bytes(row.sealed_facts)
    assert exposing.history(adult)[0]["facts"] == {"unmapped": ["the bell ringer"]}
    entry = LedgerEntry.objects.latest("index")
    assert entry.kind == "disclosure.registered"
    assert b"bell" not in bytes(entry.body)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"told_on": date(2027, 1, 1)}, "told_on"),
        ({"facts": {"shoe": 43}}, "words"),
        ({"facts": {"age": {"years": -1}}}, "words"),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_nothing(adult, gp, home, given, field):
    with pytest.raises(DoesNotFit) as refused:
        post(adult, gp, **given)
    assert set(refused.value.fields) == {field}
    assert not Disclosure.objects.exists()


def test_a_fault_in_the_middle_leaves_no_key(adult, gp, monkeypatch):
    def fail(*_args: object, **_more: object) -> None:
        raise RuntimeError("the disk went away")

    monkeypatch.setattr(disclosures.log, "append", fail)
    with pytest.raises(RuntimeError):
        post(adult, gp)
    assert not Disclosure.objects.exists()
    from safelight.flows import stores

    assert stores.keys().describe().data_keys == 0


def test_only_who_may_ask_for_copies_writes_posts_down(adult, lead, stranger):
    for who in (lead, stranger):
        with pytest.raises(NotAllowed):
            post(adult, who)


def test_what_is_out_is_judged_anew_and_governance_is_told_once(released, adult, gp, lead):
    assert released.exposure == "clear"
    post(adult, gp, facts={"condition": RARE, "age": {"years": 71}})
    (alarm,) = ExposureAlarm.objects.all()
    assert (alarm.release_id, alarm.was, alarm.is_now) == (released.pk, "clear", "block")
    mail = OutgoingMail.objects.get(about=alarm.pk)
    assert mail.to == lead.email
    assert "/governance/exposure/" in mail.text
    assert adult.name not in mail.text + mail.subject
    post(adult, gp, facts={"unmapped": ["a bell"]})
    assert ExposureAlarm.objects.count() == 1
    assert OutgoingMail.objects.filter(subject=disclosures.SUBJECT).count() == 1


def test_a_post_that_tells_nothing_new_raises_nothing(released, adult, gp):
    post(adult, gp, facts={"sex": "M"})
    assert not ExposureAlarm.objects.exists()


def test_an_alarm_is_settled_by_governance_with_a_word_of_what_was_done(released, adult, gp, lead):
    post(adult, gp, facts={"condition": RARE, "age": {"years": 71}})
    alarm = ExposureAlarm.objects.get()
    with pytest.raises(NotAllowed):
        disclosures.settle(alarm, note="Taken down", by=gp, now=NOW)
    with pytest.raises(DoesNotFit):
        disclosures.settle(alarm, note=" ", by=lead, now=NOW)
    disclosures.settle(alarm, note="Taken down", by=lead, now=NOW)
    disclosures.settle(alarm, note="Again", by=lead, now=NOW)
    alarm.refresh_from_db()
    assert (alarm.note, alarm.settled_by) == ("Taken down", lead)
    assert LedgerEntry.objects.filter(kind="exposure.settled").count() == 1


def test_a_copy_that_leaves_is_held_against_those_that_are_out(released, photo, gp, lead):
    asked = ask(photo, gp, discloses={"age": {"years": 71}})
    prepare(asked, gp)
    release.approve(asked, note="", judgement="They all know him", by=lead, now=NOW)
    assert {each.release_id for each in ExposureAlarm.objects.all()} == {released.pk}


def test_the_copy_is_known_again_by_its_fingerprints(released, adult):
    (told,) = exposing.history(adult)
    assert told["picture"]
    assert told["poster"] == {
        "name": released.requested_by.name,
        "organisation": adult.practice.name,
    }


def test_a_practice_that_says_where_its_patients_live_is_counted_as_that_place(
    photo, gp, lead, surgery
):
    far = ask(photo, gp, discloses={"sex": "M"}).assessment["k"]
    disclosures.set_catchment(places=["E06000005"], list_size=8000, by=lead, now=NOW)
    photo.patient.practice.refresh_from_db()
    near = ask(photo, gp, discloses={"sex": "M"}).assessment
    assert near["k"] < far / 100
    assert near["k"] == pytest.approx(1 + 4000, rel=0.1)
    disclosures.set_catchment(places=[], list_size=None, by=lead, now=NOW)
    with pytest.raises(NotAllowed):
        disclosures.set_catchment(places=[], list_size=None, by=gp, now=NOW)


def test_a_patient_cannot_be_searched_with_assessments(photo, gp):
    asked = ask(photo, gp)
    for _ in range(exposing.MOST_A_DAY - 1):
        release.say_less(asked, discloses={"sex": "M"}, by=gp, now=NOW)
    with pytest.raises(DoesNotFit, match="words"):
        release.say_less(asked, discloses={"sex": "F"}, by=gp, now=NOW)
    with pytest.raises(DoesNotFit):
        ask(photo, gp)
    release.say_less(asked, discloses={"sex": "F"}, by=gp, now=NOW + timedelta(days=1, seconds=1))


def test_without_tables_nothing_is_read_nor_judged(adult, released, gp, monkeypatch):
    monkeypatch.setattr(exposing, "_knowing", nowhere)
    assert disclosures.read_caption(adult, "from Leeds", by=gp, now=NOW) is None
    post(adult, gp)
    (alarm,) = ExposureAlarm.objects.all()
    assert alarm.is_now == "not-assessed"


def test_a_caption_is_read_with_the_practices_tables(adult, gp, lead):
    reading = disclosures.read_caption(adult, "a woman, yesterday", by=gp, now=NOW)
    assert isinstance(reading, exposure.Reading)
    assert reading.facts["event"]["on"]["to"] == "2026-11-21"
    with pytest.raises(NotAllowed):
        disclosures.read_caption(adult, "a woman", by=lead, now=NOW)


# --- the motivated-intruder test ------------------------------------------------------------------


def test_beyond_the_organisation_somebody_has_to_have_tried():
    for audience in (Audience.PUBLIC, Audience.CLOSED_GROUP):
        with pytest.raises(DoesNotFit) as refused:
            intruding.checked([], audience=audience)
        assert set(refused.value.fields) == {"who"}
        assert intruding.checked([TRIED, {}], audience=audience) == (TRIED,)
    assert intruding.checked([], audience=Audience.ORGANISATION) == ()


def test_half_an_attempt_is_none_and_one_that_succeeded_stops_it():
    with pytest.raises(DoesNotFit) as half:
        intruding.checked([{"who": "a neighbour"}], audience=Audience.PUBLIC)
    assert set(half.value.fields) == {"holds", "searched"}
    for outcome in ("", "perhaps", "somebody"):
        with pytest.raises(DoesNotFit) as found:
            intruding.checked([TRIED | {"outcome": outcome}], audience=Audience.PUBLIC)
        assert set(found.value.fields) == {"outcome"}


def test_the_attempts_are_kept_with_the_decision(photo, gp, lead):
    asked = ask(photo, gp)
    prepare(asked, gp)
    done = release.approve(asked, note="", intruder_test=[TRIED], by=lead, now=NOW)
    assert isinstance(done, Release)
    assert done.intruder_test == [TRIED]
    assert b'"intruder_tests":1' in bytes(LedgerEntry.objects.get(kind="release.approved").body)


# --- the pages ------------------------------------------------------------------------------------


def signed_in(who) -> Client:
    client = Client()
    client.force_login(who)
    return client


def typed(**given: str) -> dict[str, str]:
    return {
        "told_on_day": "20",
        "told_on_month": "11",
        "told_on_year": "2026",
        "audience": "public",
        "is_certain": "yes",
        "age": "71",
    } | given


def test_a_post_is_written_down_on_the_page_and_listed(adult, gp):
    clinic, where = signed_in(gp), f"/patients/{adult.pk}/online/"
    assert "nothing is known from elsewhere" in clinic.get(where).content.decode()
    saved = clinic.post(where, typed(name="A neighbour", condition="Marfan syndrome"), follow=True)
    assert "71, Marfan syndrome" in saved.content.decode()
    assert "A neighbour" in saved.content.decode()
    unsure = clinic.post(
        where, typed(audience="group", group="village", is_certain="may-be"), follow=True
    )
    assert "village" in unsure.content.decode()
    assert "may be about this patient" in unsure.content.decode()


@pytest.mark.parametrize(
    ("given", "mend"),
    [
        ({"told_on_day": ""}, "Type the day"),
        ({"told_on_year": "2031"}, "That day has not come yet"),
        ({"audience": "group"}, "Say which group"),
        ({"age": "old"}, "Type the age as"),
        ({"last_day_day": "1", "last_day_month": "2", "last_day_year": "2026"}, "first day, too"),
        (
            {
                "first_day_day": "2",
                "first_day_month": "2",
                "first_day_year": "2026",
                "last_day_day": "1",
                "last_day_month": "2",
                "last_day_year": "2026",
            },
            "comes before the first",
        ),
        ({"is_certain": ""}, "Choose one"),
        ({"caption": "a farmer from Leeds"}, "Find the details in it” first"),
    ],
)
def test_the_page_says_what_to_mend(adult, gp, given, mend):
    answer = signed_in(gp).post(f"/patients/{adult.pk}/online/", typed(**given))
    assert answer.status_code == 422
    assert mend in answer.content.decode()
    assert not Disclosure.objects.exists()


def test_a_caption_fills_the_fields_and_what_names_somebody_has_to_go(adult, photo, gp):
    clinic = signed_in(gp)
    said = {"caption": "A 42-year-old farmer from Leeds, call 07700 900123", "read": "1"}
    for where in (f"/patients/{adult.pk}/online/", f"/pictures/{photo.pk}/copy/"):
        page = clinic.post(where, said).content.decode()
        assert 'value="42"' in page
        assert '<option value="lad:E08000035" selected>' in page
        assert "farmer" in page
        assert "Take this out: telephone number" in page
    assert not Disclosure.objects.exists()
    assert not Release.objects.exists()
    nothing = clinic.post(f"/patients/{adult.pk}/online/", {"caption": "a red rash", "read": "1"})
    assert "Nothing was found" in nothing.content.decode()
    endless = clinic.post(f"/patients/{adult.pk}/online/", {"caption": "a " * 4100, "read": "1"})
    assert endless.status_code == 200


def test_governance_sees_what_became_too_telling_and_settles_it(released, adult, gp, lead):
    post(adult, gp, facts={"condition": RARE, "age": {"years": 71}})
    office, alarm = signed_in(lead), ExposureAlarm.objects.get()
    assert "Copies that are out became too telling" in office.get("/governance/").content.decode()
    page = office.get("/governance/exposure/").content.decode()
    assert "Too few people" in page
    assert "could be about" in page
    assert "A rare condition" in page, "what makes it small is named"
    assert "within 72 hours" in page
    assert "Time is over" in page, "it was raised on NOW, which lies behind"
    where = f"/governance/exposure/{alarm.pk}/"
    unsaid = office.post(where, {f"{alarm.pk}-note": ""})
    assert unsaid.status_code == 422
    assert "Say what was done about it" in unsaid.content.decode()
    done = office.post(where, {f"{alarm.pk}-note": "The talk was cut"}, follow=True)
    assert "The talk was cut" in done.content.decode()


def test_governance_says_where_the_patients_live(lead, surgery):
    office = signed_in(lead)
    assert "Darlington" in office.get("/governance/our-patients/").content.decode()
    odd = office.post("/governance/our-patients/", {"places": ["Mars"], "list_size": "0"})
    assert odd.status_code == 422
    office.post("/governance/our-patients/", {"places": ["E06000005"], "list_size": "8000"})
    assert "Now: <b>Darlington</b>" in office.get("/governance/our-patients/").content.decode()
    surgery.refresh_from_db()
    assert (surgery.places, surgery.list_size) == (["E06000005"], 8000)


def test_who_asks_sees_a_band_and_who_reviews_the_figures(photo, gp, lead):
    asked = ask(photo, gp, discloses={"place": TOWN, "sex": "M", "age": {"years": 42}})
    asking = signed_in(gp).get(f"/releases/{asked.pk}/").content.decode()
    assert "About 33 to 100 people" in asking
    assert "could be about" not in asking
    prepare(asked, gp)
    reviewing = signed_in(lead).get(f"/releases/{asked.pk}/").content.decode()
    assert "could be about" in reviewing
    assert "A crowd that gets smaller with each detail" in reviewing
    assert "Relatives and friends" in reviewing
    assert "Before this copy" in reviewing


def test_other_practices_find_nothing(adult, gp, stranger, released):
    outside = signed_in(stranger)
    assert outside.get(f"/patients/{adult.pk}/online/").status_code == 404
    elsewhere = patient(practice=stranger.practice)
    assert signed_in(gp).get(f"/patients/{elsewhere.pk}/online/").status_code == 404


def test_what_was_told_elsewhere_is_a_press_away_from_the_patients_page(adult, gp, lead):
    where = f'href="/patients/{adult.pk}/online/"'
    for who, is_there in ((gp, True), (lead, False)):
        client = Client()
        client.force_login(who)
        page = client.get(f"/patients/{adult.pk}/").content.decode()
        assert (where in page) is is_there


def test_a_page_tells_days_and_groups_as_people_do(adult, gp):
    post(adult, gp, audience="group:Dentists of the north")
    client = Client()
    client.force_login(gp)
    page = client.get(f"/patients/{adult.pk}/online/").content.decode()
    assert "20 November · Dentists of the north" in page
    assert "2026-11-20" not in page


def nowhere(*_: object) -> None:
    raise exposure.UnknownPopulation("the pack names a table that isn't here")

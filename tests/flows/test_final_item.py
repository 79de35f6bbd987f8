"""What goes public: the finished copy before the patient's eyes, the organisation's yes, a second person."""

from __future__ import annotations

import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from factories import assessment, representative, staff
from flows.conftest import agree, take
from house import with_copy
from safelight import policy
from safelight.flows import final_item, release
from safelight.flows.allowed import DoesNotFit, NotAllowed
from safelight.flows.consent import Around
from safelight.policy.roles import Role
from safelight.records.models import (
    Consent,
    Copy,
    Disclosure,
    FinalShowing,
    LedgerEntry,
    OrganisationAgreement,
    Photo,
    Release,
)
from safelight.terms import Audience, Purpose

JOURNAL = "Journal of Made-Up Skin"
USES = (Purpose.CARE, Purpose.PUBLICATION, Purpose.TEACHING_WIDE)


TRIED = {
    "who": "a stranger",
    "holds": "a search engine",
    "searched": "the place and the age",
    "outcome": "nobody",
}
ATTEMPT = {"attempt-TOTAL_FORMS": "1", "attempt-INITIAL_FORMS": "0"}
ATTEMPT |= {f"attempt-0-{key}": value for key, value in TRIED.items()}


@pytest.fixture
def lead(surgery):
    return staff(Role.IG_LEAD, practice=surgery)


@pytest.fixture
def second(surgery):
    return staff(Role.GP, practice=surgery)


def agreed(adult, gp, **given) -> Consent:
    """A written yes for one named journal, with everything told."""
    written = {"form": "written", "statement": "In the drawer"}
    place = Around(targets={Purpose.PUBLICATION: JOURNAL})
    made, _ = agree(adult, gp, *USES, around=place, now=timezone.now(), **written | given)
    return made


@pytest.fixture
def photo(adult, gp) -> Photo:
    return take(adult, gp, agreed(adult, gp), now=timezone.now())


@pytest.fixture
def asked(photo, gp) -> Release:
    """A copy for the journal that waits for a second person."""
    now = timezone.now()
    made = release.request_release(
        photo,
        purpose=Purpose.PUBLICATION,
        audience=Audience.PUBLIC,
        target=JOURNAL,
        discloses={},
        by=gp,
        now=now,
    )
    assert isinstance(made, Release), made.because
    with_copy(made, SimpleNamespace(people={"gp": gp}), now=now)
    return made


def signed_in(person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def show(asked, by, **given) -> FinalShowing:
    said = {
        "consent": Consent.objects.filter(pk=asked.photo.consent_id).first(),
        "sha256": asked.copy.sha256,
        "agrees": True,
        "words": "",
        "by": by,
        "now": timezone.now(),
    }
    return final_item.record_showing(asked, **said | given)


def needed(asked) -> set[str]:
    decision = release.decide(asked, second_person="x", now=timezone.now())
    return {each.needs.field for each in decision.because if each.needs}


def hidden(page, name: str) -> str:
    return re.search(rf'name="{name}" value="([^"]+)"', page.content.decode())[1]


# --- the whole way, through the pages ---------------------------------------------------------------


def test_a_publication_is_carried_to_permitted_through_the_pages(photo, gp, lead, second):
    """The GP asks, the patient looks at the finished copy, the practice agrees, a second GP lets it go."""
    clinic, desk, office = signed_in(gp), signed_in(second), signed_in(lead)
    said = {"use": "journal", "target": JOURNAL, "sex": "", "age": "", "place": ""}
    where = clinic.post(reverse("copy-new", args=[photo.pk]), said)["Location"]
    made = Release.objects.get()
    with_copy(made, SimpleNamespace(people={"gp": gp}), now=timezone.now())

    early = desk.post(reverse("release-approve", args=[made.pk]), {"note": "", **ATTEMPT})
    page = early.content.decode()
    assert early.status_code == 403
    assert reverse("release-shown", args=[made.pk]) in page
    assert "Your role doesn’t do this" in page  # the organisation's yes is not the GP's

    shown = reverse("release-shown", args=[made.pk])
    page = clinic.get(shown)
    assert JOURNAL in page.content.decode()
    assert "Anyone with a search engine" in page.content.decode()
    assert b"checked" not in page.content
    image = clinic.get(reverse("copy", args=[made.pk]))
    assert image["Content-Type"] == "image/jpeg"
    answer = {"consent": str(photo.consent_id), "agrees": "yes", "sha256": hidden(page, "sha256")}
    assert clinic.post(shown, answer | {"words": "Fine"})["Location"] == where
    seen = FinalShowing.objects.get()
    assert (seen.sha256, seen.shown_by, seen.target) == (made.copy.sha256, gp, JOURNAL)

    place = reverse("release-organisation", args=[made.pk])
    assert place in office.get(where).content.decode()
    assert "Does Made-up Surgery agree?" in office.get(place).content.decode()
    assert office.post(place, {"words": "Board of 3 May"})["Location"] == where
    assert "The practice agrees" in office.get(place).content.decode()
    assert OrganisationAgreement.objects.get().by == lead

    review = desk.get(where).content.decode()
    assert "Permitted, once you agree" in review
    assert "Board of 3 May" in review
    assert (
        desk.post(reverse("release-approve", args=[made.pk]), {"note": "", **ATTEMPT}).status_code
        == 302
    )
    made.refresh_from_db()
    assert (made.state, made.exposure) == (Release.State.RELEASED, "clear")
    assert Disclosure.objects.count() == 1
    assert clinic.get(reverse("copy", args=[made.pk])).status_code == 200
    kinds = set(LedgerEntry.objects.values_list("kind", flat=True))
    assert {"copy.shown", "release.organisation-agreed", "release.approved"} <= kinds


def test_neither_the_patient_nor_the_practice_nor_a_second_person_is_enough(
    asked, gp, lead, second
):
    assert needed(asked) == {"consents[].final_item_seen", "organisation_agrees"}
    show(asked, gp)
    assert needed(asked) == {"organisation_agrees"}
    final_item.agree_for_organisation(asked, words="", by=lead, now=timezone.now())
    assert needed(asked) == set()
    alone = release.decide(asked, now=timezone.now())
    assert {each.needs.field for each in alone.because} == {"review.second_person"}
    unjudged = release.decide(asked, second_person="x", verdict="not-assessed", now=timezone.now())
    assert {each.needs.field for each in unjudged.because} == {"exposure.verdict"}
    done = release.approve(asked, note="", intruder_test=[TRIED], by=second, now=timezone.now())
    assert isinstance(done, Release)


# --- what is shown, and to whom -------------------------------------------------------------------


def test_a_no_to_the_finished_copy_stops_it_and_destroys_the_copy(asked, gp):
    client = signed_in(gp)
    where = reverse("release-shown", args=[asked.pk])
    answer = {"consent": str(asked.photo.consent_id), "agrees": "no"}
    answer |= {"sha256": hidden(client.get(where), "sha256"), "words": ""}
    client.post(where, answer)
    asked.refresh_from_db()
    assert asked.state == Release.State.STOPPED
    assert Copy.objects.get().state != Copy.State.KEPT
    assert client.get(where).status_code == 404


def test_another_copy_than_the_one_on_the_screen_was_not_seen(asked, gp):
    with pytest.raises(final_item.NotThisCopy):
        show(asked, gp, sha256="0" * 64)
    client = signed_in(gp)
    answer = {"consent": str(asked.photo.consent_id), "agrees": "yes", "sha256": "0" * 64}
    client.post(reverse("release-shown", args=[asked.pk]), answer)
    assert not FinalShowing.objects.exists()
    show(asked, gp)
    Copy.objects.filter(pk=asked.copy.pk).update(sha256="1" * 64)
    asked.refresh_from_db()
    assert "consents[].final_item_seen" in needed(asked)


def test_a_second_look_that_ends_in_doubt_counts(asked, gp):
    show(asked, gp)
    FinalShowing.objects.create(
        practice=asked.practice,
        release=asked,
        copy=asked.copy,
        sha256=asked.copy.sha256,
        consent=asked.photo.consent,
        target=JOURNAL,
        seen_by="patient",
        agrees=False,
        shown_at=timezone.now(),
        shown_by=gp,
    )
    assert "consents[].final_item_seen" in needed(asked)


def test_the_eyes_that_look_are_those_that_agreed(asked, gp, adult, surgery):
    for given in ({"consent": None}, {"agrees": None}):
        with pytest.raises(DoesNotFit):
            show(asked, gp, **given)
    care_only, _ = agree(adult, gp, now=timezone.now())
    with pytest.raises(DoesNotFit) as refused:
        show(asked, gp, consent=care_only)
    assert set(refused.value.fields) == {"consent"}
    page = signed_in(gp).post(reverse("release-shown", args=[asked.pk]), {"sha256": "x"})
    assert "Choose who has looked at it" in page.content.decode()


@pytest.mark.parametrize("given", ["another place", "withdrawn", "expired"])
def test_an_agreement_for_another_place_or_another_time_is_not_the_one(asked, gp, given):
    own = Consent.objects.get()
    if given == "another place":
        Consent.objects.filter(pk=own.pk).update(targets={"publication": "Another Journal"})
    elif given == "withdrawn":
        own.set_withdrawn(["publication"], at=timezone.now())
    else:
        yesterday = timezone.localdate() - timedelta(days=1)
        Consent.objects.filter(pk=own.pk).update(expires_on=yesterday)
    assert final_item.consents_for(asked, now=timezone.now()) == []
    with pytest.raises(DoesNotFit):
        show(asked, gp, consent=own)


def test_whose_authority_has_ended_sees_nothing_in_the_patients_place(asked, gp, adult):
    niece = representative(adult, authority="lpa-health", expires_on=timezone.localdate())
    own = Consent.objects.get()
    Consent.objects.filter(pk=own.pk).update(given_by="lpa-health", representative=niece)
    assert final_item.consents_for(asked, now=timezone.now()) != []
    niece.set_ended(on=timezone.localdate(), because="Given up")
    assert final_item.consents_for(asked, now=timezone.now()) == []
    page = signed_in(gp).get(reverse("release-shown", args=[asked.pk])).content.decode()
    assert "Nobody who decides today has agreed" in page


def test_the_organisation_is_asked_once_and_not_by_who_made_it(asked, gp, lead):
    now = timezone.now()
    with pytest.raises(NotAllowed):
        final_item.agree_for_organisation(asked, words="", by=gp, now=now)
    first = final_item.agree_for_organisation(asked, words="Yes", by=lead, now=now)
    assert final_item.agree_for_organisation(asked, words="Again", by=lead, now=now) == first
    assert str(first).startswith("Agreement")
    Copy.objects.update(made_by=lead)
    asked.copy.refresh_from_db()
    with pytest.raises(final_item.NotTheOneWhoAsked):
        final_item.agree_for_organisation(asked, words="", by=lead, now=now)
    sent = signed_in(lead).post(reverse("release-organisation", args=[asked.pk]), {})
    assert sent.status_code == 302


def test_only_a_copy_that_waits_and_goes_public_is_shown(asked, gp, lead):
    Release.objects.update(state=Release.State.DRAFT)
    for client, name in ((signed_in(gp), "shown"), (signed_in(lead), "organisation")):
        assert client.get(reverse(f"release-{name}", args=[asked.pk])).status_code == 404
    with pytest.raises(final_item.NotThisCopy):
        show(asked, gp)
    Release.objects.update(state=Release.State.WAITING, purpose="teaching-local")
    assert signed_in(gp).get(reverse("release-shown", args=[asked.pk])).status_code == 404
    asked.refresh_from_db()
    assert final_item.seen_in(asked).consents == frozenset()


def test_who_may_not_open_the_copy_may_not_show_it(asked, surgery):
    nurse = staff(Role.NURSE, practice=surgery)
    assert not final_item.may_show(asked, by=nurse)
    assert signed_in(nurse).get(reverse("release-shown", args=[asked.pk])).status_code == 403


def test_teaching_that_anybody_can_reach_goes_public_too(asked):
    asked.purpose = "teaching-wide"
    assert final_item.goes_public(asked)
    asked.audience = "closed-group"
    assert not final_item.goes_public(asked)


def test_someone_who_cannot_decide_is_not_the_one_who_saw_it(asked, gp, adult):
    """An own yes from before goes on; a finding that nobody can decide now asks for the three answers."""
    show(asked, gp)
    assessment(adult, gp, outcome="lacks", assessed_on=timezone.localdate())
    decision = release.decide(asked, second_person="x", now=timezone.now())
    assert isinstance(decision, policy.Refusal)

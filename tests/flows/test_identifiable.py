"""May it show who it is? Asked on the sheet, never ticked before, and reaching no further than what was agreed."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from django.utils import timezone

from clients import signed_in
from factories import NOW
from flows.conftest import SITE, agree, take
from flows.test_clinic_pages import answers, sheet
from safelight import policy
from safelight.flows import consent as flow
from safelight.flows import deciding, frozen, notes
from safelight.flows.allowed import DoesNotFit
from safelight.flows.consent import Around, conversation
from safelight.records.models import Consent, Photo
from safelight.terms import Audience, Purpose
from unit.policy.test_sheets import made_up

YES = Around(identifiable_ok=True)
USES = (Purpose.CARE, Purpose.TEACHING_LOCAL)


def may_teach(photo: Photo, *, purpose=Purpose.TEACHING_LOCAL):
    photo = Photo.objects.get(pk=photo.pk)
    photo.identifiable = "identifiable"
    return deciding.may_use(
        photo,
        purpose=purpose,
        audience=Audience.ORGANISATION,
        now=NOW,
        review={"second_person": "x"},
        exposure={"verdict": "clear"},
    )


def fields(decision) -> set[str]:
    return {each.needs.field for each in decision.because if each.needs}


def test_without_the_tick_no_use_may_show_who_it_is(adult, gp):
    consent, _ = agree(adult, gp, *USES)
    assert consent.identifiable_ok is False
    assert fields(may_teach(take(adult, gp, consent))) == {"consents[].identifiable_ok"}


def test_with_it_the_uses_that_were_agreed_may_and_no_other(adult, gp):
    consent, _ = agree(adult, gp, *USES, around=YES)
    photo = take(adult, gp, consent)
    assert consent.identifiable_ok is True
    assert isinstance(may_teach(photo), policy.Permit)
    assert isinstance(may_teach(photo, purpose=Purpose.TEACHING_WIDE), policy.Refusal)


@pytest.mark.parametrize("uses", [(Purpose.CARE,), (Purpose.CARE, Purpose.SECOND_OPINION)])
def test_for_care_alone_it_is_no_answer(adult, gp, uses):
    with pytest.raises(DoesNotFit) as refused:
        agree(adult, gp, *uses, around=YES)
    assert refused.value.fields == {"identifiable_ok": "Tick what it may be used for, too"}
    assert not Consent.objects.exists()


def test_the_answer_is_frozen_with_the_rest(adult, gp):
    consent, _ = agree(adult, gp, *USES)
    assert frozen.is_as_it_was(consent)
    consent.identifiable_ok = True
    assert not frozen.is_as_it_was(consent)


def test_a_sheet_that_does_not_ask_has_no_such_yes(adult, gp, tmp_path, settings):
    """A language of the installation's own, from before the question: nobody was asked."""
    settings.SAFELIGHT_WORDING = made_up(tmp_path)
    page = tmp_path / "xx.toml"
    text = page.read_text("utf-8")
    page.write_text(
        re.sub(r"\[identifiable\].*?(?=\[nothing_else\])", "", text, flags=re.DOTALL), "utf-8"
    )
    words = conversation(adult, body_site=SITE, language="xx", now=NOW)
    assert words.identifiable is None
    assert "identifiable" not in words.as_json()
    with pytest.raises(DoesNotFit, match="identifiable_ok"):
        agree(adult, gp, *USES, wording=words.digest, around=YES)
    consent, _ = agree(adult, gp, *USES, wording=words.digest)
    assert consent.identifiable_ok is None
    assert "identifiable_ok" not in frozen.answer_of(consent)
    assert frozen.is_as_it_was(consent)
    assert "May show who it is" not in notes.text_of(consent, now=NOW)
    assert "identifiable_ok" not in signed_in(gp).get(sheet(adult, language="xx")).content.decode()
    said = notes.said_of(consent, now=NOW)
    assert notes._identifiable(said, flow.sheets.words_for("xx")) == ()


def test_the_page_asks_and_ticks_nothing_before(adult, gp):
    clinic = signed_in(gp)
    page = clinic.get(sheet(adult)).content.decode()
    (box,) = re.findall(r'<input type="checkbox" name="identifiable_ok"[^>]*>', page)
    assert "checked" not in box
    assert "You may show who I am" in page
    easy = clinic.get(sheet(adult, read="easy")).content.decode()
    assert "Then people may see your face." in easy
    said = answers(adult, purposes=["care", "teaching-local"], identifiable_ok="on")
    assert clinic.post(sheet(adult), said).status_code == 302
    consent = Consent.objects.get()
    assert consent.identifiable_ok is True
    record = clinic.get(reverse("consent-record", args=[consent.pk])).content.decode()
    assert "You may show who I am" in record
    assert "- May show who it is: yes" in record
    assert notes.export(consent, notes.Form.PDF, by=gp, now=timezone.now()).data[:4] == b"%PDF"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"purposes": ["care"]}, "Tick what it may be used for, too"),
        ({"answer": "care", "purposes": ["care"]}, "More than care is ticked."),
        ({"answer": "no", "purposes": None}, "Something is ticked."),
    ],
)
def test_a_tick_that_fits_no_button_is_said(adult, gp, given, expected):
    said = answers(adult, identifiable_ok="on", **given)
    page = signed_in(gp).post(sheet(adult), said)
    assert page.status_code == 200
    assert expected in page.content.decode()
    assert not Consent.objects.exists()

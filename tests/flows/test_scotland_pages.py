"""A practice in Scotland, pressed through the pages: its ages, its tests, its people, its words."""

from __future__ import annotations

import ast
import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clients import signed_in
from factories import patient, practice, representative, staff
from flows.conftest import SITE, agree, take
from safelight import flows, policy, web
from safelight.flows import choices, deciding, in_force, rules, weighing
from safelight.flows import staff as accounts
from safelight.flows.allowed import DoesNotFit
from safelight.flows.consent import conversation
from safelight.policy.reading import shipped_names
from safelight.policy.roles import Role
from safelight.records.models import Consent, Patient, Photo, Representative, Weighing
from safelight.terms import Audience, Purpose

WISH = {"use": "here", "target": "Tuesday teaching", "sex": "", "age": "", "place": ""}
QUESTIONS = ("necessary", "benefit", "no_less_restrictive_way")
OF_ENGLAND = re.compile(
    r"\b([Bb]est interests|MCA|deputy|attorney for health|251|Gillick|NHS number)\b"
)
"""As words: a form's token is made of letters and digits, too."""


def opened():
    """A practice that was opened under Scotland's pack."""
    return practice(pack="scotland")


def moved():
    """A practice that was opened under England's, and whose lead activated Scotland's."""
    found = practice()
    lead, now = staff(Role.IG_LEAD, practice=found), timezone.now()
    rules.activate(policy.load_pack("scotland").hash, by=lead, now=now)
    found.refresh_from_db()
    assert found.pack == "england"
    return found


@pytest.fixture(params=[opened, moved])
def surgery(request):
    return request.param()


@pytest.fixture
def clinic(gp) -> Client:
    return signed_in(gp)


def born(years: int, *, days: int = 0) -> date:
    today = timezone.localdate() - timedelta(days=days)
    return today.replace(year=today.year - years, day=min(today.day, 28))


def day(name: str, on: date) -> dict[str, str]:
    return {
        f"{name}_day": str(on.day),
        f"{name}_month": str(on.month),
        f"{name}_year": str(on.year),
    }


def shown(client: Client, name: str, *args: object, **query: str) -> str:
    found = client.get(reverse(name, args=args, query=query or None))
    assert found.status_code == 200, (name, found.status_code)
    page = found.content.decode()
    assert not OF_ENGLAND.search(page), name
    return page


def pressed(client: Client, url: str, **said: object) -> str:
    sent = client.post(url, said)
    assert sent.status_code == 302, sent.content.decode()
    return str(sent["Location"])


def found_unable(clinic: Client, of: Patient) -> None:
    said = {"outcome": "lacks", "about": ["care", "learning", "public"], "decision": "pictures"}
    said |= {"support": "Twice, in the morning"} | day("assessed_on", timezone.localdate())
    pressed(clinic, reverse("assessment-new", args=[of.pk]), **said)


def written_down(clinic: Client, of: Patient, authority: str) -> Representative:
    said = {"name": "Niece", "relation": "niece", "authority": authority, "evidence": "the order"}
    pressed(clinic, reverse("representative-new", args=[of.pk]), **said)
    return of.representatives.get(authority=authority)


def answered(
    clinic: Client, of: Patient, *, given_by: str, purposes: list[str], reader: str = "patient"
) -> Consent:
    words = conversation(of, body_site=SITE, reader=reader, now=timezone.now())
    said = {
        "wording": words.digest,
        "answer": "agree",
        "told_all": "on",
        "purposes": purposes,
        "given_by": given_by,
        "form": "oral-recorded",
        "statement": "Yes.",
    }
    pressed(clinic, reverse("consent", args=[of.pk, "left-lower-leg"]) + "?again=", **said)
    return of.consents.latest("given_at")


def may_teach(photo: Photo):
    photo = Photo.objects.get(pk=photo.pk)
    photo.identifiable = "anonymised"
    return deciding.may_use(
        photo,
        purpose=Purpose.TEACHING_LOCAL,
        audience=Audience.ORGANISATION,
        now=timezone.now(),
        review={"second_person": "x"},
        exposure={"verdict": "clear"},
    )


def test_a_welfare_attorney_decides_and_is_called_so(clinic, surgery, gp):
    of = patient(practice=surgery)
    found_unable(clinic, of)
    page = shown(clinic, "representative-new", of.pk)
    for words in ("A welfare attorney", "A welfare guardian", "A person named in an intervention"):
        assert words in page
    who = written_down(clinic, of, "welfare-attorney")
    assert "A welfare attorney" in shown(clinic, "patient-deciders", of.pk)
    care = answered(clinic, of, given_by=str(who.pk), purposes=["care"], reader="representative")
    assert care.pack_id == policy.load_pack("scotland").id
    assert "a welfare attorney" in shown(clinic, "consent-record", care.pk)
    assert isinstance(
        deciding.may_make(of, made_for=Purpose.CARE, now=timezone.now()), policy.Permit
    )
    wrong = clinic.post(
        reverse("representative-new", args=[of.pk]),
        {"name": "X", "relation": "x", "authority": "lpa-health", "evidence": "x"},
    )
    assert wrong.status_code == 200
    assert not of.representatives.filter(authority="lpa-health").exists()


def test_both_are_asked_whether_it_benefits(clinic, surgery, gp):
    of = patient(practice=surgery)
    found_unable(clinic, of)
    who = written_down(clinic, of, "welfare-guardian")
    uses = ["care", "teaching-local"]
    answer = answered(clinic, of, given_by=str(who.pk), purposes=uses, reader="representative")
    photo = take(of, gp, answer, now=timezone.now())
    refused = clinic.post(reverse("copy-new", args=[photo.pk]), WISH)
    assert refused.status_code == 403
    assert reverse("weighing", args=[photo.pk, "teaching-local"]) in refused.content.decode()
    page = shown(clinic, "weighing", photo.pk, "teaching-local")
    assert "Is each of you satisfied that it benefits the patient?" in page
    said = {"representative": str(who.pk)}
    for name in QUESTIONS:
        for each in weighing.WHO:
            said |= {f"{name}-{each}": "yes", f"{name}-{each}-why": "It does"}
    pressed(clinic, reverse("weighing", args=[photo.pk, "teaching-local"]), **said)
    assert set(Weighing.objects.get().answers) == set(QUESTIONS)
    assert isinstance(may_teach(photo), policy.Permit)
    research = shown(clinic, "weighing", photo.pk, "research")
    assert "opted out" not in research


def test_without_anyone_to_ask_treatment_rests_on_benefit(clinic, surgery):
    of = patient(practice=surgery)
    found_unable(clinic, of)
    page = shown(clinic, "capture-prepare", of.pk, "left-lower-leg", because="treatment")
    assert "It benefits the patient" in page
    said = {"integral": "on", "consulted": "on", "nobody": "on", "reason": "A wound, tonight"}
    form = reverse("capture-prepare", args=[of.pk, "left-lower-leg"]) + "?because=treatment"
    again = clinic.post(form, said)
    assert "Only where you are satisfied that it benefits the patient" in again.content.decode()
    where = pressed(clinic, form, **said, **{"test-benefit": "on"})
    assert where == reverse("prepared", args=[of.pk, "left-lower-leg"])


@pytest.mark.parametrize(("years", "alone"), [(15, False), (16, True), (17, True)])
def test_from_sixteen_the_patient_is_taken_to_decide(clinic, surgery, years, alone):
    of = patient(practice=surgery, born_on=born(years, days=40))
    page = shown(clinic, "patient-deciders", of.pk)
    assert (f"{of.name} does." in page) == alone
    asked = shown(clinic, "assessment-new", of.pk)
    assert ("A child’s capacity to decide, for this decision." in asked) != alone


def test_patients_are_known_by_their_own_number(clinic, surgery):
    assert "Name, date of birth or CHI number" in shown(clinic, "today")
    assert "CHI number" in shown(clinic, "patient-new")
    who = {"name": "Morag Tansy", **day("born_on", born(40))}
    form = reverse("patient-new")
    for number, answer in (
        ("1234567890", "Check the CHI number: one of its digits is wrong"),
        ("1" * 15, "Check the CHI number: it has ten digits"),
    ):
        page = clinic.post(form, who | {"nhs_number": number}).content.decode()
        assert answer in page
    pressed(clinic, form, **who, nhs_number="999 000 0018")
    added = Patient.objects.get(name="Morag Tansy")
    assert "CHI number 9990000018" in shown(clinic, "patient", added.pk)
    again = clinic.post(form, who | {"nhs_number": "9990000018"}).content.decode()
    assert "There is a patient here with this CHI number already" in again
    child = patient(practice=surgery, born_on=born(13))
    said = {"outcome": "competent", "about": ["care"], "decision": "pictures", "parents": "yes"}
    said |= day("assessed_on", timezone.localdate())
    pressed(clinic, reverse("assessment-new", args=[child.pk]), **said)
    assert "A child’s capacity to decide: can decide" in shown(clinic, "patient-deciders", child.pk)


def test_the_grown_up_child_is_asked(clinic, surgery, gp):
    of = patient(practice=surgery, born_on=born(16, days=10))
    then = timezone.now() - timedelta(days=2000)
    mother = Representative.objects.create(
        practice=surgery,
        patient=of,
        name="Mother",
        relation="mother",
        authority="parental-responsibility",
        evidence="certificate",
        created_at=then,
    )
    by_mother = {"given_by": mother.authority, "representative": mother, "now": then}
    words = conversation(of, body_site=SITE, reader="representative", now=then).digest
    uses = (Purpose.CARE, Purpose.TEACHING_LOCAL)
    answer, _ = agree(of, gp, *uses, **by_mother, wording=words)
    photo = take(of, gp, answer, now=then)
    photo.refresh_from_db()
    held = deciding.may_use(
        photo, purpose=Purpose.TEACHING_LOCAL, audience=Audience.ORGANISATION, now=timezone.now()
    )
    assert isinstance(held, policy.Hold | policy.Refusal)
    assert choices.raise_due(now=timezone.now()) == 1
    assert "Mother" in shown(clinic, "choice", of.pk, "grown-up")
    pressed(clinic, reverse("choice", args=[of.pk, "grown-up"]), outcome="close", words="")
    answer.refresh_from_db()
    assert set(answer.withdrawn) == {"teaching-local"}


def test_a_word_of_the_old_rules_doesnt_shut_care(gp, surgery):
    """An attorney of England's law agreed before the practice moved: that yes is none, care goes on."""
    of = patient(practice=surgery)
    old = Representative.objects.create(
        practice=surgery,
        patient=of,
        name="Old attorney",
        relation="niece",
        authority="lpa-health",
        evidence="seen",
        created_at=timezone.now(),
    )
    own = agree(of, gp, now=timezone.now())[0]
    photo = take(of, gp, own, now=timezone.now())
    Consent.objects.filter(pk=own.pk).update(
        given_by="lpa-health", representative=old, purposes=["care", "teaching-local"]
    )
    looked = deciding.may_use(
        photo, purpose=Purpose.CARE, audience=Audience.TEAM, action="view", now=timezone.now()
    )
    assert isinstance(looked, policy.Permit)
    taught = may_teach(photo)
    assert isinstance(taught, policy.Refusal)
    assert "unknown" not in {each.rule for each in taught.because}
    page = signed_in(gp).get(reverse("patient-deciders", args=[of.pk])).content.decode()
    assert "The rules in force know no such right" in page


def test_the_pages_words_are_scotlands(clinic, surgery, gp):
    of = patient(practice=surgery)
    page = shown(clinic, "consent", of.pk, "left-lower-leg")
    assert in_force.pack_of(surgery, now=timezone.now()).wording().question.split("{")[0] in page


# --- choosing it ------------------------------------------------------------------------------------


def test_the_lead_sees_what_would_differ_and_lets_scotlands_decide():
    at = practice()
    lead, digest = staff(Role.IG_LEAD, practice=at), policy.load_pack("scotland").hash
    niece = representative(patient(practice=at), authority="lpa-health")
    niece_too = representative(niece.patient, authority="deputy")
    niece_too.set_ended(on=timezone.localdate(), because="given up")
    desk = signed_in(lead)
    listed = desk.get(reverse("rules")).content.decode()
    where = reverse("rules-version", args=[digest])
    assert where in listed
    assert "scotland-2026.1" in listed
    page = desk.get(where).content.decode()
    assert "1 person decides for patients by a right that this pack doesn’t know" in page
    for words in ("welfare attorney", "benefit", "Decisions of the last year"):
        assert words in page
    pressed(desk, reverse("rules-activate", args=[digest]))
    at.refresh_from_db()
    assert in_force.pack_of(at, now=timezone.now()).name == "scotland"
    again = desk.get(reverse("rules")).content.decode()
    assert again.index("scotland-2026.1") < again.index("england-2026.1")
    back = policy.load_pack("england").hash
    page = desk.get(reverse("rules-version", args=[back])).content.decode()
    assert "by a right that this pack doesn’t know" not in page
    pressed(desk, reverse("rules-activate", args=[back]))
    at.refresh_from_db()
    assert in_force.pack_of(at, now=timezone.now()).name == "england"


def test_a_practice_is_opened_under_a_pack_that_came_with_safelight():
    who = {"administrator": "Ada Moss", "now": timezone.now()}
    made = accounts.open_practice(name="North", email="ada@made-up.example", pack="scotland", **who)
    assert made.practice.pack == "scotland"
    usual = accounts.open_practice(name="South", email="bo@made-up.example", **who)
    assert usual.practice.pack == "england"
    with pytest.raises(DoesNotFit) as refused:
        accounts.open_practice(name="X", email="x@made-up.example", pack="atlantis", **who)
    assert set(refused.value.fields) == {"pack"}


ONE_COUNTRYS = ("best_interests", "best-interests", "lpa-health", "s251", "-research", "Mental Cap")
ABOUT_THE_DEMO = {"made_up.py"}
"""A made-up practice in England, told as data."""


def texts_in(path: Path) -> list[str]:
    """Return every text of a module that isn't documentation, and every template whole."""
    if path.suffix == ".html":
        return [path.read_text(encoding="utf-8")]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return [node.value for node in nodes if isinstance(node.value, str) and id(node) not in said]


def test_flows_and_pages_name_no_pack_and_no_word_of_ones_own():
    for room in (flows, web):
        folder = Path(room.__path__[0])
        for path in [*folder.rglob("*.py"), *folder.rglob("*.html")]:
            if path.name in ABOUT_THE_DEMO or "migrations" in path.parts:
                continue
            for text in texts_in(path):
                assert text not in shipped_names(), path
                assert not any(each in text for each in ONE_COUNTRYS), (path, text)


def test_flows_and_pages_know_no_age_of_their_own():
    """Comparing somebody's age with a number is the pack's business."""
    for room in (flows, web):
        for path in Path(room.__path__[0]).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if not isinstance(node, ast.Compare):
                    continue
                sides = [node.left, *node.comparators]
                calls = {ast.unparse(side.func) for side in sides if isinstance(side, ast.Call)}
                asks = any(each == "age" or each.endswith(".age") for each in calls)
                numbers = [side for side in sides if isinstance(side, ast.Constant)]
                assert not (asks and numbers), (path, ast.unparse(node))

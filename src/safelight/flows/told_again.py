"""What was said of people since a backup, repeated: holds, accounts, deaths, who may answer, a no."""

from __future__ import annotations

from datetime import date

from safelight.flows import weighing
from safelight.flows.said import AGAIN, Said
from safelight.records.models import (
    Assessment,
    Consent,
    LegalHold,
    Matter,
    Photo,
    Practice,
    Representative,
    SaidNo,
    Weighing,
)

CANT_DECIDE = frozenset({"lacks", "lost-for-now", "not-competent"})


def held(said: Said) -> None:
    """Place a legal hold again; why it was placed has to be written down anew."""
    patient, by = said.patient(), said.by()
    if patient is not None and by is not None:
        LegalHold.objects.get_or_create(
            pk=said.id("hold"),
            defaults={
                "practice": patient.practice,
                "patient": patient,
                "photo": Photo.objects.filter(pk=said.id("photo")).first(),
                "kind": said.text("about"),
                "reason": f"{AGAIN}; write down the reason anew",
                "reference": "lost",
                "placed_at": said.at,
                "placed_by": by,
            },
        )


def hold_lifted(said: Said) -> None:
    """Lift a legal hold again."""
    by = said.by()
    hold = LegalHold.objects.filter(pk=said.id("hold"), lifted_at__isnull=True).first()
    if hold is not None and by is not None:
        hold.set_lifted(because=AGAIN, by=by, at=said.at)


def matter_closed(said: Said) -> None:
    """Close a matter again: nothing more is given into it."""
    by = said.by()
    matter = Matter.objects.filter(pk=said.id("matter"), closed_at__isnull=True).first()
    if matter is not None and by is not None:
        matter.set_closed(by=by, at=said.at)


def turned_off(said: Said) -> None:
    """Turn off again what the practice had turned on; a reason for turning it on comes from people."""
    for practice in Practice.objects.filter(pk=said.of()):
        practice.switches.pop(said.text("switch"), None)
        practice.save(update_fields=["switches"])


def account_closed(said: Said) -> None:
    """Close an account again."""
    said.staff().update(is_active=False)


def account_reopened(said: Said) -> None:
    """Open an account again: the ledger has closed it before."""
    said.staff().update(is_active=True)


def role_changed(said: Said) -> None:
    """Give an account the role that it had."""
    said.staff().update(role=said.text("role"))


def died(said: Said) -> None:
    """Note again that somebody died, at the latest on the entry's day."""
    said.patients().filter(died_on__isnull=True).update(died_on=said.day)


def authority_ended(said: Said) -> None:
    """End again what somebody could answer for another."""
    for who in Representative.objects.filter(pk=said.id("representative")):
        who.set_ended(on=date.fromisoformat(said.text("ended_on")), because=AGAIN)


def assessed(said: Said) -> None:
    """Repeat that somebody couldn't decide. That somebody could is an opening, and lost."""
    patient, by = said.patient(), said.by()
    if patient is None or by is None or said.text("outcome") not in CANT_DECIDE:
        return
    Assessment.objects.get_or_create(
        pk=said.id("assessment"),
        defaults={
            "practice": patient.practice,
            "patient": patient,
            "kind": said.text("assessed"),
            "outcome": said.text("outcome"),
            "about": said.texts("about"),
            "decision": f"{AGAIN}; write it down anew",
            "assessed_on": said.day,
            "recorded_at": said.at,
            "by": by,
        },
    )


def said_no(said: Said) -> None:
    """Repeat a no at the camera."""
    patient, by = said.patient(), said.by()
    if patient is not None and by is not None:
        SaidNo.objects.get_or_create(
            pk=said.id("said_no"),
            defaults={
                "practice": patient.practice,
                "patient": patient,
                "at": said.at,
                "by": by,
                "words": AGAIN,
            },
        )


def weighed(said: Said) -> None:
    """Repeat a weighing that had a no in it; one of nothing but yes is an opening, and lost."""
    patient, by = said.patient(), said.by()
    if patient is None or by is None:
        return
    who_said = Representative.objects.filter(pk=said.id("representative")).first()
    yes = set(said.texts("yes"))
    answers = {
        question: {who: f"{question}: {who}" in yes for who in weighing.WHO}
        | {f"{who}_why": AGAIN for who in weighing.WHO}
        for question in weighing.questions(patient, now=said.at)
    }
    has_a_no = any(not answers[each][who] for each in answers for who in weighing.WHO)
    if who_said is not None and has_a_no:
        Weighing.objects.get_or_create(
            pk=said.id("weighing"),
            defaults={
                "practice": patient.practice,
                "patient": patient,
                "photo": Photo.objects.filter(pk=said.id("photo")).first(),
                "purpose": said.text("purpose"),
                "answers": answers,
                "representative": who_said,
                "by": by,
                "at": said.at,
            },
        )


def episode_ended(said: Said) -> None:
    """Let an answer for one problem end on the day on which the problem was over."""
    Consent.objects.filter(pk=said.id("consent"), expires_on__isnull=True).update(
        expires_on=said.day
    )

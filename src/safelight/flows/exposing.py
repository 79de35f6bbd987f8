"""Ask what all that ever left about a patient adds up to, and remember what leaves now."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.utils import timezone

from safelight import exposure, vault
from safelight.flows import copies, in_force, keeping, pictures, stores
from safelight.flows.allowed import DoesNotFit
from safelight.policy.roles import Action, may
from safelight.records.models import Disclosure, Exhibit, LedgerEntry
from safelight.terms import Audience, Purpose

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from safelight.records.models import Patient, Practice, Release, Staff

NOT_ASSESSED = "not-assessed"
ASSESSED = ("release.requested", "release.reworded")
MOST_A_DAY = 20
"""Assessments about one patient: enough to find words for a lecture, too few to search with."""
KIND = "facts"


@dataclass(frozen=True, slots=True)
class Assessed:
    """The verdict that `decide` reads, and the report behind it."""

    verdict: str
    report: dict[str, Any]
    """Empty where nothing could be assessed."""


def population_of(practice: Practice, *, now: datetime) -> exposure.Population | None:
    """Return the people whom this practice's patients are counted among: the pack in force names them.

    None where they aren't known here: then nothing is assessed, and that holds.
    """
    table = in_force.pack_of(practice, now=now).population
    try:
        return _knowing(table, practice.name, tuple(practice.places), practice.list_size or 0)
    except exposure.UnknownPopulation:
        return None


@lru_cache(maxsize=64)
def _knowing(table: str, name: str, codes: tuple[str, ...], size: int) -> exposure.Population:
    population = exposure.load_population(table)
    if not codes:
        return population
    return population.knowing({name: [("lad", code) for code in codes]}, lists={name: size})


def assess(release: Release, *, now: datetime) -> Assessed:
    """Say what the release would add up to with everything that left before, taken back or not."""
    patient = release.photo.patient
    return _assessed(patient, said_by(release, now=now), history(patient), now=now)


def assess_again(release: Release, *, now: datetime) -> Assessed:
    """Say what a release that is out adds up to today, with all that has been told since."""
    patient = release.photo.patient
    told = history(patient)
    own = str(release.pk)
    said = next((each for each in told if each["id"] == own), None) or said_by(release, now=now)
    return _assessed(patient, said, [each for each in told if each["id"] != own], now=now)


def spend(patient: Patient, *, now: datetime) -> None:
    """Refuse another assessment of a patient where a day's are used up.

    Whoever may ask as often as they like learns by narrowing what the tables say of one person.
    Each is in the ledger, which is what is counted. Raises DoesNotFit.
    """
    asked = LedgerEntry.objects.filter(
        subject=str(patient.subject), kind__in=ASSESSED, at__gt=now - timedelta(days=1)
    )
    if asked.count() >= MOST_A_DAY:
        raise DoesNotFit({"words": "Too many tries about one patient today. Go on tomorrow."})


def _assessed(
    patient: Patient,
    proposed: Mapping[str, Any],
    told: Sequence[Mapping[str, Any]],
    *,
    now: datetime,
) -> Assessed:
    population = population_of(patient.practice, now=now)
    if population is None:
        return Assessed(NOT_ASSESSED, {})
    report = exposure.assess(
        [exposure.read_release(said) for said in told if said["patient"] is not None],
        exposure.read_release(proposed),
        population=population,
        others=[exposure.read_release(said) for said in told if said["patient"] is None],
    )
    return Assessed(report.verdict.value, report.as_json())


def said_by(release: Release, *, now: datetime) -> dict[str, Any]:
    """Return the release as `expose` reads it; whoever sees it sees who shows it, and where."""
    practice = release.photo.practice
    return {
        "id": str(release.pk),
        "patient": str(release.photo.patient.subject),
        "at": timezone.localdate(now).isoformat(),
        "audience": audience_classes(release),
        "poster": {"name": release.requested_by.name, "organisation": practice.name},
        "facts": dict(release.discloses),
        "picture": _fingerprints(release),
    }


def _fingerprints(release: Release) -> list[str]:
    """Return the copy's fingerprints; nothing before there is a copy."""
    if release.copy is None:
        return []
    pixels = pictures.decoded_copy(copies.unsealed_copy(release.copy))
    return list(exposure.fingerprints(pixels))


def audience_classes(release: Release) -> list[str]:
    """Return who sees it, as classes of viewer."""
    if release.audience == Audience.CLOSED_GROUP:
        return [f"group:{release.target}"]
    return [str(release.audience)]


def history(patient: Patient) -> list[dict[str, Any]]:
    """Return everything that was ever disclosed of the patient, oldest first, opened."""
    return [_unsealed(row) for row in patient.disclosures.order_by("at")]


def history_for(reader: Staff, patient: Patient) -> list[dict[str, Any]]:
    """Return the same as this person may read it.

    What was given into a complaint, or without the patient's knowledge, is governance's alone; it
    says nothing beside the picture, so that nobody judges worse without it.
    """
    told = history(patient)
    if may(reader.role, Action.GOVERN):
        return told
    given = Exhibit.objects.filter(matter__patient=patient)
    apart = given.exclude(matter__purpose=Purpose.LEGAL, matter__told_at__isnull=False)
    hidden = {str(pk) for pk in apart.values_list("pk", flat=True)}
    return [each for each in told if each["id"] not in hidden]


def sealed_disclosure(release: Release, *, now: datetime) -> Disclosure:
    """Return an unsaved row of what leaves. The caller saves it, then calls `keeping.settle`."""
    row = sealed(release.photo.patient, said_by(release, now=now), now=now)
    row.release = release
    return row


def sealed(patient: Patient, said: Mapping[str, Any], *, now: datetime) -> Disclosure:
    """Return an unsaved row of what was told, sealed under a key of its own that is kept already.

    Of its own: it outlives a withdrawal, since what was seen stays seen, and ends with the
    patient's retention. The caller saves the row and then calls `keeping.settle`.
    """
    row_id, key = uuid.uuid4(), vault.new_key()
    keeping.begin(row_id, tenant=patient.practice_id, patient=patient.pk, data_key=key)
    text = json.dumps(said, sort_keys=True).encode()
    return Disclosure(
        pk=row_id,
        practice=patient.practice,
        patient=patient,
        audience=list(said["audience"]),
        sealed_facts=vault.seal(
            vault.derive(key, KIND), text, context=_context(patient.practice_id, row_id)
        ),
        is_certain=said["patient"] is not None,
        at=now,
    )


def _unsealed(row: Disclosure) -> dict[str, Any]:
    key = stores.keys().get(row.pk, tenant=row.practice_id, patient=row.patient_id, version=1)
    said = vault.unseal(
        vault.derive(key, KIND),
        bytes(row.sealed_facts),
        context=_context(row.practice_id, row.pk),
    )
    found: dict[str, Any] = json.loads(said)
    return found


def _context(practice: UUID, row: UUID) -> bytes:
    return vault.context("safelight-blob-v1", practice, row, KIND)

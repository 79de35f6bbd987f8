"""The copy itself: what was decided about it, its certificate, its seal and its opening."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from safelight import vault
from safelight.flows import keeping, stores
from safelight.flows.leaving import Leave
from safelight.flows.opening import PictureClosed
from safelight.flows.pictures import shared_detectors
from safelight.records.models import Copy
from safelight.storage import BlobGone, KeyGone
from safelight.terms import Answer, CopyReport, Identifiability, Region

if TYPE_CHECKING:
    from uuid import UUID

    from safelight.detect import Finding, ModelCard
    from safelight.flows.pictures import CopyMade
    from safelight.records.models import Photo, Staff

TICKS: Mapping[str, str] = {
    "skin": "Scars, birthmarks, tattoos",
    "hands": "Nails, rings, jewellery",
    "hair": "Hair, clothes, glasses",
    "screens": "Mirrors, screens, reflections",
    "people": "Other people",
    "room": "The room, papers, labels, handwriting",
}
"""What machines can't judge. Each is looked for by a person, every time."""
COPY = "copy"
NEVER_LEFT = frozenset({"code"})
"""Found kinds that stay covered: a bar code has nothing of clinical use."""
MOST_UNASKED = 0.02
"""Of the picture: what the look at the copy found is covered without asking as long as it hides less."""
NOT_PASSED = "The check of the finished copy did not pass"


class CopyNotFit(ValueError):
    """The copy can't be vouched for; nothing of it was kept."""

    for_people = "The copy is not fit to leave yet. Nothing was kept of it."

    def __init__(
        self,
        general: Sequence[str],
        *,
        held: Sequence[Finding] = (),
        of_held: Sequence[str] = (),
    ) -> None:
        """Keep the reasons in words, and what a person has still to settle or to see covered.

        held: what the original didn't show is among it, or the next try would begin without it.
        of_held: the reasons that lie in one of these; `general` has the others.
        """
        self.general = tuple(general) or (() if of_held else (NOT_PASSED,))
        self.reasons, self.held = (*of_held, *self.general), tuple(held)
        super().__init__("; ".join(self.reasons))


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the person decided about the picture; boxes in pixels of the upright original."""

    keep: tuple[Region, ...] = ()
    cover: tuple[Region, ...] = ()
    leave: tuple[Leave, ...] = ()
    ticked: frozenset[str] = frozenset()

    def as_json(self) -> dict[str, Any]:
        """Return the boxes and ticks as the certificate keeps them."""
        return {
            "kept": [box.as_list() for box in self.keep],
            "chosen_covers": [box.as_list() for box in self.cover],
            "left": [each.box.as_list() for each in self.leave],
            "ticked": sorted(self.ticked),
        }


def report_of(copy: Copy) -> CopyReport:
    """Return what the certificate says of the finished copy."""
    said = copy.certificate
    return CopyReport(
        verified=copy.verified,
        person_looked=set(said.get("ticked", ())) >= set(TICKS),
        residual=int(said.get("residual", 1)),
    )


def refuse_unfit(made: CopyMade) -> None:
    of_held = [f"Not settled: {finding.why}" for finding in made.to_settle]
    of_held += [f"Still there on the copy: {finding.why}" for finding in made.residual]
    hides_much = made.visible_before - made.visible > MOST_UNASKED
    if hides_much:
        of_held += [f"Seen on the finished copy: {finding.why}" for finding in made.late]
    general = [
        f"The check for {kind} failed" for kind, said in made.answers.items() if said == "failed"
    ]
    general += [f"Stays covered: {found.why}" for found in made.left if found.kind in NEVER_LEFT]
    general += list(made.problems)
    if of_held or general or not made.verified:
        late = _asked(made) if hides_much else made.late
        held = (*made.to_settle, *made.residual, *late)
        raise CopyNotFit(general, held=held, of_held=of_held)


def _asked(made: CopyMade) -> tuple[Finding, ...]:
    """Return what was covered late as open questions: a person says whether it is what it seems."""
    return tuple(replace(finding, answer=Answer.HELD) for finding in made.late)


def unsaved_copy(photo: Photo, made: CopyMade, wishes: Wishes, *, by: Staff, now: datetime) -> Copy:
    certificate = wishes.as_json() | {
        "sha256": made.sha256,
        "covered": [each.as_json() for each in made.covered],
        "left_findings": [finding.as_json() for finding in made.left],
        "detectors": {kind: said.value for kind, said in made.answers.items()},
        "models": [_card(card) for card in shared_detectors().cards],
        "residual": len(made.residual),
        "verified": made.verified,
        "settled_by": str(by.pk),
        "settled_at": now.isoformat(),
    }
    return Copy(
        pk=uuid.uuid4(),
        practice=photo.practice,
        photo=photo,
        sha256=made.sha256,
        width=made.width,
        height=made.height,
        verified=made.verified,
        identifiable=_identifiable(made),
        certificate=certificate,
        made_at=now,
        made_by=by,
    )


def _identifiable(made: CopyMade) -> Identifiability:
    """Return the person's word, unless a face that was found is left to be seen."""
    faces = any(found.kind == "face" and found.answer is Answer.FOUND for found in made.left)
    return Identifiability.IDENTIFIABLE if faces else Identifiability.ANONYMISED


def for_editor(findings: Sequence[Finding], *, prefix: str) -> list[dict[str, Any]]:
    """Return findings as the editor reads them: boxes, why, and what has to stay covered."""
    return [
        {
            "id": f"{prefix}-{number}",
            "kind": finding.kind,
            "why": finding.why,
            "box": finding.box.as_list(),
            "answer": finding.answer.value,
            "fixed": finding.kind in NEVER_LEFT,
        }
        for number, finding in enumerate(findings, start=1)
        if finding.box is not None
    ]


def seal(copy: Copy, data: bytes) -> None:
    """Key, then blob; the row comes last, so that a crash leaves only what a sweep removes."""
    photo, key = copy.photo, vault.new_key()
    keeping.begin(copy.pk, tenant=photo.practice_id, patient=photo.patient_id, data_key=key)
    sealed = vault.seal(vault.derive(key, COPY), data, context=_context(photo.practice_id, copy.pk))
    stores.blobs().put(copy.blob, sealed)


def unsealed_copy(copy: Copy) -> bytes:
    if copy.state != Copy.State.KEPT:
        raise PictureClosed(str(copy.pk))
    try:
        key = stores.keys().get(
            copy.pk, tenant=copy.practice_id, patient=copy.photo.patient_id, version=1
        )
        sealed = stores.blobs().get(copy.blob)
    except (KeyGone, BlobGone) as error:
        raise PictureClosed(str(copy.pk)) from error
    return vault.unseal(
        vault.derive(key, COPY), sealed, context=_context(copy.practice_id, copy.pk)
    )


def _context(practice: UUID, copy: UUID) -> bytes:
    return vault.context("safelight-blob-v1", practice, copy, COPY)


def _card(card: ModelCard) -> dict[str, str | None]:
    return {"name": card.name, "sha256": card.sha256}

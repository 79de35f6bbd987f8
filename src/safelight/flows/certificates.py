"""The certificate of an erasure: what went, when, by whose word, and what can and can't be proved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safelight.records.models import Copy, EraseJob, Photo

if TYPE_CHECKING:
    from datetime import datetime

FORMAT = "safelight-erasure-certificate-v1"
UNPROVED = (
    "The key manager can’t prove that what it destroyed is beyond reach: an old copy of its file, an "
    "old copy of the key store and the passphrase together would open what was kept when they were made."
)
PENDING = "Old bytes of the keys still lie in a file of the key store. It is tried again until they don’t."
WAITING = "The keys are not destroyed yet. Access is closed."
OUTSIDE = "What had left before is outside its reach: the take-down list says what was asked back."
SOFT = (
    "Names and words in the records were overwritten, not shredded: backups of the records hold them "
    "until those backups are destroyed."
)


@dataclass(frozen=True, slots=True)
class Certificate:
    """One erasure, as it is shown, printed and handed out."""

    job: EraseJob
    pictures: tuple[Photo, ...]
    copies: tuple[Copy, ...]

    @property
    def approved_by(self) -> str:
        """Return who said so: a name, or what stands for it."""
        if self.job.approved_by is not None:
            return self.job.approved_by.name
        return APPROVED.get(
            EraseJob.Basis(self.job.basis), "whoever sat at the server’s command line"
        )

    @property
    def scrub(self) -> str:
        """Return how far it is: "waiting", "pending" or "done"."""
        if self.job.destroyed_at is None:
            return "waiting"
        return "pending" if self.job.scrubbed_at is None else "done"

    @property
    def limits(self) -> tuple[str, ...]:
        """Return what it doesn't prove, in words."""
        found = {"waiting": [WAITING], "pending": [PENDING], "done": []}[self.scrub]
        if not self.job.proves_shred:
            found = [*found, UNPROVED]
        if self.job.basis in {EraseJob.Basis.ERASURE, EraseJob.Basis.RETENTION}:
            found = [*found, SOFT]
        return (*found, OUTSIDE)

    def as_json(self) -> dict[str, Any]:
        """Return it as docs/formats/certificate.md says."""
        job = self.job
        return {
            "format": FORMAT,
            "id": str(job.pk),
            "practice": job.practice.name,
            "basis": job.basis,
            "because": job.because,
            "source": job.source,
            "approved_by": self.approved_by,
            "pictures": [_stub(photo) for photo in self.pictures],
            "copies": [str(copy.pk) for copy in self.copies],
            "others": dict(job.others),
            "keys": list(job.keys),
            "closed_at": _iso(job.created_at),
            "destroyed_at": _iso(job.destroyed_at),
            "scrubbed_at": _iso(job.scrubbed_at),
            "scrub": self.scrub,
            "key_manager": {"kind": job.manager, "proves_shred": job.proves_shred},
            "ledger_index": job.ledger_index,
            "limits": list(self.limits),
        }


APPROVED = {
    EraseJob.Basis.WITHDRAWAL: "the patient, by taking it back",
    EraseJob.Basis.UNUSED: "the second person, or whoever had asked for the copy",
    EraseJob.Basis.PROMISE: "the patient, by the period that the consent promised",
}
"""Who stands behind an erasure that no approver was needed for."""


def certificate_of(job: EraseJob) -> Certificate:
    """Return the certificate of an erasure, as things stand now."""
    return Certificate(
        job,
        tuple(_in_order(job.photos, Photo.objects.in_bulk(job.photos))),
        tuple(_in_order(job.copies, Copy.objects.in_bulk(job.copies))),
    )


def _in_order(ids: Sequence[str], rows: dict[Any, Any]) -> list[Any]:
    found = {str(key): row for key, row in rows.items()}
    return [found[each] for each in ids if each in found]


def _stub(photo: Photo) -> dict[str, Any]:
    """Return what stays of a picture."""
    return {
        "id": str(photo.pk),
        "taken_on": photo.taken_at.date().isoformat(),
        "made_for": photo.made_for,
        "type": photo.recording_type,
        "sha256_of_sealed_file": photo.sha256,
    }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None

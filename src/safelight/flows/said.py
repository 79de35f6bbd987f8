"""What an entry of the ledger says, and of whom: read again after a restore."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from safelight import ledger
from safelight.records.models import Patient, Staff

AGAIN = "Repeated from the ledger after a restore"
NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Said:
    """An entry, and how to find what it speaks of. What isn't in the backup is found as None."""

    entry: ledger.Entry

    @property
    def at(self) -> datetime:
        """Return when it was said."""
        return self.entry.at

    @property
    def day(self) -> date:
        """Return the day on which it was said, by the practice's clock."""
        return timezone.localdate(self.entry.at)

    def text(self, name: str) -> str:
        """Return one of its details; empty where there is none."""
        found = self.entry.details.get(name, "")
        return "" if found == "none" else str(found)

    def texts(self, name: str) -> list[str]:
        """Return one of its lists; empty where there is none."""
        found = self.entry.details.get(name, [])
        return [str(each) for each in found] if isinstance(found, list) else []

    def of(self) -> UUID:
        """Return whom or what the entry is about; nobody where that is no id."""
        return _uuid(self.entry.subject)

    def id(self, name: str) -> UUID:
        """Return a detail that is an id; one that nothing has where it is none."""
        return _uuid(self.text(name))

    def ids(self, name: str) -> list[UUID]:
        """Return a list of ids."""
        return [_uuid(text) for text in self.texts(name)]

    def patients(self) -> QuerySet[Patient]:
        """Return whom it is about: one patient, or nobody."""
        found: QuerySet[Patient] = Patient.objects.filter(subject=_uuid(self.entry.subject))
        return found

    def patient(self) -> Patient | None:
        """Return the patient whom it is about."""
        return self.patients().select_related("practice").first()

    def by(self) -> Staff | None:
        """Return who did it, if that was somebody of the staff."""
        return Staff.objects.filter(pk=_uuid(self.entry.by)).first()

    def staff(self) -> QuerySet[Staff]:
        """Return the account that it is about, or none."""
        found: QuerySet[Staff] = Staff.objects.filter(pk=_uuid(self.entry.subject))
        return found


def _uuid(text: str) -> UUID:
    """Return the id; for what is none, one that nothing has."""
    try:
        return UUID(text)
    except ValueError:
        return NOBODY

"""Act once for a form, however often its button is pressed.

The page writes a random token into each form that makes something. The act writes the token down in
its own transaction, where it is unique: of two presses one is first, and the other finds what that
one made. A token is no secret and no permission; whoever presses is asked anew whether they may.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import IntegrityError, transaction

from safelight.flows.allowed import DoesNotFit
from safelight.records.models import AnsweredForm

if TYPE_CHECKING:
    from safelight.records.models import Practice

REMEMBERED = timedelta(days=30)
"""How long a form may lie open in a tab before a second press makes a second thing."""


class AlreadyDone(Exception):
    """This very form was sent before: nothing was done now, and `made` is what it made then."""

    for_people = "This was sent before. It was done once."

    def __init__(self, made: UUID) -> None:
        super().__init__(str(made))
        self.made = made


def claim(token: UUID | None, *, kind: str, made: UUID, practice: Practice, now: datetime) -> None:
    """Write down, inside the act's transaction, that this form made this.

    Without a token nothing is remembered. Raises AlreadyDone for a form that was sent before, and
    DoesNotFit for a token that belongs to another form.
    """
    if token is None:
        return
    try:
        with transaction.atomic():
            AnsweredForm.objects.create(
                practice=practice, token=token, kind=kind, made=made, at=now
            )
    except IntegrityError:
        raise already(token, kind=kind, practice=practice) from None


def already(token: UUID, *, kind: str, practice: Practice) -> AlreadyDone | DoesNotFit:
    """Return what the first press made, or that the token belongs to another form."""
    first = AnsweredForm.objects.filter(token=token, kind=kind, practice=practice).first()
    if first is None:
        return DoesNotFit({"once": "Load the page again, then send it once more"})
    return AlreadyDone(first.made)


def forget_old(*, now: datetime) -> None:
    """Forget forms that were sent long ago."""
    AnsweredForm.objects.filter(at__lt=now - REMEMBERED).delete()

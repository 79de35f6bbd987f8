"""The words of letters about what was taken back. None says why, and none names a patient."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

if TYPE_CHECKING:
    from safelight.records.models import Photo, Practice

ASKED_BACK = "Please delete a picture that you were shown"


def asked_back(practice: Practice, photo: Photo | None) -> str:
    """Return the letter to somebody who was shown a picture."""
    when = f" that was taken on {timezone.localtime(photo.taken_at):%-d %B %Y}" if photo else ""
    return (
        f"{practice.name} showed you a picture{when}.\n\n"
        "It must not be used any more. Please delete every copy that you have, take it out of "
        "anything that you put it in, and tell us when you have done so.\n\n"
        "If you can’t delete it everywhere, please tell us where it still is.\n"
    )


DUE = "Something has to be asked back"


PERIOD_OVER = "The period of a record is over"


def period_over(count: int, *, where: str) -> str:
    """Return the letter that tells governance what is to be looked at."""
    records = "One record has" if count == 1 else f"{count} records have"
    return (
        f"{records} been kept for the whole period. Nothing is destroyed before somebody has "
        f"looked:\n{where}\n"
    )


def due(count: int, *, late: int, where: str) -> str:
    """Return the letter that reminds governance of its take-down list."""
    things = "One thing that left has" if count == 1 else f"{count} things that left have"
    still = f" {late} of them should have been settled by now." if late else ""
    return (
        f"{things} to be asked back or taken down.{still}\n\n"
        f"The list, and where to write down what came of it:\n{where}\n"
    )

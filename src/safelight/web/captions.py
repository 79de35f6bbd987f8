"""A caption read into a form's fields, for the person to correct."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from django.utils import timezone

from safelight import exposure
from safelight.flows import disclosures
from safelight.web.disclosing import SaidForm, answers_from

if TYPE_CHECKING:
    from safelight.records.models import Patient
    from safelight.web.doors import SignedInRequest

Form = TypeVar("Form", bound=SaidForm)


def read_into(
    kind: type[Form], request: SignedInRequest, patient: Patient
) -> tuple[Form, exposure.Reading | None]:
    """Return the form with what was typed and, above it, what the caption tells.

    A text that is too long, or a practice without tables, changes nothing.
    """
    typed = kind(request.POST)
    typed.is_valid()
    said = {name: request.POST.get(name, "") for name in kind.base_fields}
    said |= {key: value for key, value in typed.cleaned_data.items() if value}
    try:
        reading = disclosures.read_caption(
            patient, str(said["caption"]), by=request.user, now=timezone.now()
        )
    except exposure.TextTooLong:
        return kind(initial=said), None
    if reading is not None:
        said["caption"] = ""  # read: what it told stands in the fields now
    told = answers_from(reading.facts) if reading else {}
    return kind(initial=said | {key: value for key, value in told.items() if value}), reading

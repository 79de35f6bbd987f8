"""Forms in the order that people expect: legend, hint, error, control; one template per widget."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Self
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput
from django.forms.renderers import TemplatesSetting
from django.http import HttpRequest


class Renderer(TemplatesSetting):
    """Finds our field and widget templates before Django's own."""

    form_template_name = "components/form.html"
    field_template_name = "components/field.html"


class Option(str):
    """The label of a choice with a second line that explains it."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, title: str, text: str = "") -> Self:
        """Return the title as the label; `text` goes below it."""
        option = super().__new__(cls, title)
        option.text = text
        return option


class ThreeBoxes(forms.MultiWidget):
    """Day, month and year, each in a box of its own: nobody has to guess an order."""

    template_name = "django/forms/widgets/three_boxes.html"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        digits = {"inputmode": "numeric", "autocomplete": "off"}
        super().__init__(
            {name: forms.TextInput(digits) for name in ("day", "month", "year")}, attrs
        )

    def decompress(self, value: date | None) -> list[int | None]:
        """Return the three numbers of a day."""
        return [value.day, value.month, value.year] if value else [None, None, None]


class DayField(forms.MultiValueField):
    """A day typed as three numbers. Each error says what to do."""

    widget = ThreeBoxes

    def __init__(self, **kwargs: Any) -> None:
        parts = tuple(forms.CharField(required=False) for _ in range(3))
        kwargs.setdefault("help_text", "For example, 14 3 1955")
        super().__init__(fields=parts, require_all_fields=False, **kwargs)

    def clean(self, value: Any) -> date | None:
        """Return the day, or say which number is missing or doesn't fit."""
        parts = [str(part or "").strip() for part in (value or [])] + [""] * 3
        typed = dict(zip(("day", "month", "year"), parts[:3], strict=True))
        if not any(typed.values()):
            if self.required:
                raise ValidationError("Type the day, the month and the year")
            return None
        for name, text in typed.items():
            if not text:
                raise ValidationError(f"Type the {name}")
            if not text.isascii() or not text.isdigit():
                raise ValidationError(f"Type the {name} as a number")
        if len(typed["year"]) != 4:
            raise ValidationError("Type the year with four digits")
        try:
            return date(int(typed["year"]), int(typed["month"]), int(typed["day"]))
        except ValueError as error:
            raise ValidationError("There is no such day. Check the day and the month") from error


class ReadableJSON(forms.JSONField):
    """JSON that a script of ours wrote. Nested without end, or a number of that kind, is none."""

    def to_python(self, value: Any) -> Any:
        """Return what was written, or say that it can't be read."""
        try:
            return super().to_python(value)
        except (RecursionError, ValueError) as error:  # ValidationError is neither
            raise ValidationError(self.error_messages["invalid"], code="invalid") from error

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Return what the form shows again: what can't be read stays as it came."""
        try:
            return super().bound_data(data, initial)
        except (RecursionError, ValueError):
            return InvalidJSONInput(data)


def put_right(form: forms.BaseForm, fields: Mapping[str, str]) -> None:
    """Add what a flow refused to the form: to its field, or to the whole if there is none."""
    for name, text in fields.items():
        form.add_error(name if name in form.fields else None, text)


def once_of(request: HttpRequest) -> UUID | None:
    """Return the token that `{% once %}` wrote into the form; None for one that has none."""
    try:
        return UUID(request.POST.get("once", ""))
    except ValueError:
        return None


def found_in(form: forms.BaseForm) -> list[tuple[str, str]]:
    """Return each thing to put right: the id of the control that it is at, if any, and what to do."""
    if not form.is_bound:
        return []
    found = [("", str(text)) for text in form.non_field_errors()]
    return found + [(anchor_of(field), str(text)) for field in form for text in field.errors]


def anchor_of(bound: forms.BoundField) -> str:
    """Return the id of the control that a link should lead to: the first box of several."""
    widget_id = bound.auto_id
    if not widget_id:
        return ""
    return bound.field.widget.id_for_label(widget_id) or f"{widget_id}_0"

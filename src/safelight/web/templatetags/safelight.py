"""Tags and filters for every template; loaded everywhere, no `{% load %}` needed."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import segno
from django import template
from django.forms import BaseForm, BoundField
from django.template.base import FilterExpression, NodeList, Parser, Token, token_kwargs
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from safelight.policy.roles import Action
from safelight.policy.roles import may as _may
from safelight.policy.saying import ENGLISH, Saying
from safelight.web.forms import found_in
from safelight.web.icons import ICONS, MARK

register = template.Library()

TONE_ICON = {"yes": "yes", "hold": "hold", "no": "no", "calm": "info"}
NOTICE_ICON = {"told": "info", "good": "yes", "warn": "warn", "bad": "no", "": "info"}
TONE_OF = {"permit": "yes", "hold": "hold", "refuse": "no"}


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """Return the icon as inline SVG. An unknown name is an error: a page must not lose its sign."""
    return format_html(
        '<svg class="icon{}" viewBox="0 0 24 24" aria-hidden="true">{}</svg>',
        f" {extra}" if extra else "",
        mark_safe(ICONS[name]),  # noqa: S308 - our own constant
    )


@register.simple_tag
def once() -> SafeString:
    """Return a hidden field with a fresh token: a form that is sent twice acts once."""
    return format_html('<input type="hidden" name="once" value="{}">', uuid4())


@register.simple_tag
def mark() -> SafeString:
    """Return the lamp, Safelight's mark."""
    return mark_safe(MARK)  # noqa: S308 - our own constant


@register.filter
def day(when: date | datetime | None) -> str:
    """Say when, as people do: "Today 09:15", "17 October", "3 May 2024"."""
    if when is None:
        return ""
    now = timezone.localtime()
    clock = ""
    on = when
    if isinstance(when, datetime):
        local = timezone.localtime(when)
        clock, on = f" {local:%H:%M}", local.date()
    if on == now.date():
        return f"Today{clock}"
    if on == now.date() - timedelta(days=1):
        return f"Yesterday{clock}"
    year = "" if on.year == now.year else f" {on.year}"
    return f"{on.day} {on:%B}{year}"


@register.filter
def moment(when: datetime | None) -> str:
    """Say when with the time of day, as `day` does: "2 October 10:47" is not "2 October 10:52"."""
    if when is None or relative(timezone.localtime(when).date()):
        return day(when)
    return f"{day(when)} {clock(when)}"


@register.filter
def inside(said: str) -> str:
    """Say a day within a sentence: "since yesterday 10:45"."""
    return f"{said[:1].lower()}{said[1:]}"


@register.filter
def on_day(when: date | datetime | None) -> str:
    """Say on what day something was: "yesterday at 10:45", "on 17 October"."""
    said, _, at = day(when).partition(" ")
    if said in ("Today", "Yesterday"):
        return f"{said.lower()} at {at}" if at else said.lower()
    return f"on {day(when)}" if when else ""


def relative(on: date) -> str:
    """Return "Today" or "Yesterday", or nothing for any other day."""
    ago = (timezone.localdate() - on).days
    return {0: "Today", 1: "Yesterday"}.get(ago, "")


@register.filter
def full_day(when: date | datetime | None) -> str:
    """Say a day with its year: "14 March 1955". For births and for documents."""
    if when is None:
        return ""
    on = timezone.localtime(when) if isinstance(when, datetime) else when
    return f"{on.day} {on:%B} {on.year}"


@register.filter
def clock(when: datetime | None) -> str:
    """Say the time of day: "09:15"."""
    return f"{timezone.localtime(when):%H:%M}" if when else ""


@register.filter
def may(staff: Any, action: str) -> bool:
    """Say whether the person's role allows the action, by its name in `policy.roles`."""
    return _may(getattr(staff, "role", ""), Action(action))


@register.filter
def tone(outcome: str) -> str:
    """Turn permit, hold, refuse into yes, hold, no; anything else is calm."""
    return TONE_OF.get(str(outcome), "calm")


@register.inclusion_tag("components/state.html")
def state(tone: str, text: str) -> dict[str, str]:
    """Show an answer in a list: icon, word and colour. tone: yes, hold, no, calm."""
    return {"tone": tone, "text": text, "icon_name": TONE_ICON[tone]}


@register.inclusion_tag("components/source.html")
def source(text: str, cite: str = "") -> dict[str, str]:
    """Show the paragraph a decision rests on; without one it says "practice"."""
    return {"text": text, "cite": cite or "practice"}


@register.inclusion_tag("components/steps.html")
def steps(at: int, of: int) -> dict[str, Any]:
    """Show how far along one is, step by step."""
    return {"at": at, "of": of, "marks": [number <= at for number in range(1, of + 1)]}


@register.inclusion_tag("components/summary.html")
def errors_of(*forms: BaseForm, words: Saying | None = None) -> dict[str, Any]:
    """Show what has to be put right, with links to the fields. Nothing when all is well.

    words: the patient's language, on the patient's own pages.
    """
    shown = [form for form in forms if isinstance(form, BaseForm)]
    found = [each for form in shown for each in found_in(form)]
    return {"found": found, "heading": _to_put_right(len(found), words) if words else ""}


def _to_put_right(count: int, words: Saying) -> str:
    if count == 1:
        return words.say("There is 1 thing to put right")
    return words.say("There are {count} things to put right", count=count)


@register.simple_tag
def field(bound: BoundField) -> SafeString:
    """Show a field: legend or label, hint, error, control, wired together."""
    return bound.as_field_group()


@register.simple_tag(takes_context=True)
def say(context: template.Context, english: str, **values: object) -> str:
    """Say a text of the patient's pages in the patient's language (`policy/words/page.toml`)."""
    words: Saying = context["saying"]
    return words.say(english, **values)


@register.filter
def said_in(english: object, words: Saying) -> str:
    """Say a text that comes from elsewhere, such as an error, in the patient's language."""
    return words.say(str(english))


@register.filter
def day_in(when: date | datetime, words: Saying) -> str:
    """Say when, as `day` does, in the patient's language."""
    if words.language == ENGLISH:
        return day(when)
    local = timezone.localtime(when) if isinstance(when, datetime) else None
    on = local.date() if local else when
    text = words.say(relative(on)) or words.day(on)
    return f"{text} {local:%H:%M}" if local and relative(on) else text


@register.simple_tag
def drawing(name: str) -> SafeString:
    """Show one of the easy-read drawings, in the page's own colours. The words beside it say it all."""
    return format_html(
        '<svg class="drawing" viewBox="0 0 96 96" aria-hidden="true"><use href="{}#drawing"/></svg>',
        static(f"drawings/{name}.svg"),
    )


class _ComponentNode(template.Node):
    """Renders `components/<name>.html` with the block as `content`."""

    def __init__(self, name: FilterExpression, body: NodeList, given: dict[str, Any]) -> None:
        self.name, self.body, self.given = name, body, given

    def render(self, context: template.Context) -> SafeString:
        """Return the component around its content."""
        name = self.name.resolve(context)
        values = {key: value.resolve(context) for key, value in self.given.items()}
        values["content"] = self.body.render(context)
        if name == "notice":
            values.setdefault("tone", "")
            values.setdefault("icon_name", NOTICE_ICON[values["tone"]])
        if name == "decision":
            values.setdefault("icon_name", TONE_ICON[values["tone"]])
        flat: dict[str, Any] = {str(key): value for key, value in context.flatten().items()}
        flat |= values
        return SafeString(render_to_string(f"components/{name}.html", flat))


@register.tag
def component(parser: Parser, token: Token) -> _ComponentNode:
    """Wrap a block in a component: `{% component "notice" tone="warn" %}…{% endcomponent %}`."""
    bits = token.split_contents()[1:]
    if not bits:
        raise template.TemplateSyntaxError("component needs a name")
    name = parser.compile_filter(bits.pop(0))
    given = token_kwargs(bits, parser)
    if bits:
        raise template.TemplateSyntaxError("component takes name=value")
    body = parser.parse(("endcomponent",))
    parser.delete_first_token()
    return _ComponentNode(name, body, given)


@register.simple_tag
def qr(text: str, label: str) -> SafeString:
    """Return a QR code as inline SVG, black on white in any theme."""
    code = segno.make(text, error="m", micro=False)
    rows = [list(row) for row in code.matrix_iter(border=0)]
    dots = "".join(
        f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, on in enumerate(row) if on
    )
    return format_html(
        '<svg class="qr" viewBox="0 0 {} {}" role="img" aria-label="{}">'
        '<path d="{}" fill="currentColor"/></svg>',
        len(rows),
        len(rows),
        label,
        dots,
    )

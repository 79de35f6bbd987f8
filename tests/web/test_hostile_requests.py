"""What no page of ours sends: each is answered in words, writes nothing, and tells nobody anything."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from django.http import HttpResponse
from test_matrix import BODIES, CELLS, Cell, address

from house import TELL_TALES, House

pytestmark = pytest.mark.django_db

MARK = "zqxjkvw"
"""Stands in everything hostile, so that it can be looked for in logs."""
HOSTILE = {
    "a NUL": f"{MARK}\0x",
    "a choice nobody has": MARK,
    "markup": f'"><script>{MARK}</script><svg onload={MARK}>',
    "a second header": f"{MARK}\r\nBcc: someone@elsewhere.example",
    "ten megabytes": MARK * 1_400_000,
    "a page of text": f"{MARK} " * 60_000,
    "JSON without end": "[" * 100_000,
    "JSON of infinity": "[[Infinity, 0, 1, 1]]",
    "a number without end": "9" * 5000,
    "a negative number": "-1",
    "another alphabet's digits": "١٢٣",
}
LONGEST_ANSWER = 2**20
FORMS = {
    "account_login": ("stranger", ("login", "password", "next")),
    "account_change_password": ("gp", ("oldpassword", "password1", "password2")),
    "account_reauthenticate": ("gp", ("password", "next")),
    "account_reset_password": ("stranger", ("email",)),
    "ask": ("gp", ("recipient_name", "recipient_email", "question", "days")),
    "assessment-new": ("gp", ("outcome", "decision", "support", "assessed_on_year")),
    "capture-stop": ("gp", ("capture_id",)),
    "capture-upload": ("gp", ("envelope", "right_patient")),
    "colleague": ("colleague", ("secret",)),
    "colleague-answer": ("colleague", ("text",)),
    "colleague-open": ("colleague", ("secret", "code")),
    "consent": (
        "gp",
        ("wording", "answer", "purposes", "given_by", "form", "statement", "signature"),
    ),
    "copy-new": ("gp", ("use", "target", "sex", "age", "place", "words")),
    "mfa_login_webauthn": ("stranger", ("credential",)),
    "matter-new": (
        "lead",
        ("kind", "reference", "asked_by", "asked_on_year", "extent", "size", "told"),
    ),
    "hold-new": ("lead", ("kind", "reference", "reason")),
    "patient-death": (
        "gp",
        ("died_on_day", "wish-teaching-local", "genetic_or_third_party", "legal_advice"),
    ),
    "patient-new": ("gp", ("name", "born_on_month", "nhs_number")),
    "patient-correct": ("gp", ("name", "born_on_month", "nhs_number", "began")),
    "receipt": ("stranger", ("secret",)),
    "receipt-change": ("patient", ("step", "purposes")),
    "release-approve": ("lead", ("note", "judgement")),
    "release-prepare": ("gp", ("keep", "cover", "leave", "left_as", "ticked")),
    "release-refuse": ("lead", ("note",)),
    "release-words": ("gp", ("sex", "age", "place", "words")),
    "representative-new": ("gp", ("name", "relation", "authority", "evidence", "expires_on_day")),
    "rule-new": ("lead", ("text", "requires", "purposes")),
    "staff-member": ("admin", ("role",)),
    "staff-new": ("admin", ("name", "email", "role")),
    "today": ("gp", ("q",)),
    "unlock": ("locked", ("password", "credential", "next")),
    "weighing": ("gp", ("representative", "necessary-clinician", "necessary-clinician-why")),
    "withdraw-consent": ("gp", ("step", "purposes")),
}
"""Route, who may, and every field that the form reads."""
FORMS |= {
    cell.route: (cell.who, ())
    for cell in CELLS
    if cell.how == "POST" and cell.route in BODIES and cell.says == "done"
    if cell.route not in FORMS
}
"""Of the others: who is the last that the table lets do it, and the fields are those of its body."""
FREE = {
    "name",
    "relation",
    "evidence",
    "decision",
    "support",
    "recipient_name",
    "question",
    "target",
}
FREE |= {
    "because",
    "reference",
    "reason",
    "legal_advice",
    "necessary-clinician-why",
    "caption",
    "condition",
    "project",
    "ethics",
    "asked_by",
    "extent",
    "not_told_because",
}
FREE |= {"words", "text", "note", "judgement", "statement", "next"}
"""Fields that take what people write. It is kept as it is, and escaped where it is shown."""


@pytest.fixture
def logged(caplog) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        yield caplog


def cell_of(route: str, who: str) -> Cell:
    """Return the line of the table in which this person does it."""
    able = (each for each in CELLS if (each.route, each.who, each.how) == (route, who, "POST"))
    return next(each for each in able if each.says in {"done", "see", "on", "tried"})


def posted(house: House, cell: Cell, **said: object) -> HttpResponse:
    body = BODIES.get(cell.route, lambda house, what: {})(house, cell.what)
    return house.browsers[cell.who].post(address(cell.route, house, cell.what), body | said)


def assert_discreet(answer: HttpResponse, log: pytest.LogCaptureFixture) -> None:
    """Hold what is true of every answer to what nobody sends."""
    assert answer.status_code < 500
    assert len(answer.content) < LONGEST_ANSWER
    lines = [record.getMessage() for record in log.records if record.name != "django.db.backends"]
    assert not any(word in line for word in (MARK, *TELL_TALES) for line in lines), lines


def test_every_form_is_tried():
    tried = {cell.route for cell in CELLS if cell.how == "POST" and cell.route in BODIES}
    assert tried <= set(FORMS)


@pytest.mark.parametrize("route", sorted(FORMS))
def test_no_field_takes_what_nobody_sends(house, route, logged):
    who, fields = FORMS[route]
    cell = cell_of(route, who)
    fields = fields or tuple(BODIES[route](house, cell.what))
    for name in fields:
        for what, value in HOSTILE.items():
            logged.clear()
            with house.undone():
                answer = posted(house, cell, **{name: value})
                changed = house.changed() - {"records_link"}  # a wrong code is counted
            assert_discreet(answer, logged)
            words = name in FREE or name.rpartition("-")[2] in {"note", "why", "reason"}
            is_free = words and what not in {"ten megabytes", "a page of text", "a NUL"}
            assert is_free or not changed or _is_left_out(route, name), f"{name}: {what}"


def _is_left_out(route: str, name: str) -> bool:
    """Say whether the form does without the field: what it says is then not read, or not kept."""
    return (route, name) in {
        ("colleague", "secret"),
        ("account_login", "next"),
    }

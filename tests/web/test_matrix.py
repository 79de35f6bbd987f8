"""Who gets what from every address, in one table. An address that isn't in it fails the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from flows.conftest import jpeg, sealed
from house import TELL_TALES, House
from safelight.flows.consent import conversation
from safelight.flows.copies import TICKS
from safelight.flows.patients import entry_digest
from safelight.flows.weighing import WHO
from safelight.policy import load_pack
from safelight.records.models import Patient, TreeHead
from safelight.web.middleware import CAMERA, NO_CAMERA
from safelight.web.views import demo

WORDS = """
    see   a page, nothing changes          look  a page, and one line in the ledger says so
    pic   a picture, and one line          done  something was done
    on    to another page, nothing done    door  to the sign-in page; `lock`: to the lock
    shut  a form without a session: 401    role  not for this role: 403
    no    refused with its reason: 403     none  nothing there: 404
    wrong answers don't fit: 422           stale no longer possible: 409
    tried a wrong try, which is counted
"""
"""What a cell says. `way` (405) is for every method that the table doesn't name."""

INSIDE = """
route                of what                        how  | out  lock other admin rev  lead nurse gp
today                -                              GET  | door lock see   on    see  see  see   see
today                -                              POST | shut shut see   on    see  see  see   see
patient-new          -                              GET  | door lock see   role  role role see   see
patient-new          -                              POST | shut shut done  role  role role done  done
patient              patient                        GET  | door lock none  role  look look look  look
patient-correct      patient                        GET  | door lock none  role  role role see   see
patient-correct      patient                        POST | shut shut none  role  role role done  done
patient-deciders     patient                        GET  | door lock none  role  see  see  see   see
representative-new   patient                        GET  | door lock none  role  role role see   see
representative-new   patient                        POST | shut shut none  role  role role done  done
assessment-new       patient                        GET  | door lock none  role  role role see   see
assessment-new       patient                        POST | shut shut none  role  role role done  done
representative-end   decider                        GET  | door lock none  role  role role see   see
representative-end   decider                        POST | shut shut none  role  role role done  done
patient-death        patient                        GET  | door lock none  role  role role see   see
patient-death        patient                        POST | shut shut none  role  role role done  done
consultation-new     patient:dead                   GET  | door lock none  role  role role see   see
consultation-new     patient:dead                   POST | shut shut none  role  role role done  done
to-ask               -                              GET  | door lock see   role  role see see   see
choice               patient                        GET  | door lock none  role  role role none  none
choice               patient:asleep                  GET  | door lock none  role  role role see   see
choice               patient:asleep                  POST | shut shut none  role  role role done  done
picture-new          patient                        GET  | door lock none  role  role role see   see
consent              patient                        GET  | door lock none  role  role role on    on
consent              patient:child                  GET  | door lock none  role  role role see   see
consent              patient                        POST | shut shut none  role  role role done  done
consent-record       consent,:spare,:withdrawn      GET  | door lock none  role  see  see  see   see
consent-receipt      consent,:spare,:withdrawn      GET  | door lock none  role  role role see   see
consent-text         consent,:withdrawn             GET  | door lock none  role  look look look  look
consent-paper        consent,:withdrawn             GET  | door lock none  role  look look look  look
consent-fhir         consent,:withdrawn             GET  | door lock none  role  look look look  look
consent-iso          consent,:withdrawn             GET  | door lock none  role  look look look  look
consent-over         consent                        POST | shut shut none  role  role role on    on
consent-slip         consent,:withdrawn             POST | shut shut none  role  role role done  done
capture              consent,:spare                 GET  | door lock none  role  role role see   see
capture              consent:withdrawn              GET  | door lock none  role  role role on    on
capture-upload       consent,:spare                 POST | shut shut none  role  role role done  done
capture-upload       consent:withdrawn              POST | shut shut none  role  role role stale stale
capture-stop         consent,:spare,:withdrawn      POST | shut shut none  role  role role done  done
said-no              said                           GET  | door lock none  role  role role see   see
said-no              said                           POST | shut shut none  role  role role done  done
capture-prepare      patient                        GET  | door lock none  role  role role on    on
capture-prepare      patient                        POST | shut shut none  role  role role on    on
prepared             patient                        GET  | door lock none  role  role role on    on
prepared-upload      patient                        POST | shut shut none  role  role role stale stale
prepared-stop        patient                        POST | shut shut none  role  role role done  done
compare              patient                        GET  | door lock none  role  see  see  see   see
picture              photo,:quarantined             GET  | door lock none  role  see  see  see   see
picture              photo:closed,:erased           GET  | door lock none  role  none see  none  none
picture-why          photo                          GET  | door lock none  role  see  see  see   see
picture-why          photo:closed,:erased           GET  | door lock none  role  none see  none  none
picture-image        photo                          GET  | door lock none  role  pic  pic  pic   pic
picture-image        photo:closed,:erased           GET  | door lock none  role  none none none  none
picture-image        photo:quarantined              GET  | door lock none  role  none none none  none
picture-tile         photo                          GET  | door lock none  role  role role role  role
picture-tile         photo:closed,:erased           GET  | door lock none  role  none role none  none
copy-new             photo                          GET  | door lock none  role  role role see   see
copy-new             photo                          POST | shut shut none  role  role role done  done
copy-new             photo:closed,:erased           GET  | door lock none  role  role role none  none
copy-new             photo:closed,:erased           POST | shut shut none  role  role role none  none
ask                  photo                          GET  | door lock none  role  role role see   see
ask                  photo                          POST | shut shut none  role  role role done  done
ask                  photo:closed,:erased           GET  | door lock none  role  role role none  none
ask                  photo:closed,:erased           POST | shut shut none  role  role role none  none
opinions             -                              GET  | door lock see   role  role role see   see
opinion-close        link,:expired                  POST | shut shut none  role  role role done  done
opinion-close        link:revoked,:withdrawn        POST | shut shut none  role  role role on    on
releases             -                              GET  | door lock see   role  see  see  see   see
release              release:draft,:waiting         GET  | door lock none  role  see  see  see   see
release              release:released,:refused      GET  | door lock none  role  see  see  see   see
release              release:stopped,:withdrawn     GET  | door lock none  role  see  see  see   see
release-original     release:draft,:waiting         GET  | door lock none  role  pic  pic  pic   pic
release-original     release:released,:withdrawn    GET  | door lock none  role  none none none  none
copy                 release:draft,:refused         GET  | door lock none  role  none none none  none
copy                 release:waiting                GET  | door lock none  role  pic  pic  role  pic
copy                 release:released               GET  | door lock none  role  pic  pic  pic   pic
copy                 release:stopped,:withdrawn     GET  | door lock none  role  none none none  none
release-words        release:draft                  POST | shut shut none  role  role role done  done
release-words        release:waiting,:released      POST | shut shut none  role  role role on    on
release-words        release:withdrawn              POST | shut shut none  role  role role on    on
release-prepare      release:draft                  POST | shut shut none  role  role role done  done
release-prepare      release:waiting,:withdrawn     POST | shut shut none  role  role role on    on
release-approve      release:waiting                POST | shut shut none  role  done done role  on
release-approve      release:draft,:released        POST | shut shut none  role  on   on   role  on
release-approve      release:refused,:withdrawn     POST | shut shut none  role  on   on   role  on
release-refuse       release:waiting                POST | shut shut none  role  done done role  on
release-refuse       release:released,:withdrawn    POST | shut shut none  role  on   on   role  on
release-stop         release:draft,:waiting         POST | shut shut none  role  role role done  done
release-stop         release:released,:withdrawn    POST | shut shut none  role  role role on    on
release-shown        release:public                 GET  | door lock none  role  role role role  see
release-shown        release:public                 POST | shut shut none  role  role role role  done
release-shown        release:draft,:waiting         GET  | door lock none  role  role role none  none
release-organisation release:public                 GET  | door lock role  role  role see  role  role
release-organisation release:public                 POST | shut shut role  role  role done role  role
release-organisation release:released,:waiting      POST | shut shut role  role  role none role  role
weighing             photo                          GET  | door lock none  role  role role see   see
weighing             photo                          POST | shut shut none  role  role role done  done
weighing             photo:closed,:erased           GET  | door lock none  role  role role none  none
weighing-making      patient                        GET  | door lock none  role  role role see   see
weighing-making      patient                        POST | shut shut none  role  role role done  done
study                photo                          GET  | door lock none  role  role role see   see
study                photo                          POST | shut shut none  role  role role done  done
study                photo:closed,:erased           GET  | door lock none  role  role role none  none
study-making         patient                        GET  | door lock none  role  role role see   see
study-making         patient                        POST | shut shut none  role  role role done  done
posts                patient                        GET  | door lock none  role  role role see   see
posts                patient                        POST | shut shut none  role  role role done  done
our-patients         -                              GET  | door lock role  role  role see  role  role
our-patients         -                              POST | shut shut role  role  role done role  role
exposure-alarms      -                              GET  | door lock role  role  role see  role  role
exposure-settle      alarm                          POST | shut shut role  role  role done role  role
withdraw             patient                        GET  | door lock none  role  role see  see   see
withdraw-consent     consent,:spare,:withdrawn      GET  | door lock none  role  role see  see   see
withdraw-consent     consent,:spare                 POST | shut shut none  role  role done done  done
withdraw-consent     consent:withdrawn              POST | shut shut none  role  role see  see   see
withdraw-picture     photo,:quarantined             GET  | door lock none  role  role see  see   see
withdraw-picture     photo,:quarantined             POST | shut shut none  role  role done done  done
withdraw-picture     photo:closed,:erased           GET  | door lock none  role  role none none  none
withdraw-picture     photo:closed,:erased           POST | shut shut none  role  role none none  none
say-no               patient                        GET  | door lock none  role  role see  see   see
say-no               patient                        POST | shut shut none  role  role done done  done
withdrawal           withdrawal                     GET  | door lock none  role  role see  none  see
recalls              -                              GET  | door lock role  role  role see  role  role
recall               recall                         GET  | door lock role  role  role see  role  role
recall               recall                         POST | shut shut role  role  role done role  role
holds                -                              GET  | door lock role  role  role see  role  role
hold                 hold                           GET  | door lock role  role  role see  role  role
hold                 hold                           POST | shut shut role  role  role done role  role
hold-new             patient                        GET  | door lock role  role  role see  role  role
hold-new             patient                        POST | shut shut role  role  role done role  role
matters              -                              GET  | door lock role  role  role see  role  role
matter-new           patient                        GET  | door lock role  role  role see  role  role
matter-new           patient                        POST | shut shut role  role  role done role  role
matter               matter                         GET  | door lock role  role  role see  role  role
matter               matter                         POST | shut shut role  role  role done role  role
matter-give          matter                         POST | shut shut role  role  role done role  role
matter-told          matter                         POST | shut shut role  role  role done role  role
matter-close         matter                         POST | shut shut role  role  role done role  role
exhibit              exhibit,:waiting               GET  | door lock role  role  role see  role  role
exhibit-file         exhibit                        GET  | door lock role  role  role pic  role  role
exhibit-file         exhibit:waiting                GET  | door lock role  role  role none role  role
governance           -                              GET  | door lock role  role  role see  role  role
governance-keys      -                              GET  | door lock role  role  role see  role  role
governance-check     -                              POST | shut shut role  role  role done role  role
governance-witness   -                              GET  | door lock role  role  role see  role  role
governance-aside     -                              GET  | door lock role  role  role see  role  role
governance-aside-look -                             POST | shut shut role  role  role on   role  role
rules                -                              GET  | door lock role  role  role see  role  role
rules-version        -                              GET  | door lock role  role  role see  role  role
rules-activate       -                              POST | shut shut role  role  role done role  role
rules-bring          -                              GET  | door lock role  role  role see  role  role
rules-bring          -                              POST | shut shut role  role  role see  role  role
rules-switch         -                              POST | shut shut role  role  role done role  role
rule-new             -                              GET  | door lock role  role  role see  role  role
rule-new             -                              POST | shut shut role  role  role done role  role
rule-drop            -                              POST | shut shut role  role  role on   role  role
erase-picture        photo,:quarantined             GET  | door lock role  role  role see  role  role
erase-picture        photo,:quarantined             POST | shut shut role  role  role done role  role
erase-picture        photo:closed,:erased           POST | shut shut role  role  role see  role  role
erase-consent        consent,:spare,:withdrawn      GET  | door lock role  role  role see  role  role
erase-consent        consent,:spare,:withdrawn      POST | shut shut role  role  role done role  role
erase-patient        patient                        GET  | door lock role  role  role see  role  role
erase-patient        patient                        POST | shut shut role  role  role done role  role
erase-patient        patient:child                  POST | shut shut role  role  role see  role  role
retention            -                              GET  | door lock role  role  role see  role  role
review               review                         GET  | door lock role  role  role see  role  role
review               review                         POST | shut shut role  role  role done role  role
care-record          patient                        GET  | door lock role  role  role see  role  role
care-record          patient                        POST | shut shut role  role  role done role  role
certificates         -                              GET  | door lock role  role  role see  role  role
certificate          job                            GET  | door lock role  role  role see  role  role
certificate-json     job                            GET  | door lock role  role  role see  role  role
staff                -                              GET  | door lock role  see   role role role  role
staff-new            -                              GET  | door lock role  see   role role role  role
staff-new            -                              POST | shut shut role  done  role role role  role
staff-member         staff                          GET  | door lock role  see   role role role  role
staff-member         staff                          POST | shut shut role  done  role role role  role
staff-close          staff                          POST | shut shut role  done  role role role  role
staff-reopen         staff                          POST | shut shut role  done  role role role  role
staff-invite         staff                          POST | shut shut role  done  role role role  role
components           -                              GET  | door lock see   see   see  see  see   see
idle-ping            -                              POST | shut shut see   see   see  see  see   see
lock                 -                              POST | shut on   on    on    on   on   on    on
unlock               -                              GET  | door see  see   see   see  see  see   see
unlock               -                              POST | shut see  see   see   see  see  see   see
account              -                              GET  | door lock see   see   see  see  see   see
account_logout       -                              POST | shut on   on    on    on   on   on    on
account_change_password      -                      GET  | door lock see   see   see  see  see   see
account_change_password      -                      POST | shut shut see   see   see  see  see   see
account_set_password         -                      GET  | door lock on    on    on   on   on    on
account_set_password         -                      POST | shut shut on    on    on   on   on    on
account_reauthenticate       -                      GET  | door lock see   see   see  see  see   see
account_reauthenticate       -                      POST | shut shut see   see   see  see  see   see
mfa_reauthenticate           -                      GET  | door lock on    on    on   on   on    on
mfa_reauthenticate           -                      POST | shut shut on    on    on   on   on    on
mfa_reauthenticate_webauthn  -                      GET  | door lock on    on    on   on   on    on
mfa_reauthenticate_webauthn  -                      POST | shut shut on    on    on   on   on    on
mfa_index                    -                      GET  | door lock see   see   see  see  see   see
mfa_list_webauthn            -                      GET  | door lock see   see   see  see  see   see
mfa_add_webauthn             -                      GET  | door lock on    on    on   on   on    on
mfa_add_webauthn             -                      POST | shut shut on    on    on   on   on    on
mfa_remove_webauthn          -                      GET  | door lock on    on    on   on   on    on
mfa_remove_webauthn          -                      POST | shut shut on    on    on   on   on    on
mfa_activate_totp            -                      GET  | door lock on    on    on   on   on    on
mfa_activate_totp            -                      POST | shut shut on    on    on   on   on    on
mfa_deactivate_totp          -                      GET  | door lock none  none  none none none  none
mfa_deactivate_totp          -                      POST | shut shut none  none  none none none  none
mfa_view_recovery_codes      -                      GET  | door lock none  none  none none none  none
mfa_generate_recovery_codes  -                      GET  | door lock on    on    on   on   on    on
mfa_generate_recovery_codes  -                      POST | shut shut on    on    on   on   on    on
"""

OPEN = """
route                of what                        how  | stranger colleague patient within
colleague            -                              GET  | see      see       see     see
colleague            link                           POST | no       done      no      no
colleague            link:unopened                  POST | done     done      done    done
colleague            link:expired,:revoked          POST | no       no        no      no
colleague            link:withdrawn                 POST | no       no        no      no
colleague-open       link                           POST | no       tried     no      no
colleague-open       link:unopened                  POST | tried    tried     tried   tried
colleague-open       link:expired,:revoked          POST | no       no        no      no
colleague-open       link:withdrawn                 POST | no       no        no      no
colleague-shown      link                           GET  | no       see       no      no
colleague-shown      link:unopened,:expired         GET  | no       no        no      no
colleague-shown      link:revoked,:withdrawn        GET  | no       no        no      no
colleague-picture    link                           GET  | no       pic       no      no
colleague-picture    link:unopened,:expired         GET  | no       no        no      no
colleague-picture    link:revoked,:withdrawn        GET  | no       no        no      no
colleague-answer     link                           POST | no       done      no      no
colleague-answer     link:unopened,:expired         POST | no       no        no      no
colleague-answer     link:revoked,:withdrawn        POST | no       no        no      no
receipt              -                              GET  | see      see       see     see
receipt              -                              POST | done     done      done    done
receipt-page         -                              GET  | on       on        see     on
receipt-paper        -                              GET  | on       on        look    on
receipt-change       -                              GET  | on       on        see     on
receipt-change       -                              POST | on       on        done    on
receipt-no           -                              GET  | on       on        see     on
receipt-no           -                              POST | on       on        done    on
receipt-close        -                              POST | on       on        on      on
account_login        -                              GET  | see      see       see     on
account_login        -                              POST | see      see       see     on
account_signup       -                              GET  | see      see       see     see
account_inactive     -                              GET  | see      see       see     see
account_reset_password               -              GET  | see      see       see     see
account_reset_password               -              POST | see      see       see     see
account_reset_password_done          -              GET  | see      see       see     see
account_reset_password_from_key      -              GET  | see      see       see     see
account_reset_password_from_key      -              POST | see      see       see     see
account_reset_password_from_key_done -              GET  | see      see       see     see
mfa_authenticate     -                              GET  | on       on        on      on
mfa_authenticate     -                              POST | on       on        on      on
mfa_login_webauthn   -                              GET  | on       on        on      on
mfa_login_webauthn   -                              POST | on       on        on      on
"""

DEMO = {"demo-become", "demo-outbox", "demo-reset", "demo-enter", "demo-authority", None}
"""Addresses that exist in the demo alone: everybody there may be anybody."""

BROWSERS = {
    "out": ("stranger", "closed", "colleague", "patient"),
    "lock": ("locked",),
    "rev": ("reviewer",),
    "within": ("gp", "admin", "locked"),
}
"""Columns that stand for several browsers, or have a longer name."""
KEPT_FROM = {"stranger", "closed", "colleague", "locked", "other", "admin"}
"""Who must never read who the patient is."""
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "media-src 'self' blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
LOOKING = {
    "records_ledgerentry",
    "records_treehead",
    "records_photo",
    "records_decisiontaken",
}
"""What a look may change: the ledger, that care rests on the picture from now on, and a count."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One line of a table and one column of it, taken apart."""

    route: str
    what: str
    how: str
    who: str
    says: str

    def __str__(self) -> str:
        return f"{self.how} {self.route} of {self.what} for {self.who}"


def cells(table: str) -> Iterator[Cell]:
    head, *lines = table.strip().splitlines()
    columns = head.partition("|")[2].split()
    for line in lines:
        left, _, right = line.partition("|")
        route, what, how = left.split()
        says = right.split()
        assert len(says) == len(columns), line
        kind = what.partition(":")[0].partition(",")[0]
        for state in what.split(","):
            of = kind + state if state.startswith(":") else state
            for column, word in zip(columns, says, strict=True):
                for who in BROWSERS.get(column, (column,)):
                    yield Cell(route, of, how, who, word)


CELLS = [*cells(INSIDE), *cells(OPEN)]
ROUTES = sorted({cell.route for cell in CELLS})


def patterns(resolver: URLResolver | None = None) -> Iterator[URLPattern]:
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            yield from patterns(entry)
        else:
            yield entry


PATTERNS = {pattern.name: pattern for pattern in patterns()}


pytestmark = pytest.mark.django_db  # each test inside the transaction in which the house stands


# --- the table holds everything ------------------------------------------------------------------


def test_every_address_is_judged_by_the_table():
    assert set(PATTERNS) == set(ROUTES)


def test_what_is_open_to_all_is_in_the_table_of_what_is_open():
    opened = {name for name, each in PATTERNS.items() if hasattr(each.callback, "open_to_all")}
    assert opened == {cell.route for cell in cells(OPEN)}


def test_nothing_of_the_demo_is_there_but_in_the_demo():
    assert {each.name for each in demo.urlpatterns} == DEMO
    assert not DEMO & set(PATTERNS)
    for each in demo.urlpatterns:
        path = f"/demo/{str(each.pattern).partition('<')[0]}"
        assert Client().get(path).status_code == Client().post(path).status_code == 404


def test_no_address_is_free_of_the_check_of_forms():
    assert [
        name for name, each in PATTERNS.items() if getattr(each.callback, "csrf_exempt", False)
    ] == []


# --- each cell -----------------------------------------------------------------------------------


@pytest.mark.parametrize("route", ROUTES)
def test_everyone_gets_what_the_table_says(house, route):
    wrong = [
        f"{cell}: {said}, not {cell.says}"
        for cell in CELLS
        if cell.route == route and (said := answered(house, cell)) != cell.says
    ]
    assert wrong == []


@pytest.mark.parametrize("route", ROUTES)
def test_no_other_method_is_known_or_changes_anything(house, route):
    known = {cell.how for cell in CELLS if cell.route == route}
    what = next(cell.what for cell in CELLS if cell.route == route)
    is_open = any(cell.route == route for cell in cells(OPEN))
    for how in ("GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE"):
        if how in known:
            continue
        for who in ("stranger", "gp", "admin"):
            with house.undone():
                answer = house.browsers[who].generic(how, address(route, house, what))
                assert house.changed() == set(), f"{how} {route} for {who}"
            check_headers(answer, route)
            allowed = {405}
            if how in {"GET", "POST"} and who == "stranger" and not is_open:
                allowed = {{"GET": 302, "POST": 401}[how]}
            if how == "HEAD":
                allowed = {200, 302, 403, 404, 405}
                assert answer.content == b""
            assert answer.status_code in allowed, f"{how} {route} for {who}"


@pytest.mark.parametrize(
    "route", [name for name, each in PATTERNS.items() if "uuid:" in str(each.pattern)]
)
def test_an_id_that_nobody_gave_leads_nowhere(house, route):
    for cell in CELLS:
        if cell.route == route and cell.who in {"gp", "lead", "admin", "colleague"}:
            with house.undone():
                answer = asked(house, cell, of="nobody")
                assert answer.status_code in {302, 401, 403, 404}, str(cell)
                assert "Location" not in answer or answer["Location"].startswith(
                    "/account/sign-in/"
                )
                assert house.changed() == set(), str(cell)
            check_headers(answer, route)


def test_the_administrator_of_another_practice_finds_nobody_of_this_one(house):
    for cell in CELLS:
        if cell.route.startswith("staff-") and cell.what == "staff" and cell.who == "admin":
            with house.undone():
                answer = asked(house, cell, by="other admin")
                assert answer.status_code == 404, str(cell)
                assert house.changed() == set(), str(cell)


def answered(house: House, cell: Cell) -> str:
    """Ask, hold the answer to what holds for all, and say it in the table's words."""
    with house.undone():
        size = TreeHead.objects.get().size
        answer = asked(house, cell)
        changed = house.changed()
        grown = TreeHead.objects.get().size - size
    check_headers(answer, cell.route)
    if cell.who in KEPT_FROM:
        assert not any(tale in answer.content.decode("latin-1") for tale in TELL_TALES), str(cell)
    is_picture = answer.content[:2] == b"\xff\xd8" or answer["Content-Type"].startswith("image/")
    assert not (is_picture and cell.who in KEPT_FROM - {"colleague"}), str(cell)
    word = in_a_word(answer, is_changed=bool(changed), is_picture=is_picture)
    if cell.how == "GET" and word in {"pic", "look"}:
        assert grown == 1, str(cell)
        assert changed <= LOOKING, str(cell)
    elif word not in {"done", "tried"}:
        assert not changed, f"{cell} changed {sorted(changed)}"
    if word == "tried":
        assert changed == {"records_link"}, str(cell)
    return word


def in_a_word(answer: HttpResponse, *, is_changed: bool, is_picture: bool) -> str:
    if answer.status_code == 302:
        if answer["Location"].startswith("/account/sign-in/?"):
            return "door"
        if answer["Location"].startswith("/unlock/?"):
            return "lock"
        return "done" if is_changed else "on"
    if answer.status_code == 200 and answer.request["REQUEST_METHOD"] == "GET" and is_changed:
        return "pic" if is_picture else "look"
    if answer.status_code in {200, 201, 204}:
        return "done" if is_changed else "see"
    if answer.status_code == 403:
        return "role" if b"This part belongs to other roles" in answer.content else "no"
    if answer.status_code == 422:
        return "tried" if is_changed else "wrong"
    words = {401: "shut", 404: "none", 405: "way", 409: "stale"}
    return words.get(answer.status_code, str(answer.status_code))


def asked(house: House, cell: Cell, *, by: str = "", of: str = "") -> HttpResponse:
    url = address(cell.route, house, of or cell.what)
    browser = house.browsers[by or cell.who]
    if cell.how == "GET":
        return browser.get(url)
    return browser.post(url, BODIES.get(cell.route, lambda house, what: {})(house, cell.what))


def check_headers(answer: HttpResponse, route: str) -> None:
    assert answer["Content-Security-Policy"] == CSP, route
    assert answer["Cache-Control"] == "no-store", route
    assert answer["Referrer-Policy"] == "no-referrer", route
    assert answer["X-Content-Type-Options"] == "nosniff", route
    sees_camera = route == "capture" and answer.status_code == 200
    assert answer["Permissions-Policy"] == (CAMERA if sees_camera else NO_CAMERA), route


def address(route: str, house: House, what: str) -> str:
    if route == "account_reset_password_from_key":
        return reverse(route, kwargs={"uidb36": "x", "key": "y-z"})
    nobody = "00000000-0000-4000-8000-000000000000"
    given: dict[str, object] = {}
    for name, converter in PATTERNS[route].pattern.converters.items():
        kind = type(converter).__name__
        if kind == "UUIDConverter":
            given[name] = nobody if what == "nobody" else house.things[what].pk
        else:
            known = {"use": "teaching-local", "kind": "recovered", "name": "var17"}
            slug = known.get(name, "left-lower-leg")
            pack = load_pack("england").hash
            given[name] = {"IntConverter": 1, "SlugConverter": slug, "StringConverter": pack}[kind]
    return reverse(route, kwargs=given)


# --- what is posted: such that it succeeds where it may ---------------------------------------------


def _upload(house: House, what: str) -> dict[str, object]:
    envelope, blob = sealed(jpeg(), tenant=house.people["gp"].practice_id)
    sent = SimpleUploadedFile("sealed", blob)
    return {"envelope": envelope, "blob": sent, "right_patient": "confirmed"}


def _no(house: House, what: str) -> dict[str, object]:
    words = conversation(house.things["patient"], body_site="Left lower leg", now=timezone.now())
    return {"wording": words.digest, "answer": "no", "given_by": "patient"}


def _secret(house: House, what: str) -> dict[str, object]:
    return {"secret": house.secrets[what], "code": "000000"}


def _day(name: str, day: str, month: str, year: str) -> dict[str, object]:
    return {f"{name}_day": day, f"{name}_month": month, f"{name}_year": year}


def _shown(house: House, what: str) -> dict[str, object]:
    sha256 = house.things["release:public"].copy.sha256
    return {"consent": house.things["consent"].pk, "agrees": "yes", "sha256": sha256}


def _weighed(house: House, what: str) -> dict[str, object]:
    said: dict[str, object] = {"representative": house.things["decider"].pk}
    for name in ("necessary", "best_interests", "no_less_restrictive_way"):
        for who in WHO:
            said |= {f"{name}-{who}": "yes", f"{name}-{who}-why": "It is"}
    return said


def _corrected(house: House, what: str) -> dict[str, object]:
    began = entry_digest(Patient.objects.get(pk=house.things[what].pk))
    return {"name": "New Name", **_day("born_on", "1", "2", "1990"), "began": began}


def _always(**said: object) -> Callable[[House, str], dict[str, object]]:
    return lambda house, what: said


BODIES: dict[str, Callable[[House, str], dict[str, object]]] = {
    "today": _always(q="14 March 1955"),
    "patient-new": _always(name="New One", **_day("born_on", "1", "2", "1990")),
    "patient-correct": _corrected,
    "representative-new": _always(name="A Friend", relation="friend", authority="relative"),
    "assessment-new": _always(
        outcome="has", about=["care"], decision="x", **_day("assessed_on", "1", "2", "2026")
    ),
    "representative-end": _always(because="A letter", **_day("ended_on", "1", "2", "2026")),
    "consultation-new": _always(
        name="A Friend",
        who="executor",
        purposes=["research"],
        answer="agrees",
        words="Yes",
        **_day("asked_on", "2", "2", "2026"),
    ),
    "patient-death": _always(**_day("died_on", "1", "2", "2026")),
    "consent": _no,
    "capture-upload": _upload,
    "posts": _always(
        **_day("told_on", "3", "3", "2026"),
        audience="public",
        is_certain="yes",
        age="42",
    ),
    "our-patients": _always(places="E06000005", list_size="9000"),
    "exposure-settle": lambda house, what: {f"{house.things[what].pk}-note": "Taken down"},
    "copy-new": _always(use="here", target="Tuesday teaching", sex="", age="", place=""),
    "ask": _always(
        recipient_name="Dr Skin", recipient_email="skin@hospital.example", question="?", days="2"
    ),
    "release-words": _always(sex="F"),
    "release-prepare": _always(
        keep="[]", cover="[[10, 10, 60, 60]]", leave="[]", ticked=list(TICKS)
    ),
    "release-approve": _always(note=""),
    "release-refuse": _always(note="The ring shows"),
    "said-no": _always(how="words"),
    "choice": _always(outcome="later"),
    "release-shown": _shown,
    "release-organisation": _always(words="Yes"),
    "weighing": _weighed,
    "weighing-making": _weighed,
    "study": _always(project="P 1", ethics="E 1", legal_basis="consent"),
    "study-making": _always(project="P 1", ethics="E 1", legal_basis="consent"),
    "withdraw-consent": _always(step="stop", purposes=["care"]),
    "receipt-change": _always(step="stop", purposes=["care"]),
    "receipt-no": _always(step="stop", purposes=["other"]),
    "say-no": _always(step="stop", purposes=["other"], channel="phone"),
    "withdraw-picture": _always(step="stop", purposes=["care"], channel="letter"),
    "recall": _always(step="done", note="Off the drive"),
    "hold": _always(because="Settled"),
    "erase-picture": _always(because="Wrong person", word="erase"),
    "erase-consent": _always(because="Wrong person", word="erase"),
    "erase-patient": _always(because="Asked for it", word="Erase"),
    "review": lambda house, what: {
        "step": "keep",
        "reason": "A study goes on",
        **_day("until", "1", "2", "2090"),
    },
    "care-record": _always(kind="general"),
    "hold-new": _always(kind="claim", reference="C 1", reason="A claim was announced"),
    "matter-new": _always(
        kind="claim",
        reference="C 2",
        asked_by="A solicitor",
        **_day("asked_on", "1", "2", "2026"),
        extent="The pictures of the leg",
        size="view",
        told="no",
        not_told_because="Not yet",
    ),
    "matter": lambda house, what: {
        f"{house.things['photo:second'].pk}-needed": "no",
        f"{house.things['photo:second'].pk}-why": "Not asked for",
    },
    "receipt": lambda house, what: {"secret": house.secrets["receipt"]},
    "colleague": _secret,
    "colleague-open": _secret,
    "colleague-answer": _always(text="Watch it."),
    "rules-switch": _always(**{"var17-reason": "Our teaching committee, minute 4"}),
    "rule-new": _always(text="Not from here", requires="never", purposes=["social"]),
    "staff-new": _always(name="Dr New", email="new@made-up.example", role="gp"),
    "staff-member": _always(role="reviewer"),
}

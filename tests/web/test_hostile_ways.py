"""Ways in that no page offers: broken bodies, forged headers, others' ids, stale tabs, two presses."""

from __future__ import annotations

import html.parser
import json
from datetime import date
from urllib.parse import unquote_to_bytes

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import models
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from test_hostile_requests import cell_of, posted
from test_matrix import CELLS, CSP, address, asked, check_headers

from factories import PASSPHRASE, representative
from flows.conftest import agree, jpeg, sealed, take
from house import House
from safelight.flows import withdraw
from safelight.interop import mail
from safelight.records.models import (
    Consent,
    Disclosure,
    EraseJob,
    LedgerEntry,
    LegalHold,
    Link,
    OutgoingMail,
    Patient,
    Photo,
    Practice,
    Recall,
    Release,
    Reply,
    Representative,
    Review,
    Staff,
    Withdrawal,
)
from safelight.terms import Purpose
from safelight.web.views import releases, sharing

pytestmark = pytest.mark.django_db
EVIL = "evil.example"


def upload(house: House, parcel: tuple[str, bytes], *, consent: str = "consent", **said: object):
    envelope, blob = parcel
    sent = {"envelope": envelope, "blob": SimpleUploadedFile("sealed", blob)}
    where = reverse("capture-upload", args=[house.things[consent].pk])
    return house.browsers["gp"].post(where, sent | {"right_patient": "confirmed"} | said)


def tenant_of(house: House):
    return house.people["gp"].practice_id


# --- what arrives where a sealed picture is expected -----------------------------------------------


@pytest.mark.parametrize(
    ("what", "status"),
    [
        ("a plain picture", 400),
        ("nothing", 400),
        ("a sealed blob cut short", 400),
        ("sealed for another practice", 400),
        ("twenty megabytes", 400),
        ("three sealed megabytes that are no picture", 422),
        ("an envelope of another blob", 400),
        ("an envelope without end", 400),
    ],
)
def test_what_is_not_a_sealed_picture_leaves_nothing(house, what, status):
    envelope, blob = sealed(jpeg(), tenant=tenant_of(house))
    parcels = {
        "a plain picture": (envelope, jpeg()),
        "nothing": (envelope, b""),
        "a sealed blob cut short": (envelope, blob[:-100]),
        "sealed for another practice": sealed(jpeg(), tenant=house.people["other"].practice_id),
        "twenty megabytes": (envelope, b"\0" * 20 * 2**20),
        "three sealed megabytes that are no picture": sealed(
            b"\xff\xd8" * 1_500_000, tenant=tenant_of(house)
        ),
        "an envelope of another blob": (sealed(jpeg(), tenant=tenant_of(house))[0], blob),
        "an envelope without end": ('{"v":' * 50_000, blob),
    }
    with house.undone():
        answer = upload(house, parcels[what])
        assert house.changed() == set()
    assert (answer.status_code, bool(answer.json()["error"])) == (status, True)


def test_the_same_upload_is_one_picture_and_other_bytes_are_refused(house):
    first = sealed(jpeg(), tenant=tenant_of(house))
    capture_id = json.loads(first[0])["capture_id"]
    other = sealed(jpeg(seed=2), tenant=tenant_of(house), capture_id=capture_id)
    with house.undone():
        before = Photo.objects.count()
        answers = [upload(house, parcel).status_code for parcel in (first, first, other)]
        elsewhere = upload(house, first, consent="consent:spare")
        assert answers == [201, 201, 409]
        assert elsewhere.status_code == 201  # the same patient's: the picture is known
        assert Photo.objects.count() == before + 1
        assert LedgerEntry.objects.filter(kind="photo.captured").count() == before + 1


def test_what_was_stopped_never_arrives(house):
    parcel = sealed(jpeg(), tenant=tenant_of(house))
    stop = reverse("capture-stop", args=[house.things["consent"].pk])
    with house.undone():
        house.browsers["gp"].post(stop, {"capture_id": json.loads(parcel[0])["capture_id"]})
        before = house.state()
        answer = upload(house, parcel)
        assert answer.status_code == 410
        assert house.state() == before


# --- bodies that no browser makes ------------------------------------------------------------------

BODIES = {
    "invalid UTF-8": ("application/x-www-form-urlencoded", b"q=%ff%fe&name=\xff\xfe&text=%ED%A0%80"),
    "another character set": ("application/x-www-form-urlencoded; charset=utf-16", b"q=x"),
    "a codec that is none": ("multipart/form-data; boundary=b; charset=hex", b'--b\r\nContent-Disposition: form-data; name="q"\r\n\r\nx\r\n--b--'),
    "a multipart cut short": ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="blob"; filename="x"\r\n\r\n\xff\xd8'),
    "a multipart without a boundary": ("multipart/form-data", b"--b\r\n"),
    "a boundary of another kind": ("multipart/form-data; boundary=\xe9", b"--b\r\n"),
    "base64 that is none": ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="q"\r\nContent-Transfer-Encoding: base64\r\n\r\n!\r\n--b--'),
    "a thousand and one fields": ("application/x-www-form-urlencoded", b"&".join(b"a=1" for _ in range(1001))),
    "a thousand files": ("multipart/form-data; boundary=b", b"".join(b'--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\nx\r\n' for _ in range(1000)) + b"--b--"),
    "two megabytes of text": ("application/x-www-form-urlencoded", b"q=" + b"x" * 2**21),
    "JSON": ("application/json", b'{"q": 1}'),
    "nothing that has a name": ("", b"\0\0\0"),
}  # fmt: skip


@pytest.mark.parametrize("what", BODIES)
def test_a_body_that_no_browser_makes_changes_nothing_and_breaks_nothing(house, what):
    kind, body = BODIES[what]
    for route in (
        "today",
        "patient-new",
        "capture-upload",
        "ask",
        "colleague",
        "receipt",
        "unlock",
    ):
        who = {"colleague": "stranger", "receipt": "stranger", "unlock": "locked"}.get(route, "gp")
        cell = next(each for each in CELLS if (each.route, each.how) == (route, "POST"))
        with house.undone():
            url = address(route, house, cell.what)
            answer = house.browsers[who].generic("POST", url, body, content_type=kind)
            assert house.changed() == set(), route
        assert answer.status_code < 500, route
        check_headers(answer, route)


@pytest.mark.parametrize("cookie", ["safelight", "safelight-form", "messages", "safelight-browser"])
def test_a_cookie_that_nobody_gave_is_no_way_in(house, cookie):
    for value in ("x", "\x00", "é", "a" * 8000, '"', "{}", "W10:1:x"):
        browser = Client(raise_request_exception=False)
        sent = {"cookie": f"{cookie}={value}"}  # as it comes: no library makes such a cookie
        for path in ("/", "/s/", "/receipt/page/", f"/s/{house.things['link'].pk}/"):
            with house.undone():
                answer = browser.get(path, headers=sent)
                assert house.changed() == set()
            assert answer.status_code in {200, 302, 400, 403}


# --- forms without their proof ---------------------------------------------------------------------


def test_no_form_is_taken_without_its_proof_of_origin(house):
    seen = set()
    for cell in CELLS:
        if cell.how != "POST" or cell.says not in {"done", "tried"} or cell.route in seen:
            continue
        seen.add(cell.route)
        browser = Client(enforce_csrf_checks=True, raise_request_exception=False)
        browser.cookies = house.browsers[cell.who].cookies
        real = house.browsers[cell.who]
        with house.undone():
            house.browsers[cell.who] = browser
            try:
                answer = asked(house, cell)
            finally:
                house.browsers[cell.who] = real
            assert house.changed() == set(), str(cell)
        assert answer.status_code == 403, str(cell)
        check_headers(answer, cell.route)
    assert len(seen) > 25


# --- forged addresses ------------------------------------------------------------------------------


@pytest.mark.parametrize("host", [EVIL, f"testserver.{EVIL}", f"testserver@{EVIL}", "", "a b"])
def test_a_forged_host_gets_nothing(house, host):
    for path in ("/", "/s/", "/account/sign-in/"):
        for way in ({"HTTP_HOST": host}, {"HTTP_HOST": host, "HTTP_X_FORWARDED_HOST": EVIL}):
            answer = house.browsers["gp"].get(path, **way)
            assert answer.status_code == 400
            assert EVIL not in answer.content.decode()
            assert answer["Content-Security-Policy"] == CSP


@pytest.mark.parametrize(
    "path",
    [
        *(f"//{EVIL}/", f"//{EVIL}/patients/new", f"/\\{EVIL}/", f"/%2f%2f{EVIL}/patients/new"),
        *("/static/../settings.py", "/static/..%2f..%2fsettings.py", "/static/%00", "/%00"),
        *("/static/....//settings.py", "/static//etc/passwd", "/static/%c0%ae%c0%ae/settings.py"),
        *("/patients/../governance/", "/patients/%2e%2e/", "/PATIENTS/NEW/", "/;/patients/new/"),
        *("/" + "x" * 9000, "/%ff%fe/", "/s/%0d%0aSet-Cookie:a=b/", "/pictures/" + "0" * 36 + "/"),
        f"/pictures/00000000-0000-4000-8000-000000000000/tile/{'9' * 40}/",
        f"/account/passkeys/{'9' * 40}/remove/",
    ],
)
def test_no_path_leads_out_of_the_house(house, path):
    for who in ("stranger", "gp"):
        with house.undone():
            said = unquote_to_bytes(path).decode("latin-1")  # as a server hands it on
            answer = house.browsers[who].generic("GET", "/", PATH_INFO=said)
            assert house.changed() == set()
        assert answer.status_code in {302, 301, 400, 403, 404}
        there = answer.get("Location", "/")
        assert there.startswith("/"), there
        assert not there.startswith(("//", "/\\")), there
        assert "\r" not in there
        assert "\n" not in there
        assert answer["Content-Security-Policy"] == CSP


OUTSIDE = (
    *(f"https://{EVIL}/", f"//{EVIL}", f"/\\{EVIL}", f"\\\\{EVIL}", f"https:{EVIL}"),
    *("javascript:alert(1)", f"\t//{EVIL}", f"http:///{EVIL}", f"/%09/{EVIL}\r\nX: y"),
)


@pytest.mark.parametrize("there", OUTSIDE)
def test_nobody_is_sent_outside_after_the_door(house, there):
    said = {"login": house.people["gp"].email, "password": PASSPHRASE, "next": there}
    ways = (
        ("stranger", "/account/sign-in/", said),
        ("locked", "/unlock/", said),
        ("gp", "/account/again/", said),
    )
    for who, path, body in ways:
        with house.undone():
            answer = house.browsers[who].post(path, body)
        assert answer.status_code == 302, who
        assert is_inside(answer["Location"]), answer["Location"]
    passing = house.browsers["gp"].get("/account/sign-in/", {"next": there})
    assert is_inside(passing["Location"])


def is_inside(there: str) -> bool:
    return there.startswith("/") and not there.startswith(("//", "/\\", "/\t"))


# --- ids of others ---------------------------------------------------------------------------------


def test_a_representative_of_another_patient_decides_nothing(house):
    with house.undone():
        stranger = representative(house.things["patient:child"])
        before = house.state()
        answer = posted(house, cell_of("consent", "gp"), given_by=str(stranger.pk))
        assert answer.status_code == 200
        assert "Choose who answers" in answer.content.decode()
        assert house.state() == before


def test_a_picture_of_another_patient_is_not_stopped(house):
    with house.undone():
        child = Patient.objects.create(
            practice=house.people["gp"].practice,
            name="Another",
            born_on=date(1970, 1, 1),
            created_at=timezone.now(),
        )
        consent, _ = agree(child, house.people["gp"], now=timezone.now())
        picture = take(child, house.people["gp"], consent, now=timezone.now())
        before = house.state()
        for capture_id in (picture.pk, consent.pk, house.things["release:waiting"].copy_id):
            stop = reverse("capture-stop", args=[house.things["consent"].pk])
            answer = house.browsers["gp"].post(
                stop, {"capture_id": str(capture_id)}, headers={"accept": "application/json"}
            )
            assert answer.status_code == 409
            assert house.state() == before
        known, _ = sealed(jpeg(), tenant=tenant_of(house), capture_id=picture.pk)
        assert upload(house, (known, b"x")).status_code == 409
        assert house.state() == before


def test_two_dates_are_of_one_patient(house):
    with house.undone():
        url = reverse("compare", args=[house.things["patient"].pk, "left-lower-leg"])
        other = str(house.things["photo:closed"].pk)
        page = house.browsers["gp"].get(url, {"before": other, "after": "x"}).content.decode()
        assert other not in page


def test_nothing_of_another_practice_is_named_in_a_form(house):
    """Each id in an address is asked for by the table; these are the ids in a body."""
    with house.undone():
        theirs = house.browsers["other"]
        stop = reverse("capture-stop", args=[house.things["consent"].pk])
        before = house.state()
        assert theirs.post(stop, {"capture_id": str(house.things["photo"].pk)}).status_code == 404
        assert house.state() == before


def test_who_made_a_copy_does_not_let_it_leave(house):
    """Asked for by one, made by another: that other is no second pair of eyes."""
    with house.undone():
        waiting = house.things["release:waiting"]
        second = house.people["second gp"]
        copies = waiting.copy.__class__.objects
        copies.filter(release__state="waiting").update(made_by=second)
        where = reverse("release", args=[waiting.pk])
        browser = house.browsers["second gp"]
        before = house.state()
        for act in ("approve", "refuse"):
            told = browser.post(f"{where}{act}/", {"note": "x"}, follow=True).content.decode()
            assert "Someone else has to look at it" in told
        assert house.state() == before
        assert "to look at on the release desk" not in browser.get("/").content.decode()
        assert "May this copy leave?" not in browser.get(where).content.decode()
        third = house.browsers["lead"].post(f"{where}approve/", {"note": ""})
        assert third.status_code == 302
        assert Release.objects.get(pk=waiting.pk).state == "released"


# --- stale tabs and two presses --------------------------------------------------------------------

STALE = (
    *("capture-upload", "ask", "copy-new", "release-words", "release-prepare"),
    *("release-approve", "release-stop", "colleague", "colleague-open", "colleague-answer"),
    "withdraw-consent",
)


@pytest.mark.parametrize("route", STALE)
def test_a_tab_that_was_open_at_the_withdrawal_does_nothing_any_more(house, route):
    who = {"release-approve": "lead"}.get(route, "colleague" if "colleague" in route else "gp")
    able = {"done", "tried"}
    cell = next(
        each
        for each in CELLS
        if (each.route, each.who, each.how) == (route, who, "POST") and each.says in able
    )
    with house.undone():
        consent = Consent.objects.get(pk=house.things["consent"].pk)
        withdraw.withdraw(consent, purposes=[Purpose.CARE], by=None, now=timezone.now())
        before = house.state()
        answer = asked(house, cell)
        assert house.state() == before
    assert answer.status_code in {200, 302, 403, 404, 409}
    assert answer.status_code != 200 or route == "withdraw-consent"


@pytest.mark.parametrize(("route", "views"), [("ask", sharing), ("copy-new", releases)])
def test_a_picture_that_closes_between_two_steps_is_not_found(house, route, views, monkeypatch):
    """The page has found the picture; the withdrawal comes before it asks for more."""
    cell = cell_of(route, "gp")
    photo = Photo.objects.get(pk=house.things["photo"].pk)
    with house.undone():
        Photo.objects.filter(pk=photo.pk).update(state=Photo.State.CLOSED)
        monkeypatch.setattr(views, "get_object_or_404", lambda *args, **kwargs: photo)
        before = house.state()
        assert asked(house, cell).status_code == 404
        assert house.state() == before


ONCE = {
    "capture-upload": Photo,
    "withdraw-consent": Withdrawal,
    "receipt-change": Withdrawal,
    "release-approve": Disclosure,
    "release-stop": Release,
    "opinion-close": Link,
}


@pytest.mark.parametrize("route", ONCE)
def test_two_presses_are_one_act(house, route):
    who = {"release-approve": "lead", "receipt-change": "patient"}.get(route, "gp")
    cell = cell_of(route, who)
    parcel = sealed(jpeg(), tenant=tenant_of(house))
    with house.undone():
        before = ONCE[route].objects.count()
        for press in range(2):
            answer = upload(house, parcel) if route == "capture-upload" else asked(house, cell)
            assert answer.status_code < 400
            if press == 0:
                counted, after = ONCE[route].objects.count(), house.state()
        assert house.state() == after
        assert counted - before == (0 if route in {"release-stop", "opinion-close"} else 1)


# --- what people typed, on every page ---------------------------------------------------------------

TYPED = "\"'><x-mark onload=1></textarea></script></title><x-mark>{{7*7}}"
TEXTS: dict[type[models.Model], tuple[str, ...]] = {
    Patient: ("name",),
    Practice: ("name",),
    Staff: ("name",),
    Representative: ("name", "relation", "evidence"),
    Consent: ("statement", "target"),
    Link: ("recipient_name", "question"),
    Reply: ("text",),
    Release: ("target", "review_note", "judgement"),
    Recall: ("text", "what", "note"),
    EraseJob: ("because", "source"),
    Review: ("because", "source", "reason"),
    LegalHold: ("reason", "reference", "lifted_because"),
    Photo: ("lawful_reason",),
    OutgoingMail: ("subject",),
}


class Elements(html.parser.HTMLParser):
    """Counts the elements that a page has by what somebody typed."""

    found = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += tag == "x-mark"


def test_what_people_typed_is_text_on_every_page(house):
    pages = escaped = 0
    with house.undone():
        posted(house, cell_of("colleague-answer", "colleague"))
        for model, names in TEXTS.items():
            model.objects.update(**dict.fromkeys(names, TYPED))
        Release.objects.update(discloses={"unmapped": [TYPED], "sex": TYPED})
        Withdrawal.objects.update(
            consequences=[{"step": "destroy", "of": "x", "text": TYPED, "source": TYPED}]
        )
        for consent in Consent.objects.all():
            consent.wording = json.loads(
                json.dumps(consent.wording).replace("Quillon", json.dumps(TYPED)[1:-1])
            )
            consent.not_told = {"storage": TYPED}
            consent.save()
        for cell in CELLS:
            if cell.how == "GET" and cell.says in {"see", "look"}:
                answer = asked(house, cell)
                if not answer["Content-Type"].startswith("text/html"):
                    continue
                text = answer.content.decode()
                page = Elements()
                page.feed(text)
                assert page.found == 0, str(cell)
                assert "49" not in text.split("{{7*7}}")[0][-3:], str(cell)
                pages, escaped = pages + 1, escaped + ("x-mark" in text)
    assert escaped > pages / 3, "the texts are on no page: nothing was tried"


# --- mail --------------------------------------------------------------------------------------------


def test_no_mail_takes_a_header_from_what_was_typed(house):
    second = f"x\r\nBcc: someone@{EVIL}"
    with house.undone():
        for who, route, said in (
            ("gp", "ask", {"recipient_name": second, "question": second}),
            ("admin", "staff-new", {"name": second}),
            ("gp", "ask", {"recipient_email": f"skin@hospital.example{second}"}),
            ("gp", "ask", {"recipient_email": f"skin@hospital.example, you@{EVIL}"}),
            ("admin", "staff-new", {"email": f"a@b.example\nBcc: you@{EVIL}"}),
        ):
            posted(house, cell_of(route, who), **said)
        waiting = list(OutgoingMail.objects.exclude(text=""))
        assert len(waiting) >= 2
        for row in waiting:
            made = mail.compose(
                mail.OutgoingMail("safelight@made-up.example", row.to, row.subject, row.text),
                now=timezone.now(),
            )
            assert made["Bcc"] is None
            assert made["To"].count("@") == 1
            assert EVIL not in str(made["To"])

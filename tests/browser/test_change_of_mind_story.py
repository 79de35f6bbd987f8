"""A mind is changed: by the slip of paper in two languages, and told to a member of staff.

On a phone and on a desk; each page is looked at by axe, reached by keyboard, wide enough for a thumb.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from browser import clinic
from browser.clinic import Clinic
from browser.demo import DESK, FLAGS, PHONE
from browser.looking import settle, walk

pytestmark = pytest.mark.browser

SIZES = {"phone": PHONE, "desk": DESK}
WORDS = {
    "en": {
        "open": "Open my page",
        "take": "Take something back",
        "look": "See what would follow",
        "missing": "Choose what you take back",
        "use": "Teaching here",
        "nothing yet": "Nothing has been done yet.",
        "now": "Take it back now",
        "done": "Taken back",
        "no": "Say no to a use",
        "every": "Every use but care",
        "say": "Say no now",
        "said": "No picture is used for",
        "close": "Close this page",
    },
    "cy": {
        "open": "Agor fy nhudalen",
        "take": "Cymryd rhywbeth yn ôl",
        "look": "Gweld beth fyddai’n dilyn",
        "missing": "Dewiswch beth rydych chi’n ei gymryd yn ôl",
        "use": "Addysgu yma",
        "nothing yet": "Does dim wedi’i wneud eto.",
        "now": "Ei gymryd yn ôl nawr",
        "done": "Wedi’i gymryd yn ôl",
        "no": "Dweud na wrth un defnydd",
        "every": "Pob defnydd ond gofal",
        "say": "Dweud na nawr",
        "said": "Ni ddefnyddir unrhyw lun ar gyfer",
        "close": "Cau’r dudalen hon",
    },
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=[*FLAGS])
        yield found
        found.close()


@pytest.fixture(scope="module", params=SIZES)
def where(request) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def open_clinic(tmp_path_factory, where: str) -> Iterator[Clinic]:
    with clinic.opened(tmp_path_factory.mktemp(f"clinic-{where}"), slips=True) as found:
        yield found


@pytest.fixture
def page(browser: Browser, where: str) -> Iterator[Page]:
    context = browser.new_context(viewport=SIZES[where], has_touch=True, device_scale_factor=2)
    yield context.new_page()
    context.close()


def look(page: Page, name: str, where: str) -> None:
    walk(page, f"mind-{name}-{where}", is_phone=where == "phone")


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()
    settle(page)


@pytest.mark.parametrize("language", WORDS)
def test_the_patient_takes_it_back_by_the_slip(
    page: Page, open_clinic: Clinic, where: str, language: str
) -> None:
    say = WORDS[language]
    page.goto(f"{open_clinic.url}/receipt/?language={language}#{open_clinic.slips[language]}")
    press(page, say["open"])
    look(page, f"receipt-{language}", where)

    page.get_by_role("link", name=say["take"]).click()
    press(page, say["look"])
    expect(page.get_by_text(say["missing"]).first).to_be_visible()
    look(page, f"take-back-{language}", where)
    assert not page.locator("input:checked").count()
    assert not page.locator("textarea, input[type=text]").count(), "a reason is asked for"
    page.get_by_text(say["use"], exact=True).click()
    press(page, say["look"])
    expect(page.get_by_text(say["nothing yet"])).to_be_visible()
    look(page, f"consequences-{language}", where)
    press(page, say["now"])
    expect(page.get_by_text(say["done"]).first).to_be_visible()
    look(page, f"taken-back-{language}", where)

    page.get_by_role("link", name=say["no"]).click()
    look(page, f"no-{language}", where)
    page.get_by_text(say["every"], exact=True).click()
    press(page, say["look"])
    look(page, f"no-consequences-{language}", where)
    press(page, say["say"])
    expect(page.get_by_text(re.compile(say["said"]))).to_be_visible()
    look(page, f"no-said-{language}", where)
    press(page, say["close"])
    page.goto(f"{open_clinic.url}/receipt/page/")
    expect(page.get_by_role("button")).to_have_count(1)


def test_staff_take_down_what_the_patient_said(page: Page, open_clinic: Clinic, where: str) -> None:
    page.goto(open_clinic.url)
    page.locator("input[name=login]").fill(open_clinic.email)
    page.locator("input[name=password]").fill(open_clinic.password)
    press(page, "Sign in with your password")
    patient, _, picture = open_clinic.taken["en"]
    page.goto(f"{open_clinic.url}/patients/{patient}/")
    page.get_by_role("link", name="Change of mind").click()
    look(page, "staff-choose", where)
    page.get_by_role("link", name="Say no to a use").click()
    press(page, "See what would follow")
    expect(page.get_by_text("Choose what you say no to").first).to_be_visible()
    look(page, "staff-no", where)
    page.get_by_text("Everything", exact=True).click()
    page.get_by_text("On the phone", exact=True).click()
    press(page, "See what would follow")
    look(page, "staff-consequences", where)
    press(page, "Say no now")
    expect(page.get_by_role("heading", name="What was done")).to_be_visible()
    look(page, "staff-done", where)
    for door in ("", "image/", "why/"):
        answer = page.request.get(f"{open_clinic.url}/pictures/{picture}/{door}")
        assert answer.status in {403, 404}

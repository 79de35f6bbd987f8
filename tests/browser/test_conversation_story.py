"""The conversation on a phone: care alone in English, in Welsh, and easy read with every use.

Each story goes from the list of patients to the receipt, and counts the taps that the pages felt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from browser.demo import Demo, running_demo
from browser.element_site import write_camera
from browser.looking import see, settle
from browser.test_whole_way import scene, sign

pytestmark = pytest.mark.browser

MOST_TAPS = 8
"""From the unlocked phone to the receipt, for care alone."""
FELT = "addEventListener('pointerdown', () => window.tapped(), {capture: true})"


@dataclass
class Phone:
    """A signed-in phone that counts what it is tapped."""

    page: Page
    url: str
    taps: list[int] = field(default_factory=list)

    def begin(self, *, site: str, person: str = "Edith Marlowe") -> None:
        """Unlock the phone: today's list is there. Then the patient and the part of the body."""
        self.page.goto(self.url)
        self.taps.clear()
        self.page.get_by_role("link", name=f"Picture of {person}").first.click()
        self.page.get_by_role("link", name=site).first.click()
        settle(self.page)

    def shoot(self, person: str = "Edith Marlowe") -> None:
        """Confirm who it is, take the picture, keep it."""
        expect(self.page.locator("safelight-camera[data-phase=live]")).to_be_visible()
        self.page.get_by_text(f"This is {person}").click()
        self.page.get_by_role("button", name="Take the picture").click()
        self.page.get_by_role("button", name="Keep it").click()
        self.page.wait_for_url("**/receipt/")
        settle(self.page)


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Iterator[Demo]:
    camera = tmp_path_factory.mktemp("camera") / "camera.y4m"
    write_camera(camera, pixels=cv2.cvtColor(scene(), cv2.COLOR_RGB2BGR))
    with sync_playwright() as playwright, running_demo(playwright, camera=camera) as found:
        yield found


@pytest.fixture
def phone(demo: Demo) -> Iterator[Phone]:
    page = demo.as_staff("Ines Valdarno")
    made = Phone(page, demo.url)
    page.context.expose_function("tapped", lambda: made.taps.append(1))
    page.context.add_init_script(FELT)
    yield made
    page.context.close()


def test_care_alone_takes_eight_taps_at_most(phone: Phone, record_testsuite_property) -> None:
    page = phone.page
    phone.begin(site="Left thigh")
    expect(page.locator("input:checked")).to_have_count(0)
    see(page, "conversation-en", full_page=True)
    page.get_by_text("I have read all of this").click()
    sign(page)
    page.get_by_role("button", name="Yes, for looking after me only").click()
    phone.shoot()
    expect(page.get_by_text("Safe and in the record")).to_be_visible()
    record_testsuite_property("taps for care alone", len(phone.taps))
    assert len(phone.taps) <= MOST_TAPS
    page.goto(page.url.removesuffix("receipt/"))
    expect(page.get_by_text("As it was")).to_be_visible()
    expect(page.get_by_label("Text for the record")).to_be_visible()
    see(page, "conversation-record", full_page=True)


def test_welsh_from_the_sheet_to_the_patients_own_page(phone: Phone, demo: Demo) -> None:
    page = phone.page
    phone.begin(site="Right foot")
    page.get_by_role("link", name="Cymraeg").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("A gawn ni dynnu llun")
    expect(page.locator("input:checked")).to_have_count(0)
    see(page, "conversation-cy", full_page=True)
    page.get_by_role("button", name=re.compile("cytuno i’r hyn")).click()
    expect(page.get_by_role("alert").first).to_contain_text("i’w cywiro")
    see(page, "conversation-cy-errors", full_page=True)
    page.get_by_text("Rwyf wedi darllen hyn i gyd").click()
    sign(page)
    page.get_by_role("button", name="Iawn, i ofalu amdanaf i yn unig").click()
    phone.shoot()
    see(page, "conversation-cy-receipt", full_page=True)
    expect(page.get_by_text("Yn ddiogel ac yn y cofnod")).to_be_visible()
    link = str(page.locator("[data-receipt]").get_attribute("href"))
    patient = demo.somebody()
    patient.goto(link)
    patient.get_by_role("button", name="Agor fy nhudalen").click()
    expect(patient.get_by_role("heading", name="Beth y cytunoch iddo")).to_be_visible()
    see(patient, "conversation-cy-page", full_page=True)
    patient.context.close()
    phone.begin(site="Left foot")
    expect(page.get_by_role("heading", level=1)).to_contain_text("A gawn ni")
    page.get_by_role("link", name="English").click()


def test_easy_read_with_every_use(phone: Phone, record_testsuite_property) -> None:
    page = phone.page
    phone.begin(site="Right thigh")
    page.get_by_role("link", name=re.compile("English|Easy read")).first.click()
    settle(page)
    if page.get_by_role("link", name="Easy read").count():
        page.get_by_role("link", name="Easy read").click()
    expect(page.locator(".drawing").first).to_be_visible()
    expect(page.locator("input:checked")).to_have_count(0)
    see(page, "conversation-easy", full_page=True)
    page.get_by_text("I have read all of this").click()
    for use in page.locator("input[name=purposes]").all():
        use.click()
    expect(page.get_by_text("can’t be called back").first).to_be_visible()
    page.get_by_label("A journal or a book: Which one?").fill("Journal of Made-up Cases")
    page.get_by_label("Social media: Which one?").fill("The surgery’s page")
    sign(page)
    see(page, "conversation-easy-filled", full_page=True)
    page.get_by_role("button", name="agrees to what is ticked").click()
    phone.shoot()
    expect(page.get_by_text("Safe and in the record")).to_be_visible()
    record_testsuite_property("taps with every use", len(phone.taps))

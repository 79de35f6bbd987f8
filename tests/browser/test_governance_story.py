"""Governance's day, on a phone and on a desk: what has to come back, what may not go, what must.

The demo brings something for each page: a copy that is out, a claim, a post made elsewhere.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from browser.demo import DESK, PHONE, Demo, running_demo
from browser.element_site import write_camera
from browser.looking import settle, walk

pytestmark = pytest.mark.browser

SIZES = {"phone": PHONE, "desk": DESK}


@dataclass
class Office:
    """The governance lead's browser, at one size."""

    demo: Demo
    page: Page
    where: str

    def go(self, path: str) -> None:
        self.page.goto(f"{self.demo.url}{path}")

    def look(self, name: str) -> None:
        walk(self.page, f"governance-{name}-{self.where}", is_phone=self.where == "phone")

    @property
    def is_last(self) -> bool:
        """Say whether the story may be told to its end: nobody looks at these pages after."""
        return self.where == "desk"

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name).click()
        settle(self.page)

    def follow(self, name: str) -> None:
        self.page.get_by_role("link", name=re.compile(name)).first.click()
        settle(self.page)


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Iterator[Demo]:
    camera = tmp_path_factory.mktemp("camera") / "camera.y4m"
    write_camera(camera, pixels=np.zeros((720, 1280, 3), np.uint8))
    with sync_playwright() as playwright, running_demo(playwright, camera=camera) as found:
        has_happened(found)
        yield found


def has_happened(demo: Demo) -> None:
    """Wait until the made-up practice has lived through all of it, and the worker been round."""
    page = demo.as_staff("Priya Anand", size=DESK)
    for path, words in (("/releases/", "Skin clinics"), ("/governance/retention/", "Harold")):
        until = time.monotonic() + 400
        while not page.goto(f"{demo.url}{path}") or not page.get_by_text(words).count():
            assert time.monotonic() < until, f"the demo never came to: {words}"
            time.sleep(2)
    page.context.close()


@pytest.fixture(params=SIZES)
def office(demo: Demo, request) -> Iterator[Office]:
    page = demo.as_staff("Priya Anand", size=SIZES[request.param])
    yield Office(demo, page, request.param)
    page.context.close()


def test_what_is_out_is_asked_back(office: Office) -> None:
    office.go("/governance/")
    office.look("today")
    office.follow("What has to come back")
    expect(office.page.get_by_text("Autumn teaching morning")).to_be_visible()
    expect(office.page.get_by_text("Late", exact=True)).to_be_visible()
    office.look("recalls")
    office.follow("Autumn teaching morning")
    office.press("It is settled")
    expect(office.page.get_by_text("Say what came of it").first).to_be_visible()
    office.look("recall")
    office.page.get_by_label("E-mail address").fill("courses@hospital.example")
    office.press("Send a letter")
    expect(office.page.get_by_text("The letter goes out now")).to_be_visible()
    if office.is_last:
        office.page.get_by_label("What came of it?").fill("Off the shared drive, slide 14")
        office.press("It is settled")
        expect(office.page.get_by_text("Nothing is out")).to_be_visible()
        office.look("recalls-settled")


def test_a_claim_holds_what_was_taken_back(office: Office) -> None:
    office.go("/governance/holds/")
    office.look("holds")
    office.follow("Ruth Calloway")
    office.look("hold")
    office.press("Lift the hold")
    expect(office.page.get_by_text("Say why it is lifted").first).to_be_visible()
    office.follow("Ruth Calloway")
    office.look("held-patient")
    office.follow("Stop destruction")
    office.press("Destroy nothing from now on")
    expect(office.page.get_by_text("Choose what it is for").first).to_be_visible()
    office.look("hold-new")
    if office.is_last:
        office.go("/governance/holds/")
        office.follow("Ruth Calloway")
        office.page.get_by_label("Why is it lifted?").fill("Settled out of court")
        office.press("Lift the hold")
        expect(office.page.get_by_text("what it held back is destroyed")).to_be_visible()
        office.look("holds-lifted")


def test_a_court_gets_what_it_demands_and_a_complaint_what_it_needs(office: Office) -> None:
    office.go("/")
    office.follow("Ivo Brandt")
    office.follow("Court or complaint")
    office.press("Write it down")
    expect(office.page.get_by_text("Say who asks").first).to_be_visible()
    office.look("matter-new")
    wanted = {"phone": "A complaint", "desk": "A court order"}[office.where]
    office.page.get_by_text(wanted, exact=True).click()
    for label, words in {
        "Its number or reference": f"CO 2026/118 {office.where}",
        "Who asks?": "The county court",
        "Day": "20",
        "Month": "11",
        "Year": "2026",
        "What is asked for?": "All pictures of the neck since the spring, for the hearing in March.",
    }.items():
        office.page.get_by_label(label, exact=True).fill(words)
    office.page.get_by_text("The picture alone", exact=True).click()
    office.page.get_by_text("No", exact=True).click()
    office.page.get_by_label("If not, why not?").fill("The order forbids it for now")
    office.press("Write it down")
    office.page.get_by_text("Needed", exact=True).first.click()
    office.press("Write it down")
    expect(office.page.get_by_text("Say why it is needed, or why not").first).to_be_visible()
    office.look("matter-errors")
    office.page.get_by_label("Why, or why not?").first.fill("The order names it")
    office.press("Write it down")
    expect(office.page.get_by_text("May be given", exact=True)).to_be_visible()
    office.look("matter")
    office.follow("On what that rests")
    office.look("exhibit")
    office.page.go_back()
    office.press("Give 1 picture")
    expect(office.page.get_by_text("Given: 1. Save each file")).to_be_visible()
    office.look("matter-given")
    with office.page.expect_download() as saved:
        office.page.get_by_role("link", name=re.compile("Save the file")).click()
    assert saved.value.path().read_bytes().startswith(b"\xff\xd8")
    office.press("The patient knows by now")
    office.go("/governance/matters/")
    expect(office.page.get_by_text("FC 2026/311")).to_be_visible()
    office.look("matters")
    office.follow("Ivo Brandt")
    office.press("Close the matter")
    expect(office.page.get_by_text("Nothing more is given into it")).to_be_visible()
    office.look("matter-closed")


def test_what_is_due_is_kept_longer_or_approved_by_name(office: Office) -> None:
    office.go("/governance/retention/")
    office.look("retention")
    office.follow("Harold Ivory")
    expect(office.page.get_by_text("You approve it by name: Priya Anand")).to_be_visible()
    office.press("Keep it longer")
    expect(office.page.get_by_text("Say why it is kept longer").first).to_be_visible()
    office.look("review")
    office.follow("Harold Ivory")
    office.follow("How long it is kept")
    office.look("record")
    if office.is_last:
        office.go("/governance/retention/")
        office.follow("Harold Ivory")
        office.press("Approve and destroy")
        expect(office.page.get_by_text("Certificate of destruction").first).to_be_visible()
        expect(office.page.get_by_text("Priya Anand").first).to_be_visible()
        office.look("certificate-of-a-record")
        office.go("/governance/retention/")
        assert not office.page.get_by_text("Harold").count(), "the name is gone"


def test_what_went_has_a_certificate(office: Office) -> None:
    office.go("/governance/certificates/")
    office.look("certificates")
    office.follow("The patient took it back")
    expect(office.page.get_by_text("What this doesn’t prove")).to_be_visible()
    office.look("certificate")
    office.go("/")
    office.go("/governance/holds/")
    office.follow("Ruth Calloway")
    office.follow("Ruth Calloway")
    office.follow("Erase everything")
    office.press("Erase it for good")
    expect(office.page.get_by_text("Type the word erase").first).to_be_visible()
    office.look("erase")


def test_a_post_made_elsewhere_raises_an_alarm(office: Office) -> None:
    office.go("/governance/exposure/")
    expect(office.page.get_by_text("Too few people")).to_be_visible()
    office.press("It is settled")
    expect(office.page.get_by_text("Say what was done about it").first).to_be_visible()
    office.look("alarms")
    if office.is_last:
        office.page.get_by_label("What was done about it?").fill("The fair took the post down")
        office.press("It is settled")
        expect(office.page.get_by_text("The fair took the post down")).to_be_visible()
        office.look("alarms-settled")
    office.go("/governance/our-patients/")
    office.look("our-patients")


def test_the_second_person_sees_the_crowd_and_tries_to_find_out(office: Office) -> None:
    office.go("/releases/")
    office.look("desk")
    office.follow("Skin clinics of the county")
    expect(office.page.get_by_role("img", name="A crowd that gets smaller")).to_be_visible()
    expect(office.page.get_by_text("A closed group · asked by")).to_be_visible()
    expect(
        office.page.get_by_text(re.compile(r"\d \w+, Skin clinics of the county"))
    ).to_be_visible()
    expect(office.page.get_by_text("Try to find out who it is")).to_be_visible()
    office.look("worksheet")
    office.press("Let it leave")
    expect(office.page.get_by_role("alert").first).to_be_visible()
    office.look("worksheet-errors")
    if office.is_last:
        told = {
            "Who tried": "A stranger with a search engine",
            "What they hold": "The region, the age in tens, the picture",
            "What was searched": "Local news, two social networks",
        }
        for label, words in told.items():
            office.page.get_by_label(label).first.fill(words)
        office.page.get_by_text("Nobody was found").first.click()
        office.press("Let it leave")
        expect(office.page.get_by_text("Released", exact=True).first).to_be_visible()
        expect(office.page.get_by_text("A stranger with a search engine")).to_be_visible()
        office.look("released")


def test_the_rules_page(office: Office) -> None:
    office.go("/governance/rules/")
    office.look("rules")


@pytest.mark.parametrize("where", SIZES)
def test_a_doctor_writes_down_what_others_told(demo: Demo, where: str) -> None:
    page = demo.as_staff("Ines Valdarno", size=SIZES[where])
    page.goto(demo.url)
    page.get_by_role("link", name="Ivo Brandt").first.click()
    page.get_by_role("link", name="Told elsewhere").click()
    expect(page.get_by_text("County Fair News")).to_be_visible()
    page.get_by_role("button", name="Write it down").click()
    expect(page.get_by_text("Choose who can see it").first).to_be_visible()
    walk(page, f"governance-posts-{where}", is_phone=where == "phone")
    page.context.close()

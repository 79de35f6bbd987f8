"""From the list of patients to the receipt, the timeline and the opened picture, on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from browser import clinic, looking
from browser.clinic import Clinic
from browser.element_site import write_camera

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}
STORED = """async () => ({
  local: localStorage.length,
  session: sessionStorage.length,
  databases: (await indexedDB.databases()).length,
  caches: (await caches.keys()).length,
  workers: (await navigator.serviceWorker.getRegistrations()).length,
  cookies: document.cookie,
})"""
NOTHING = {"local": 0, "session": 0, "databases": 0, "caches": 0, "workers": 0, "cookies": ""}


@dataclass
class Visit:
    """A signed-in browser, and all that it complained about."""

    page: Page
    clinic: Clinic
    complaints: list[str] = field(default_factory=list)

    def see(self, name: str) -> None:
        """Keep a picture of the page, and let axe look at it, light and dark."""
        looking.see(self.page, f"capture-{name}", full_page=True)

    def go(self, path: str) -> None:
        self.page.goto(self.clinic.url + path)

    def sign(self) -> None:
        """Draw on the sheet with a finger."""
        box = self.page.locator(".sign canvas")
        box.scroll_into_view_if_needed()
        at = box.bounding_box()
        assert at is not None
        mouse = self.page.mouse
        mouse.move(at["x"] + 40, at["y"] + 60)
        mouse.down()
        mouse.move(at["x"] + 120, at["y"] + 90, steps=4)
        mouse.move(at["x"] + 220, at["y"] + 50, steps=4)
        mouse.up()

    def agree_to_care(self, site: str) -> None:
        """From the list to the camera, everything told and care agreed to."""
        self.page.get_by_role("link", name="Picture of Margaret Made-Up").click()
        self.page.get_by_role("link", name=site).click()
        self.page.get_by_text("I have read all of this").click()
        self.sign()
        self.page.get_by_role("button", name="Yes, for looking after me only").click()

    def say_who(self) -> None:
        """Tick the right-patient check; what is ticked before the camera is there doesn't count."""
        expect(self.page.locator("safelight-camera[data-phase=live]")).to_be_visible()
        self.page.get_by_text("This is Margaret Made-Up").click()

    def shoot(self) -> None:
        """Say who it is, take the picture and keep it."""
        self.say_who()
        self.page.get_by_role("button", name="Take the picture").click()
        self.page.get_by_role("button", name="Keep it").click()
        self.page.wait_for_url("**/receipt/")


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def chromium(playwright: Playwright, tmp_path_factory) -> Iterator[Browser]:
    camera = tmp_path_factory.mktemp("camera") / "camera.y4m"
    write_camera(camera)
    browser = playwright.chromium.launch(
        executable_path="/usr/bin/chromium",
        args=[
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-video-capture={camera}",
        ],
    )
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def open_clinic(tmp_path_factory) -> Iterator[Clinic]:
    with clinic.opened(tmp_path_factory.mktemp("clinic")) as found:
        yield found


@pytest.fixture
def visit(chromium: Browser, open_clinic: Clinic) -> Iterator[Visit]:
    context = chromium.new_context(viewport=PHONE, has_touch=True)
    page = context.new_page()
    found = Visit(page, open_clinic)
    page.on("pageerror", lambda error: found.complaints.append(str(error)))
    page.on(
        "console",
        lambda said: found.complaints.append(said.text) if said.type == "error" else None,
    )
    found.go("/")
    page.locator("input[name=login]").fill(open_clinic.email)
    page.locator("input[name=password]").fill(open_clinic.password)
    page.get_by_role("button", name="Sign in with your password").click()
    expect(page.get_by_role("heading", name="Who is with you?")).to_be_visible()
    yield found
    assert found.complaints == []
    context.close()


def test_a_picture_is_asked_for_taken_and_found_again(visit: Visit) -> None:
    page = visit.page
    visit.see("today")
    page.get_by_role("link", name="Picture of Margaret Made-Up").click()
    visit.see("where")
    page.get_by_role("link", name="Left lower leg").click()
    expect(page.locator("input:checked")).to_have_count(0)
    visit.see("sheet")
    page.get_by_role("button", name="agrees to what is ticked").click()
    expect(page.get_by_role("alert").first).to_contain_text("There are 2 things to put right")
    visit.see("sheet-errors")
    page.get_by_text("I have read all of this").click()
    visit.sign()
    page.get_by_role("button", name="Yes, for looking after me only").click()
    expect(page.get_by_text("Sharp")).to_be_visible()
    expect(page.get_by_role("button", name="Take the picture")).to_be_disabled()
    visit.see("camera")
    visit.shoot()
    expect(page.get_by_text("Safe and in the record")).to_be_visible()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    assert "/receipt/#" in str(page.locator("[data-receipt]").get_attribute("href"))
    visit.see("receipt")
    assert page.evaluate(STORED) == NOTHING
    page.get_by_role("link", name="Done, back to Margaret").click()
    is_shown(page, ".tile img")
    visit.see("timeline")
    page.locator("a.tile").click()
    is_shown(page, ".canvas img")
    visit.see("picture")


def test_two_dates_are_compared_by_one_slider(visit: Visit) -> None:
    page = visit.page
    visit.agree_to_care("Right forearm")
    visit.shoot()
    page.get_by_role("link", name="Another one").click()
    visit.shoot()
    page.get_by_role("link", name="Done, back to Margaret").click()
    page.get_by_role("link", name="Compare two dates").last.click()
    is_shown(page, ".compare img.after")
    page.get_by_role("slider").press("ArrowRight")
    visit.see("compare")
    page.set_viewport_size(DESK)
    page.go_back()
    visit.see("timeline-desk")


def test_stop_on_the_camera_page_leaves_nothing(visit: Visit) -> None:
    page = visit.page
    before = stored_files(visit.clinic)
    visit.agree_to_care("Scalp")
    visit.say_who()
    page.get_by_role("button", name="Take the picture").click()
    after_consent = stored_files(visit.clinic)
    page.get_by_role("button", name="Stop, leave nothing").last.click()
    page.wait_for_url("**/patients/*/")
    assert page.evaluate(STORED) == NOTHING
    assert stored_files(visit.clinic) == after_consent
    assert len(after_consent - before) == 1
    assert all(name.endswith(".signature") for name in after_consent - before)


def test_the_patient_destroys_the_picture_from_the_receipt(visit: Visit) -> None:
    page = visit.page
    visit.agree_to_care("Neck")
    before = stored_files(visit.clinic)
    visit.shoot()
    assert len(stored_files(visit.clinic) - before) == 3
    page.get_by_role("button", name="Destroy the picture").click()
    expect(page.get_by_text("Nothing of the picture is left")).to_be_visible()
    assert stored_files(visit.clinic) == before


def test_a_no_is_written_down_and_ends_with_a_receipt(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("link", name="Picture of Margaret Made-Up").click()
    page.get_by_role("link", name="Chest").click()
    page.get_by_role("button", name="No picture, thank you").click()
    expect(page.get_by_text("It is written down, and care stays the same.")).to_be_visible()
    visit.see("refused")


def test_a_child_whose_competence_nobody_assessed_leads_to_the_way_forward(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("link", name="Picture of Leo Made-Up").click()
    page.get_by_role("link", name="Left knee").click()
    visit.see("sheet-representative")
    page.get_by_role("link", name="For Leo to read").click()
    visit.see("sheet-child")
    page.get_by_text("I have read all of this").click()
    visit.sign()
    page.get_by_role("button", name="Yes, for looking after me only").click()
    expect(page.get_by_text("A picture can’t be taken now")).to_be_visible()
    visit.see("not-permitted")
    page.set_viewport_size(DESK)
    visit.see("not-permitted-desk")
    page.locator("a.card").first.click()
    visit.see("assessment")


def a_parent_agrees(visit: Visit, site: str) -> None:
    """From the list to the camera, by the mother's answer."""
    page = visit.page
    visit.go("/")
    page.get_by_role("link", name="Picture of Ada Made-Up").click()
    page.get_by_role("link", name=site).click()
    page.get_by_text("I have read all of this").click()
    page.get_by_text("Parent Made-Up").click()
    visit.sign()
    page.get_by_role("button", name="Yes, for looking after Ada only").click()


def test_a_child_says_no_at_the_camera_and_nothing_of_the_picture_remains(visit: Visit) -> None:
    page, before = visit.page, stored_files(visit.clinic)
    sent: list[str] = []
    page.on("request", lambda one: sent.append(one.url) if one.method == "POST" else None)
    a_parent_agrees(visit, "Left knee")
    expect(page.locator("safelight-camera[data-phase=live]")).to_be_visible()
    no = page.get_by_role("button", name="Ada says no, or is upset")
    assert (no.bounding_box() or {})["height"] >= looking.THUMB
    visit.see("child-camera")
    page.get_by_text("This is Ada Made-Up").click()
    page.get_by_role("button", name="Take the picture").click()
    expect(page.get_by_role("button", name="Keep it")).to_be_visible()
    visit.see("child-frozen")
    no.click()
    expect(page.get_by_role("heading", name="Stopped for today")).to_be_visible()
    visit.see("child-said-no")
    assert page.evaluate(STORED) == NOTHING
    assert not [url for url in sent if url.endswith("/upload/")], "the picture left the phone"
    assert not page.locator("safelight-camera, video, canvas").count()
    left = stored_files(visit.clinic) - before
    assert [name.rpartition(".")[2] for name in left] == ["signature"]
    page.get_by_role("link", name="Leave it at that").click()
    expect(page.get_by_role("heading", name="Ada Made-Up")).to_be_visible()
    assert not page.locator(".tile").count()

    a_parent_agrees(visit, "Right knee")  # asked again at once, and she says yes again
    expect(page.get_by_text("Stop for today")).to_be_visible()
    assert not page.locator("safelight-camera, video").count()
    visit.see("child-shut")


def test_pages_of_patients_have_no_barrier(visit: Visit) -> None:
    for name, path in {
        "add-patient": "/patients/new/",
        "deciders": f"/patients/{visit.clinic.child}/deciders/",
        "representative": f"/patients/{visit.clinic.child}/deciders/new/",
        "death": f"/patients/{visit.clinic.adult}/death/",
    }.items():
        visit.go(path)
        visit.see(name)


def stored_files(at: Clinic) -> set[str]:
    """Name every blob that the installation holds."""
    return {path.name for path in (at.home / "blobs").rglob("*") if path.is_file()}


def is_shown(page: Page, selector: str) -> None:
    """Wait until a picture is there with its pixels."""
    picture = page.locator(selector).first
    expect(picture).to_be_visible()
    page.wait_for_function(
        "selector => document.querySelector(selector)?.naturalWidth > 0", arg=selector
    )

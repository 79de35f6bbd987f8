"""The whole way, once: from the camera to a colleague's screen, and all of it taken back.

What a stranger does in the demo within two minutes. The pictures in the README and in docs come
from here (`document_images.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from browser.demo import DESK, Demo, running_demo
from browser.element_site import write_camera
from browser.looking import see as see_page
from safelight.cli import made_up

pytestmark = pytest.mark.browser

PATIENT = "Edith Marlowe"
SITE = "Right forearm"
WIDE = {"width": 1120, "height": 980}


def scene() -> np.ndarray:
    """Draw what the camera sees: a wound, somebody's face, and a wristband with a name."""
    picture = made_up.bystander(7)
    band = made_up.wristband(3)[300:660]
    strip = cv2.resize(band, (1280, 360), interpolation=cv2.INTER_AREA)
    picture[-300:] = strip[:300]
    return picture


def see(page: Page, name: str, *, full_page: bool = False) -> None:
    see_page(page, f"way-{name}", full_page=full_page)


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Iterator[Demo]:
    camera = tmp_path_factory.mktemp("camera") / "camera.y4m"
    write_camera(camera, pixels=cv2.cvtColor(scene(), cv2.COLOR_RGB2BGR))
    with sync_playwright() as playwright, running_demo(playwright, camera=camera) as found:
        yield found


def see_timeline(demo: Demo) -> None:
    """See what is known of the patient before anything is added."""
    wide = demo.as_staff("Ines Valdarno", size=WIDE)
    wide.get_by_role("link", name=PATIENT).first.click()
    for _ in range(120):  # the demo is still taking its pictures
        if wide.locator(".tile img").count() == 4:
            break
        wide.wait_for_timeout(1000)
        wide.reload()
    loaded(wide, ".tile img")
    see(wide, "timeline-wide")
    wide.context.close()


def sign(page: Page) -> None:
    """Draw on the sheet with a finger."""
    page.locator(".sign canvas").scroll_into_view_if_needed()
    at = page.locator(".sign canvas").bounding_box()
    assert at is not None
    page.mouse.move(at["x"] + 40, at["y"] + 60)
    page.mouse.down()
    page.mouse.move(at["x"] + 120, at["y"] + 90, steps=4)
    page.mouse.move(at["x"] + 220, at["y"] + 50, steps=4)
    page.mouse.up()


def consent_and_picture(page: Page) -> tuple[str, str]:
    """Have the conversation, take the picture; return the addresses of receipt and picture."""
    page.get_by_role("link", name=f"Picture of {PATIENT}").click()
    page.get_by_role("link", name=SITE).first.click()
    expect(page.locator("input:checked")).to_have_count(0)
    see(page, "consent")
    page.get_by_text("I have read all of this").click()
    for use in ("Looking after you", "Asking another doctor about you", "Teaching staff here"):
        page.get_by_text(use, exact=True).click()
    sign(page)
    page.get_by_role("button", name="agrees to what is ticked").click()
    expect(page.get_by_role("button", name="Take the picture")).to_be_disabled()
    expect(page.locator("safelight-camera[data-phase=live]")).to_be_visible()
    page.get_by_text(f"This is {PATIENT}").click()
    see(page, "camera")
    page.get_by_role("button", name="Take the picture").click()
    page.get_by_role("button", name="Keep it").click()
    page.wait_for_url("**/receipt/")
    see(page, "receipt")
    receipt = str(page.locator("[data-receipt]").get_attribute("href"))
    page.get_by_role("link", name=re.compile("Done, back to")).click()
    loaded(page, ".tile img")
    see(page, "timeline")
    page.locator("a.tile", has_text=SITE).first.click()
    loaded(page, ".canvas img")
    see(page, "picture")
    return receipt, page.url


def ask_a_dermatologist(demo: Demo, gp: Page, picture: str) -> Page:
    """Send the question, open it as the colleague with the mailed code, answer."""
    gp.goto(f"{picture}ask/")
    gp.get_by_label("Who?").fill("Dr Wei Lin")
    gp.get_by_label("Their work address").fill("lin@hospital.example")
    gp.get_by_label("Your question").fill("Would you biopsy?")
    gp.get_by_text("2 days").click()
    gp.get_by_role("button", name="Send the question").click()
    see(gp, "opinions")
    colleague = demo.somebody()
    secret = re.findall(r"/s/#([\w-]{43})", demo.mail(gp))[0]
    colleague.goto(f"{demo.url}/s/#{secret}")
    see(colleague, "colleague-door")
    colleague.get_by_role("button", name="Send me the code").click()
    code = re.findall(r"\b(\d{3} \d{3})\b", demo.mail(gp))[0]
    colleague.get_by_label("The six digits").fill("000 000" if code != "000 000" else "111 111")
    colleague.get_by_role("button", name="Show the picture").click()
    expect(colleague.get_by_role("alert").first).to_be_visible()
    colleague.get_by_label("The six digits").fill(code)
    colleague.get_by_role("button", name="Show the picture").click()
    loaded(colleague, ".water img")
    see(colleague, "colleague")
    return colleague


def copy_for_teaching(demo: Demo, gp: Page, picture: str) -> str:
    """Ask, settle what was found, make the copy; a second person lets it leave."""
    gp.goto(f"{picture}copy/")
    gp.get_by_text("Teaching here").click()
    gp.get_by_label("Where does it go?").fill("Tuesday teaching")
    gp.get_by_role("button", name="Ask for the copy").click()
    gp.wait_for_url("**/releases/*/")
    release = gp.url
    loaded(gp, "safelight-editor img")
    found = gp.locator(".finds").inner_text().lower()
    assert "face" in found
    assert "text" in found or "code" in found
    see(gp, "editor")
    for box in gp.locator("input[name=ticked]").all():
        box.check(force=True)
    for _ in range(4):
        rows = gp.locator(".finds li", has=gp.locator("button[data-settle=cover]"))
        for row in rows.all():
            if not row.locator("button[aria-pressed=true]").count():
                row.locator("button[data-settle=cover]").click()
        gp.get_by_role("button", name="Make the copy").click()
        gp.wait_for_load_state()
        if "prepare" not in gp.url:
            break
    expect(gp.get_by_role("heading", name="A second person looks at it")).to_be_visible()
    assert not gp.get_by_role("button", name="Let it leave").count()
    lead = demo.as_staff("Priya Anand", size=DESK)
    lead.goto(release)
    loaded(lead, ".compare .after")
    see(lead, "review")
    lead.get_by_role("button", name="Let it leave").click()
    expect(lead.get_by_text("Released", exact=True)).to_be_visible()
    lead.context.close()
    return release


def is_refused_for_a_journal(gp: Page, picture: str) -> None:
    """Ask for what consent doesn't reach; be told why, with the source."""
    gp.goto(f"{picture}copy/")
    gp.get_by_text("journal", exact=False).first.click()
    gp.get_by_label("Where does it go?").fill("Journal of Made-up Cases")
    gp.get_by_role("button", name="Ask for the copy").click()
    expect(gp.get_by_text("GMC VAR 37–38").first).to_be_visible()
    see(gp, "not-permitted")


def take_it_all_back(demo: Demo, receipt: str) -> None:
    """Do as the patient does, with the paper and no account."""
    patient = demo.somebody()
    patient.goto(receipt)
    patient.get_by_role("button", name="Open my page").click()
    see(patient, "patients-page")
    patient.get_by_role("link", name="Take something back").click()
    for box in patient.locator("input[name=purposes]").all():
        assert not box.is_checked()
        box.check(force=True)
    patient.get_by_role("button", name="See what would follow").click()
    see(patient, "consequences")
    patient.get_by_role("button", name="Take it back now").click()
    expect(patient.get_by_text("Taken back").first).to_be_visible()
    see(patient, "taken-back")


def loaded(page: Page, selector: str) -> None:
    """Wait until a picture is there with its pixels."""
    page.wait_for_function(
        "selector => document.querySelector(selector)?.naturalWidth > 0", arg=selector
    )


def test_one_picture_goes_the_whole_way_and_comes_back(demo: Demo) -> None:
    gp = demo.as_staff("Ines Valdarno")
    see(gp, "today")
    see_timeline(demo)
    receipt, picture = consent_and_picture(gp)
    colleague = ask_a_dermatologist(demo, gp, picture)
    release = copy_for_teaching(demo, gp, picture)
    is_refused_for_a_journal(gp, picture)

    take_it_all_back(demo, receipt)

    refused = colleague.reload()
    assert refused is not None
    assert refused.status == 403
    assert gp.request.get(f"{release}copy/").status in (403, 404)
    gp.goto(picture)
    assert not gp.locator(".canvas img").count() or gp.get_by_text("closed", exact=False).count()
    lead = demo.as_staff("Priya Anand", size=DESK)
    lead.goto(f"{demo.url}/governance/")
    lead.get_by_role("button", name=re.compile("Check")).first.click()
    expect(lead.get_by_text(re.compile("The log is whole"))).to_be_visible()
    see(lead, "governance")
    lead.get_by_role("link", name="How the keys are").click()
    see(lead, "governance-keys", full_page=True)

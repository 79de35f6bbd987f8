"""A question to a colleague, a copy for teaching, and all of it taken back, in the demo itself."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from browser.demo import DESK, PHONE, Demo, running_demo
from browser.element_site import write_camera
from browser.looking import see as see_page

pytestmark = pytest.mark.browser

PICTURE = re.compile(r"^/pictures/[0-9a-f-]{36}/$")
CONVERSATION = re.compile(r"^/consents/[0-9a-f-]{36}/$")


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Iterator[Demo]:
    camera = tmp_path_factory.mktemp("camera") / "camera.y4m"
    write_camera(camera)
    with sync_playwright() as playwright, running_demo(playwright, camera=camera) as found:
        yield found


def see(page: Page, name: str) -> None:
    see_page(page, f"share-{name}")


def hrefs(page: Page, pattern: re.Pattern[str]) -> list[str]:
    found = [link.get_attribute("href") or "" for link in page.locator("a[href]").all()]
    return list(dict.fromkeys(href for href in found if pattern.match(href)))


def pictures_for_teaching(demo: Demo, page: Page) -> Iterator[tuple[str, str, str]]:
    """Yield patient, picture and release of the adult's pictures for which both uses are open."""
    patient = str(page.get_by_role("link", name="Edith Marlowe").first.get_attribute("href"))
    for _ in range(30):
        page.goto(demo.url + patient)
        for picture in hrefs(page, PICTURE):
            page.goto(f"{demo.url}{picture}copy/")
            page.get_by_text("Teaching here").click()
            page.get_by_label("Where does it go?").fill("Tuesday teaching")
            page.get_by_role("button", name="Ask for the copy").click()
            page.wait_for_load_state()
            if "/releases/" in page.url:
                yield patient, picture, page.url
        time.sleep(2)  # the demo is still taking its pictures
    raise AssertionError("no such picture may be used for teaching")


def picture_for_teaching(demo: Demo, page: Page) -> tuple[str, str, str]:
    return next(pictures_for_teaching(demo, page))


def is_loaded(page: Page, selector: str) -> bool:
    page.wait_for_function(
        "s => document.querySelector(s) && document.querySelector(s).complete", arg=selector
    )
    return bool(page.eval_on_selector(selector, "image => image.naturalWidth > 0"))


def settle_and_make(page: Page) -> None:
    """Cover what is open and make the copy, again if the check of the copy held something new."""
    for box in page.locator("input[name=ticked]").all():
        box.check(force=True)
    for _ in range(4):
        for row in page.locator(".finds li").all():
            if not row.locator("button[aria-pressed=true]").count():
                row.locator("button[data-settle=cover]").click()
        page.get_by_role("button", name="Make the copy").click()
        page.wait_for_load_state()
        if "prepare" not in page.url:
            return
    raise AssertionError("the copy was never fit")


FOCUS_IS = "selector => document.activeElement?.matches(selector) ?? false"


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until what is meant has the focus."""
    for _ in range(250):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUS_IS, selector):
            return
    raise AssertionError(f"the keyboard never comes to {selector}")


def shown_as_kept(page: Page) -> list[list[int]]:
    return [*json.loads(page.locator("input[name=keep]").input_value())]


def prepare_by_keyboard(page: Page, name: str) -> None:
    """Adjust what is kept, cover, settle, tick and make the copy; no pointer touches the page."""
    [proposed] = shown_as_kept(page)
    tab_to(page, ".box.mark.keep")
    page.keyboard.press("Shift+ArrowLeft")
    [adjusted] = shown_as_kept(page)
    assert adjusted[2] < proposed[2]
    tab_to(page, "[data-kept=skin]")
    page.keyboard.press("Enter")
    assert shown_as_kept(page) == [proposed]
    tab_to(page, "button[data-mode=cover]")
    page.keyboard.press("Enter")
    expect(page.locator("safelight-editor > p[role=status]")).to_contain_text("Cover box added")
    page.keyboard.press("ArrowDown")
    for _ in range(4):
        page.keyboard.press("Shift+ArrowLeft")
    see_page(page, name, full_page=True)
    for _ in range(4):
        for finding in page.locator(".finds li:has(button[data-settle])").all():
            if finding.locator("button[aria-pressed=true]").count():
                continue
            which = finding.locator("button").first.get_attribute("data-findings")
            tab_to(page, f"button[data-findings='{which}'][data-settle=cover]")
            page.keyboard.press("Enter")
        for _ in range(page.locator("input[name=ticked]:not(:checked)").count()):
            tab_to(page, "input[name=ticked]:not(:checked)")
            page.keyboard.press("Space")
        tab_to(page, "button[form=prepare]")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        if "prepare" not in page.url:
            return
    raise AssertionError("the copy was never fit")


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["390", "1280"])
def test_a_copy_is_made_by_keyboard_alone(demo: Demo, size: dict[str, int]) -> None:
    gp = demo.as_staff("Ines Valdarno", size=size)
    _, _, release = picture_for_teaching(demo, gp)
    gp.goto(release)
    assert is_loaded(gp, "safelight-editor img")
    prepare_by_keyboard(gp, f"share-keyboard-{size['width']}")
    expect(gp.get_by_role("heading", name="A second person looks at it")).to_be_visible()
    see_page(gp, f"share-keyboard-{size['width']}-done", full_page=True)


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["390", "1280"])
def test_a_rulers_figures_get_one_answer(demo: Demo, size: dict[str, int]) -> None:
    gp = demo.as_staff("Ines Valdarno", size=size)
    row = gp.locator(".finds li", has_text="in a row: a ruler’s figures")
    for _, _, release in pictures_for_teaching(demo, gp):
        gp.goto(release)
        gp.locator("#finds-title").wait_for()
        if row.count():
            break
    row.get_by_role("button", name=re.compile("^Leave in")).click()
    figures = str(row.locator("[data-settle=leave]").get_attribute("data-findings")).split()
    assert len(figures) >= 4
    assert json.loads(gp.locator("input[name=left_as]").input_value()) == ["text"] * len(figures)
    expect(gp.locator(".box.left")).to_have_count(len(figures))
    see_page(gp, f"share-row-{size['width']}", full_page=True)
    listed = gp.locator(".finds li").count()
    row.get_by_role("button", name=re.compile("^Answer one by one")).click()
    expect(gp.locator(".finds li")).to_have_count(listed + len(figures) - 1)
    expect(gp.locator(f"button[data-findings='{figures[0]}'][data-settle=cover]")).to_be_focused()
    see_page(gp, f"share-row-apart-{size['width']}", full_page=True)
    gp.get_by_role("button", name="Undo").click()
    expect(row).to_be_visible()


def test_it_goes_out_comes_back_and_is_all_taken_back(demo: Demo) -> None:
    gp = demo.as_staff("Ines Valdarno")
    patient, picture, release = picture_for_teaching(demo, gp)

    gp.goto(f"{demo.url}{picture}ask/")
    gp.get_by_label("Who?").fill("Dr Wei Lin")
    gp.get_by_label("Their work address").fill("lin@hospital.example")
    gp.get_by_label("Your question").fill("Would you biopsy?")
    gp.get_by_text("2 days").click()
    see(gp, "ask")
    gp.get_by_role("button", name="Send the question").click()
    expect(gp.get_by_role("heading", name="Questions to colleagues")).to_be_visible()
    see(gp, "opinions")

    colleague = demo.somebody()
    secret = re.findall(r"/s/#([\w-]{43})", demo.mail(gp))[0]
    colleague.goto(f"{demo.url}/s/#{secret}")
    see(colleague, "door")
    colleague.get_by_role("button", name="Send me the code").click()
    see(colleague, "code")
    code = re.findall(r"\b(\d{3} \d{3})\b", demo.mail(gp))[0]
    colleague.get_by_label("The six digits").fill(code)
    colleague.get_by_role("button", name="Show the picture").click()
    expect(colleague.get_by_text("would like your opinion")).to_be_visible()
    assert is_loaded(colleague, ".water img")
    see(colleague, "shown")
    shown = colleague.url
    colleague.get_by_label("Your answer").fill("Watch it for four weeks.")
    colleague.get_by_role("button", name="Send the answer").click()
    expect(colleague.get_by_text("Your answer is in the record")).to_be_visible()

    gp.goto(release)
    assert is_loaded(gp, "safelight-editor img")
    see(gp, "editor")
    settle_and_make(gp)
    expect(gp.get_by_role("heading", name="A second person looks at it")).to_be_visible()

    lead = demo.as_staff("Priya Anand")
    lead.goto(release)
    assert is_loaded(lead, ".compare .after")
    see(lead, "review")
    lead.get_by_role("button", name="Let it leave").click()
    expect(lead.get_by_text("Released", exact=True)).to_be_visible()
    assert is_loaded(lead, ".canvas img")

    gp.goto(demo.url + picture)
    conversation = hrefs(gp, CONVERSATION)[0]
    gp.goto(demo.url + patient)
    gp.get_by_role("link", name="Change of mind").click()
    gp.wait_for_load_state()
    if conversation not in gp.url:  # there were several: this one is chosen
        gp.locator(f"a[href='{conversation}change-of-mind/']").click()
    for box in gp.locator("input[name=purposes]").all():
        assert not box.is_checked()
        box.check(force=True)
    gp.get_by_role("button", name="See what would follow").click()
    see(gp, "consequences")
    gp.get_by_role("button", name="Take it back now").click()
    expect(gp.get_by_role("heading", name="What was done")).to_be_visible()
    see(gp, "done")

    answer = colleague.goto(shown)
    assert answer is not None
    assert answer.status == 403
    see(colleague, "shut")
    gone = lead.request.get(f"{release}copy/")
    assert gone.status == 404
    lead.goto(f"{demo.url}/governance/")
    lead.get_by_role("button", name=re.compile("Check")).first.click()
    expect(lead.get_by_text(re.compile("The log is whole"))).to_be_visible()

"""What site.js does on every page, in a real browser and under the pages' CSP."""

from __future__ import annotations

import base64

import pytest
from playwright.sync_api import expect

from browser.test_capture_element import Visit, browser, look, playwright, visit

pytestmark = pytest.mark.browser

__all__ = ["browser", "playwright", "visit"]
"""Fixtures that pytest finds here."""


def test_the_error_summary_has_the_focus_and_leads_into_the_field(visit: Visit) -> None:
    page = visit.go("/site")
    expect(page.locator(".summary")).to_be_focused()
    look(page, "site")
    page.get_by_role("link", name="Type the day").click()
    expect(page.locator("#day")).to_be_focused()


def test_nothing_else_rules_out_every_other_use_and_is_not_counted(visit: Visit) -> None:
    page = visit.go("/site")
    button = page.locator("form .btn-main")
    page.get_by_label("Looking after you").check()
    page.get_by_label("Teaching staff here").check()
    expect(button).to_have_text("Margaret agrees to these 2")
    page.get_by_label("Nothing else, ever").check()
    expect(page.get_by_label("Looking after you")).not_to_be_checked()
    expect(button).to_have_text("Margaret agrees to these ")
    page.get_by_label("Teaching staff here").check()
    expect(page.get_by_label("Nothing else, ever")).not_to_be_checked()


def test_a_signature_is_a_png_that_can_be_cleared_and_survives_turning(visit: Visit) -> None:
    page = visit.go("/site")
    canvas, field = page.locator(".sign canvas"), page.locator("[name=signature]")
    canvas.scroll_into_view_if_needed()
    frame = canvas.bounding_box()
    assert frame is not None
    page.mouse.move(frame["x"] + 20, frame["y"] + 30)
    page.mouse.down()
    page.mouse.move(frame["x"] + 90, frame["y"] + 70, steps=5)
    page.mouse.up()
    signed = base64.b64decode(field.input_value().removeprefix("data:image/png;base64,"))
    assert signed.startswith(b"\x89PNG")
    ink = """canvas => canvas.getContext('2d')
      .getImageData(0, 0, canvas.width, canvas.height).data.some(value => value > 0)"""
    assert canvas.evaluate(ink)
    page.set_viewport_size({"width": 844, "height": 390})
    page.wait_for_timeout(200)
    assert canvas.evaluate(ink)
    page.get_by_role("button", name="Clear").click()
    assert field.input_value() == ""
    assert not canvas.evaluate(ink)


def test_views_take_turns_and_two_dates_are_compared_by_keyboard(visit: Visit) -> None:
    page = visit.go("/site")
    page.get_by_role("button", name="Date").click()
    expect(page.get_by_text("By date")).to_be_visible()
    expect(page.get_by_text("By body site")).to_be_hidden()
    page.locator("#cut").focus()
    page.keyboard.press("ArrowRight")
    cut = "box => getComputedStyle(box).getPropertyValue('--cut')"
    assert page.locator(".compare").evaluate(cut) == "53%"


def test_a_form_is_sent_once_however_often_it_is_pressed(visit: Visit) -> None:
    page = visit.go("/site")
    page.route("**/consent", lambda route: route.fulfill(status=204))
    page.evaluate("""() => {
      window.times = 0
      document.addEventListener('submit', event => { window.times += Number(!event.defaultPrevented) })
    }""")
    button = page.locator("form .btn-main")
    button.click()
    button.click()
    assert page.evaluate("window.times") == 1
    expect(button).to_have_attribute("aria-busy", "true")


def test_an_unused_page_counts_down_hides_itself_and_locks(visit: Visit) -> None:
    visit.page.clock.install()
    page = visit.go("/site")
    page.clock.run_for(95_000)
    expect(page.locator(".idle")).to_contain_text("This page locks in 25 seconds")
    look(page, "site-idle")
    page.get_by_role("button", name="Stay").click()
    expect(page.locator(".idle")).to_be_hidden()
    page.clock.run_for(61_000)
    page.locator("#day").press("1")
    with page.expect_response("**/lock"):
        page.clock.run_for(121_000)
    page.wait_for_url("**/lock")
    assert [path for path, _ in visit.site.forms] == ["/ping", "/ping", "/lock"]


def test_a_page_that_slept_locks_when_it_wakes_before_any_key_counts(visit: Visit) -> None:
    page = visit.go("/site")
    # Later, and not while the browser still answers this call: the page goes away with it.
    wake = """() => setTimeout(() => {
      Date.now = () => 4e12
      document.dispatchEvent(new KeyboardEvent('keydown'))
    }, 100)"""
    page.evaluate(wake)
    page.wait_for_url("**/lock")

"""How a browser test looks at a page: axe, light and dark, and a picture of each kept."""

from __future__ import annotations

from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

SHOTS = Path(__file__).parent / "shots"
THUMB = 44
"""The least height of what is pressed on a phone, in CSS pixels."""
_SMALL = """least => [...document.querySelectorAll('main :is(a.btn, a.person, button, summary, .choice)')]
  .filter(each => each.checkVisibility() && each.getBoundingClientRect().height < least)
  .map(each => each.outerHTML.slice(0, 120))"""
_WIDE = """() => [...document.querySelectorAll('main *')]
  .filter(each => each.checkVisibility() && !each.closest('.hide, .scroll, svg')
    && each.getBoundingClientRect().right > innerWidth + 1)
  .map(each => each.outerHTML.slice(0, 120))"""
_STOPS = """() => [...document.querySelectorAll('main :is(a[href], button, input, select, textarea, summary)')]
  .filter(each => each.checkVisibility() && !each.disabled && each.type !== 'hidden')
  .map((each, at) => each.dataset.stop = each.type === 'radio' ? `radio ${each.name}` : `${at}`)"""
_AT = "() => document.activeElement?.dataset?.stop ?? ''"


def settle(page: Page) -> None:
    """Wait until the page that was asked for has arrived: a click returns before it has."""
    page.wait_for_load_state("load")
    page.wait_for_function("document.documentElement && document.readyState === 'complete'")


def violations(page: Page) -> list[str]:
    """Return what axe finds on the page, a line each."""
    settle(page)
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found]


def walk(page: Page, name: str, *, is_phone: bool) -> None:
    """See the page, and find it whole, wide enough for a thumb, and within the keyboard's reach."""
    see(page, name, full_page=True)
    assert not page.evaluate(_WIDE), f"{name} is wider than the screen: {page.evaluate(_WIDE)}"
    if is_phone:
        small = page.evaluate(_SMALL, THUMB)
        assert not small, f"{name}, too small for a thumb:\n" + "\n".join(small)
    stops = set(page.evaluate(_STOPS))
    page.evaluate("document.activeElement.blur()")
    reached: set[str] = set()
    for _ in range(3 * len(stops) + 40):
        page.keyboard.press("Tab")
        reached.add(str(page.evaluate(_AT)))
        if stops <= reached:
            return
    raise AssertionError(f"{name}: the keyboard never comes to {sorted(stops - reached)}")


def see(page: Page, name: str, *, full_page: bool = False) -> None:
    """Let axe look at the page, light and dark, and keep a picture of each."""
    SHOTS.mkdir(exist_ok=True)
    settle(page)
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found = violations(page)
        assert not found, f"{name}, {scheme}:\n" + "\n".join(found)
        page.screenshot(path=SHOTS / f"{name}-{scheme}.png", full_page=full_page)

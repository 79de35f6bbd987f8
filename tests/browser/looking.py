"""How a browser test looks at a page: axe, light and dark, and a picture of each kept."""

from __future__ import annotations

from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

SHOTS = Path(__file__).parent / "shots"


def settle(page: Page) -> None:
    """Wait until the page that was asked for has arrived: a click returns before it has."""
    page.wait_for_load_state("load")
    page.wait_for_function("document.documentElement && document.readyState === 'complete'")


def violations(page: Page) -> list[str]:
    """Return what axe finds on the page, a line each."""
    settle(page)
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found]


def see(page: Page, name: str, *, full_page: bool = False) -> None:
    """Let axe look at the page, light and dark, and keep a picture of each."""
    SHOTS.mkdir(exist_ok=True)
    settle(page)
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found = violations(page)
        assert not found, f"{name}, {scheme}:\n" + "\n".join(found)
        page.screenshot(path=SHOTS / f"{name}-{scheme}.png", full_page=full_page)

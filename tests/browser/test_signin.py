"""Signing in as a person does: a passkey, the lock, and no script at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from browser.looking import violations
from factories import PASSPHRASE
from serving import serving

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
SHOTS = Path(os.environ.get("SAFELIGHT_SHOTS", ROOT / "tests" / "browser" / "shots"))
SIZES = {"phone": (390, 844), "desk": (1280, 900)}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A server that runs, and the address of a person who works there."""
    with serving(tmp_path_factory.mktemp("home")) as (served, email):
        yield served.url, email


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.complaints = []
    page.on(
        "console", lambda said: page.complaints.append(said.text) if said.type == "error" else None
    )
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    yield page
    context.close()


def with_authenticator(page: Page) -> None:
    """Give the browser a phone's own authenticator, with a finger that always fits."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def sign_in(page: Page, url: str, email: str) -> None:
    page.goto(f"{url}/account/sign-in/?next=/account/")
    page.get_by_label("Work address").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSPHRASE)
    page.get_by_role("button", name="Sign in with your password").click()
    page.wait_for_url(f"{url}/account/")


def test_a_passkey_is_added_then_signs_in_unlocks_and_goes(page: Page, site: tuple[str, str]):
    url, email = site
    with_authenticator(page)
    sign_in(page, url, email)

    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("What do you call this device?").fill("Treatment room phone")
    page.get_by_role("button", name="Add it").click()
    page.wait_for_url(lambda where: "/passkeys/new/" not in where)
    page.goto(f"{url}/account/")
    assert page.get_by_text("Treatment room phone").first.is_visible()

    page.get_by_role("button", name="Lock").first.click()
    page.get_by_role("heading", name="Hello").wait_for()
    page.goto(f"{url}/account/?kept=place")
    assert "/unlock/" in page.url
    page.get_by_role("button", name="Unlock with your passkey").click()
    page.wait_for_url(f"{url}/account/?kept=place")

    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(lambda where: not where.startswith(f"{url}/account/?"))
    page.goto(f"{url}/account/")
    page.get_by_role("button", name="Sign in with your passkey").click()
    page.wait_for_url(lambda where: "/account/sign-in" not in where)
    page.goto(f"{url}/account/")
    assert page.get_by_role("heading", name="How you sign in").is_visible()

    page.get_by_role("link", name="Remove Treatment room phone").click()
    if page.get_by_role("button", name="Use your passkey").is_visible():
        page.get_by_role("button", name="Use your passkey").click()
    page.get_by_role("button", name="Remove it").click()
    page.wait_for_url(f"{url}/account/**")
    assert page.get_by_text("Treatment room phone").count() == 0
    assert [text for text in page.complaints if "404" not in text] == []


def test_the_password_works_without_script(chromium: Browser, site: tuple[str, str]):
    url, email = site
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, url, email)
    page.get_by_role("button", name="Lock").first.click()
    page.get_by_label("Password").fill(PASSPHRASE)
    page.get_by_role("button", name="Unlock", exact=True).click()
    page.wait_for_url(lambda where: "/unlock/" not in where)
    page.goto(f"{url}/account/")
    assert page.get_by_role("heading", name="How you sign in").is_visible()
    context.close()


def test_what_is_wrong_is_read_out_first(page: Page, site: tuple[str, str]):
    url, _ = site
    page.goto(f"{url}/account/sign-in/")
    page.get_by_role("button", name="Sign in with your password").click()
    summary = page.locator(".summary")
    assert summary.evaluate("node => node === document.activeElement")
    summary.get_by_role("link", name="Type your work address").click()
    assert page.get_by_label("Work address").evaluate("node => node === document.activeElement")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_nothing_keeps_anyone_out(chromium: Browser, site: tuple[str, str], size: str, scheme: str):
    url, email = site
    width, height = SIZES[size]
    context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    outside = {"sign-in": "/account/sign-in/", "mail": "/account/password/mail/"}
    inside = {
        "account": "/account/",
        "add-passkey": "/account/passkeys/new/",
        "codes": "/account/codes/",
        "password": "/account/password/",
        "components": "/components/",
        "not-found": "/nothing/here/",
        "not-for-this-role": "/staff/",
    }
    found = look(page, url, outside, f"{size}-{scheme}")
    sign_in(page, url, email)
    found |= look(page, url, inside, f"{size}-{scheme}")
    page.goto(f"{url}/account/")
    page.get_by_role("button", name="Lock").first.click()
    found |= look(page, url, {"unlock": "/unlock/"}, f"{size}-{scheme}")
    context.close()
    assert found == {}


def look(page: Page, url: str, paths: dict[str, str], name: str) -> dict[str, list[str]]:
    """Take a picture of each page and return what axe finds, by page."""
    SHOTS.mkdir(exist_ok=True, parents=True)
    found = {}
    for what, path in paths.items():
        page.goto(f"{url}{path}")
        page.screenshot(path=SHOTS / f"{what}-{name}.png", full_page=True)
        if complaints := violations(page):
            found[what] = complaints
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), what
    return found

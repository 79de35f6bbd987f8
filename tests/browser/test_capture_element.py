"""The built elements in a real browser: camera, review and shared link, under the pages' CSP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from browser.element_site import BUILT, Site, camera_picture, serve, write_camera
from browser.looking import SHOTS, violations
from safelight import vault

pytestmark = pytest.mark.browser

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}
STORED = """async () => {
  const folder = await navigator.storage.getDirectory()
  const files = []
  for await (const name of folder.keys()) files.push(name)
  return {
    local: localStorage.length,
    session: sessionStorage.length,
    databases: (await indexedDB.databases()).length,
    caches: (await caches.keys()).length,
    workers: (await navigator.serviceWorker.getRegistrations()).length,
    files: files.length,
    cookies: document.cookie,
  }
}"""
NOTHING = {
    "local": 0,
    "session": 0,
    "databases": 0,
    "caches": 0,
    "workers": 0,
    "files": 0,
    "cookies": "",
}


@dataclass
class Visit:
    """One page on one site, and all that the browser complained about."""

    page: Page
    site: Site
    url: str
    problems: list[str]

    def go(self, path: str) -> Page:
        """Open a page of the site."""
        self.page.goto(f"{self.url}{path}")
        return self.page

    def shoot(self) -> None:
        """Take a picture of the right patient, up to the question whether to keep it."""
        self.go("/capture")
        part(self.page, "right-patient").check()
        expect(part(self.page, "shutter")).to_be_enabled()
        part(self.page, "shutter").click()
        expect(part(self.page, "keep")).to_be_visible()


def part(page: Page, name: str):
    return page.locator(f"[data-part={name}]:visible").first


def look(page: Page, name: str) -> None:
    """Keep a screenshot for people, and let axe look at the page."""
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=str(SHOTS / f"element-{name}.png"))
    assert not violations(page)


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    assert (BUILT / "capture.js").is_file(), "build the front end first: ./run build"
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    camera = tmp_path_factory.mktemp("camera") / "camera.y4m"
    write_camera(camera)
    fake = (
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={camera}",
    )
    started = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *fake])
    yield started
    started.close()


@pytest.fixture
def visit(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Visit]:
    site = Site()
    site.is_open.set()
    server = serve(site)
    size = getattr(request, "param", PHONE)
    context = browser.new_context(viewport=size, has_touch=True, device_scale_factor=2)
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "console",
        lambda said: problems.append(said.text) if "Content Security" in said.text else None,
    )
    yield Visit(page, site, f"http://127.0.0.1:{server.server_port}", problems)
    context.close()
    site.is_open.set()
    server.shutdown()
    server.server_close()
    assert problems == []


def test_the_server_opens_a_jpeg_of_what_the_camera_saw(visit: Visit) -> None:
    page = visit.go("/capture")
    expect(part(page, "hint-sharp")).to_have_text("Sharp")
    look(page, "capture-gate")
    visit.shoot()
    look(page, "capture-frozen")
    part(page, "keep").click()
    page.wait_for_url("**/done")
    [upload] = visit.site.uploads
    picture = visit.site.opened(upload)
    assert picture.startswith(b"\xff\xd8\xff")
    for marker in (b"Exif", b"http://ns.adobe.com", b"Photoshop"):
        assert marker not in picture
    seen, wanted = cv2.imdecode(np.frombuffer(picture, np.uint8), 1), camera_picture()
    if seen.shape != wanted.shape:
        wanted = cv2.resize(wanted, (seen.shape[1], seen.shape[0]))
    assert np.abs(seen.astype(int) - wanted).mean() < 6
    assert upload["right_patient"] == b"confirmed"
    assert upload["consent"] == b"c-1"
    assert visit.site.headers[0]["X-CSRFToken"] == "token-of-the-page"
    assert page.evaluate(STORED) == NOTHING


def test_a_browser_without_x25519_gets_p256(visit: Visit) -> None:
    visit.site.private = vault.IngestPrivate.generate(vault.Suite.P256)
    visit.shoot()
    part(visit.page, "keep").click()
    visit.page.wait_for_url("**/done")
    assert visit.site.opened(visit.site.uploads[0]).startswith(b"\xff\xd8\xff")


def test_there_is_no_shutter_before_the_right_patient_and_no_file_input_ever(visit: Visit) -> None:
    page = visit.go("/capture")
    expect(page.locator("safelight-camera")).to_have_attribute("data-phase", "live")
    expect(part(page, "shutter")).to_be_disabled()
    part(page, "right-patient").check()
    expect(part(page, "shutter")).to_be_enabled()
    expect(part(page, "shutter")).to_be_focused()
    expect(page.locator("[data-part=gate]")).to_be_hidden()
    look(page, "capture-live")
    assert page.locator("input[type=file]").count() == 0


def test_a_lost_reply_is_asked_for_again_with_the_same_capture(visit: Visit) -> None:
    visit.site.replies = [(0, ""), (503, "")]
    visit.shoot()
    part(visit.page, "keep").click()
    visit.page.wait_for_url("**/done", timeout=20_000)
    assert len(visit.site.uploads) >= 3
    assert len({upload["envelope"] for upload in visit.site.uploads}) == 1
    assert len({upload["blob"] for upload in visit.site.uploads}) == 1


def test_a_refusal_is_told_in_the_servers_words(visit: Visit) -> None:
    visit.site.replies = [(409, json.dumps({"error": "Consent was withdrawn at 09:12."}))]
    visit.shoot()
    part(visit.page, "keep").click()
    expect(part(visit.page, "message")).to_have_text("Consent was withdrawn at 09:12.")
    expect(part(visit.page, "message")).to_be_focused()
    look(visit.page, "capture-refused")
    part(visit.page, "again").click()
    expect(visit.page.locator("safelight-camera")).to_have_attribute("data-phase", "live")


@pytest.mark.parametrize("moment", ["live", "frozen", "sending"])
def test_stop_leaves_nothing(visit: Visit, moment: str) -> None:
    page = visit.page
    if moment == "live":
        visit.go("/capture")
        expect(page.locator("safelight-camera")).to_have_attribute("data-phase", "live")
    else:
        visit.shoot()
    if moment == "sending":
        visit.site.is_open.clear()
        part(page, "keep").click()
        expect(page.locator("progress")).to_have_js_property("value", 1)
        look(page, "capture-sending")
    canvas = page.evaluate_handle("document.querySelector('canvas')")
    stream = page.evaluate_handle("document.querySelector('video').srcObject")
    # 204 keeps the browser on the page, so that what remains in it can be looked at.
    page.route("**/stopped", lambda route: route.fulfill(status=204))
    with page.expect_request("**/stopped"):
        part(page, "stop").click()
    assert canvas.evaluate("canvas => canvas.width * canvas.height") == 0
    assert page.evaluate("document.querySelector('video')?.srcObject ?? null") is None
    assert stream.evaluate("s => s === null || s.getTracks().every(t => t.readyState === 'ended')")
    assert page.evaluate(STORED) == NOTHING
    [(path, form)] = visit.site.forms
    assert path == "/stop"
    if moment == "sending":
        envelope = vault.Envelope.from_json(visit.site.uploads[0]["envelope"])
        assert form == {"capture_id": [str(envelope.capture_id)]}
    else:
        assert form == {}
        assert visit.site.uploads == []


def test_a_stop_that_nobody_confirmed_says_so_and_can_be_repeated(visit: Visit) -> None:
    visit.site.is_open.clear()
    visit.site.stop_status, visit.site.stop_text = 503, ""
    visit.shoot()
    part(visit.page, "keep").click()
    expect(visit.page.locator("progress")).to_have_js_property("value", 1)
    part(visit.page, "stop").click()
    expect(part(visit.page, "message")).to_contain_text("Press “Stop” again")
    visit.site.stop_status, visit.site.stop_text = 200, '{"next": "/stopped"}'
    part(visit.page, "stop").click()
    visit.page.wait_for_url("**/stopped")
    assert [path for path, _ in visit.site.forms] == ["/stop", "/stop"]
    assert visit.site.forms[0] == visit.site.forms[1]


def test_a_stop_that_the_server_refuses_tells_its_reason(visit: Visit) -> None:
    visit.site.stop_status = 409
    visit.site.stop_text = json.dumps({"error": "This picture is in use by now."})
    visit.shoot()
    part(visit.page, "stop").click()
    expect(part(visit.page, "message")).to_have_text("This picture is in use by now.")
    look(visit.page, "capture-unstopped")


def test_a_hidden_page_is_blank_and_lets_go_of_the_camera(visit: Visit) -> None:
    page = visit.go("/capture")
    part(page, "right-patient").check()
    expect(part(page, "shutter")).to_be_enabled()
    stream = page.evaluate_handle("document.querySelector('video').srcObject")
    hide = """isHidden => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => isHidden })
      document.dispatchEvent(new Event('visibilitychange'))
    }"""
    page.evaluate(hide, True)
    assert stream.evaluate("stream => stream.getTracks().every(t => t.readyState === 'ended')")
    expect(page.locator("video")).not_to_be_visible()
    page.evaluate(hide, False)
    expect(page.locator("video")).to_be_visible()
    expect(part(page, "shutter")).to_be_enabled()


def test_whoever_comes_back_late_says_again_who_the_patient_is(visit: Visit) -> None:
    visit.page.clock.install()
    visit.shoot()
    hide = "isHidden => Object.defineProperty(document, 'hidden', { configurable: true, get: () => isHidden })"
    tell = "() => document.dispatchEvent(new Event('visibilitychange'))"
    visit.page.evaluate(hide, True)
    visit.page.evaluate(tell)
    visit.page.clock.run_for(61_000)
    assert visit.page.evaluate("document.querySelector('canvas').width") == 0
    visit.page.evaluate(hide, False)
    visit.page.evaluate(tell)
    expect(part(visit.page, "right-patient")).not_to_be_checked()
    expect(part(visit.page, "shutter")).to_be_disabled()


def test_a_key_that_is_not_what_it_says_takes_no_picture(visit: Visit) -> None:
    offer = json.loads(visit.site.offered())
    visit.site.offer = json.dumps({**offer, "kid": "0" * 32})
    page = visit.go("/capture")
    part(page, "right-patient").wait_for(state="hidden")
    expect(part(page, "message")).to_contain_text("can’t seal a picture now")
    expect(page.locator("[data-part=shutter]")).to_be_disabled()


def test_a_camera_that_is_switched_off_says_how_to_switch_it_on(playwright: Playwright) -> None:
    server = serve(Site())
    browser = playwright.chromium.launch(
        executable_path=CHROMIUM, args=[*FLAGS, "--deny-permission-prompts"]
    )
    page = browser.new_page(viewport=PHONE)
    page.goto(f"http://127.0.0.1:{server.server_port}/capture")
    # Without any device Chromium says so before it asks; either answer tells what to do.
    expect(part(page, "message")).to_contain_text("camera")
    look(page, "capture-blocked")
    expect(part(page, "restart")).to_be_visible()
    browser.close()
    server.shutdown()
    server.server_close()


def written(page: Page) -> dict[str, object]:
    fields = "fields => Object.fromEntries(fields.map(f => [f.name, JSON.parse(f.value)]))"
    found = page.locator("input[type=hidden]").evaluate_all(fields)
    assert isinstance(found, dict)
    return found


def drag(page: Page, start: tuple[int, int], end: tuple[int, int]) -> None:
    """Drag over the picture from one of its pixels to another."""
    frame = page.locator(".canvas").bounding_box()
    assert frame is not None
    scale = frame["width"] / 1200
    (x0, y0), (x1, y1) = ((frame["x"] + x * scale, frame["y"] + y * scale) for x, y in (start, end))
    page.mouse.move(x0, y0)
    page.mouse.down()
    page.mouse.move((x0 + x1) / 2, (y0 + y1) / 2, steps=3)
    page.mouse.move(x1, y1, steps=3)
    page.mouse.up()


@pytest.mark.parametrize("visit", [PHONE, DESK], indirect=True, ids=["phone", "desk"])
def test_a_copy_is_reviewed_by_pointer(visit: Visit, request: pytest.FixtureRequest) -> None:
    page = visit.go("/review")
    name = request.node.callspec.id
    look(page, f"review-{name}")
    page.emulate_media(color_scheme="dark")
    look(page, f"review-{name}-dark")
    page.emulate_media(color_scheme="light")
    page.get_by_role("button", name="Keep", exact=True).click()
    drag(page, (96, 236), (590, 678))
    [keep] = written(page)["keep"]
    assert np.abs(np.subtract(keep, [96, 236, 494, 442])).max() <= 4
    page.get_by_role("button", name="Leave in: 3, tattoo").click()
    page.get_by_role("button", name="Cover: 4, ring").click()
    assert written(page)["leave"] == [[548, 300, 168, 172]]
    assert written(page)["cover"] == [[700, 256, 92, 300], [752, 10, 410, 220], [1032, 352, 46, 92]]
    look(page, f"review-{name}-settled")
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=str(SHOTS / f"element-review-{name}-whole.png"), full_page=True)
    page.get_by_role("button", name="As it leaves").click()
    look(page, f"review-{name}-leaves")
    page.get_by_role("button", name="Full size").click()
    look(page, f"review-{name}-full-size")
    page.get_by_role("button", name="Undo").click()
    assert written(page)["settled"] == {"f1": "cover", "f2": "cover", "f3": "leave"}


def test_a_copy_is_reviewed_by_touch(visit: Visit) -> None:
    page = visit.go("/review")
    page.get_by_role("button", name="Cover", exact=True).tap()
    frame = page.locator(".canvas").bounding_box()
    assert frame is not None
    scale = frame["width"] / 1200
    session = page.context.new_cdp_session(page)
    for kind, at in (
        ("touchStart", (120, 300)),
        ("touchMove", (180, 400)),
        ("touchMove", (300, 500)),
        ("touchEnd", None),
    ):
        points = [{"x": frame["x"] + at[0] * scale, "y": frame["y"] + at[1] * scale}] if at else []
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    drawn = written(page)["cover"][0]
    assert np.abs(np.subtract(drawn, [120, 300, 180, 200])).max() <= 4


def test_a_copy_is_reviewed_by_keyboard(visit: Visit) -> None:
    page = visit.go("/review")
    page.get_by_role("button", name="Keep", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Keep box added")
    assert written(page)["keep"] == [[450, 300, 300, 200]]
    for key in ("ArrowLeft", "ArrowUp", "Shift+ArrowRight", "Alt+ArrowDown"):
        page.keyboard.press(key)
    assert written(page)["keep"] == [[438, 289, 312, 200]]
    page.keyboard.press("Control+z")
    assert written(page)["keep"] == [[438, 288, 312, 200]]
    page.keyboard.press("Delete")
    assert written(page)["keep"] == []
    page.keyboard.press("Control+z")
    assert written(page)["keep"] == [[438, 288, 312, 200]]
    page.locator("[data-box=f3]").focus()
    page.keyboard.press("l")
    page.locator("[data-box=f4]").focus()
    page.keyboard.press("c")
    expect(page.get_by_role("status")).to_contain_text("All settled")
    look(page, "review-keyboard")
    page.get_by_role("button", name="Pass to Helen").press("Enter")
    page.wait_for_url("**/review")
    [(_, form)] = visit.site.forms
    assert json.loads(form["leave"][0]) == [[548, 300, 168, 172]]


def test_an_almost_black_copy_is_told_of_before_it_is_made(visit: Visit) -> None:
    page = visit.go("/review")
    notice = page.locator("[data-part=black-copy]")
    expect(notice).to_have_count(0)
    page.get_by_role("button", name="Keep", exact=True).press("Enter")
    expect(notice).to_contain_text("almost black: 5 % of it is left")
    notice.scroll_into_view_if_needed()
    look(page, "review-black")
    page.get_by_role("button", name="Keep everything").press("Enter")
    expect(notice).to_have_count(0)
    assert written(page)["keep"] == []


def test_nothing_is_passed_on_while_something_is_open_but_it_can_be_refused(visit: Visit) -> None:
    page = visit.go("/review")
    page.get_by_role("button", name="Pass to Helen").click()
    expect(page.get_by_role("alert")).to_contain_text("2 things are not settled")
    expect(page.get_by_role("button", name="Cover: 3, tattoo")).to_be_focused()
    look(page, "review-open")
    assert visit.site.forms == []
    with page.expect_response("**/review"):
        page.get_by_role("button", name="Refuse").click()
    assert [path for path, _ in visit.site.forms] == ["/review"]


def test_targets_are_big_enough_for_a_thumb(visit: Visit) -> None:
    page = visit.go("/review")
    sizes = """buttons => buttons.map(b => b.getBoundingClientRect())
      .map(r => Math.min(r.width, r.height))"""
    buttons = page.locator(".editor .tools button, .finds button, .btn")
    assert min(buttons.evaluate_all(sizes)) >= 44
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"]


SECRET = "aZ09-_" * 7 + "a"


def test_a_link_keeps_its_secret_until_somebody_presses(visit: Visit) -> None:
    page = visit.go(f"/share#{SECRET}")
    expect(page.get_by_role("button")).to_be_enabled()
    look(page, "share")
    page.wait_for_timeout(300)
    assert not any(SECRET in path for path in visit.site.requests)
    assert visit.site.forms == []
    page.get_by_role("button").click()
    page.wait_for_url("**/open")
    assert visit.site.forms == [("/open", {"secret": [SECRET]})]
    page.go_back()
    assert "#" not in page.url


def test_a_link_that_was_cut_says_so_and_sends_nothing(visit: Visit) -> None:
    page = visit.go(f"/share#{SECRET[:20]}")
    expect(page.get_by_text("not whole")).to_be_visible()
    expect(page.get_by_role("button")).to_be_disabled()
    look(page, "share-broken")
    assert visit.site.forms == []


def test_covers_stay_black_in_high_contrast_and_nothing_is_printed(visit: Visit) -> None:
    page = visit.go("/review")
    page.emulate_media(forced_colors="active")
    colour = "box => getComputedStyle(box).backgroundColor"
    assert page.locator("[data-box=f1]").evaluate(colour) == "rgb(11, 8, 7)"
    page.emulate_media(media="print", forced_colors="none")
    expect(page.locator(".editor img")).not_to_be_visible()

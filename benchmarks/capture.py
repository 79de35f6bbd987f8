"""How long it takes from an unlocked phone to the receipt, consent included, for care alone.

A headless Chromium at phone size drives the real pages of `safelight demo`, with a camera fed from
a file. `taps` counts every press that the pages felt, the signature's stroke included. `seconds`
is the pages' own time and, for each tap, what a person needs to decide, point and press by the
keystroke-level model (Card, Moran and Newell 1980: 1.35 + 1.1 + 0.2 s). Talking takes its own time.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from playwright.sync_api import Page, sync_playwright

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

PERSON_SECONDS_A_TAP = 1.35 + 1.1 + 0.2
ROUNDS = 3
START_SECONDS = 60
SITES = ("Left foot", "Right foot", "Left thigh")
COUNT = "addEventListener('pointerdown', () => window.tapped(), {capture: true})"


def figures() -> dict[str, float | int | str]:
    """Return taps and seconds of the slowest of a few captures, and the pages' share of them."""
    with _demo() as url, _phone() as context:
        taps: list[int] = []
        context.expose_function("tapped", lambda: taps.append(1))
        context.add_init_script(COUNT)
        page = context.new_page()
        page.goto(url)
        page.get_by_role("button", name="Dr Ines Valdarno").click()
        page.get_by_role("heading", name="Who is with you?").wait_for()
        rounds = []
        for site in SITES[:ROUNDS]:
            page.goto(url)
            taps.clear()
            began = time.monotonic()
            _capture(page, site)
            rounds.append((len(taps), time.monotonic() - began))
        version = context.browser.version if context.browser else "unknown"
    most = max(count for count, _ in rounds)
    pages = max(seconds for _, seconds in rounds)
    return {
        "taps": most,
        "seconds": round(most * PERSON_SECONDS_A_TAP + pages, 2),
        "pages_seconds": round(pages, 2),
        "person_seconds_a_tap": PERSON_SECONDS_A_TAP,
        "captures": len(rounds),
        "chromium": version,
    }


def _capture(page: Page, site: str) -> None:
    """From the list of patients to the receipt."""
    page.get_by_role("link", name=re.compile("^Picture of Edith")).first.click()
    page.get_by_role("link", name=site).first.click()
    page.get_by_text("I have read all of this").click()
    _sign(page)
    page.get_by_role("button", name="Yes, for looking after me only").click()
    page.get_by_text(re.compile("^This is ")).click()
    page.get_by_role("button", name="Take the picture").click()
    page.get_by_role("button", name="Keep it").click()
    page.wait_for_url("**/receipt/")
    page.get_by_text("Safe and in the record").wait_for()


def _sign(page: Page) -> None:
    pad = page.locator(".sign canvas")
    pad.scroll_into_view_if_needed()
    at = pad.bounding_box()
    if at is None:
        raise RuntimeError("the sheet has no place to sign")
    page.mouse.move(at["x"] + 40, at["y"] + 60)
    page.mouse.down()
    page.mouse.move(at["x"] + 220, at["y"] + 90, steps=8)
    page.mouse.up()


@contextmanager
def _demo() -> Iterator[str]:
    """Serve the demo on a free port until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", "from safelight.cli import main; raise SystemExit(main())"]
    demo = subprocess.Popen(
        [*command, "demo", "--port", str(port)], stdout=subprocess.DEVNULL, env=dict(os.environ)
    )
    try:
        _wait_for(port, demo)
        yield f"http://127.0.0.1:{port}/"
    finally:
        demo.terminate()
        demo.wait(30)


def _wait_for(port: int, demo: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and demo.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError("the demo did not start")


@contextmanager
def _phone() -> Iterator[BrowserContext]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        camera = Path(folder) / "camera.y4m"
        _write_camera(camera)
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-video-capture={camera}",
            ],
        )
        yield browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
        browser.close()


def _write_camera(path: Path, *, width: int = 1440, height: int = 1920) -> None:
    """Write a still skin-coloured scene with some texture, as a camera's file (YUV4MPEG2)."""
    noise = np.random.default_rng(1).integers(150, 190, (height, width), np.uint8)
    chroma = [np.full((height // 2, width // 2), value, np.uint8) for value in (110, 150)]
    frame = b"FRAME\n" + noise.tobytes() + b"".join(plane.tobytes() for plane in chroma)
    path.write_bytes(f"YUV4MPEG2 W{width} H{height} F30:1 Ip A1:1 C420jpeg\n".encode() + 2 * frame)

"""The demo as a stranger starts it, and browsers for the people of a story."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, Playwright

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
)


@dataclass
class Demo:
    """A demo that runs, and a browser that has a camera."""

    url: str
    browser: Browser

    def somebody(self, *, size: dict[str, int] = PHONE) -> Page:
        """Open a browser of somebody's own."""
        context = self.browser.new_context(
            viewport=size, device_scale_factor=2, reduced_motion="reduce", has_touch=True
        )
        context.set_default_timeout(60_000)
        return context.new_page()

    def as_staff(self, name: str, *, size: dict[str, int] = PHONE) -> Page:
        """Open the browser of a member of staff."""
        page = self.somebody(size=size)
        page.goto(self.url)
        page.get_by_role("button", name=re.compile(name)).first.click()
        page.wait_for_load_state()
        return page

    def mail(self, page: Page) -> str:
        """Return the text of the mail that was "sent"."""
        page.goto(f"{self.url}/demo/outbox/")
        return page.inner_text("main")


@contextmanager
def running_demo(playwright: Playwright, *, camera: Path) -> Iterator[Demo]:
    """Start the demo and a browser whose camera shows this y4m file; end both."""
    command = [str(Path(sys.executable).with_name("safelight")), "demo"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=[*FLAGS, f"--use-file-for-fake-video-capture={camera}"],
        )
        try:
            url = next(
                found[0]
                for line in running.stdout
                if (found := re.search(r"http://localhost:\d+", line))
            )
            yield Demo(url, browser)
        finally:
            browser.close()
            running.terminate()

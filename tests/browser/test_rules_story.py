"""The governance lead looks at the rules, tries a version, and adds a rule of the practice's own."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import expect, sync_playwright

from browser.demo import DESK, PHONE, Demo, running_demo
from browser.element_site import write_camera
from browser.looking import see

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Iterator[Demo]:
    camera = tmp_path_factory.mktemp("camera") / "camera.y4m"
    write_camera(camera, pixels=np.zeros((720, 1280, 3), np.uint8))
    with sync_playwright() as playwright, running_demo(playwright, camera=camera) as found:
        yield found


@pytest.mark.parametrize(("size", "where"), [(PHONE, "phone"), (DESK, "desk")])
def test_the_lead_reads_tries_and_tightens_the_rules(
    demo: Demo, size: dict[str, int], where: str
) -> None:
    lead = demo.as_staff("Priya Anand", size=size)
    lead.goto(f"{demo.url}/governance/")
    lead.get_by_role("link", name="Look at the rules").click()
    expect(lead.get_by_role("heading", name="The rules")).to_be_visible()
    expect(lead.get_by_text("No picture from here goes into advertising").first).to_be_visible()
    see(lead, f"rules-{where}", full_page=True)

    lead.get_by_role("link", name="Keep this version").click()
    expect(lead.get_by_text("Nothing that decides differs")).to_be_visible()
    see(lead, f"rules-version-{where}", full_page=True)

    lead.goto(f"{demo.url}/governance/rules/bring/")
    see(lead, f"rules-bring-{where}", full_page=True)

    lead.goto(f"{demo.url}/governance/rules/new/")
    see(lead, f"rule-new-{where}", full_page=True)
    text = f"No teaching from a {where}"
    lead.get_by_label("What the rule is").fill(text)
    lead.get_by_label("A second person agrees").check()
    lead.get_by_label("Teaching here").check()
    lead.get_by_role("button", name="Add it").click()
    expect(lead.get_by_text(text).first).to_be_visible()
    lead.get_by_role("button", name=re.compile(f"Take it back.*{text}")).click()
    expect(lead.get_by_text("The rule no longer holds")).to_be_visible()

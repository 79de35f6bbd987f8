"""`safelight erase`: asked, confirmed by typing, certified; and on a disk without a free byte."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from flows import erase_on_a_full_disk as scene
from small_disks import small_disk
from web.test_commands import init, safelight

SCENE = Path(scene.__file__)
HOLD = """
import django
django.setup()
from django.utils import timezone
from safelight.flows import holding
from safelight.records.models import Patient, Staff
one = Patient.objects.get(pk="{patient}")
lead = Staff.objects.filter(email="lead@made-up.example").first() or Staff.objects.create_user(
    "lead@made-up.example", practice=one.practice, name="Priya Lead", role="ig-lead")
if {place}:
    holding.place(one, kind="claim", reason="A claim", reference="C 1", by=lead, now=timezone.now())
print('{{"lead": "' + lead.email + '"}}')
"""


@pytest.fixture(autouse=True)
def _embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The installation is one in a folder, on whatever the suite runs."""
    monkeypatch.delenv("SAFELIGHT_DATABASE_URL", raising=False)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = init(tmp_path / "home")
    assert made.returncode == 0, made.stderr
    return tmp_path / "home"


@pytest.fixture
def ids(home: Path) -> dict[str, object]:
    return scene.said(scene.PREPARE, home)


def erase(home: Path, *words: object) -> subprocess.CompletedProcess[str]:
    return safelight("erase", *map(str, words), "--home", str(home))


def test_each_kind_is_erased_with_a_certificate(home, ids):
    image = erase(home, "image", ids["image"], "--yes", "--json", "--because", "Wrong person")
    assert image.returncode == 0, image.stderr
    said = json.loads(image.stdout)
    assert [each["id"] for each in said["pictures"]] == [ids["image"]]
    assert (said["because"], said["scrub"]) == ("Wrong person", "done")
    consent = erase(home, "consent", ids["consent"], "--yes")
    assert consent.stdout.startswith("Erased: 2 pictures"), consent.stderr
    assert "Not proved:" in consent.stdout
    patient = erase(home, "patient", ids["patient"], "--yes", "--json")
    assert patient.returncode == 0
    assert scene.said(scene.STATE, home) == {
        "states": ["erased"] * 3,
        "keys": 0,
        "ledger": True,
        "blobs": 0,
    }
    again = erase(home, "patient", ids["patient"], "--yes")
    assert (again.returncode, "erased before" in again.stderr) == (3, True)


def test_without_a_person_and_without_yes_nothing_is_erased(home, ids):
    asked = erase(home, "image", ids["image"])
    assert (asked.returncode, "Nothing was erased" in asked.stderr) == (3, True)


@pytest.mark.parametrize("right", [True, False])
def test_a_person_types_the_end_of_the_id(home, ids, right):
    image = str(ids["image"])
    main, other = pty.openpty()
    os.write(main, (image[-6:] if right else "yes").encode() + b"\n")
    done = subprocess.run(
        [*scene.SAFELIGHT, "erase", "image", image, "--home", str(home)],
        stdin=other,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    os.close(main)
    os.close(other)
    assert "Nobody can undo it" in done.stderr
    assert done.returncode == (0 if right else 3), done.stderr
    states = scene.said(scene.STATE, home)["states"]
    assert states.count("erased") == (1 if right else 0)


def test_what_is_not_there_is_said_plainly(home, ids, tmp_path):
    assert erase(home, "image", "7", "--yes").returncode == 2
    gone = erase(home, "image", uuid4(), "--yes")
    assert (gone.returncode, "no such image" in gone.stderr) == (4, True)
    other = erase(home, "consent", ids["image"], "--yes")
    assert other.returncode == 4
    nobody = erase(home, "image", ids["image"], "--yes", "--by", "ada@made-up.example")
    assert (nobody.returncode, "Nobody of governance" in nobody.stderr) == (3, True)
    assert (
        safelight("erase", "image", ids["image"], "--yes", "--home", str(tmp_path)).returncode == 2
    )


def test_a_hold_refuses_and_a_named_approver_is_on_the_certificate(home, ids):
    told = scene.said(HOLD.format(patient=ids["patient"], place=False), home)
    named = erase(home, "image", ids["image"], "--yes", "--json", "--by", told["lead"])
    assert json.loads(named.stdout)["approved_by"] == "Priya Lead", named.stderr
    scene.said(HOLD.format(patient=ids["patient"], place=True), home)
    held = erase(home, "patient", ids["patient"], "--yes")
    assert (held.returncode, "hold" in held.stderr) == (3, True)


@pytest.mark.parametrize(("what", "left"), [("image", 2), ("consent", 0), ("patient", 0)])
def test_a_full_disk_stops_no_erasure(tmp_path, what, left):
    with small_disk(tmp_path / "disk", megabytes=24) as disk:
        done = subprocess.run(
            [*disk.before, sys.executable, str(SCENE), str(disk.path), what],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
    assert said["was_full"]
    assert said["code"] == 0, said["stderr"]
    assert said["certificate"]["destroyed_at"] is not None
    assert said["keys"] == left
    assert said["states"].count("erased") == 3 - left
    assert said["ledger"]

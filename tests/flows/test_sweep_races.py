"""Uploads and a sweep without any lease, at once, in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from servers.databases import database_of

RACER = Path(__file__).with_name("sweep_racer.py")


def test_a_sweep_that_waits_for_nobody_costs_tries_and_never_a_picture(tmp_path):
    """Every picture that was acknowledged is whole, each is there once, and all come through."""
    environment = os.environ | database_of(tmp_path)
    done = subprocess.run(
        [sys.executable, str(RACER), str(tmp_path), "right"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["gaps"], said["elsewhere"], said["keys"]) == (0, False, 0)
    assert said["received"] == said["rows"] == 12
    assert said["blobs"] == 3 * said["rows"]

